package manifest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	eventingduckv1 "knative.dev/eventing/pkg/apis/duck/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	messagingv1 "knative.dev/eventing/pkg/apis/messaging/v1"
	"knative.dev/pkg/apis"

	"knative.dev/eventing-kafka-go/control-plane/apis/delivery"
)

// Admit defaults and validates an object in place, as the webhooks do. old is the object as it was admitted before,
// nil when it is new. The context carries the feature flags and defaults that the webhooks would read from ConfigMaps.
func Admit(ctx context.Context, object, old *Object) []Problem {
	if old == nil {
		ctx = apis.WithinCreate(ctx)
	} else {
		ctx = apis.WithinUpdate(ctx, old.Value)
	}
	if value, ok := object.Value.(apis.Defaultable); ok {
		value.SetDefaults(ctx)
	}
	value, ok := object.Value.(apis.Validatable)
	if !ok {
		return nil
	}
	return object.Problems(validate(ctx, value).Filter(apis.ErrorLevel))
}

// validate returns what is wrong with an object. The validation of core panics for some durations ("-"); what our own says
// of the delivery is returned then, as a manifest must not end the program.
func validate(ctx context.Context, value apis.Validatable) (errs *apis.FieldError) {
	defer func() {
		reason := recover()
		if reason == nil {
			return
		}
		if errs = delivery.Validate(ctx, deliveryOf(value)).ViaField("spec", "delivery"); errs == nil {
			errs = apis.ErrGeneric(fmt.Sprintf("cannot be validated: %v", reason), "spec")
		}
	}()
	return value.Validate(ctx)
}

// deliveryOf is spec.delivery of the kinds of core; nil where there is none.
func deliveryOf(value apis.Validatable) *eventingduckv1.DeliverySpec {
	switch o := value.(type) {
	case *eventingv1.Broker:
		return o.Spec.Delivery
	case *eventingv1.Trigger:
		return o.Spec.Delivery
	case *messagingv1.Subscription:
		return o.Spec.Delivery
	}
	return nil
}

// Problems places every error of a validation, in the order of their lines.
func (o *Object) Problems(errs *apis.FieldError) []Problem {
	var problems []Problem
	for _, err := range errs.WrappedErrors() {
		reason := err.Message
		if err.Details != "" {
			reason += ": " + strings.Join(strings.Fields(err.Details), " ") // on one line
		}
		paths := err.Paths
		if len(paths) == 0 {
			paths = []string{""}
		}
		for _, path := range paths {
			problems = append(problems, Problem{Location: o.Source.At(path), Object: o.ID, Field: path, Reason: reason})
		}
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return a.Line - b.Line })
	return problems
}
