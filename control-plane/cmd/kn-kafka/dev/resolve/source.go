package resolve

import (
	"strings"

	"k8s.io/apimachinery/pkg/types"

	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/manifest"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// source plans a KafkaSource: an egress without an ingress.
func (p *planner) source(o *manifest.Object) {
	source := o.Value.(*sourcesv1beta1.KafkaSource) //nolint:forcetypeassert // the kind says so
	in := translate.SourceInput{Source: source, Flags: p.flags}
	r := &Resource{Object: o, Start: kafkaadmin.Latest}
	if source.Spec.InitialOffset == sourcesv1beta1.OffsetEarliest {
		r.Start = kafkaadmin.Earliest
	}
	for _, topic := range source.Spec.Topics {
		r.Topics = append(r.Topics, Topic{Topic: translate.Topic{Name: topic}, External: true})
	}
	p.plan.Resources = append(p.plan.Resources, r)
	p.note("spec.bootstrapServers %s of %s (%s) is replaced by the Kafka above",
		strings.Join(source.Spec.BootstrapServers, ","), o.ID, o.Source.At("spec.bootstrapServers"))
	r.Failed = !p.sourceTargets(r, &in)
	r.Translate = func(c translate.Connection, groups map[types.UID]translate.Group) (*contract.Resource, []*translate.Error, error) {
		with := in
		with.Connection, with.Group = c, groups[source.UID]
		entry, err := translate.KafkaSource(with)
		if _, ok := groups[source.UID]; !ok && entry != nil {
			entry.Egresses = nil // a group without a start must not run; it was reported
		}
		return entry, nil, err
	}
}

// sourceTargets resolves where events go. It returns whether the source can run.
func (p *planner) sourceTargets(r *Resource, in *translate.SourceInput) bool {
	o, spec := r.Object, &in.Source.Spec
	sink, err := p.resolve(&spec.Sink, o.ID.Namespace)
	if err != nil {
		p.fail(o, "spec.sink", "%v", err)
		return false
	}
	if sink == nil {
		p.fail(o, "spec.sink", "is missing")
		return false
	}
	in.Sink = sink.Target
	target := sink.name
	if spec.Delivery != nil {
		deadLetter, err := p.resolve(spec.Delivery.DeadLetterSink, o.ID.Namespace)
		if err != nil {
			p.fail(o, "spec.delivery.deadLetterSink", "%v", err)
			return false
		}
		if deadLetter != nil {
			in.DeadLetter = &deadLetter.Target
			target += ", dead letters to " + deadLetter.name
		}
	}
	r.Groups = []Group{{UID: in.Source.UID, Object: o, ID: spec.ConsumerGroup, Target: target}}
	var ok bool
	r.Net, ok = p.net(o, &spec.Net)
	return ok
}
