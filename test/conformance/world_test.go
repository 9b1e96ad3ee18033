package conformance

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/data-plane/plane"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// deadline bounds every wait; only a case that fails reaches it.
const deadline = 2 * time.Minute

// partitions is how many each topic of an ingress case has.
const partitions = 7

// world is one Kafka and one data plane that all cases share.
type world struct {
	kafka   *kafkatest.Cluster
	plane   *plane.Plane
	client  *kgo.Client
	admin   *kadm.Client
	cancel  context.CancelFunc // ends the data plane
	started time.Time
	seen    observed
}

// observed is what members of groups asked Kafka for.
type observed struct {
	mu         sync.Mutex
	commits    []commit
	strategies map[string][]string // offered by each group, in order
	acks       map[int16]int       // asked for by producers, and how often
	next       int                 // members that spoke the newer group protocol
}

// commit is one offset that was committed.
type commit struct {
	group, topic string
	partition    int32
	offset       int64
	metadata     string
}

// newWorld starts Kafka, with its topics made before it listens.
func newWorld(t *testing.T, topics map[string]int32) *world {
	t.Helper()
	var seeds []kfake.Opt
	for name, n := range topics {
		seeds = append(seeds, kfake.SeedTopics(n, name))
	}
	w := &world{kafka: kafkatest.Start(t, seeds...), started: time.Now(), seen: observed{strategies: map[string][]string{}, acks: map[int16]int{}}}
	client, err := kgo.NewClient(kgo.SeedBrokers(w.kafka.Addrs()...), kgo.DisableClientMetrics())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	w.client, w.admin = client, kadm.NewClient(client)
	return w
}

// observe notes what members of groups ask for from now on.
func (w *world) observe() {
	for _, key := range []kmsg.Key{kmsg.OffsetCommit, kmsg.JoinGroup, kmsg.Produce, kmsg.ConsumerGroupHeartbeat} {
		w.kafka.Fake().ControlKey(int16(key), func(r kmsg.Request) (kmsg.Response, error, bool) {
			w.kafka.Fake().KeepControl()
			w.seen.note(r)
			return nil, nil, false
		})
	}
}

func (o *observed) note(r kmsg.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch r := r.(type) {
	case *kmsg.OffsetCommitRequest:
		for _, topic := range r.Topics {
			for _, p := range topic.Partitions {
				c := commit{group: r.Group, topic: topic.Topic, partition: p.Partition, offset: p.Offset}
				if p.Metadata != nil {
					c.metadata = *p.Metadata
				}
				o.commits = append(o.commits, c)
			}
		}
	case *kmsg.JoinGroupRequest:
		var names []string
		for _, p := range r.Protocols {
			names = append(names, p.Name)
		}
		o.strategies[r.Group] = names
	case *kmsg.ProduceRequest:
		o.acks[r.Acks]++
	case *kmsg.ConsumerGroupHeartbeatRequest:
		o.next++
	}
}

// run starts the data plane on a contract.
func (w *world) run(t *testing.T, c *contract.Contract) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data")
	content, err := contract.Encode(c, contract.FormatZstd)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	producer := kafka.DefaultProducerConfig()
	// How long the cases whose brokers do not answer take. The others must be done by then, while hundreds of groups join.
	producer.DeliveryTimeout = 20 * time.Second
	p, err := plane.Start(ctx, plane.Config{
		Ingress: true, Egress: true, ContractPath: path,
		IngressAddress: "127.0.0.1:0", StatusAddress: "127.0.0.1:0",
		Producer: producer, Consumer: kafka.DefaultConsumerConfig(),
		ShutdownGrace: 24 * time.Second, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(cancel)
	w.plane, w.cancel = p, cancel
	eventually(func() bool { return p.Report().Ready })
}

// stop ends the data plane and waits for it.
func (w *world) stop(t *testing.T) {
	t.Helper()
	w.cancel()
	if err := w.plane.Wait(); err != nil {
		t.Errorf("the data plane ended with %v", err)
	}
}

// records returns how many a topic has.
func (w *world) records(t *testing.T, topic string) int64 {
	t.Helper()
	ends, err := w.admin.ListEndOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
	return n
}

// eventually waits until something holds, and says whether it did in time.
func eventually(holds func() bool) bool { return until(time.Now().Add(deadline), holds) }

func until(end time.Time, holds func() bool) bool {
	for ; time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return true
		}
	}
	return false
}

// read returns all records of topics whose names have a prefix, by topic, each partition in order.
func (w *world) read(t *testing.T, prefix string) map[string][]*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	ends, err := w.admin.ListEndOffsets(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var (
		topics []string
		want   int64
	)
	for topic, parts := range ends {
		if !strings.HasPrefix(topic, prefix) {
			continue
		}
		topics = append(topics, topic)
		for _, p := range parts {
			want += p.Offset
		}
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(w.kafka.Addrs()...), kgo.ConsumeTopics(topics...), kgo.DisableClientMetrics(),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	records := map[string][]*kgo.Record{}
	for n := int64(0); n < want; {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("%d of %d records: %v", n, want, err)
		}
		for _, r := range fetches.Records() {
			records[r.Topic] = append(records[r.Topic], r)
			n++
		}
	}
	return records
}

// committed returns the committed offset of a partition, -1 for none.
func (w *world) committed(t *testing.T, group, topic string, partition int32) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	offsets, err := w.admin.FetchOffsets(ctx, group)
	if err != nil {
		return -1 // the group does not exist
	}
	if o, ok := offsets.Lookup(topic, partition); ok {
		return o.At
	}
	return -1
}
