package resolve

import (
	"strings"

	"k8s.io/apimachinery/pkg/types"

	eventingv1alpha1 "knative.dev/eventing-kafka-go/control-plane/apis/eventing/v1alpha1"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/manifest"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// sink plans a KafkaSink: an ingress without egresses.
func (p *planner) sink(o *manifest.Object) {
	sink := o.Value.(*eventingv1alpha1.KafkaSink) //nolint:forcetypeassert // the kind says so
	short, long := translate.Path(o.ID.Namespace, o.ID.Name), longPath("sink", o.ID)
	topic := Topic{Topic: translate.Topic{Name: sink.Spec.Topic}, External: true}
	if sink.Spec.NumPartitions != nil && sink.Spec.ReplicationFactor != nil {
		topic.Partitions, topic.ReplicationFactor, topic.External = *sink.Spec.NumPartitions, *sink.Spec.ReplicationFactor, false
	}
	r := &Resource{Object: o, Paths: []string{short, long}, Topics: []Topic{topic}}
	p.plan.Resources = append(p.plan.Resources, r)
	p.note("spec.bootstrapServers %s of %s (%s) is replaced by the Kafka above",
		strings.Join(sink.Spec.BootstrapServers, ","), o.ID, o.Source.At("spec.bootstrapServers"))
	if auth := sink.Spec.Auth; auth != nil && auth.Secret != nil && auth.Secret.Ref != nil {
		secret, failed := p.secret(o, "spec.auth.secret.ref.name", o.ID.Namespace, auth.Secret.Ref.Name)
		r.Secret, r.Failed = secret, failed != nil
	}
	r.Translate = func(c translate.Connection, _ map[types.UID]translate.Group) (*contract.Resource, []*translate.Error, error) {
		entry, err := translate.KafkaSink(translate.SinkInput{Sink: sink, Connection: c, Ingress: translate.Ingress{Paths: []string{long}}, Flags: p.flags})
		return entry, nil, err
	}
}
