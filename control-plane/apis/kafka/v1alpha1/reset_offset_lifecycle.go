package v1alpha1

import "knative.dev/pkg/apis"

const (
	// ResetOffsetConditionRefMapped: the reference led to a topic and a consumer group.
	ResetOffsetConditionRefMapped apis.ConditionType = "RefMapped"
	// ResetOffsetConditionAcquireDataPlaneServices: the data plane that runs the group is known and can be asked.
	ResetOffsetConditionAcquireDataPlaneServices apis.ConditionType = "AcquireDataPlaneServices"
	// ResetOffsetConditionConsumerGroupsStopped: the group has no member.
	ResetOffsetConditionConsumerGroupsStopped apis.ConditionType = "ConsumerGroupsStopped"
	// ResetOffsetConditionOffsetsUpdated: the new offsets are committed.
	ResetOffsetConditionOffsetsUpdated apis.ConditionType = "OffsetsUpdated"
	// ResetOffsetConditionConsumerGroupsStarted: the group may run again.
	ResetOffsetConditionConsumerGroupsStarted apis.ConditionType = "ConsumerGroupsStarted"
)

// failureReasons are the reasons of conditions that are False.
var failureReasons = map[apis.ConditionType]string{
	ResetOffsetConditionRefMapped:                "FailedToMapRef",
	ResetOffsetConditionAcquireDataPlaneServices: "FailedToAcquireDataPlaneServices",
	ResetOffsetConditionConsumerGroupsStopped:    "FailedToStopConsumerGroups",
	ResetOffsetConditionOffsetsUpdated:           "FailedToUpdateOffsets",
	ResetOffsetConditionConsumerGroupsStarted:    "FailedToStartConsumerGroups",
}

// Reasons of the events of a ResetOffset.
const (
	// ResetOffsetReconciled: the offsets were moved.
	ResetOffsetReconciled = "ResetOffsetReconciled"
	// ResetOffsetSkipped: the offsets were moved earlier, nothing was done.
	ResetOffsetSkipped = "ResetOffsetSkipped"
	// ResetOffsetFinalized: the ResetOffset was deleted.
	ResetOffsetFinalized = "ResetOffsetFinalized"
)

// GetConditionSet implements duckv1.KRShaped. The condition that says that all is done is Succeeded.
func (*ResetOffset) GetConditionSet() apis.ConditionSet {
	return apis.NewBatchConditionSet(
		ResetOffsetConditionRefMapped,
		ResetOffsetConditionAcquireDataPlaneServices,
		ResetOffsetConditionConsumerGroupsStopped,
		ResetOffsetConditionOffsetsUpdated,
		ResetOffsetConditionConsumerGroupsStarted,
	)
}

// ConditionManager returns what changes the conditions of this status.
func (s *ResetOffsetStatus) ConditionManager() apis.ConditionManager {
	return (*ResetOffset)(nil).GetConditionSet().Manage(s)
}

// InitializeConditions sets the conditions that are not set to Unknown.
func (s *ResetOffsetStatus) InitializeConditions() { s.ConditionManager().InitializeConditions() }

// IsSucceeded is true when the offsets were moved and the group runs again: the command is never executed again.
func (s *ResetOffsetStatus) IsSucceeded() bool {
	return s.GetCondition(apis.ConditionSucceeded).IsTrue()
}

// MarkDone says that a step is done.
func (s *ResetOffsetStatus) MarkDone(step apis.ConditionType) {
	s.ConditionManager().MarkTrue(step)
}

// MarkWaiting says what a step waits for.
func (s *ResetOffsetStatus) MarkWaiting(step apis.ConditionType, message string) {
	s.ConditionManager().MarkUnknown(step, "Waiting", "%s", message)
}

// MarkFailed says why a step failed, with the reason of that step. It is tried again.
func (s *ResetOffsetStatus) MarkFailed(step apis.ConditionType, err error) {
	s.ConditionManager().MarkFalse(step, failureReasons[step], "%v", err)
}
