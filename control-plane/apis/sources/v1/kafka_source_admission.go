package v1

import (
	"context"

	"knative.dev/pkg/apis"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/control-plane/apis/ratchet"
	"knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
)

// SetDefaults implements apis.Defaultable, with the defaults of v1beta1.
func (s *KafkaSource) SetDefaults(ctx context.Context) {
	s.Annotations = annotation.DefaultSource(ctx, s.Annotations)
	s.Spec.SetDefaults(apis.WithinParent(ctx, s.ObjectMeta))
}

// Validate implements apis.Validatable, with the rules of v1beta1.
func (s *KafkaSource) Validate(ctx context.Context) *apis.FieldError {
	errs := s.validate(ctx)
	if old, ok := apis.GetBaseline(ctx).(*KafkaSource); ok && old != nil && apis.IsInUpdate(ctx) {
		errs = ratchet.New(errs, old.validate(ctx)).Also(s.Spec.ValidateUpdate(&old.Spec))
	}
	return errs
}

func (s *KafkaSource) validate(ctx context.Context) *apis.FieldError {
	errs := v1beta1.ValidateMetadata(s.Labels, s.Annotations)
	return errs.Also(s.Spec.Validate(ctx).ViaField("spec"))
}
