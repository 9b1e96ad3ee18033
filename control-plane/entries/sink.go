package entries

import (
	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	eventingv1alpha1 "knative.dev/eventing-kafka-go/control-plane/apis/eventing/v1alpha1"
	"knative.dev/eventing-kafka-go/control-plane/credentials"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// TopicOwnerStatusAnnotation says, in the status of a KafkaSink, who owns its topic (SK-11). It is written when the topic
// is ready.
const TopicOwnerStatusAnnotation = "eventing.knative.dev/topic.owner"

// Sink returns the entry of a KafkaSink. The error is a *[NotReadyError] when nothing is wrong.
func (b *Builder) Sink(sink *eventingv1alpha1.KafkaSink, f Flags) (*contract.Resource, error) {
	if sink.Status.Annotations[TopicOwnerStatusAnnotation] == "" {
		return nil, notReady("the topic of KafkaSink %s/%s is not ready", sink.Namespace, sink.Name)
	}
	in := translate.SinkInput{Sink: sink, Flags: f.translate()}
	var err error
	if in.Connection, err = b.SinkConnection(sink); err != nil {
		return nil, err
	}
	if in.Ingress, err = b.ingress(&sink.ObjectMeta, eventing.GroupName, eventing.KafkaSinkKind, sink.Status.Policies, f.Core); err != nil {
		return nil, err
	}
	return translate.KafkaSink(in)
}

// SinkConnection is how to reach the Kafka of a KafkaSink.
func (b *Builder) SinkConnection(sink *eventingv1alpha1.KafkaSink) (translate.Connection, error) {
	name := ""
	if auth := sink.Spec.Auth; auth != nil && auth.Secret != nil && auth.Secret.Ref != nil {
		name = auth.Secret.Ref.Name
	}
	return credentials.Connection(b.Secret, sink.Spec.BootstrapServers, sink.Namespace, name)
}
