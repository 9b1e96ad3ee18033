package egress

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/proto/contract"
)

func TestACommitCarriesNoForeignMetadata(t *testing.T) {
	f := newFixture(t, 1)
	var mu sync.Mutex
	var metadata []string
	f.kafka.Fake().ControlKey(int16(kmsg.OffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
		f.kafka.Fake().KeepControl()
		mu.Lock()
		defer mu.Unlock()
		for _, topic := range r.(*kmsg.OffsetCommitRequest).Topics {
			for _, p := range topic.Partitions {
				if p.Metadata == nil {
					metadata = append(metadata, "null")
				} else {
					metadata = append(metadata, *p.Metadata)
				}
			}
		}
		return nil, nil, false
	})
	s := newSubscriber(t, nil)
	f.produce(0, 0, 1)
	f.set.Apply(f.contract(egressTo("a", s.URL)), nil)
	eventually(t, "committed", f.committed("group-a", 0, 1))
	mu.Lock()
	defer mu.Unlock()
	for _, m := range metadata {
		if m != "" {
			t.Errorf("metadata %q", m)
		}
	}
	if len(metadata) == 0 {
		t.Error("no commit was seen")
	}
}

func TestAPartitionInRetryDoesNotHoldUpTheOthers(t *testing.T) {
	f := newFixture(t, 2)
	s := newSubscriber(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("ce-knativekafkapartition") == "0" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	e := egressTo("a", s.URL)
	e.DeliveryOrder = contract.DeliveryOrder_ORDERED
	e.EgressConfig = &contract.EgressConfig{Retry: 1, BackoffDelay: 3_600_000}
	f.produce(0, 0, 6000) // more than one partition may hold
	f.set.Apply(f.contract(e), nil)
	eventually(t, "the partition in retry is paused", func() bool {
		for _, p := range f.set.Status()[0].Partitions {
			if p.Partition == 0 && p.Paused {
				return true
			}
		}
		return false
	})
	f.produce(1, 0, 300)
	eventually(t, "the other partition is delivered", f.committed("group-a", 1, 300))
}

func TestAPausedPartitionComesBackAfterARebalance(t *testing.T) {
	f := newFixture(t, 2)
	var open atomic.Bool
	s := newSubscriber(t, func(w http.ResponseWriter, _ *http.Request) {
		if !open.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	e := egressTo("a", s.URL)
	e.DeliveryOrder = contract.DeliveryOrder_ORDERED
	e.EgressConfig = &contract.EgressConfig{Retry: 1, BackoffDelay: 3_600_000}
	f.produce(0, 0, 5000)
	c := f.contract(e)
	eager := func(o *Options) { o.Consumer.Balancers = []kgo.GroupBalancer{kgo.StickyBalancer()} } // as beside older members
	f.set = f.newSetWith(eager)
	f.set.Apply(c, nil)
	eventually(t, "paused", func() bool {
		for _, p := range f.set.Status()[0].Partitions {
			if p.Paused {
				return true
			}
		}
		return false
	})
	open.Store(true)
	other := f.newSetWith(eager) // joins: every partition is given up and assigned again
	other.Apply(c, nil)
	eventually(t, "two members", func() bool { return len(other.Status()[0].Partitions) == 1 })
	eventually(t, "the paused partition is delivered to its end", f.committed("group-a", 0, 5000))
}

func TestARecordThatWaitsHoldsNoBatch(t *testing.T) {
	value := make([]byte, 1<<20)
	rec := &kgo.Record{Key: value[:1], Value: value[1:3], Headers: []kgo.RecordHeader{{Key: "k", Value: value[3:4]}}}
	kept := detach(rec)
	if cap(kept.Value) > 16 || cap(kept.Key) > 16 || cap(kept.Headers[0].Value) > 16 {
		t.Errorf("the copy aliases its source: %d, %d, %d", cap(kept.Key), cap(kept.Value), cap(kept.Headers[0].Value))
	}
	if none := detach(&kgo.Record{}); none.Value != nil {
		t.Error("a record without value got one")
	}
}

func TestADeadLetterSinkThatFailsHoldsTheEvent(t *testing.T) {
	f := newFixture(t, 1)
	var open atomic.Bool
	dead := newSubscriber(t, func(w http.ResponseWriter, _ *http.Request) {
		if !open.Load() {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	s := newSubscriber(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) })
	e := egressTo("a", s.URL)
	e.EgressConfig = &contract.EgressConfig{DeadLetter: dead.URL}
	f.produce(0, 0, 1)
	f.set.Apply(f.contract(e), nil)
	eventually(t, "it waits", func() bool { return f.set.Status()[0].Waiting == 1 })
	if n := f.offsets("group-a")[0]; n != 0 {
		t.Fatalf("offset %d was committed", n)
	}
	open.Store(true)
	eventually(t, "committed when the dead letter sink took it", f.committed("group-a", 0, 1))
	if n := len(s.received()); n != 1 {
		t.Errorf("the subscriber was called %d times", n)
	}
}

func TestAHangingSubscriberDoesNotHoldUpOtherEgresses(t *testing.T) {
	f := newFixture(t, 1)
	release := make(chan struct{})
	hanging := newSubscriber(t, func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) })
	s := newSubscriber(t, nil)
	f.produce(0, 0, 500)
	f.set.options.RevokeWait = 50 * time.Millisecond // what hangs is not waited for at the end
	f.set.Apply(f.contract(egressTo("a", hanging.URL), egressTo("b", s.URL)), nil)
	eventually(t, "the other egress delivers all (IN-60, EG-83)", f.committed("group-b", 0, 500))
	if n := f.offsets("group-a")[0]; n != 0 {
		t.Errorf("offset %d of the hanging egress was committed", n)
	}
	f.set.Apply(f.contract(egressTo("b", s.URL)), nil)
	f.produce(0, 500, 1)
	eventually(t, "after the removal of what hangs, too", f.committed("group-b", 0, 501))
}

// leaving is a context that says another deadline than the one it ends at.
type leaving struct {
	context.Context
	at time.Time
}

func (d leaving) Deadline() (time.Time, bool) { return d.at, true }

func TestASetClosesInTimeThoughASubscriberHangs(t *testing.T) {
	f := newFixture(t, 2)
	release := make(chan struct{})
	hanging := newSubscriber(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("ce-id") != "1-0" {
			<-release
		}
	})
	t.Cleanup(func() { close(release) })
	f.produce(0, 0, 10)
	f.produce(1, 0, 10)
	e := egressTo("a", hanging.URL)
	e.DeliveryOrder = contract.DeliveryOrder_ORDERED
	f.set.Apply(f.contract(e), nil)
	eventually(t, "two events hang", func() bool { return len(hanging.received()) == 3 })
	// Less than a rebalance may wait for deliveries, as they have had their time before. How long it takes to leave after that
	// is the machine's matter.
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	if err := f.set.Close(leaving{ctx, time.Now().Add(leaveTime + time.Second)}); err != nil {
		t.Errorf("close: %v", err)
	}
	if got := f.offsets("group-a"); got[0] != 0 || got[1] != 1 {
		t.Errorf("committed %v, want what was finished and nothing that hangs", got)
	}
}

func TestAtRestNothingIsCommitted(t *testing.T) {
	f := newFixture(t, 1)
	var commits atomic.Int64
	f.kafka.Fake().ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) {
		f.kafka.Fake().KeepControl()
		commits.Add(1)
		return nil, nil, false
	})
	s := newSubscriber(t, nil)
	f.produce(0, 0, 100)
	f.set.Apply(f.contract(egressTo("a", s.URL)), nil)
	eventually(t, "committed", f.committed("group-a", 0, 100))
	before := commits.Load()
	f.set.mu.Lock()
	g := f.set.members["a"].group
	f.set.mu.Unlock()
	eventually(t, "no commit is due or on its way", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return !g.committer.pending && !g.committer.busy
	})
	if n := commits.Load(); n != before {
		t.Errorf("%d commits after the last one that was needed", n-before)
	}
}

func TestATopicThatIsCreatedAgainIsTakenUp(t *testing.T) {
	f := newFixture(t, 1)
	s := newSubscriber(t, nil)
	f.set.Apply(f.contract(egressTo("a", s.URL)), nil)
	f.produce(0, 0, 3)
	eventually(t, "the first topic is delivered", f.committed("group-a", 0, 3))
	f.kafka.DeleteTopic(t, f.topic)
	eventually(t, "its end is noticed", func() bool { return f.set.Status()[0].LastError != "" })
	f.kafka.CreateTopic(t, f.topic, 1)
	f.produce(0, 100, 5)
	eventually(t, "the new topic is delivered", func() bool { return len(s.received()) == 8 })
	eventually(t, "and committed", f.committed("group-a", 0, 5))
	eventually(t, "and committed", f.committed("group-a", 0, 5))
}

func TestAnEventThatWaitsForADeadLetterSinkOutlivesItsRemoval(t *testing.T) {
	f := newFixture(t, 1)
	dead := newSubscriber(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) })
	s := newSubscriber(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) })
	e := egressTo("a", s.URL)
	e.EgressConfig = &contract.EgressConfig{DeadLetter: dead.URL}
	f.produce(0, 0, 1)
	f.set.Apply(f.contract(e), nil)
	eventually(t, "it waits for the dead letter sink", func() bool { return f.set.Status()[0].Waiting == 1 })
	f.set.Apply(f.contract(egressTo("a", s.URL)), nil)
	eventually(t, "it ends as an event without a dead letter sink", f.committed("group-a", 0, 1))
	if st := f.set.Status()[0]; st.Lost != 1 || len(s.received()) != 1 {
		t.Errorf("lost %d, %d calls of the subscriber", st.Lost, len(s.received()))
	}
}

func TestAGroupThatCannotSpeakWithKafkaSaysWhy(t *testing.T) { // SEC-20
	f := newFixture(t, 1)
	authority := kafkatest.NewAuthority(t)
	secured := kafkatest.StartFor(t, nil, kfake.TLS(authority.Server(t, "127.0.0.1", false)))
	c := f.contract(egressTo("a", "http://127.0.0.1:1/"))
	c.Resources[0].BootstrapServers = secured.Bootstrap()
	f.set.Apply(c, nil)
	eventually(t, "the reason in the status", func() bool {
		groups := f.set.Status()
		return len(groups) == 1 && strings.Contains(groups[0].LastError, "the listener may ask for TLS")
	})
}
