package system

import (
	"context"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

const (
	// kafkaVariable names the servers of a Kafka that runs; without it tests have a fake of their own.
	kafkaVariable = "KAFKA"
	// clientID is how the test itself calls itself.
	clientID = "test"
	// kafkaPatience bounds a single operation of a test.
	kafkaPatience = time.Minute
)

// Kafka is the cluster of a test, with eyes of its own: what brokers have, and what they are asked.
type Kafka struct {
	// Servers are its bootstrap servers, separated by commas.
	Servers string

	client *kgo.Client
	admin  *kadm.Client
	counts *counts // nil: a real Kafka, whose requests nobody counts
}

// startKafka starts a fake, or takes the Kafka that the environment names.
func startKafka(tb testing.TB) *Kafka {
	tb.Helper()
	k := &Kafka{Servers: os.Getenv(kafkaVariable)}
	if k.Servers == "" {
		k.counts = &counts{of: map[Request]int{}}
		k.Servers = kafkatest.Start(tb, kfake.ListenFn(func(network, address string) (net.Listener, error) {
			l, err := (&net.ListenConfig{}).Listen(tb.Context(), network, address)
			return &tap{l, k.counts}, err
		})).Bootstrap()
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(k.Servers, ",")...), kgo.ClientID(clientID), kgo.DisableClientMetrics(),
		kgo.MetadataMinAge(10*time.Millisecond)) // lists of topics are taken from a cache as long as that
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(client.Close)
	k.client, k.admin = client, kadm.NewClient(client)
	return k
}

// Requests returns how many requests of which kind there were so far; nil for a real Kafka, which is not listened to.
func (k *Kafka) Requests() map[Request]int {
	if k.counts == nil {
		return nil
	}
	k.counts.mu.Lock()
	defer k.counts.mu.Unlock()
	return maps.Clone(k.counts.of)
}

// Topics returns the names of all topics but Kafka's own, sorted.
func (k *Kafka) Topics(tb testing.TB) []string {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), kafkaPatience)
	defer cancel()
	topics, err := k.admin.ListTopics(ctx)
	if err != nil {
		tb.Fatalf("list topics: %v", err)
	}
	return slices.Sorted(slices.Values(topics.Names()))
}

// Groups returns the ids of all consumer groups, sorted.
func (k *Kafka) Groups(tb testing.TB) []string {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), kafkaPatience)
	defer cancel()
	groups, err := k.admin.ListGroups(ctx)
	if err != nil {
		tb.Fatalf("list consumer groups: %v", err)
	}
	return slices.Sorted(slices.Values(groups.Groups()))
}

// CreateTopic makes a topic that no object owns.
func (k *Kafka) CreateTopic(tb testing.TB, name string, partitions int32) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), kafkaPatience)
	defer cancel()
	if _, err := k.admin.CreateTopic(ctx, partitions, 1, nil, name); err != nil {
		tb.Fatalf("create topic %q: %v", name, err)
	}
}

// DeleteTopics deletes topics that there must be.
func (k *Kafka) DeleteTopics(tb testing.TB, names ...string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), kafkaPatience)
	defer cancel()
	responses, err := k.admin.DeleteTopics(ctx, names...)
	if err == nil {
		err = responses.Error()
	}
	if err != nil {
		tb.Fatalf("delete topics %v: %v", names, err)
	}
}

// Produce writes an event into a topic, as any application may.
func (k *Kafka) Produce(tb testing.TB, topic, id string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), kafkaPatience)
	defer cancel()
	r := &kgo.Record{Topic: topic, Value: []byte(`{"a":1}`)}
	for key, value := range map[string]string{
		"content-type": "application/json", "ce_specversion": "1.0", "ce_source": "/test", "ce_id": id, "ce_type": "a",
	} {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	}
	if err := k.client.ProduceSync(ctx, r).FirstErr(); err != nil {
		tb.Fatalf("produce into topic %q: %v", topic, err)
	}
}

// Records waits until a topic of one partition has n records and returns them.
func (k *Kafka) Records(tb testing.TB, topic string, n int) []*kgo.Record {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), kafkaPatience)
	defer cancel()
	reader, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(k.Servers, ",")...), kgo.ClientID(clientID), kgo.DisableClientMetrics(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		tb.Fatal(err)
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

// Written is how many records a topic has got.
func (k *Kafka) Written(tb testing.TB, topic string) int64 {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), kafkaPatience)
	defer cancel()
	ends, err := k.admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		tb.Fatalf("end of topic %q: %v", topic, err)
	}
	n := int64(0)
	ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
	return n
}

// Unfinished is how many records of a topic lie above what a group has committed; partitions without a commit count from
// their beginning.
func (k *Kafka) Unfinished(tb testing.TB, group, topic string) int64 {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), kafkaPatience)
	defer cancel()
	committed, err := k.admin.FetchOffsets(ctx, group)
	if err != nil {
		tb.Fatalf("offsets of group %q: %v", group, err)
	}
	n := k.Written(tb, topic)
	for _, o := range committed[topic] {
		n -= max(0, o.At)
	}
	return n
}
