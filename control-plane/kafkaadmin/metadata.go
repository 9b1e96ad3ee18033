package kafkaadmin

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

// topic is what Kafka says about a topic.
type topic struct {
	name       string
	id         [16]byte
	err        error
	internal   bool
	partitions []partition
}

type partition struct {
	number, leader int32
	replicas       int
}

// exists is true when Kafka knows the topic.
func (t topic) exists() bool { return !errors.Is(t.err, kerr.UnknownTopicOrPartition) }

// led is true when the topic can be used: each of its partitions has a leader.
func (t topic) led() bool {
	for _, p := range t.partitions {
		if p.leader < 0 {
			return false
		}
	}
	return t.err == nil && len(t.partitions) > 0
}

// describe asks Kafka about topics, past all caches, in the order given. It never makes a broker create one.
func (c *client) describe(ctx context.Context, names ...string) ([]topic, error) {
	request := kmsg.NewPtrMetadataRequest()
	request.AllowAutoTopicCreation = false
	for _, name := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		request.Topics = append(request.Topics, t)
	}
	response, err := request.RequestWith(ctx, c.kgo)
	if err != nil {
		return nil, fmt.Errorf("describe topics %v: %w", names, err)
	}
	found := make(map[string]topic, len(names))
	for i := range response.Topics {
		if t := topicOf(&response.Topics[i]); t.name != "" {
			found[t.name] = t
		}
	}
	topics := make([]topic, 0, len(names))
	for _, name := range names {
		t, ok := found[name]
		if !ok {
			t = topic{name: name, err: kerr.UnknownTopicOrPartition}
		}
		topics = append(topics, t)
	}
	return topics, nil
}

func topicOf(r *kmsg.MetadataResponseTopic) topic {
	t := topic{id: r.TopicID, err: kafka.Needs(kerr.ErrorForCode(r.ErrorCode), "Describe", ""), internal: r.IsInternal}
	if r.Topic != nil {
		t.name = *r.Topic
	}
	for _, p := range r.Partitions {
		t.partitions = append(t.partitions, partition{number: p.Partition, leader: p.Leader, replicas: len(p.Replicas)})
	}
	return t
}
