package v1beta1

import (
	"context"

	"github.com/google/uuid"
	"knative.dev/pkg/apis"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
)

// ConsumerGroupPrefix begins the name of the consumer group of a source that names none.
const ConsumerGroupPrefix = "knative-kafka-source-"

// SetDefaults implements apis.Defaultable.
func (s *KafkaSource) SetDefaults(ctx context.Context) {
	s.Annotations = annotation.DefaultSource(ctx, s.Annotations)
	s.Spec.SetDefaults(apis.WithinParent(ctx, s.ObjectMeta))
}

// SetDefaults fills what is not said; the consumer group gets a name of its own. The context carries the object's
// metadata (apis.WithinParent).
func (s *KafkaSourceSpec) SetDefaults(ctx context.Context) {
	if s.ConsumerGroup == "" {
		s.ConsumerGroup = ConsumerGroupPrefix + uuid.NewString()
	}
	if s.Consumers == nil {
		one := int32(1)
		s.Consumers = &one
	}
	if s.InitialOffset == "" {
		s.InitialOffset = OffsetLatest
	}
	if s.Ordering == nil {
		ordered := Ordered
		s.Ordering = &ordered
	}
	s.Delivery.SetDefaults(ctx)
	s.Sink.SetDefaults(ctx)
}
