package resolve

import (
	"k8s.io/apimachinery/pkg/types"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/dev/inventory"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/manifest"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// broker plans a Broker of class Kafka and its Triggers.
func (p *planner) broker(o *manifest.Object) {
	if class := classOf(o); class != eventing.KafkaBrokerClass {
		p.note("%s of class %s (%s) is not run here, only class %s is", o.ID, class, o.Source, eventing.KafkaBrokerClass)
		return
	}
	broker := o.Value.DeepCopyObject().(*eventingv1.Broker) //nolint:forcetypeassert // the kind says so
	in := translate.BrokerInput{Broker: broker, Flags: p.flags}
	short, long := translate.Path(o.ID.Namespace, o.ID.Name), longPath("broker", o.ID)
	in.Ingress.Paths = []string{long}
	r := &Resource{Object: o, Paths: []string{short, long}, Start: kafkaadmin.Latest}
	p.plan.Resources = append(p.plan.Resources, r)

	deadLetter := p.brokerBasics(r, &in)
	p.Inventory.Each("eventing.knative.dev", "Trigger", func(t *manifest.Object) {
		if of, ok := p.brokerOf(t); ok && of == o.ID {
			p.trigger(r, &in, t, deadLetter)
		}
	})
	r.Translate = func(c translate.Connection, groups map[types.UID]translate.Group) (*contract.Resource, []*translate.Error, error) {
		in.Topic, in.Connection = r.Topics[0].Name, c
		with := in
		with.Triggers = nil
		for _, t := range in.Triggers {
			if group, ok := groups[t.Trigger.UID]; ok { // the others were reported
				t.Group = group
				with.Triggers = append(with.Triggers, t)
			}
		}
		return translate.Broker(with)
	}
}

// brokerBasics resolves what is needed for the Broker as a whole, and returns its dead letter sink.
func (p *planner) brokerBasics(r *Resource, in *translate.BrokerInput) *destination {
	failed := func(field string, err error) {
		p.fail(r.Object, field, "%v", err)
		r.Failed = true
	}
	config := inventory.System(brokerConfig)
	if ref := in.Broker.Spec.Config; ref != nil {
		config = manifest.ID{Kind: "ConfigMap", Namespace: ref.Namespace, Name: ref.Name}
		if config.Namespace == "" {
			config.Namespace = in.Broker.Namespace
		}
	}
	settings, err := p.brokerSettings(config)
	if err != nil {
		failed("spec.config", err)
	}
	name, external, err := p.naming.BrokerTopic(in.Broker)
	if err != nil {
		failed("", err)
	}
	r.Topics = []Topic{{Topic: settings.Topic, External: external}}
	r.Topics[0].Name = name
	var missing *translate.Error
	if r.Secret, missing = p.secret(r.Object, "", settings.SecretNamespace, settings.SecretName); missing != nil {
		r.Failed = true
	}
	if in.Broker.Spec.Delivery == nil {
		return nil
	}
	deadLetter, err := p.resolve(in.Broker.Spec.Delivery.DeadLetterSink, in.Broker.Namespace)
	if err != nil {
		failed("spec.delivery.deadLetterSink", err)
	}
	if deadLetter != nil {
		in.DeadLetter = &deadLetter.Target
	}
	return deadLetter
}

// trigger adds a Trigger to its Broker.
func (p *planner) trigger(r *Resource, in *translate.BrokerInput, o *manifest.Object, brokerDeadLetter *destination) {
	t := o.Value.(*eventingv1.Trigger) //nolint:forcetypeassert // the kind says so
	broken := func(field string, err error) {
		r.Broken = append(r.Broken, p.refuse(o, field, "%v", err))
	}
	subscriber, err := p.resolve(&t.Spec.Subscriber, t.Namespace)
	if err != nil {
		broken("spec.subscriber", err)
		return
	}
	made := translate.TriggerInput{Trigger: t, Subscriber: subscriber.Target}
	target := subscriber.name
	deadLetter := brokerDeadLetter
	if t.Spec.Delivery != nil {
		if deadLetter, err = p.resolve(t.Spec.Delivery.DeadLetterSink, t.Namespace); err != nil {
			broken("spec.delivery.deadLetterSink", err)
			return
		}
		if deadLetter != nil {
			made.DeadLetter = &deadLetter.Target
		}
	}
	if deadLetter != nil {
		target += ", dead letters to " + deadLetter.name
	}
	group, err := p.naming.TriggerGroup(t)
	if err != nil {
		broken("", err)
		return
	}
	in.Triggers = append(in.Triggers, made)
	r.Groups = append(r.Groups, Group{UID: t.UID, Object: o, ID: group, Target: target})
}

// brokerOf is the Broker that a Trigger belongs to, and whether it is run.
func (p *planner) brokerOf(o *manifest.Object) (manifest.ID, bool) {
	t := o.Value.(*eventingv1.Trigger) //nolint:forcetypeassert // the kind says so
	id := manifest.ID{Group: o.ID.Group, Kind: "Broker", Namespace: t.Namespace, Name: t.Spec.Broker}
	return id, p.isRun(id)
}

func classOf(broker *manifest.Object) string {
	return broker.Value.GetAnnotations()[eventing.BrokerClassAnnotation]
}
