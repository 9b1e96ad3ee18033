package cluster

import (
	"context"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// HasTopic says whether brokers know a topic.
func (c *Cluster) HasTopic(tb testing.TB, topic string) bool {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	defer cancel()
	topics, err := c.admin.ListTopics(ctx)
	if err != nil {
		tb.Fatalf("list topics: %v", err)
	}
	return topics.Has(topic)
}

// HasGroup says whether brokers know a consumer group.
func (c *Cluster) HasGroup(tb testing.TB, group string) bool {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	defer cancel()
	groups, err := c.admin.ListGroups(ctx)
	if err != nil {
		tb.Fatalf("list groups: %v", err)
	}
	_, ok := groups[group]
	return ok
}

// Records reads a topic from its beginning until it has this many records.
func (c *Cluster) Records(tb testing.TB, topic string, n int) []*kgo.Record {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Servers), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		tb.Fatalf("create client of %s: %v", c.Servers, err)
	}
	defer client.Close()
	var records []*kgo.Record
	for len(records) < n {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			tb.Fatalf("topic %q has %d of %d records: %v", topic, len(records), n, err)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}
