package translate

import (
	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	eventingv1alpha1 "knative.dev/eventing-kafka-go/control-plane/apis/eventing/v1alpha1"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// SinkInput is a KafkaSink and what was resolved about it.
type SinkInput struct {
	Sink       *eventingv1alpha1.KafkaSink
	Connection Connection
	Ingress    Ingress
	Flags      Flags
}

// KafkaSink returns the entry of a KafkaSink: its ingress. The error is an *Error.
func KafkaSink(in SinkInput) (*contract.Resource, error) {
	object := reference(&in.Sink.ObjectMeta, eventingv1alpha1.SchemeGroupVersion, eventing.KafkaSinkKind)
	if err := ValidateTopicName(in.Sink.Spec.Topic); err != nil {
		return nil, about(object, at("spec.topic", err))
	}
	connection := in.Connection
	connection.ParkingTopic = "" // it delivers nothing
	r, err := resource(object, []string{in.Sink.Spec.Topic}, connection, in.Flags)
	if err != nil {
		return nil, about(object, err)
	}
	r.Ingress = &contract.Ingress{
		Path:          Path(object.GetNamespace(), object.GetName()),
		Paths:         in.Ingress.Paths,
		Audience:      in.Ingress.Audience,
		EventPolicies: in.Ingress.Policies,
	}
	switch mode := value(in.Sink.Spec.ContentMode); mode {
	case "", eventingv1alpha1.ModeBinary:
	case eventingv1alpha1.ModeStructured:
		r.Ingress.ContentMode = contract.ContentMode_STRUCTURED
	default:
		return nil, about(object, wrong("spec.contentMode", "expected binary or structured, got %q", mode))
	}
	return finish(r), nil
}
