// Package kafkatest is the Kafka of unit tests: a fake broker in the test's process, on loopback and with its data in
// the test's temporary directory, ended with the test. It is for tests alone and must not be imported by anything else.
//
// A Cluster may be used by any goroutine, its methods that take a testing.TB only by those that may fail the test.
package kafkatest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// timeout bounds every operation of a test on Kafka. It is only reached by a test that fails.
const timeout = 30 * time.Second

// Cluster is a fake Kafka cluster.
type Cluster struct {
	fake   *kfake.Cluster
	client *kgo.Client
	admin  *kadm.Client
}

// Start starts a cluster of one broker without topics; options of kfake change that. It ends with the test.
func Start(tb testing.TB, opts ...kfake.Opt) *Cluster {
	tb.Helper()
	// In memory segments double as they grow; files are faster too.
	opts = append([]kfake.Opt{kfake.NumBrokers(1), kfake.DataDir(tb.TempDir())}, opts...)
	fake, err := kfake.NewCluster(opts...)
	if err != nil {
		tb.Fatalf("start fake Kafka: %v", err)
	}
	tb.Cleanup(fake.Close)
	client, err := kgo.NewClient(
		kgo.SeedBrokers(fake.ListenAddrs()...),
		kgo.ProducerLinger(0),
		kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(partitionOfRecord)),
		kgo.MetadataMinAge(10*time.Millisecond),
		kgo.DisableClientMetrics(),
	)
	if err != nil {
		tb.Fatalf("create client of fake Kafka: %v", err)
	}
	tb.Cleanup(client.Close)
	return &Cluster{fake: fake, client: client, admin: kadm.NewClient(client)}
}

// partitionOfRecord puts records where their field Partition says.
func partitionOfRecord(string) func(*kgo.Record, int) int {
	return func(r *kgo.Record, n int) int { return int(r.Partition) % n }
}

// Fake returns the fake itself, for faults and for control of single requests.
func (c *Cluster) Fake() *kfake.Cluster { return c.fake }

// Addrs returns the addresses of the brokers, HOST:PORT.
func (c *Cluster) Addrs() []string { return c.fake.ListenAddrs() }

// Bootstrap returns the addresses as the contract has them, separated by commas.
func (c *Cluster) Bootstrap() string { return strings.Join(c.Addrs(), ",") }

// CreateTopic creates a topic.
func (c *Cluster) CreateTopic(tb testing.TB, name string, partitions int32) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	defer cancel()
	if _, err := c.admin.CreateTopic(ctx, partitions, 1, nil, name); err != nil {
		tb.Fatalf("create topic %q: %v", name, err)
	}
}

// DeleteTopic deletes a topic.
func (c *Cluster) DeleteTopic(tb testing.TB, name string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	defer cancel()
	if _, err := c.admin.DeleteTopic(ctx, name); err != nil {
		tb.Fatalf("delete topic %q: %v", name, err)
	}
	c.client.PurgeTopicsFromClient(name)
}

// Produce writes records, each to the topic and the partition in its fields, and waits for all of them.
func (c *Cluster) Produce(tb testing.TB, records ...*kgo.Record) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	defer cancel()
	if err := c.client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		tb.Fatalf("produce %d records: %v", len(records), err)
	}
}

// Records waits until a topic has n records and returns all that it has then, in the order in which they were read:
// that of each partition, partitions interleaved.
func (c *Cluster) Records(tb testing.TB, topic string, n int) []*kgo.Record {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	defer cancel()
	reader, err := kgo.NewClient(kgo.SeedBrokers(c.Addrs()...), kgo.ConsumeTopics(topic),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.DisableClientMetrics(),
		kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		tb.Fatalf("create reader of topic %q: %v", topic, err)
	}
	defer reader.Close()
	var records []*kgo.Record
	for len(records) < n {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			tb.Fatalf("read topic %q: %d of %d records: %v", topic, len(records), n, err)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

// Committed returns the committed offsets of a group by partition, without the partitions that have none.
func (c *Cluster) Committed(tb testing.TB, group, topic string) map[int32]int64 {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	defer cancel()
	offsets, err := c.admin.FetchOffsets(ctx, group)
	if err != nil {
		tb.Fatalf("fetch offsets of group %q: %v", group, err)
	}
	committed := map[int32]int64{}
	for partition, offset := range offsets[topic] {
		if offset.Err != nil {
			tb.Fatalf("fetch offset of group %q, topic %q, partition %d: %v", group, topic, partition, offset.Err)
		}
		if offset.At >= 0 {
			committed[partition] = offset.At
		}
	}
	return committed
}
