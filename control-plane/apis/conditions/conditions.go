// Package conditions owns the condition types that several kinds have in common, and their reasons and messages, which
// dashboards and scripts match on.
//
// It does no I/O and keeps no state; a ConditionManager belongs to the one reconcile that uses it.
package conditions

import (
	"fmt"
	"slices"

	"knative.dev/pkg/apis"
)

const (
	// Addressable: an address is published.
	Addressable apis.ConditionType = "Addressable"
	// DataPlaneAvailable: there are pods that can serve the object.
	DataPlaneAvailable apis.ConditionType = "DataPlaneAvailable"
	// TopicReady: the topic exists and can be used.
	TopicReady apis.ConditionType = "TopicReady"
	// ConfigMapUpdated: the contract holds the object.
	ConfigMapUpdated apis.ConditionType = "ConfigMapUpdated"
	// ConfigParsed: the configuration that the object refers to is right.
	ConfigParsed apis.ConditionType = "ConfigParsed"
	// ProbeSucceeded: the data plane answers for the object.
	ProbeSucceeded apis.ConditionType = "ProbeSucceeded"
	// EventPoliciesReady: the event policies for the object are applied.
	EventPoliciesReady apis.ConditionType = "EventPoliciesReady"
)

// MarkTopicReady says that the topic exists, with what else is to be known about it.
func MarkTopicReady(m apis.ConditionManager, topic, notes string) {
	m.MarkTrueWithReason(TopicReady, fmt.Sprintf("Topic %s created", topic), "%s", notes)
}

// MarkTopicReadyWithOwner says that the topic exists and who owns it, with what else is to be known about it.
func MarkTopicReadyWithOwner(m apis.ConditionManager, topic, owner, notes string) {
	m.MarkTrueWithReason(TopicReady, fmt.Sprintf("Topic %s (owner %s)", topic, owner), "%s", notes)
}

// MarkTopicFailed says why the topic could not be created.
func MarkTopicFailed(m apis.ConditionManager, topic string, err error) {
	m.MarkFalse(TopicReady, fmt.Sprintf("Failed to create topic: %s", topic), "%v", err)
}

// MarkTopicsInvalid says that topics that must exist already do not, or cannot be used.
func MarkTopicsInvalid(m apis.ConditionManager, topics []string, err error) {
	message := fmt.Sprintf("Check topics %v configuration", topics)
	if err != nil {
		message += ": " + err.Error()
	}
	m.MarkFalse(TopicReady, "Topic is not present or invalid", "%s", message)
}

// MarkDataPlaneUnavailable says that no pod can serve the object.
func MarkDataPlaneUnavailable(m apis.ConditionManager) {
	m.MarkFalse(DataPlaneAvailable, "Data plane not available", "Did you install the data plane for this component?")
}

// MarkConfigMapUpdated says that the contract holds the object.
func MarkConfigMapUpdated(m apis.ConditionManager, namespace, name string) {
	m.MarkTrueWithReason(ConfigMapUpdated, fmt.Sprintf("Config map %s/%s updated", namespace, name), "")
}

// Keep removes the conditions whose type is none of known: those that another implementation has left behind.
func Keep(status apis.ConditionsAccessor, known ...apis.ConditionType) {
	current := status.GetConditions()
	kept := slices.DeleteFunc(slices.Clone(current), func(c apis.Condition) bool { return !slices.Contains(known, c.Type) })
	if len(kept) != len(current) {
		status.SetConditions(kept)
	}
}

// MarkConfigInvalid says what is wrong with the ConfigMap that leads to Kafka, or with the reference to it.
func MarkConfigInvalid(m apis.ConditionManager, err error) {
	m.MarkFalse(ConfigParsed, "Failed to read configuration", "%v", err)
}

// MarkSecretFailed says what is wrong with the Secret to authenticate at Kafka with.
func MarkSecretFailed(m apis.ConditionManager, err error) {
	m.MarkFalse(ConfigParsed, "Failed to get broker auth secret", "%v", err)
}

// MarkAdminFailed says why no client for Kafka can be made.
func MarkAdminFailed(m apis.ConditionManager, err error) {
	m.MarkFalse(TopicReady, "Failed to obtain Kafka cluster admin", "%v", err)
}
