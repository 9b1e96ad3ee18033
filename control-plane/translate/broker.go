package translate

import (
	"time"

	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/control-plane/apis/delivery"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// BrokerInput is a Broker of class Kafka or KafkaNamespaced, its Triggers, and what was resolved about them.
type BrokerInput struct {
	Broker     *eventingv1.Broker
	Topic      string
	Connection Connection
	Ingress    Ingress
	// DeadLetter is spec.delivery.deadLetterSink, resolved. Not needed when that is an absolute URI.
	DeadLetter *Target
	// BackoffDelay is the wait unit of a spec.delivery that retries and does not say; 0 is ResourceBackoffDelay.
	BackoffDelay time.Duration
	// MergeDelivery makes a Trigger's spec.delivery win field by field over the Broker's. Otherwise it replaces the
	// Broker's as a whole.
	MergeDelivery bool
	Triggers      []TriggerInput
	Flags         Flags
}

// TriggerInput is a Trigger and what was resolved about it.
type TriggerInput struct {
	Trigger    *eventingv1.Trigger
	Subscriber Target
	// DeadLetter is spec.delivery.deadLetterSink, resolved. Not needed when that is an absolute URI.
	DeadLetter *Target
	Group      Group
}

// Broker returns the entry of a Broker: its ingress, its delivery, and an egress for each Trigger. Triggers that cannot
// be translated are left out and reported, in the order given. The last result is about the Broker as a whole, an
// *Error; then there is no entry.
func Broker(in BrokerInput) (*contract.Resource, []*Error, error) {
	return (&Memo{}).Broker(in)
}

func brokerReference(b *eventingv1.Broker) *contract.Reference {
	return reference(&b.ObjectMeta, eventingv1.SchemeGroupVersion, "Broker")
}

func brokerResource(in BrokerInput, object *contract.Reference) (*contract.Resource, error) {
	r, err := resource(object, []string{in.Topic}, in.Connection, in.Flags)
	if err != nil {
		return nil, err
	}
	fallback, err := keyFallback(in.Broker.Annotations)
	if err != nil {
		return nil, err
	}
	if r.InvalidRecords, err = invalidRecords(in.Broker.Annotations); err != nil {
		return nil, err
	}
	r.Ingress = &contract.Ingress{
		Path:          Path(object.GetNamespace(), object.GetName()),
		Paths:         in.Ingress.Paths,
		Audience:      in.Ingress.Audience,
		EventPolicies: in.Ingress.Policies,
		KeyFallback:   fallback,
	}
	delay := in.BackoffDelay
	if delay == 0 {
		delay = ResourceBackoffDelay
	}
	r.EgressConfig, err = egressConfig(in.Broker.Spec.Delivery, in.DeadLetter, delay)
	return r, at("spec.delivery", err)
}

// AboutTrigger is an error about a Trigger that was found before its translation.
func AboutTrigger(t *eventingv1.Trigger, err error) *Error { return about(triggerReference(t), err) }

func triggerReference(t *eventingv1.Trigger) *contract.Reference {
	return reference(&t.ObjectMeta, eventingv1.SchemeGroupVersion, "Trigger")
}

func triggerEgress(of inherited, t TriggerInput) (*contract.Egress, error) {
	e := &contract.Egress{
		Uid:                 string(t.Trigger.UID),
		Destination:         t.Subscriber.URI,
		DestinationCACerts:  t.Subscriber.CACerts,
		DestinationAudience: t.Subscriber.Audience,
		ReplyStrategy:       &contract.Egress_ReplyToOriginalTopic{ReplyToOriginalTopic: &contract.Empty{}},
		Reference:           triggerReference(t.Trigger),
	}
	switch {
	case e.Uid == "":
		return nil, wrong("metadata.uid", "empty")
	case t.Group.ID == "":
		return nil, wrong("", "no consumer group")
	}
	if err := checkURL(e.Destination); err != nil {
		return nil, at("spec.subscriber", err)
	}
	order, err := annotation.DeliveryOrderOf(t.Trigger.Annotations)
	if err != nil {
		return nil, at(annotation.Path(annotation.DeliveryOrder), err)
	}
	if err := deliveryOrder(e, order == annotation.Ordered, t.Trigger.Annotations); err != nil {
		return nil, err
	}
	if err := tuning(e, t.Trigger.Annotations, nil, nil); err != nil {
		return nil, err
	}
	if e.EgressConfig, err = triggerDelivery(of, t); err != nil {
		return nil, at("spec.delivery", err)
	}
	t.Group.apply(e, of.flags)
	return e, setFilter(e, &t.Trigger.Spec)
}

// triggerDelivery translates the delivery that applies to a Trigger: its own, else the Broker's. A Trigger whose own
// says nothing gets an empty one, because without one the Broker's would apply.
func triggerDelivery(of inherited, t TriggerInput) (*contract.EgressConfig, error) {
	own, fallback := t.Trigger.Spec.Delivery, of.delivery
	spec, deadLetter := own, t.DeadLetter
	if own == nil || of.merge {
		spec = delivery.Merge(own, fallback)
		if !hasDeadLetter(own) && hasDeadLetter(fallback) {
			deadLetter = of.deadLetter
		}
	}
	config, err := egressConfig(spec, deadLetter, EgressBackoffDelay)
	if config == nil && err == nil && of.configured {
		config = &contract.EgressConfig{}
	}
	return config, err
}

func hasDeadLetter(spec *eventingduck.DeliverySpec) bool {
	return spec != nil && spec.DeadLetterSink != nil
}
