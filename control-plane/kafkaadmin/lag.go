package kafkaadmin

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

// GroupLag is a consumer group and what it has not read yet.
type GroupLag struct {
	// State is Kafka's name for the state of the group, e.g. Stable or Empty; Dead when there is none.
	State   string
	Members int
	// Total is the sum of the lags of all partitions.
	Total int64
	// Partitions are those with a committed offset or a member, by topic and number.
	Partitions []PartitionLag
}

// PartitionLag is how far a group is in a partition.
type PartitionLag struct {
	Topic     string
	Partition int32
	// Committed is the offset to be read next, -1 when none was committed. End is the next offset to be written.
	Committed, End int64
	// Lag is the number of records between them, from the start of the partition when none was committed.
	Lag int64
}

// Lag returns the lag of a group. A group that does not exist has none.
func (a *Admin) Lag(ctx context.Context, group string) (lag GroupLag, err error) {
	err = a.with(ctx, func(c *client) error {
		all, err := c.kadm.Lag(ctx, group)
		lag, err = lagOf(group, all, err)
		return err
	})
	return lag, err
}

// LagResult is the lag of a group, or why it is not known.
type LagResult struct {
	GroupLag
	Err error
}

// Lags returns the lag of many groups, for which it asks together. What is wrong with one says nothing about others.
func (a *Admin) Lags(ctx context.Context, groups ...string) map[string]LagResult {
	results := make(map[string]LagResult, len(groups))
	err := a.with(ctx, func(c *client) error {
		all, err := c.kadm.Lag(ctx, slices.Clone(groups)...) // it uses what it is given
		if err != nil {
			return err
		}
		for _, group := range groups {
			r := LagResult{}
			r.GroupLag, r.Err = lagOf(group, all, nil)
			results[group] = r
		}
		return nil
	})
	if err == nil {
		return results
	}
	var refused *kadm.AuthError
	for _, group := range groups {
		r := LagResult{Err: err}
		if errors.As(err, &refused) && len(groups) > 1 { // one that may not be looked at fails all of them
			r.GroupLag, r.Err = a.Lag(ctx, group)
		}
		results[group] = r
	}
	return results
}

// lagOf is what was answered about a group.
func lagOf(group string, all kadm.DescribedGroupLags, err error) (lag GroupLag, _ error) {
	described := all[group]
	if err == nil {
		err = described.Error()
	}
	if isNoGroup(err) {
		return GroupLag{State: "Dead"}, nil
	}
	if err != nil {
		return lag, fmt.Errorf("lag of consumer group %q: %w", group, kafka.Needs(err, "Describe", "Describe"))
	}
	lag.State, lag.Members = described.State, len(described.Members)
	for _, p := range described.Lag.Sorted() {
		if p.Err != nil {
			return lag, fmt.Errorf("lag of consumer group %q: topic %q, partition %d: %w", group, p.Topic, p.Partition, kafka.Needs(p.Err, "Describe", ""))
		}
		lag.Partitions = append(lag.Partitions, PartitionLag{Topic: p.Topic, Partition: p.Partition,
			Committed: p.Commit.At, End: p.End.Offset, Lag: p.Lag})
		lag.Total += p.Lag
	}
	return lag, nil
}

func isNoGroup(err error) bool { return errors.Is(err, kerr.GroupIDNotFound) }
