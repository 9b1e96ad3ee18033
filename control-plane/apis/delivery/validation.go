// Package delivery owns what all kinds have in common about a DeliverySpec: its validation and its merge.
//
// It does no I/O, keeps no state and never changes its arguments. All functions are safe for concurrent use.
package delivery

import (
	"context"

	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	"knative.dev/pkg/apis"

	"knative.dev/eventing-kafka-go/control-plane/apis/iso8601"
)

// Validate applies core's rules; paths are relative to the DeliverySpec. The context carries the feature flags.
// Durations are looked at first, because core's rules panic on some that are none.
func Validate(ctx context.Context, spec *eventingduck.DeliverySpec) (errs *apis.FieldError) {
	if spec == nil {
		return nil
	}
	spec = spec.DeepCopy()
	for _, f := range []struct {
		name  string
		value **string
	}{{"timeout", &spec.Timeout}, {"backoffDelay", &spec.BackoffDelay}, {"retryAfterMax", &spec.RetryAfterMax}} {
		if *f.value == nil {
			continue
		}
		if _, err := iso8601.Parse(**f.value); err != nil {
			errs = errs.Also(apis.ErrInvalidValue(**f.value, f.name, err.Error()))
			*f.value = nil
		}
	}
	return errs.Also(spec.Validate(ctx))
}
