package kafkaadmin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

const (
	// leaderWait is how long a new topic is given to become usable.
	leaderWait = 10 * time.Second
	// leaderPoll is how often it is looked at meanwhile.
	leaderPoll = 20 * time.Millisecond
)

// TopicConfig is a topic as it should be.
type TopicConfig struct {
	Name              string
	Partitions        int32
	ReplicationFactor int16
	// Config is topic configuration such as retention.ms.
	Config map[string]string
}

// TopicResult is a topic as it is.
type TopicResult struct {
	// Created is true when this call has created the topic, false when it was there already.
	Created    bool
	Partitions int32
	// Drift says how an existing topic differs from what was asked for, one difference an entry. Nothing is changed.
	Drift []string
}

// InvalidTopicError says why a topic cannot be used.
type InvalidTopicError struct {
	Topic, Reason string
	// Err is Kafka's error, nil when Kafka knows the topic.
	Err error
}

func (e *InvalidTopicError) Error() string {
	return fmt.Sprintf("invalid topic %s: %s", e.Topic, e.Reason)
}

func (e *InvalidTopicError) Unwrap() error { return e.Err }

// EnsureTopic creates a topic unless it exists, and returns when it can be used. A topic that exists is never changed.
func (a *Admin) EnsureTopic(ctx context.Context, want TopicConfig) (result TopicResult, err error) {
	err = a.with(ctx, func(c *client) error {
		topics, err := c.describe(ctx, want.Name)
		if err != nil {
			return err
		}
		found := topics[0]
		if !found.exists() {
			if result.Created, err = c.create(ctx, want); err != nil {
				return err
			}
			if found, err = c.awaitLeaders(ctx, want.Name); err != nil {
				return err
			}
		}
		if err := check(found); err != nil {
			return err
		}
		result.Partitions = int32(len(found.partitions))
		if !result.Created {
			result.Drift = c.drift(ctx, want, found)
		}
		return nil
	})
	return result, err
}

// ValidateTopic returns the number of partitions of a topic that must exist already, or an *InvalidTopicError.
func (a *Admin) ValidateTopic(ctx context.Context, name string) (partitions int32, err error) {
	err = a.with(ctx, func(c *client) error {
		topics, err := c.describe(ctx, name)
		if err != nil {
			return err
		}
		partitions = int32(len(topics[0].partitions))
		return check(topics[0])
	})
	return partitions, err
}

// DeleteTopic deletes a topic. One that does not exist is deleted already.
func (a *Admin) DeleteTopic(ctx context.Context, name string) error {
	return a.with(ctx, func(c *client) error {
		response, err := c.kadm.DeleteTopic(ctx, name)
		if err == nil || errors.Is(err, kerr.UnknownTopicOrPartition) {
			return nil
		}
		return fmt.Errorf("delete topic %q: %w", name, kafka.Needs(withMessage(err, response.ErrMessage), "Delete", ""))
	})
}

// check returns an *InvalidTopicError for a topic that cannot be used.
func check(t topic) error {
	if t.err != nil {
		return &InvalidTopicError{t.name, fmt.Sprintf("topic not found in metadata response, %v", t.err), t.err}
	}
	var reasons []string
	if len(t.partitions) == 0 {
		reasons = append(reasons, "no partitions")
	}
	if t.internal {
		reasons = append(reasons, "marked as internal topic")
	}
	if len(reasons) > 0 {
		return &InvalidTopicError{t.name, "validation failed: " + strings.Join(reasons, ", "), nil}
	}
	return nil
}

// create returns false when somebody else has created the topic meanwhile.
func (c *client) create(ctx context.Context, want TopicConfig) (created bool, err error) {
	config := make(map[string]*string, len(want.Config))
	for key, value := range want.Config {
		config[key] = kadm.StringPtr(value)
	}
	response, err := c.kadm.CreateTopic(ctx, want.Partitions, want.ReplicationFactor, config, want.Name)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, kerr.TopicAlreadyExists):
		return false, nil
	}
	return false, fmt.Errorf("create topic %q: %w", want.Name, kafka.Needs(withMessage(err, response.ErrMessage), "Create", ""))
}

// withMessage adds what the broker says beyond the name of the error.
func withMessage(err error, message string) error {
	if message == "" || strings.Contains(err.Error(), message) {
		return err
	}
	return fmt.Errorf("%w (%s)", err, message)
}

// awaitLeaders waits until a topic that was just created is known to the brokers and has leaders: metadata follows
// the answer to its creation with a delay.
func (c *client) awaitLeaders(ctx context.Context, name string) (topic, error) {
	ctx, cancel := context.WithTimeout(ctx, leaderWait)
	defer cancel()
	poll := time.NewTicker(leaderPoll)
	defer poll.Stop()
	for {
		topics, err := c.describe(ctx, name)
		if err == nil && topics[0].led() {
			return topics[0], nil
		}
		select {
		case <-ctx.Done():
			return topic{}, fmt.Errorf("wait for the leaders of new topic %q: %w", name, errors.Join(ctx.Err(), err))
		case <-poll.C:
		}
	}
}

// drift compares an existing topic with what was asked for.
func (c *client) drift(ctx context.Context, want TopicConfig, found topic) (drift []string) {
	if n := int32(len(found.partitions)); n != want.Partitions {
		drift = append(drift, fmt.Sprintf("partitions: %d, wanted %d", n, want.Partitions))
	}
	if n := found.partitions[0].replicas; n != int(want.ReplicationFactor) {
		drift = append(drift, fmt.Sprintf("replication factor: %d, wanted %d", n, want.ReplicationFactor))
	}
	if len(want.Config) == 0 {
		return drift
	}
	have, err := c.topicConfig(ctx, want.Name)
	if err != nil { // not a failure: the right to describe configuration is not needed for anything else
		return append(drift, fmt.Sprintf("configuration: not known: %v", err))
	}
	for _, key := range slices.Sorted(maps.Keys(want.Config)) {
		if have[key] != want.Config[key] {
			drift = append(drift, fmt.Sprintf("%s: %q, wanted %q", key, have[key], want.Config[key]))
		}
	}
	return drift
}

func (c *client) topicConfig(ctx context.Context, name string) (map[string]string, error) {
	described, err := c.kadm.DescribeTopicConfigs(ctx, name)
	if err != nil {
		return nil, err
	}
	resource, err := described.On(name, nil)
	if err == nil {
		err = resource.Err
	}
	if err != nil {
		return nil, err
	}
	config := make(map[string]string, len(resource.Configs))
	for _, c := range resource.Configs {
		config[c.Key] = c.MaybeValue()
	}
	return config, nil
}
