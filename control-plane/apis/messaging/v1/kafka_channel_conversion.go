package v1

import (
	"context"
	"fmt"

	"knative.dev/pkg/apis"

	"knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
)

// ConvertTo implements apis.Convertible: metadata, spec and status are copied unchanged.
func (c *KafkaChannel) ConvertTo(_ context.Context, to apis.Convertible) error {
	sink, ok := to.(*v1beta1.KafkaChannel)
	if !ok {
		return fmt.Errorf("convert a v1 KafkaChannel: expected to become a v1beta1 KafkaChannel, got %T", to)
	}
	own := c.DeepCopy()
	sink.ObjectMeta, sink.Spec, sink.Status = own.ObjectMeta, own.Spec, own.Status
	return nil
}

// ConvertFrom implements apis.Convertible: metadata, spec and status are copied unchanged.
func (c *KafkaChannel) ConvertFrom(_ context.Context, from apis.Convertible) error {
	source, ok := from.(*v1beta1.KafkaChannel)
	if !ok {
		return fmt.Errorf("convert to a v1 KafkaChannel: expected a v1beta1 KafkaChannel, got %T", from)
	}
	other := source.DeepCopy()
	c.ObjectMeta, c.Spec, c.Status = other.ObjectMeta, other.Spec, other.Status
	return nil
}
