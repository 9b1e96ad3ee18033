package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/delivery"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/data-plane/status"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// deadline is how long a test waits for what must happen; nothing waits for it when it happens.
const deadline = 90 * time.Second

// fixture is a set with a Kafka of its own.
type fixture struct {
	t     *testing.T
	kafka *kafkatest.Cluster
	set   *Set
	topic string
}

func newFixture(t *testing.T, partitions int32) *fixture {
	t.Helper()
	f := &fixture{t: t, kafka: kafkatest.Start(t), topic: "events"}
	f.kafka.CreateTopic(t, f.topic, partitions)
	f.set = f.newSet()
	return f
}

func (f *fixture) newSet() *Set { return f.newSetWith(func(*Options) {}) }

// newSetWith is newSet with other options.
func (f *fixture) newSetWith(change func(*Options)) *Set {
	f.t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	registry := telemetry.NewRegistry(telemetry.Options{})
	producers := kafka.NewProducers(kafka.DefaultProducerConfig(), log)
	o := Options{
		Producers: producers, Clients: delivery.NewClients(), Telemetry: registry,
		Consumer: kafka.DefaultConsumerConfig(), Log: log, RevokeWait: 5 * time.Second,
	}
	change(&o)
	s := New(o)
	f.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			f.t.Errorf("close: %v", err)
		}
		if err := producers.Close(ctx); err != nil {
			f.t.Errorf("close producers: %v", err)
		}
		if err := registry.Close(ctx); err != nil {
			f.t.Errorf("close telemetry: %v", err)
		}
	})
	return s
}

// egressTo is an unordered egress without retry that drops replies.
func egressTo(uid, url string) *contract.Egress {
	return &contract.Egress{
		Uid: uid, ConsumerGroup: "group-" + uid, Destination: url,
		ReplyStrategy: &contract.Egress_DiscardReply{DiscardReply: &contract.Empty{}},
		Reference:     &contract.Reference{Namespace: "ns", Name: uid, Kind: "Trigger"},
	}
}

func (f *fixture) contract(egresses ...*contract.Egress) *contract.Contract {
	return &contract.Contract{Generation: 1, Resources: []*contract.Resource{{
		Uid: "resource", Topics: []string{f.topic}, BootstrapServers: f.kafka.Bootstrap(),
		Reference: &contract.Reference{Namespace: "ns", Name: "broker", Kind: "Broker"},
		Egresses:  egresses,
	}}}
}

// produce writes n events to a partition, with ids from first on.
func (f *fixture) produce(partition int32, first, n int) {
	f.t.Helper()
	var records []*kgo.Record
	for i := first; i < first+n; i++ {
		records = append(records, event(f.topic, partition, fmt.Sprintf("%d-%d", partition, i)))
	}
	f.kafka.Produce(f.t, records...)
}

func event(topic string, partition int32, id string) *kgo.Record {
	return &kgo.Record{Topic: topic, Partition: partition, Value: []byte(`{"id":"` + id + `"}`), Headers: []kgo.RecordHeader{
		{Key: "ce_specversion", Value: []byte("1.0")}, {Key: "ce_id", Value: []byte(id)},
		{Key: "ce_source", Value: []byte("/test")}, {Key: "ce_type", Value: []byte("test.type")},
		{Key: "content-type", Value: []byte("application/json")},
	}}
}

// subscriber records what it gets and answers as told.
type subscriber struct {
	*httptest.Server
	mu      sync.Mutex
	ids     []string
	bodies  map[string]string
	headers map[string]http.Header
	answer  func(w http.ResponseWriter, r *http.Request)
}

func newSubscriber(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) *subscriber {
	t.Helper()
	s := &subscriber{answer: answer, bodies: map[string]string{}, headers: map[string]http.Header{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *subscriber) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	id := r.Header.Get("ce-id")
	s.mu.Lock()
	s.ids = append(s.ids, id)
	s.bodies[id] = string(body)
	s.headers[id] = r.Header.Clone()
	s.mu.Unlock()
	if s.answer != nil {
		s.answer(w, r)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

func (s *subscriber) received() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.ids...)
}

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("not within %v: %s", deadline, what)
}

// offsets are the group's committed offsets by partition; none before the group exists.
func (f *fixture) offsets(group string) map[int32]int64 {
	client, err := kgo.NewClient(kgo.SeedBrokers(f.kafka.Addrs()...))
	if err != nil {
		f.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	fetched, err := kadm.NewClient(client).FetchOffsets(ctx, group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		f.t.Fatal(err)
	}
	found := map[int32]int64{}
	fetched.Each(func(o kadm.OffsetResponse) { found[o.Partition] = o.At })
	return found
}

func (f *fixture) committed(group string, partition int32, want int64) func() bool {
	return func() bool { return f.offsets(group)[partition] == want }
}

func TestAnEventIsDeliveredAndCommitted(t *testing.T) {
	f := newFixture(t, 1)
	s := newSubscriber(t, nil)
	f.produce(0, 0, 3)
	f.set.Apply(f.contract(egressTo("a", s.URL)), nil)
	eventually(t, "three deliveries", func() bool { return len(s.received()) == 3 })
	eventually(t, "offset 3 committed", f.committed("group-a", 0, 3))
	h := s.headers["0-1"]
	for name, want := range map[string]string{
		"ce-type": "test.type", "ce-source": "/test", "ce-specversion": "1.0", "Prefer": "reply", "Kn-Namespace": "ns",
		"ce-knativekafkapartition": "0", "ce-knativekafkaoffset": "1", "Content-Type": "application/json",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: got %q, want %q (EG-12, EG-16)", name, got, want)
		}
	}
	if got := s.bodies["0-1"]; got != `{"id":"0-1"}` {
		t.Errorf("body %q", got)
	}
}

func TestOrderedDeliveryKeepsTheOrderOfEachPartition(t *testing.T) {
	f := newFixture(t, 3)
	failed := map[string]int{}
	var mu sync.Mutex
	s := newSubscriber(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		id := r.Header.Get("ce-id")
		if failed[id]++; failed[id] == 1 && id[len(id)-1] == '7' {
			w.WriteHeader(http.StatusServiceUnavailable) // a retry must hold back what comes after
			return
		}
		w.WriteHeader(http.StatusOK)
	})
	e := egressTo("a", s.URL)
	e.DeliveryOrder = contract.DeliveryOrder_ORDERED
	e.EgressConfig = &contract.EgressConfig{Retry: 3, BackoffDelay: 5}
	for p := range int32(3) {
		f.produce(p, 0, 50)
	}
	f.set.Apply(f.contract(e), nil)
	eventually(t, "all committed", func() bool {
		c := f.offsets("group-a")
		return c[0] == 50 && c[1] == 50 && c[2] == 50
	})
	next := map[byte]int{}
	for _, id := range s.received() {
		var p, i int
		if _, err := fmt.Sscanf(id, "%d-%d", &p, &i); err != nil {
			t.Fatal(err)
		}
		if want := next[id[0]]; i != want && i != want-1 {
			t.Fatalf("partition %d: got event %d, want %d", p, i, want)
		}
		next[id[0]] = i + 1
	}
}

func TestAChangedTargetIsUsedWithoutARejoin(t *testing.T) {
	f := newFixture(t, 1)
	first, second := newSubscriber(t, nil), newSubscriber(t, nil)
	f.set.Apply(f.contract(egressTo("a", first.URL)), nil)
	f.produce(0, 0, 1)
	eventually(t, "delivery to the first", func() bool { return len(first.received()) == 1 })
	client := f.set.members["a"].group.client
	f.set.Apply(f.contract(egressTo("a", second.URL)), nil)
	f.produce(0, 1, 1)
	eventually(t, "delivery to the second", func() bool { return len(second.received()) == 1 })
	if f.set.members["a"].group.client != client {
		t.Error("the group was started again (EG-84)")
	}
	if n := len(first.received()); n != 1 {
		t.Errorf("the first got %d events", n)
	}
}

func TestARemovedEgressLeavesAndCommits(t *testing.T) {
	f := newFixture(t, 2)
	s := newSubscriber(t, nil)
	f.set.Apply(f.contract(egressTo("a", s.URL), egressTo("b", s.URL)), nil)
	f.produce(0, 0, 5)
	eventually(t, "both groups delivered", func() bool { return len(s.received()) == 10 })
	f.set.Apply(f.contract(egressTo("b", s.URL)), nil)
	eventually(t, "offset committed on leaving", f.committed("group-a", 0, 5))
	if got := f.set.Status(); len(got) != 1 || got[0].UID != "b" {
		t.Errorf("status after removal: %+v", got)
	}
}

func TestAnUndeliverableEventReachesTheDeadLetterSink(t *testing.T) {
	f := newFixture(t, 1)
	dead := newSubscriber(t, nil)
	s := newSubscriber(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Kne-Reason", "full")
		w.Header().Set("Kne-Bad_name", "dropped")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, "no room")
	})
	e := egressTo("a", s.URL+"/path?q=1")
	e.EgressConfig = &contract.EgressConfig{Retry: 2, BackoffDelay: 1, DeadLetter: dead.URL}
	f.produce(0, 0, 1)
	f.set.Apply(f.contract(e), nil)
	eventually(t, "dead letter", func() bool { return len(dead.received()) == 1 })
	eventually(t, "committed", f.committed("group-a", 0, 1))
	if n := len(s.received()); n != 3 {
		t.Errorf("%d attempts, want 3 (EG-27)", n)
	}
	h := dead.headers["0-0"]
	for name, want := range map[string]string{
		"ce-knativeerrordest": s.URL + "/path?q=1", "ce-knativeerrorcode": "500", "ce-knativeerrordata": "bm8gcm9vbQ==",
		"ce-reason": "full", "ce-knativekafkaoffset": "0",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestAReplyGoesToTheTopic(t *testing.T) {
	f := newFixture(t, 1)
	s := newSubscriber(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("ce-type") == "reply.type" {
			w.WriteHeader(http.StatusOK)
			return
		}
		w.Header().Set("ce-specversion", "1.0")
		w.Header().Set("ce-id", "answer")
		w.Header().Set("ce-source", "/subscriber")
		w.Header().Set("ce-type", "reply.type")
		w.Header().Set("ce-partitionkey", "k")
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, "pong")
	})
	e := egressTo("a", s.URL)
	e.ReplyStrategy = &contract.Egress_ReplyToOriginalTopic{ReplyToOriginalTopic: &contract.Empty{}}
	f.produce(0, 0, 1)
	f.set.Apply(f.contract(e), nil)
	eventually(t, "the reply comes back", func() bool { return len(s.received()) == 2 })
	records := f.kafka.Records(t, f.topic, 2)
	if got := records[1]; string(got.Key) != "k" || string(got.Value) != "pong" {
		t.Errorf("reply record: key %q value %q (EG-53)", got.Key, got.Value)
	}
}

func TestAnEventInRetryIsNotCommittedAndBlocksNobodyElse(t *testing.T) {
	f := newFixture(t, 1)
	s := newSubscriber(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("ce-id") == "0-0" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	e := egressTo("a", s.URL)
	e.EgressConfig = &contract.EgressConfig{Retry: 1, BackoffDelay: 3_600_000}
	f.produce(0, 0, 20)
	f.set.Apply(f.contract(e), nil)
	eventually(t, "the others are delivered", func() bool { return len(s.received()) == 20 })
	eventually(t, "one waits", func() bool { st := f.set.Status()[0]; return st.Waiting == 1 && st.InFlight == 0 })
	st := f.set.Status()[0]
	got := st.Partitions[0]
	if got.Unfinished != 1 || got.Committed > 0 || got.Oldest == nil {
		t.Fatalf("partition: %+v", got)
	}
	// Where the event is (OBS-26), for who asks.
	next := got.Oldest.NextAttempt
	got.Oldest.NextAttempt, got.Oldest.Written = time.Time{}, time.Time{}
	if want := (status.Event{State: "waiting", To: "subscriber", Attempts: 1, Status: 503}); *got.Oldest != want {
		t.Errorf("%+v, want %+v", *got.Oldest, want)
	}
	if wait := time.Until(next); wait < time.Hour || wait > 3*time.Hour || !st.NextRetry.Equal(next) {
		t.Errorf("the next attempt is in %v, that of the group at %v", wait, st.NextRetry)
	}
}

func TestABrokenEntryKeepsWhatRan(t *testing.T) {
	f := newFixture(t, 1)
	s := newSubscriber(t, nil)
	f.set.Apply(f.contract(egressTo("a", s.URL)), nil)
	broken := egressTo("a", "not a url")
	f.set.Apply(f.contract(broken, egressTo("b", s.URL)), nil)
	f.produce(0, 0, 1)
	eventually(t, "both deliver (CT-27)", func() bool { return len(s.received()) == 2 })
	if st := f.set.Status()[0]; st.Problem == "" {
		t.Errorf("no problem reported: %+v", st)
	}
}

func TestAPartitionWhoseCommittedStartIsGoneStaysAtRest(t *testing.T) {
	f := newFixture(t, 2)
	s := newSubscriber(t, nil)
	e := egressTo("a", s.URL)
	e.InitialPartitions = map[string]int32{f.topic: 1} // 0 was committed and is gone, 1 is new (OF-05)
	f.produce(0, 0, 3)
	f.produce(1, 0, 3)
	f.set.Apply(f.contract(e), nil)
	eventually(t, "the new partition is read from its start", f.committed("group-a", 1, 3))
	if n := len(s.received()); n != 3 {
		t.Errorf("%d deliveries, want those of partition 1", n)
	}
	if st := f.set.Status()[0]; st.Problem == "" {
		t.Error("no problem reported")
	}
}

func TestTwoMembersShareAndHandOver(t *testing.T) {
	f := newFixture(t, 4)
	s := newSubscriber(t, nil)
	c := f.contract(egressTo("a", s.URL))
	f.set.Apply(c, nil)
	other := f.newSet()
	other.Apply(c, nil)
	eventually(t, "two members share four partitions", func() bool {
		return len(f.set.Status()[0].Partitions) == 2 && len(other.Status()[0].Partitions) == 2
	})
	for p := range int32(4) {
		f.produce(p, 0, 100)
	}
	other.Apply(f.contract(), nil)
	eventually(t, "all committed", func() bool {
		c := f.offsets("group-a")
		return c[0] == 100 && c[1] == 100 && c[2] == 100 && c[3] == 100
	})
	seen := map[string]int{}
	for _, id := range s.received() {
		seen[id]++
	}
	if len(seen) != 400 {
		t.Errorf("%d of 400 events delivered", len(seen))
	}
	for id, n := range seen {
		if n > 1 {
			t.Errorf("%s delivered %d times by a graceful hand-over", id, n)
		}
	}
}
