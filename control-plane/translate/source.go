package translate

import (
	"fmt"

	"k8s.io/utils/ptr"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/control-plane/apis/sources"
	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// SourceInput is a KafkaSource and what was resolved about it.
type SourceInput struct {
	Source     *sourcesv1beta1.KafkaSource
	Connection Connection
	Sink       Target
	// DeadLetter is spec.delivery.deadLetterSink, resolved. Not needed when that is an absolute URI.
	DeadLetter *Target
	// Group has no ID in a source that names its own, and 0 Members for as many as spec.consumers says. Consumers of
	// 0 pause the group.
	Group Group
	Flags Flags
}

// KafkaSource returns the entry of a KafkaSource: one egress. The error is an *Error.
func KafkaSource(in SourceInput) (*contract.Resource, error) {
	object := reference(&in.Source.ObjectMeta, sourcesv1beta1.SchemeGroupVersion, sources.KafkaSourceKind)
	if err := validateTopics(in.Source.Spec.Topics); err != nil {
		return nil, about(object, err)
	}
	r, err := resource(object, in.Source.Spec.Topics, in.Connection, in.Flags)
	if err != nil {
		return nil, about(object, err)
	}
	if o := in.Source.Spec.CloudEventOverrides; o != nil && len(o.Extensions) > 0 {
		r.CloudEventOverrides = &contract.CloudEventOverrides{Extensions: o.Extensions}
	}
	e, err := sourceEgress(in)
	if err != nil {
		return nil, about(object, err)
	}
	e.Uid, e.Reference = r.GetUid(), object
	r.Egresses = []*contract.Egress{e}
	return finish(r), nil
}

// ValidateSource says why a KafkaSource can have no consumer group.
func ValidateSource(spec *sourcesv1beta1.KafkaSourceSpec) error {
	switch {
	case spec.ConsumerGroup == "":
		return wrong("spec.consumerGroup", "empty")
	case len(spec.Topics) == 0:
		return wrong("spec.topics", "empty")
	}
	return validateTopics(spec.Topics)
}

func validateTopics(topics []string) error {
	for i, topic := range topics {
		if err := ValidateTopicName(topic); err != nil {
			return at(fmt.Sprintf("spec.topics[%d]", i), err)
		}
	}
	return nil
}

func sourceEgress(in SourceInput) (*contract.Egress, error) {
	spec := &in.Source.Spec
	e := &contract.Egress{
		Destination:         in.Sink.URI,
		DestinationCACerts:  in.Sink.CACerts,
		DestinationAudience: in.Sink.Audience,
		ReplyStrategy:       &contract.Egress_DiscardReply{DiscardReply: &contract.Empty{}},
	}
	if err := checkURL(e.Destination); err != nil {
		return nil, at("spec.sink", err)
	}
	group := in.Group
	if group.ID == "" {
		group.ID = spec.ConsumerGroup
	}
	if group.ID == "" {
		return nil, wrong("spec.consumerGroup", "empty")
	}
	if spec.Consumers != nil {
		group.Paused = group.Paused || *spec.Consumers == 0
		if group.Members == 0 {
			group.Members = *spec.Consumers
		}
	}
	group.apply(e, in.Flags)
	if err := sourceOrder(e, in.Source); err != nil {
		return nil, err
	}
	if err := tuning(e, in.Source.Annotations, nil, nil); err != nil {
		return nil, err
	}
	e.StrictReplies = false // it has no replies
	var err error
	e.EgressConfig, err = egressConfig(sourceDelivery(spec), in.DeadLetter, EgressBackoffDelay)
	return e, at("spec.delivery", err)
}

// sourceOrder sets order, scope and the type of keys.
func sourceOrder(e *contract.Egress, s *sourcesv1beta1.KafkaSource) error {
	ordered := true
	if o := s.Spec.Ordering; o != nil {
		switch *o {
		case sourcesv1beta1.Ordered:
		case sourcesv1beta1.Unordered:
			ordered = false
		default:
			return wrong("spec.ordering", "expected %s or %s, got %q", annotation.Ordered, annotation.Unordered, *o)
		}
	}
	if err := deliveryOrder(e, ordered, s.Annotations); err != nil {
		return err
	}
	key, err := sourcesv1beta1.KeyTypeOf(s.Labels)
	if err != nil {
		return at("metadata.labels["+sources.KeyTypeLabel+"]", err)
	}
	switch key {
	case sourcesv1beta1.KeyInt:
		e.KeyType = contract.KeyType_Integer
	case sourcesv1beta1.KeyFloat:
		e.KeyType = contract.KeyType_Double
	case sourcesv1beta1.KeyByteArray:
		e.KeyType = contract.KeyType_ByteArray
	case sourcesv1beta1.KeyString:
	}
	return nil
}

// sourceDelivery is the delivery of a source; one that says nothing at all retries.
func sourceDelivery(spec *sourcesv1beta1.KafkaSourceSpec) *eventingduck.DeliverySpec {
	if spec.Delivery != nil {
		return spec.Delivery
	}
	return &eventingduck.DeliverySpec{
		Retry:         ptr.To[int32](10),
		BackoffPolicy: ptr.To(eventingduck.BackoffPolicyExponential),
		BackoffDelay:  ptr.To("PT0.3S"),
		Timeout:       ptr.To("PT600S"),
	}
}
