package v1beta1

import (
	"knative.dev/pkg/apis"

	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
)

// KafkaChannelConditionSubscribers: all subscribers are served.
const KafkaChannelConditionSubscribers apis.ConditionType = "Subscribers"

// GetConditionSet implements duckv1.KRShaped. Addressable and EventPoliciesReady are reported too, but do not decide
// whether the channel is ready.
func (*KafkaChannel) GetConditionSet() apis.ConditionSet {
	return apis.NewLivingConditionSet(
		KafkaChannelConditionSubscribers,
		conditions.TopicReady,
		conditions.ConfigMapUpdated,
		conditions.ConfigParsed,
		conditions.ProbeSucceeded,
	)
}

// ConditionManager returns what changes the conditions of this status.
func (s *KafkaChannelStatus) ConditionManager() apis.ConditionManager {
	return (*KafkaChannel)(nil).GetConditionSet().Manage(s)
}

// InitializeConditions sets the conditions that are not set to Unknown, and removes those that no controller of this
// project sets: an earlier implementation has left them.
func (s *KafkaChannelStatus) InitializeConditions() {
	conditions.Keep(s, apis.ConditionReady, KafkaChannelConditionSubscribers, conditions.TopicReady,
		conditions.ConfigMapUpdated, conditions.ConfigParsed, conditions.ProbeSucceeded,
		conditions.Addressable, conditions.EventPoliciesReady)
	s.ConditionManager().InitializeConditions()
}

// IsReady is true when the channel and all its subscribers are served in the given generation of the object.
func (c *KafkaChannel) IsReady() bool {
	return c.Status.ObservedGeneration == c.Generation && c.Status.ConditionManager().IsHappy()
}

// MarkSubscribersReady says that all subscribers are served.
func (s *KafkaChannelStatus) MarkSubscribersReady() {
	s.ConditionManager().MarkTrue(KafkaChannelConditionSubscribers)
}

// MarkSubscribersFailed says why some subscriber cannot be served.
func (s *KafkaChannelStatus) MarkSubscribersFailed(err error) {
	s.ConditionManager().MarkFalse(KafkaChannelConditionSubscribers, "failed to reconcile all subscribers", "%v", err)
}

// MarkSubscribersUnknown says that some subscriber is not served yet.
func (s *KafkaChannelStatus) MarkSubscribersUnknown() {
	s.ConditionManager().MarkUnknown(KafkaChannelConditionSubscribers, "all subscribers not ready", "failed to reconcile consumer group")
}
