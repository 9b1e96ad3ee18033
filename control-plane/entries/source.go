package entries

import (
	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/credentials"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// Source returns the entry of a KafkaSource. The error is a *[NotReadyError] when nothing is wrong.
func (b *Builder) Source(source *sourcesv1beta1.KafkaSource, f Flags) (*contract.Resource, error) {
	in := translate.SourceInput{Source: source, Flags: f.translate()}
	status := &source.Status
	partitions, err := Partitions(&status.Status)
	if err != nil {
		return nil, err
	}
	members, err := Members(&status.Status)
	if err != nil {
		return nil, err
	}
	switch {
	case status.SinkURI == nil:
		return nil, notReady("the sink of KafkaSource %s/%s is not resolved", source.Namespace, source.Name)
	case len(partitions) == 0:
		return nil, notReady("the consumer group of KafkaSource %s/%s is not ready", source.Namespace, source.Name)
	}
	in.Sink = translate.Target{URI: status.SinkURI.String(), CACerts: value(status.SinkCACerts), Audience: value(status.SinkAudience)}
	if in.DeadLetter, err = sourceDeadLetter(&status.Status); err != nil {
		return nil, err
	}
	in.Group = b.group("", partitions, members, "", source.UID)
	in.Source, in.Group.Partitions = started(source, partitions)
	in.Group.Paused = in.Group.Paused || Rest(&status.Status) || len(in.Group.Partitions) == 0
	if status.Auth != nil {
		in.Group.ServiceAccount = value(status.Auth.ServiceAccountName)
	}
	if in.Connection, err = b.SourceConnection(source); err != nil {
		return nil, err
	}
	in.Connection.ParkingTopic = status.Annotations[ParkingStatusAnnotation]
	return translate.KafkaSource(in)
}

// started returns a source with the topics alone that have a committed start, so that those go on while others are added,
// and their partitions. Where none has one the source is as it is.
func started(source *sourcesv1beta1.KafkaSource, partitions map[string]int32) (*sourcesv1beta1.KafkaSource, map[string]int32) {
	of := map[string]int32{}
	var topics []string
	for _, topic := range source.Spec.Topics {
		if n := partitions[topic]; n > 0 {
			of[topic] = n
			topics = append(topics, topic)
		}
	}
	if len(topics) == 0 || len(topics) == len(source.Spec.Topics) {
		return source, of
	}
	with := *source
	with.Spec.Topics = topics
	return &with, of
}

// SourceConnection is how to reach the Kafka of a KafkaSource.
func (b *Builder) SourceConnection(source *sourcesv1beta1.KafkaSource) (translate.Connection, error) {
	c := translate.Connection{BootstrapServers: source.Spec.BootstrapServers}
	var err error
	c.MultiAuth, err = credentials.NetOf(b.Secret, source.Namespace, &source.Spec.Net)
	return c, err
}
