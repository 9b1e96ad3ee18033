package v1beta1

import (
	"context"

	coremessaging "knative.dev/eventing/pkg/apis/messaging"
	"knative.dev/pkg/apis"
)

const (
	// DefaultNumPartitions is the number of partitions of a channel that does not say.
	DefaultNumPartitions int32 = 1
	// DefaultReplicationFactor is the replication factor of a channel that does not say.
	DefaultReplicationFactor int16 = 1
	// DefaultRetentionDuration is the retention of a channel that does not say: a week.
	DefaultRetentionDuration = "PT168H"
)

// SetDefaults implements apis.Defaultable.
func (c *KafkaChannel) SetDefaults(ctx context.Context) {
	c.Annotations = WithSubscribableVersion(c.Annotations)
	c.Spec.SetDefaults(apis.WithinParent(ctx, c.ObjectMeta))
}

// WithSubscribableVersion returns the annotations of a channel with the version of the duck type that it follows.
// Core's Subscription controller asks for it.
func WithSubscribableVersion(annotations map[string]string) map[string]string {
	if _, ok := annotations[coremessaging.SubscribableDuckVersionAnnotation]; ok {
		return annotations
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[coremessaging.SubscribableDuckVersionAnnotation] = "v1"
	return annotations
}

// SetDefaults fills what is not said. The context carries the object's metadata (apis.WithinParent).
func (s *KafkaChannelSpec) SetDefaults(ctx context.Context) {
	if s.NumPartitions == 0 {
		s.NumPartitions = DefaultNumPartitions
	}
	if s.ReplicationFactor == 0 {
		s.ReplicationFactor = DefaultReplicationFactor
	}
	if s.RetentionDuration == "" {
		s.RetentionDuration = DefaultRetentionDuration
	}
	s.Delivery.SetDefaults(ctx)
}
