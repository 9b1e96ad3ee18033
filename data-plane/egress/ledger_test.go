package egress

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

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

// metadata is what was last committed for partition 0.
func (f *fixture) metadata(group string) (text string, offset int64) {
	f.t.Helper()
	return f.metadataOf(group, 0)
}

func (f *fixture) metadataOf(group string, partition int32) (text string, offset int64) {
	f.t.Helper()
	req := kmsg.NewPtrOffsetFetchRequest()
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	req.Groups = append(req.Groups, g)
	resp := f.request(req).(*kmsg.OffsetFetchResponse)
	for _, g := range resp.Groups {
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				if p.Partition == partition && p.Metadata != nil {
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
			s := newSubscriber(t, statusOf(http.StatusInternalServerError, failing...))
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
	s := newSubscriber(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
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

func TestWhatRetentionTookIsCountedAndTheRestDelivered(t *testing.T) { // OF-05
	f := newFixture(t, 1)
	s := newSubscriber(t, nil)
	f.produce(0, 0, 20)
	f.commitAs("group-a", 5, "")
	f.kafka.DeleteRecords(t, f.topic, 0, 12)
	f.set.Apply(f.contract(egressTo("a", s.URL)), nil)
	eventually(t, "what is left", f.committed("group-a", 0, 20))
	if n := len(s.received()); n != 8 {
		t.Errorf("%d deliveries", n)
	}
	if counts := f.set.members["a"].group.stats.Counts(); counts.Expired != 7 {
		t.Errorf("%d events are said to be gone", counts.Expired)
	}
}

func TestALogThatEndsBeforeTheCommittedOffsetIsReadFromItsStart(t *testing.T) {
	f := newFixture(t, 1)
	s := newSubscriber(t, nil)
	f.produce(0, 0, 5)
	f.commitAs("group-a", 50, "")
	f.set.Apply(f.contract(egressTo("a", s.URL)), nil)
	eventually(t, "all events", func() bool { return len(s.received()) == 5 })
	eventually(t, "the end of the log", f.committed("group-a", 0, 5))
	if f.set.Status()[0].LastError == "" {
		t.Error("nothing is said")
	}
}
