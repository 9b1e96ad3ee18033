package messaging

import (
	messagingv1 "knative.dev/eventing/pkg/apis/messaging/v1"
	"knative.dev/pkg/apis"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
)

// ValidateSubscription checks the annotations of a Subscription that are ours, whatever its channel is.
func ValidateSubscription(s *messagingv1.Subscription) *apis.FieldError {
	return annotation.Validate(s.Annotations, append(annotation.TuningKeys(), annotation.StrictReplies, annotation.DeliveryOrderScope)...)
}
