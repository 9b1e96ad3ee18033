package v1beta1

import (
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

const (
	// KafkaSourceConditionConsumerGroup: the consumer group runs.
	KafkaSourceConditionConsumerGroup apis.ConditionType = "ConsumerGroup"
	// KafkaSourceConditionSinkProvided: the sink has an address.
	KafkaSourceConditionSinkProvided = duckv1.SourceConditionSinkProvided
	// KafkaSourceConditionOIDCIdentityCreated: the source can send tokens. It does not decide whether it is ready.
	KafkaSourceConditionOIDCIdentityCreated apis.ConditionType = "OIDCIdentityCreated"
)

// GetConditionSet implements duckv1.KRShaped.
func (*KafkaSource) GetConditionSet() apis.ConditionSet {
	return apis.NewLivingConditionSet(KafkaSourceConditionConsumerGroup, KafkaSourceConditionSinkProvided)
}

// ConditionManager returns what changes the conditions of this status.
func (s *KafkaSourceStatus) ConditionManager() apis.ConditionManager {
	return (*KafkaSource)(nil).GetConditionSet().Manage(s)
}

// InitializeConditions sets the conditions that are not set to Unknown.
func (s *KafkaSourceStatus) InitializeConditions() { s.ConditionManager().InitializeConditions() }

// MarkSink says where events go; nil, or an address without a URL, is nowhere.
func (s *KafkaSourceStatus) MarkSink(sink *duckv1.Addressable) {
	if sink == nil || sink.URL.IsEmpty() {
		s.SinkURI, s.SinkCACerts, s.SinkAudience = nil, nil, nil
		s.ConditionManager().MarkUnknown(KafkaSourceConditionSinkProvided, "SinkEmpty", "Sink has resolved to empty.")
		return
	}
	s.SinkURI, s.SinkCACerts, s.SinkAudience = sink.URL, sink.CACerts, sink.Audience
	s.ConditionManager().MarkTrue(KafkaSourceConditionSinkProvided)
}

// SetSelector sets status.selector, by which what scales sources finds the one of this name.
func (s *KafkaSourceStatus) SetSelector(name string) {
	s.Selector = "eventing.knative.dev/source=kafka-source-controller,eventing.knative.dev/sourceName=" + name
}
