package v1

import (
	"context"

	"knative.dev/pkg/apis"

	"knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/apis/ratchet"
)

// SetDefaults implements apis.Defaultable, with the defaults of v1beta1.
func (c *KafkaChannel) SetDefaults(ctx context.Context) {
	c.Annotations = v1beta1.WithSubscribableVersion(c.Annotations)
	c.Spec.SetDefaults(apis.WithinParent(ctx, c.ObjectMeta))
}

// Validate implements apis.Validatable, with the rules of v1beta1.
func (c *KafkaChannel) Validate(ctx context.Context) *apis.FieldError {
	errs := c.validate(ctx)
	if old, ok := apis.GetBaseline(ctx).(*KafkaChannel); ok && old != nil && apis.IsInUpdate(ctx) {
		errs = ratchet.New(errs, old.validate(ctx)).Also(c.Spec.ValidateUpdate(ctx, &old.Spec))
	}
	return errs
}

func (c *KafkaChannel) validate(ctx context.Context) *apis.FieldError {
	errs := v1beta1.ValidateAnnotations(c.Annotations)
	return errs.Also(c.Spec.Validate(ctx).ViaField("spec"))
}
