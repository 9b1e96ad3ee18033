package delivery

import eventingduck "knative.dev/eventing/pkg/apis/duck/v1"

// Merge returns own with every field that it leaves out taken from fallback. The dead letter sink is one field: its
// CA certificates and audience always travel with it. The result shares no memory with the arguments; it is nil when
// both are.
func Merge(own, fallback *eventingduck.DeliverySpec) *eventingduck.DeliverySpec {
	if own == nil || fallback == nil {
		return either(own, fallback).DeepCopy()
	}
	own, fallback = own.DeepCopy(), fallback.DeepCopy()
	return &eventingduck.DeliverySpec{
		DeadLetterSink: either(own.DeadLetterSink, fallback.DeadLetterSink),
		Retry:          either(own.Retry, fallback.Retry),
		Timeout:        either(own.Timeout, fallback.Timeout),
		BackoffPolicy:  either(own.BackoffPolicy, fallback.BackoffPolicy),
		BackoffDelay:   either(own.BackoffDelay, fallback.BackoffDelay),
		RetryAfterMax:  either(own.RetryAfterMax, fallback.RetryAfterMax),
		Format:         either(own.Format, fallback.Format),
	}
}

func either[T any](first, second *T) *T {
	if first != nil {
		return first
	}
	return second
}
