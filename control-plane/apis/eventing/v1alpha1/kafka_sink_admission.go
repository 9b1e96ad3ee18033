package v1alpha1

import (
	"context"
	"fmt"

	"knative.dev/pkg/apis"

	"knative.dev/eventing-kafka-go/control-plane/apis/ratchet"
)

const (
	// ModeBinary writes the attributes of an event into record headers.
	ModeBinary = "binary"
	// ModeStructured writes the whole event as JSON into the record.
	ModeStructured = "structured"
)

// SetDefaults implements apis.Defaultable.
func (s *KafkaSink) SetDefaults(context.Context) {
	if s.Spec.ContentMode == nil || *s.Spec.ContentMode == "" {
		mode := ModeBinary
		s.Spec.ContentMode = &mode
	}
}

// Validate implements apis.Validatable. On an update the context carries the old object (apis.WithinUpdate).
func (s *KafkaSink) Validate(ctx context.Context) *apis.FieldError {
	errs := s.Spec.validate().ViaField("spec")
	if old, ok := apis.GetBaseline(ctx).(*KafkaSink); ok && old != nil && apis.IsInUpdate(ctx) {
		errs = ratchet.New(errs, old.Spec.validate().ViaField("spec")).Also(s.Spec.validateUpdate(&old.Spec).ViaField("spec"))
	}
	return errs
}

func (s *KafkaSinkSpec) validate() (errs *apis.FieldError) {
	if s.Topic == "" {
		errs = errs.Also(apis.ErrInvalidValue(s.Topic, "topic", "expected the name of a topic"))
	}
	if len(s.BootstrapServers) == 0 {
		errs = errs.Also(apis.ErrInvalidValue(s.BootstrapServers, "bootstrapServers", "expected at least one server"))
	}
	if s.NumPartitions != nil && *s.NumPartitions <= 0 {
		errs = errs.Also(apis.ErrInvalidValue(*s.NumPartitions, "numPartitions"))
	}
	if s.ReplicationFactor != nil && *s.ReplicationFactor <= 0 {
		errs = errs.Also(apis.ErrInvalidValue(*s.ReplicationFactor, "replicationFactor"))
	}
	if m := s.ContentMode; m != nil && *m != ModeBinary && *m != ModeStructured {
		errs = errs.Also(apis.ErrInvalidValue(*m, "contentMode", fmt.Sprintf("expected %s or %s", ModeBinary, ModeStructured)))
	}
	if s.Auth != nil && s.Auth.Secret != nil && s.Auth.Secret.Ref != nil && s.SecretName() == "" {
		errs = errs.Also(apis.ErrInvalidValue("", "auth.secret.ref.name"))
	}
	return errs
}

func (s *KafkaSinkSpec) validateUpdate(old *KafkaSinkSpec) (errs *apis.FieldError) {
	for _, f := range []struct {
		name string
		same bool
	}{
		{"topic", s.Topic == old.Topic},
		{"replicationFactor", same(s.ReplicationFactor, old.ReplicationFactor)},
		{"numPartitions", same(s.NumPartitions, old.NumPartitions)},
	} {
		if !f.same {
			errs = errs.Also(&apis.FieldError{Message: "Immutable field updated", Paths: []string{f.name}})
		}
	}
	return errs
}

func same[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}
