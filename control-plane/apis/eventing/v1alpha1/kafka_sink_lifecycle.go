package v1alpha1

import (
	"knative.dev/pkg/apis"

	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
)

const (
	// TopicOwnerAnnotation is the key in status.annotations that says who owns the topic.
	TopicOwnerAnnotation = "eventing.knative.dev/topic.owner"
	// TopicOwnedByController says that the topic was created for the KafkaSink and is deleted with it.
	TopicOwnedByController = "kafkasink-controller"
	// TopicOwnedExternally says that the topic is somebody else's.
	TopicOwnedExternally = "external"
)

// GetConditionSet implements duckv1.KRShaped.
func (*KafkaSink) GetConditionSet() apis.ConditionSet {
	return apis.NewLivingConditionSet(
		conditions.Addressable,
		conditions.DataPlaneAvailable,
		conditions.TopicReady,
		conditions.ConfigMapUpdated,
		conditions.ConfigParsed,
		conditions.ProbeSucceeded,
		conditions.EventPoliciesReady,
	)
}

// ConditionManager returns what changes the conditions of this status.
func (s *KafkaSinkStatus) ConditionManager() apis.ConditionManager {
	return (*KafkaSink)(nil).GetConditionSet().Manage(s)
}

// InitializeConditions sets the conditions that are not set to Unknown.
func (s *KafkaSinkStatus) InitializeConditions() { s.ConditionManager().InitializeConditions() }

// IsReady is true when the sink is served in the given generation of the object.
func (s *KafkaSink) IsReady() bool {
	return s.Status.ObservedGeneration == s.Generation && s.Status.ConditionManager().IsHappy()
}
