package v1

import (
	"context"
	"fmt"

	"knative.dev/pkg/apis"

	"knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
)

// ConvertTo implements apis.Convertible: metadata, spec and status are copied unchanged.
func (s *KafkaSource) ConvertTo(_ context.Context, to apis.Convertible) error {
	sink, ok := to.(*v1beta1.KafkaSource)
	if !ok {
		return fmt.Errorf("convert a v1 KafkaSource: expected to become a v1beta1 KafkaSource, got %T", to)
	}
	own := s.DeepCopy()
	sink.ObjectMeta, sink.Spec, sink.Status = own.ObjectMeta, own.Spec, own.Status
	return nil
}

// ConvertFrom implements apis.Convertible: metadata, spec and status are copied unchanged.
func (s *KafkaSource) ConvertFrom(_ context.Context, from apis.Convertible) error {
	source, ok := from.(*v1beta1.KafkaSource)
	if !ok {
		return fmt.Errorf("convert to a v1 KafkaSource: expected a v1beta1 KafkaSource, got %T", from)
	}
	other := source.DeepCopy()
	s.ObjectMeta, s.Spec, s.Status = other.ObjectMeta, other.Spec, other.Status
	return nil
}
