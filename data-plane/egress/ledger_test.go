package egress

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/offsets"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// crash ends a group as a kill would: nothing is committed any more. Its place in the group is free at once, as after the
// session timeout.
func (f *fixture) crash(s *Set, uid string) {
	f.t.Helper()
	s.mu.Lock()
	m := s.members[uid]
	g := m.group
	m.group = nil
	s.mu.Unlock()
	g.cancel()
	<-g.polled
	g.mu.Lock()
	g.stopping, g.leaving = true, true
	for at, p := range g.partitions {
		p.state = gone
		delete(g.partitions, at)
	}
	g.mu.Unlock()
	g.client.AllowRebalance()
	g.client.CloseAllowingRebalance()
}

// metadata is what was last committed for a partition.
func (f *fixture) metadata(group string) (text string, offset int64) {
	f.t.Helper()
	req := kmsg.NewPtrOffsetFetchRequest()
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	req.Groups = append(req.Groups, g)
	resp := f.request(req).(*kmsg.OffsetFetchResponse)
	for _, g := range resp.Groups {
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				if p.Partition == 0 && p.Metadata != nil {
					text, offset = *p.Metadata, p.Offset
				}
			}
		}
	}
	return text, offset
}

func (s *subscriber) calls(id string) int {
	n := 0
	for _, got := range s.received() {
		if got == id {
			n++
		}
	}
	return n
}

// statusOf answers some events with a status and takes the others.
func statusOf(status int, ids ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(ids, r.Header.Get("ce-id")) {
			w.WriteHeader(status)
		}
	}
}

func TestAttemptsOutliveACrashAndADeadLetterComesAfterExactlyAllOfThem(t *testing.T) {
	f := newFixture(t, 1)
	dead := newSubscriber(t, nil)
	s := newSubscriber(t, statusOf(http.StatusServiceUnavailable, "0-0"))
	e := egressTo("a", s.URL)
	e.EgressConfig = &contract.EgressConfig{Retry: 3, BackoffDelay: 20, BackoffPolicy: contract.BackoffPolicy_Linear, DeadLetter: dead.URL}
	held := egressTo("a", s.URL)
	held.EgressConfig = &contract.EgressConfig{Retry: 3, BackoffDelay: 3_600_000, DeadLetter: dead.URL}
	f.produce(0, 0, 30)
	f.set.Apply(f.contract(held), nil)
	eventually(t, "one attempt at each is written down", func() bool {
		text, base := f.metadata("group-a")
		l, reading := offsets.Decode(base, text)
		return reading == offsets.Read && l.Horizon == 30 && len(l.Unfinished) == 1 && l.Unfinished[0].Attempts == 1
	})
	f.crash(f.set, "a")
	next := f.newSet()
	next.Apply(f.contract(e), nil)
	eventually(t, "the dead letter", func() bool { return len(dead.received()) == 1 })
	eventually(t, "all committed", f.committed("group-a", 0, 30))
	if n := s.calls("0-0"); n != 4 {
		t.Errorf("%d attempts by two owners, want 4", n)
	}
	if n := len(s.received()); n != 33 {
		t.Errorf("%d deliveries: what was finished and committed was delivered again", n)
	}
	if counts := next.members["a"].group.stats.Counts(); counts.LedgersRead != 1 || counts.AlreadyFinished != 29 {
		t.Errorf("counts %+v", counts)
	}
}

func TestAnEventOnItsWayToTheDeadLetterSinkDoesNotReturnToItsSubscriber(t *testing.T) {
	f := newFixture(t, 1)
	var open atomic.Bool
	dead := newSubscriber(t, func(w http.ResponseWriter, _ *http.Request) {
		if !open.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	s := newSubscriber(t, statusOf(http.StatusBadRequest, "0-0"))
	e := egressTo("a", s.URL)
	e.EgressConfig = &contract.EgressConfig{Retry: 2, BackoffDelay: 1000, DeadLetter: dead.URL}
	f.produce(0, 0, 1)
	f.set.Apply(f.contract(e), nil)
	eventually(t, "it is written down that the subscriber is not called again", func() bool {
		text, base := f.metadata("group-a")
		l, _ := offsets.Decode(base, text)
		return len(l.Unfinished) == 1 && l.Unfinished[0].Attempts == 3 && l.Unfinished[0].Status == 400
	})
	f.crash(f.set, "a")
	open.Store(true)
	f.newSet().Apply(f.contract(e), nil)
	eventually(t, "dead-lettered by the next owner", f.committed("group-a", 0, 1))
	if n := s.calls("0-0"); n != 1 {
		t.Errorf("the subscriber was called %d times", n)
	}
	if code := dead.headers["0-0"].Get("ce-knativeerrorcode"); code != "400" {
		t.Errorf("error code %q", code)
	}
}

func TestWithoutLedgerWhatIsAboveTheCommittedOffsetIsRepeated(t *testing.T) {
	f := newFixture(t, 1)
	s := newSubscriber(t, statusOf(http.StatusServiceUnavailable, "0-0"))
	e := egressTo("a", s.URL)
	e.EgressConfig = &contract.EgressConfig{Retry: 3, BackoffDelay: 3_600_000}
	f.set.options.LedgerOff = true
	f.produce(0, 0, 30)
	f.set.Apply(f.contract(e), nil)
	eventually(t, "all were tried", func() bool {
		st := f.set.Status()[0]
		return st.Waiting == 1 && st.InFlight == 0 && len(s.received()) == 30
	})
	f.set.Apply(f.contract(), nil)
	f.set.Apply(f.contract(e), nil)
	eventually(t, "all are delivered again", func() bool { return len(s.received()) == 60 })
	if text, _ := f.metadata("group-a"); text != "" {
		t.Errorf("metadata %q", text)
	}
}

func TestForeignMetadataIsIgnored(t *testing.T) {
	f := newFixture(t, 1)
	s := newSubscriber(t, nil)
	f.produce(0, 0, 5)
	f.commitAs("group-a", 2, "kgo-0815")
	f.set.Apply(f.contract(egressTo("a", s.URL)), nil)
	eventually(t, "all from the committed offset on", f.committed("group-a", 0, 5))
	if got := len(s.received()); got != 3 {
		t.Errorf("%d deliveries", got)
	}
	if counts := f.set.members["a"].group.stats.Counts(); counts.LedgersIgnored != 1 {
		t.Errorf("counts %+v", counts)
	}
}

// A broker that takes less metadata than usual, or none, gets less; the offset is committed in any case.
func TestALedgerThatIsRefusedForItsSizeIsMadeSmaller(t *testing.T) {
	for _, limit := range []int{200, 0} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			f := newFixture(t, 1)
			var accepted atomic.Int64
			f.kafka.Fake().ControlKey(int16(kmsg.OffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
				f.kafka.Fake().KeepControl()
				req := r.(*kmsg.OffsetCommitRequest)
				if text := req.Topics[0].Partitions[0].Metadata; text == nil || len(*text) <= limit {
					accepted.Store(int64(len(*text)))
					return nil, nil, false
				}
				resp := r.ResponseKind().(*kmsg.OffsetCommitResponse)
				topic := kmsg.NewOffsetCommitResponseTopic()
				topic.Topic, topic.TopicID = req.Topics[0].Topic, req.Topics[0].TopicID
				p := kmsg.NewOffsetCommitResponseTopicPartition()
				p.ErrorCode = kerr.OffsetMetadataTooLarge.Code
				topic.Partitions = append(topic.Partitions, p)
				resp.Topics = append(resp.Topics, topic)
				return resp, nil, true
			})
			var failing []string
			for i := 5; i < 800; i += 2 {
				failing = append(failing, fmt.Sprintf("0-%d", i))
			}
			s := newSubscriber(t, statusOf(http.StatusServiceUnavailable, failing...))
			e := egressTo("a", s.URL)
			e.EgressConfig = &contract.EgressConfig{Retry: 1, BackoffDelay: 3_600_000}
			f.produce(0, 0, 800)
			f.set.Apply(f.contract(e), nil)
			want := int64(5)
			eventually(t, "the prefix is committed", f.committed("group-a", 0, want))
			if limit > 0 {
				eventually(t, "a ledger that fits", func() bool { return accepted.Load() > 0 })
			}
		})
	}
}

func TestEventsInRetryAreLimitedSoThatTheirAttemptsFit(t *testing.T) {
	f := newFixture(t, 1)
	s := newSubscriber(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	e := egressTo("a", s.URL)
	e.EgressConfig = &contract.EgressConfig{Retry: 1, BackoffDelay: 3_600_000}
	most := offsets.RetryCap(offsets.Budget)
	f.produce(0, 0, most+40)
	f.set.Apply(f.contract(e), nil)
	eventually(t, "as many as fit", func() bool { st := f.set.Status()[0]; return st.Waiting == most && st.InFlight == 0 })
	eventually(t, "all of them are in the ledger", func() bool {
		text, base := f.metadata("group-a")
		l, _ := offsets.Decode(base, text)
		return len(l.Unfinished) == most
	})
	if n := len(s.received()); n != most {
		t.Errorf("%d events tried, %d fit into a ledger", n, most)
	}
}

func TestAnEventThatWaitsAtTheFrontDoesNotCountForLag(t *testing.T) {
	f := newFixture(t, 1)
	s := newSubscriber(t, statusOf(http.StatusServiceUnavailable, "0-0"))
	e := egressTo("a", s.URL)
	e.EgressConfig = &contract.EgressConfig{Retry: 1, BackoffDelay: 3_600_000}
	f.produce(0, 0, 20)
	f.set.Apply(f.contract(e), nil)
	eventually(t, "a lag of one", func() bool { return f.set.Status()[0].LagRecords == 1 })
}

// keyed are events of some keys, numbered within each.
func (f *fixture) produceKeyed(from, n, keys int) {
	f.t.Helper()
	for i := from; i < from+n; i++ {
		rec := event(f.topic, 0, fmt.Sprintf("k%d-%d", i%keys, i/keys))
		if i%keys > 0 {
			rec.Key = []byte(fmt.Sprintf("k%d", i%keys)) // k0 has none
		}
		f.kafka.Produce(f.t, rec)
	}
}

func TestOnlyTheKeyOfAnEventInRetryWaits(t *testing.T) { // TR-04, EG-72
	f := newFixture(t, 1)
	var mu sync.Mutex
	finished, failed := map[string][]int{}, map[string]bool{}
	s := newSubscriber(t, func(w http.ResponseWriter, r *http.Request) {
		key, number, _ := strings.Cut(r.Header.Get("ce-id"), "-")
		var n int
		if _, err := fmt.Sscan(number, &n); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if n%5 == 1 && !failed[key+number] {
			failed[key+number] = true
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		finished[key] = append(finished[key], n)
	})
	e := egressTo("a", s.URL)
	e.DeliveryOrder, e.OrderScope = contract.DeliveryOrder_ORDERED, contract.OrderScope_KEY_SCOPE
	e.EgressConfig = &contract.EgressConfig{Retry: 3, BackoffDelay: 20, BackoffPolicy: contract.BackoffPolicy_Linear}
	f.produceKeyed(0, 200, 8)
	f.set.Apply(f.contract(e), nil)
	eventually(t, "all committed", f.committed("group-a", 0, 200))
	mu.Lock()
	defer mu.Unlock()
	for key, numbers := range finished {
		if key != "k0" && !slices.IsSorted(numbers) || len(numbers) != 25 {
			t.Errorf("%s: %v", key, numbers)
		}
	}
	g := f.set.members["a"].group
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.partitions {
		if len(p.keys) > 0 || p.oldest != nil {
			t.Errorf("%d lanes are left", len(p.keys))
		}
	}
}

func TestAnotherOrderNeedsNoRejoin(t *testing.T) {
	f := newFixture(t, 1)
	var open atomic.Bool
	s := newSubscriber(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("ce-id") == "k1-0" && !open.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	ordered := func(o contract.DeliveryOrder, scope contract.OrderScope) *contract.Contract {
		e := egressTo("a", s.URL)
		e.DeliveryOrder, e.OrderScope = o, scope
		e.EgressConfig = &contract.EgressConfig{Retry: 9, BackoffDelay: 1000, BackoffPolicy: contract.BackoffPolicy_Linear}
		return f.contract(e)
	}
	f.produceKeyed(1, 12, 4) // k1-0 first
	f.set.Apply(ordered(contract.DeliveryOrder_ORDERED, contract.OrderScope_PARTITION_SCOPE), nil)
	eventually(t, "the first waits", func() bool { return f.set.Status()[0].Waiting == 1 })
	client := f.set.members["a"].group.client
	f.set.Apply(ordered(contract.DeliveryOrder_ORDERED, contract.OrderScope_KEY_SCOPE), nil)
	eventually(t, "all other keys", func() bool { return len(s.received()) >= 10 })
	if s.calls("k1-1") > 0 {
		t.Error("an event overtook another one of its key")
	}
	f.set.Apply(ordered(contract.DeliveryOrder_UNORDERED, contract.OrderScope_PARTITION_SCOPE), nil)
	eventually(t, "all", func() bool { return s.calls("k1-1") == 1 && s.calls("k1-2") == 1 })
	open.Store(true)
	eventually(t, "committed", f.committed("group-a", 0, 12))
	if f.set.members["a"].group.client != client {
		t.Error("the group was started again")
	}
}

func TestAStaticMemberLeavesExplicitly(t *testing.T) {
	f := newFixture(t, 4)
	s := newSubscriber(t, nil)
	other := f.newSet()
	f.set.options.Consumer.InstanceID, other.options.Consumer.InstanceID = "pod-1", "pod-2"
	c := f.contract(egressTo("a", s.URL))
	f.set.Apply(c, nil)
	other.Apply(c, nil)
	eventually(t, "two members", func() bool {
		return len(f.set.Status()[0].Partitions) == 2 && len(other.Status()[0].Partitions) == 2
	})
	begun := time.Now()
	if err := other.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the one that is left has all", func() bool { return len(f.set.Status()[0].Partitions) == 4 })
	if took, session := time.Since(begun), kafka.DefaultConsumerConfig().SessionTimeout; took > session-time.Second {
		t.Errorf("it took %v, the session %v: the member was left to expire", took, session)
	}
}

func TestAPartitionStaysAtItsWorkWhileOthersMove(t *testing.T) {
	f := newFixture(t, 4)
	s := newSubscriber(t, nil)
	c := f.contract(egressTo("a", s.URL))
	f.set.Apply(c, nil)
	eventually(t, "all partitions", func() bool { return len(f.set.Status()[0].Partitions) == 4 })
	g := f.set.members["a"].group
	g.mu.Lock()
	before := maps.Clone(g.partitions)
	g.mu.Unlock()
	other := f.newSet()
	other.Apply(c, nil)
	eventually(t, "two members", func() bool {
		return len(f.set.Status()[0].Partitions) == 2 && len(other.Status()[0].Partitions) == 2
	})
	g.mu.Lock()
	defer g.mu.Unlock()
	for at, p := range g.partitions {
		if before[at] != p {
			t.Errorf("partition %d was given up and taken again", at.partition)
		}
	}
}

func TestNobodyIsServedByAMemberThatMayBeNone(t *testing.T) {
	var woken int
	m := &membership{}
	m.init(kafka.DefaultConsumerConfig(), func() { woken++ })
	now := time.Now()
	m.start = now.Add(-time.Hour) // this test's time begins an hour ago
	at := func(seconds int) time.Time { return m.start.Add(time.Duration(seconds) * time.Second) }
	steps := []struct {
		do    func()
		when  int
		fresh bool
		what  string
	}{
		{func() {}, 0, false, "before it has joined"},
		{func() { m.heard(at(1), false) }, 1, false, "while it joins"},
		{func() { m.assigned() }, 2, true, "with its partitions"},
		{func() { m.heard(at(3), true) }, 12, true, "within a session from a heartbeat"},
		{func() {}, 13, false, "without a heartbeat for a session"},
		{func() { m.heard(at(30), true) }, 30, false, "at the first heartbeat after a silence, which may be refused"},
		{func() { m.heard(at(33), true) }, 33, true, "at the next one"},
		{func() { m.heard(at(50), true) }, 50, false, "after another silence"},
		{func() { m.heard(at(51), false) }, 51, false, "while it joins again"},
		{func() { m.assigned() }, 52, true, "with its new partitions"},
	}
	for _, step := range steps {
		step.do()
		if got := m.certain(at(step.when)); got != step.fresh {
			t.Errorf("%s: %v", step.what, got)
		}
	}
	m.start = now
	m.until.Store(0)
	if m.fresh(time.Now()) || woken != 0 {
		t.Fatal("it is certain without a heartbeat")
	}
	m.heard(time.Now(), true)
	m.heard(time.Now(), true)
	if woken != 1 {
		t.Errorf("who was told no was woken %d times", woken)
	}
}

func TestManyGroupsCommitLessOften(t *testing.T) {
	var l commitLoad
	for dirty, want := range map[int64]time.Duration{
		0: 250 * time.Millisecond, 100: 250 * time.Millisecond, 200: 500 * time.Millisecond, 5000: time.Second,
	} {
		l.dirty.Store(dirty)
		if got := l.interval(250 * time.Millisecond); got != want {
			t.Errorf("%d groups: %v, want %v", dirty, got, want)
		}
	}
	f := newFixture(t, 1)
	s := newSubscriber(t, nil)
	f.produce(0, 0, 2000)
	f.set.Apply(f.contract(egressTo("a", s.URL)), nil)
	eventually(t, "committed", f.committed("group-a", 0, 2000))
	eventually(t, "nobody is counted at rest", func() bool { return f.set.options.load.dirty.Load() == 0 })
}

// commitAs commits offset and metadata of partition 0 as another program would.
func (f *fixture) commitAs(group string, offset int64, metadata string) {
	f.t.Helper()
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group = group
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic = f.topic
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Offset, p.Metadata = offset, &metadata
	topic.Partitions = append(topic.Partitions, p)
	req.Topics = append(req.Topics, topic)
	resp := f.request(req).(*kmsg.OffsetCommitResponse)
	if err := kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode); err != nil {
		f.t.Fatal(err)
	}
}

// request makes one request in a version in which topics have names.
func (f *fixture) request(req kmsg.Request) kmsg.Response {
	f.t.Helper()
	old := kversion.V4_0_0()
	old.SetMaxKeyVersion(int16(kmsg.OffsetCommit), 9)
	old.SetMaxKeyVersion(int16(kmsg.OffsetFetch), 9)
	client, err := kgo.NewClient(kgo.SeedBrokers(f.kafka.Addrs()...), kgo.MaxVersions(old))
	if err != nil {
		f.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	resp, err := client.Request(ctx, req)
	if err != nil {
		f.t.Fatal(err)
	}
	return resp
}
