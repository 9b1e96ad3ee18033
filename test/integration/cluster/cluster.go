// Package cluster is the Kafka that integration tests run on: the running one that the environment variable KAFKA
// (HOST:PORT) names, else a fake that belongs to the test and ends with it. A test does the same on both.
//
// It looks at Kafka with a client of its own and so sees what brokers have, not what the data plane believes. It starts
// no real Kafka; with KAFKA_DIR it restarts, freezes and thaws one that hack/kafka.sh has started there. A Cluster is
// used by the goroutine of the test.
package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/test/integration/poll"
)

// timeout bounds every single operation, also on a machine with much else to do.
const timeout = 60 * time.Second

// Cluster is a Kafka cluster of one broker.
type Cluster struct {
	// Servers are its bootstrap servers as a contract has them.
	Servers string
	fake    *fake   // nil: a real Kafka
	script  *script // nil: not one of hack/kafka.sh's
	client  *kgo.Client
	admin   *kadm.Client
}

// Start returns the Kafka of the environment, or starts a fake.
func Start(tb testing.TB) *Cluster {
	tb.Helper()
	c := &Cluster{Servers: os.Getenv("KAFKA")}
	if c.Servers == "" {
		c.fake = startFake(tb)
		c.Servers = c.fake.address()
	} else {
		c.script = findScript(tb)
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(c.Servers, ",")...),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchMaxBytes(1<<20),
		kgo.MetadataMinAge(50*time.Millisecond),
		kgo.DisableClientMetrics(),
	)
	if err != nil {
		tb.Fatalf("create client of %s: %v", c.Servers, err)
	}
	tb.Cleanup(client.Close)
	c.client, c.admin = client, kadm.NewClient(client)
	return c
}

// Kind names the Kafka in what tests print.
func (c *Cluster) Kind() string {
	if c.fake != nil {
		return "fake Kafka"
	}
	return "real Kafka"
}

// Name returns a name for a topic or a group that nobody else has, not in an earlier run either.
func Name(prefix string) string { return fmt.Sprintf("it-%s-%08x", prefix, rand.Uint32()) }

// Topic creates a topic that is deleted after the test and returns its name, once its partitions have leaders: a broker
// with much else to do learns of them after it has answered. config has Kafka's topic settings.
func (c *Cluster) Topic(tb testing.TB, prefix string, partitions int32, config map[string]string) string {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	defer cancel()
	settings := map[string]*string{}
	for key, value := range config {
		settings[key] = &value
	}
	name := Name(prefix)
	if _, err := c.admin.CreateTopic(ctx, partitions, 1, settings, name); err != nil {
		tb.Fatalf("create topic %q: %v", name, err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		defer cancel()
		if _, err := c.admin.DeleteTopic(ctx, name); err != nil && c.fake == nil {
			tb.Logf("topic %q is left behind: %v", name, err)
		}
	})
	poll.Until(tb, timeout, func() string {
		described, err := c.admin.ListTopics(ctx, name)
		if err != nil {
			tb.Fatalf("look for topic %q: %v", name, err)
		}
		led := 0
		for _, p := range described[name].Partitions {
			if p.Err == nil && p.Leader >= 0 {
				led++
			}
		}
		if led < int(partitions) {
			return fmt.Sprintf("topic %q has leaders for %d partitions, %d have one: %v", name, partitions, led, described[name].Err)
		}
		return ""
	})
	return name
}

// Produce writes records to the topic and the partition in their fields and waits for all of them.
func (c *Cluster) Produce(tb testing.TB, records []*kgo.Record) {
	tb.Helper()
	if err := c.TryProduce(tb.Context(), records); err != nil {
		tb.Fatalf("produce %d records: %v", len(records), err)
	}
}

// TryProduce is Produce for any goroutine.
func (c *Cluster) TryProduce(ctx context.Context, records []*kgo.Record) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return c.client.ProduceSync(ctx, records...).FirstErr()
}

// IDs reads a topic from its beginning to its end as of now and returns how often it has each CloudEvents id.
func (c *Cluster) IDs(tb testing.TB, topic string) map[string]int {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	defer cancel()
	ends, err := c.admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		tb.Fatalf("end of topic %q: %v", topic, err)
	}
	from, left := map[int32]kgo.Offset{}, map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			from[o.Partition], left[o.Partition] = kgo.NewOffset().AtStart(), o.Offset
		}
	})
	reader, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(c.Servers, ",")...), kgo.DisableClientMetrics(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
	if err != nil {
		tb.Fatalf("create reader of topic %q: %v", topic, err)
	}
	defer reader.Close()
	found := map[string]int{}
	for len(left) > 0 {
		fetches := reader.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			tb.Fatalf("read topic %q: %v, partitions not read to their end: %v", topic, err, left)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			found[idOf(r)]++
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
	return found
}

func idOf(r *kgo.Record) string {
	for _, h := range r.Headers {
		if h.Key == "ce_id" {
			return string(h.Value)
		}
	}
	return ""
}
