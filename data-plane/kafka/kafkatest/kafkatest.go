// Package kafkatest is the Kafka of unit tests: a fake broker in the test's process, on loopback and with its data in
// the test's temporary directory, ended with the test. It is for tests alone and must not be imported by anything else.
//
// A Cluster may be used by any goroutine, its methods that take a testing.TB only by those that may fail the test.
package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// timeout bounds every operation of a test on Kafka. It is only reached by a test that fails.
const timeout = 30 * time.Second

// Cluster is a fake Kafka cluster.
type Cluster struct {
	fake   *kfake.Cluster
	client *kgo.Client
	admin  *kadm.Client

	admitted []kgo.Opt // what a client of the test needs
}

// Start starts a cluster of one broker without topics; options of kfake change that. It ends with the test.
func Start(tb testing.TB, opts ...kfake.Opt) *Cluster {
	tb.Helper()
	return StartFor(tb, nil, opts...)
}

// StartFor is Start for a cluster that admits only clients with these options: the test's own requests are made with
// them.
func StartFor(tb testing.TB, admitted []kgo.Opt, opts ...kfake.Opt) *Cluster {
	tb.Helper()
	// In memory segments double as they grow; files are faster too.
	data := filepath.Join(tb.TempDir(), "data")
	opts = append([]kfake.Opt{kfake.NumBrokers(1), kfake.DataDir(data), kfake.SleepOutOfOrder()}, opts...)
	fake, err := kfake.NewCluster(opts...)
	if err != nil {
		tb.Fatalf("start fake Kafka: %v", err)
	}
	tb.Cleanup(func() {
		fake.Close()
		retire(tb, data)
	})
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(fake.ListenAddrs()...),
		kgo.ProducerLinger(0),
		kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(partitionOfRecord)),
		kgo.MetadataMinAge(10 * time.Millisecond),
		kgo.DisableClientMetrics(),
	}, admitted...)...)
	if err != nil {
		tb.Fatalf("create client of fake Kafka: %v", err)
	}
	tb.Cleanup(client.Close)
	return &Cluster{fake: fake, client: client, admin: kadm.NewClient(client), admitted: admitted}
}

// retire puts a file in the place of a folder. The fake may still handle a request after Close and write for it, while
// the test removes its temporary directory; with a file there it cannot.
func retire(tb testing.TB, folder string) {
	for i := range 100 {
		if err := os.Rename(folder, fmt.Sprintf("%s.%d", folder, i)); err != nil {
			tb.Errorf("close fake Kafka: %v", err)
			return
		}
		file, err := os.OpenFile(folder, os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			_ = file.Close()
			return
		}
	}
	tb.Error("close fake Kafka: its folder comes back again and again")
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

// Hold makes the brokers keep the requests of one kind until release is called; arrived tells of each. Other requests go
// on, but those behind a held one on the same connection.
func (c *Cluster) Hold(key kmsg.Key) (arrived <-chan struct{}, release func()) {
	requests, gate := make(chan struct{}, 1000), make(chan struct{})
	c.fake.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.fake.KeepControl()
		requests <- struct{}{}
		c.fake.SleepControl(func() { <-gate })
		return nil, nil, false
	})
	return requests, sync.OnceFunc(func() { close(gate) })
}

// SetPassword gives a user another SCRAM password. Connections that are authenticated already stay.
func (c *Cluster) SetPassword(tb testing.TB, mechanism kadm.ScramMechanism, user, password string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	defer cancel()
	_, err := c.admin.AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{
		{User: user, Mechanism: mechanism, Iterations: 4096, Password: password},
	})
	if err != nil {
		tb.Fatalf("set the password of %q: %v", user, err)
	}
}

// CreateTopic creates a topic.
func (c *Cluster) CreateTopic(tb testing.TB, name string, partitions int32) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	defer cancel()
	if _, err := c.admin.CreateTopic(ctx, partitions, 1, nil, name); err != nil {
		tb.Fatalf("create topic %q: %v", name, err)
	}
}

// Commit commits offsets of a group without members, by partition.
func (c *Cluster) Commit(tb testing.TB, group, topic string, offsets map[int32]int64) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	defer cancel()
	commit := kadm.Offsets{}
	for partition, offset := range offsets {
		commit.AddOffset(topic, partition, offset, -1)
	}
	if err := c.admin.CommitAllOffsets(ctx, group, commit); err != nil {
		tb.Fatalf("commit offsets of group %q: %v", group, err)
	}
}

// DeleteRecords deletes the records of a partition before an offset.
func (c *Cluster) DeleteRecords(tb testing.TB, topic string, partition int32, before int64) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	defer cancel()
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, partition, before, -1)
	responses, err := c.admin.DeleteRecords(ctx, offsets)
	if err == nil {
		err = responses.Error()
	}
	if err != nil {
		tb.Fatalf("delete records of topic %q, partition %d: %v", topic, partition, err)
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
	reader, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(c.Addrs()...), kgo.ConsumeTopics(topic),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.DisableClientMetrics(),
		kgo.MetadataMinAge(10 * time.Millisecond),
	}, c.admitted...)...)
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
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
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
