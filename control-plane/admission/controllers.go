package admission

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/webhook/resourcesemantics/conversion"
	"knative.dev/pkg/webhook/resourcesemantics/defaulting"
	"knative.dev/pkg/webhook/resourcesemantics/validation"
)

const (
	// DefaultingName is the name of the MutatingWebhookConfiguration and of its one webhook.
	DefaultingName = "defaulting.webhook.kafka.eventing.knative.dev"
	// DefaultingPath is where objects are defaulted.
	DefaultingPath = "/defaulting"
	// ValidationName is the name of the ValidatingWebhookConfiguration and of its one webhook.
	ValidationName = "validation.webhook.kafka.eventing.knative.dev"
	// ValidationPath is where objects are validated.
	ValidationPath = "/resource-validation"
	// ConversionPath is where objects are converted.
	ConversionPath = "/resource-conversion"
)

// NewDefaulting returns the controller that defaults objects (WH-02). Fields that are not known are no error here:
// validation is what refuses them.
func NewDefaulting(ctx context.Context, watcher configmap.Watcher) *controller.Impl {
	// A callback for no operation: Brokers are asked for and never changed, not even by a round trip through our types.
	untouched := defaulting.NewCallback(func(context.Context, *unstructured.Unstructured) error { return nil })
	return guarded(defaulting.NewAdmissionController(ctx, DefaultingName, DefaultingPath, own(), watchFlags(ctx, watcher).toContext,
		false, map[schema.GroupVersionKind]defaulting.Callback{brokerKind(): untouched}))
}

// NewValidation returns the controller that validates objects (WH-05). Unknown fields of a spec are errors.
func NewValidation(ctx context.Context, watcher configmap.Watcher) *controller.Impl {
	return guarded(validation.NewAdmissionController(ctx, ValidationName, ValidationPath, validated(), watchFlags(ctx, watcher).toContext, true))
}

// NewConversion returns the controller that converts objects between the versions of their kind (WH-07).
func NewConversion(ctx context.Context, watcher configmap.Watcher) *controller.Impl {
	return conversion.NewConversionController(ctx, ConversionPath, converted(), watchFlags(ctx, watcher).toContext)
}
