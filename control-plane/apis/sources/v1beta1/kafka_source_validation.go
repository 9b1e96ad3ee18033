package v1beta1

import (
	"context"
	"fmt"

	"knative.dev/pkg/apis"
	"knative.dev/pkg/kmp"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/control-plane/apis/delivery"
	"knative.dev/eventing-kafka-go/control-plane/apis/ratchet"
	"knative.dev/eventing-kafka-go/control-plane/apis/sources"
)

// KeyType is what the record keys of a source are, the value of the label sources.KeyTypeLabel.
type KeyType string

const (
	// KeyString is UTF-8 text.
	KeyString KeyType = "string"
	// KeyInt is 4 bytes, big endian.
	KeyInt KeyType = "int"
	// KeyFloat is 4 or 8 bytes, IEEE 754, big endian.
	KeyFloat KeyType = "float"
	// KeyByteArray is bytes as they are.
	KeyByteArray KeyType = "byte-array"
)

// KeyTypeOf returns what the labels of a source say about its record keys, KeyString when they say nothing.
func KeyTypeOf(labels map[string]string) (KeyType, error) {
	value, ok := labels[sources.KeyTypeLabel]
	if !ok {
		return KeyString, nil
	}
	switch k := KeyType(value); k {
	case KeyString, KeyInt, KeyFloat, KeyByteArray:
		return k, nil
	}
	return KeyString, fmt.Errorf("expected string, int, float or byte-array, got %q", value)
}

// Validate implements apis.Validatable. On an update the context carries the old object (apis.WithinUpdate).
func (s *KafkaSource) Validate(ctx context.Context) *apis.FieldError {
	errs := s.validate(ctx)
	if old, ok := apis.GetBaseline(ctx).(*KafkaSource); ok && old != nil && apis.IsInUpdate(ctx) {
		errs = ratchet.New(errs, old.validate(ctx)).Also(s.Spec.ValidateUpdate(&old.Spec))
	}
	return errs
}

func (s *KafkaSource) validate(ctx context.Context) *apis.FieldError {
	errs := ValidateMetadata(s.Labels, s.Annotations)
	return errs.Also(s.Spec.Validate(ctx).ViaField("spec"))
}

// ValidateMetadata checks the labels and annotations that a source may have.
func ValidateMetadata(labels, annotations map[string]string) (errs *apis.FieldError) {
	if _, err := KeyTypeOf(labels); err != nil {
		errs = apis.ErrInvalidValue(labels[sources.KeyTypeLabel], "metadata.labels["+sources.KeyTypeLabel+"]", err.Error())
	}
	keys := append(annotation.TuningKeys(), annotation.DeliveryOrderScope)
	return errs.Also(annotation.Validate(annotations, append(keys, annotation.AutoscalingKeys()...)...))
}

// Validate checks everything that needs no earlier version of the object. The context carries the feature flags.
// Destinations may be in other namespaces: it names none as the object's (apis.WithinParent).
func (s *KafkaSourceSpec) Validate(ctx context.Context) (errs *apis.FieldError) {
	if len(s.BootstrapServers) == 0 {
		errs = errs.Also(apis.ErrMissingField("bootstrapServers"))
	}
	if len(s.Topics) == 0 {
		errs = errs.Also(apis.ErrMissingField("topics"))
	}
	if s.Consumers != nil && *s.Consumers < 0 {
		errs = errs.Also(apis.ErrInvalidValue(*s.Consumers, "consumers"))
	}
	if o := s.InitialOffset; o != OffsetEarliest && o != OffsetLatest {
		errs = errs.Also(apis.ErrInvalidValue(o, "initialOffset", "expected earliest or latest"))
	}
	if o := s.Ordering; o != nil && *o != Ordered && *o != Unordered {
		errs = errs.Also(apis.ErrInvalidValue(*o, "ordering", "expected ordered or unordered"))
	}
	return errs.Also(delivery.Validate(ctx, s.Delivery).ViaField("delivery")).Also(s.SourceSpec.Validate(ctx))
}

// ValidateUpdate checks what may not change: the consumer group.
func (s *KafkaSourceSpec) ValidateUpdate(old *KafkaSourceSpec) *apis.FieldError {
	type immutable struct{ ConsumerGroup string }
	diff, err := kmp.ShortDiff(immutable{old.ConsumerGroup}, immutable{s.ConsumerGroup})
	if err != nil {
		return &apis.FieldError{Message: "Failed to compare with the old object", Paths: []string{"spec"}, Details: err.Error()}
	}
	if diff == "" {
		return nil
	}
	return &apis.FieldError{Message: "Immutable fields changed (-old +new)", Paths: []string{"spec"}, Details: diff}
}
