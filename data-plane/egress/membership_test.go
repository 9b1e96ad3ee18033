package egress

import (
	"maps"
	"net/http"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/proto/contract"
)

func TestAStaticMemberLeavesExplicitly(t *testing.T) {
	f := newFixture(t, 4)
	s := newSubscriber(t, nil)
	other := f.newSet()
	f.set.options.Consumer.InstanceID, other.options.Consumer.InstanceID = "pod-1", "pod-2"
	const session = deadline + deadline/2 // so that who waits for its end waits too long
	f.set.options.Consumer.SessionTimeout, other.options.Consumer.SessionTimeout = session, session
	c := f.contract(egressTo("a", s.URL))
	f.set.Apply(c, nil)
	other.Apply(c, nil)
	eventually(t, "two members", func() bool {
		return len(f.set.Status()[0].Partitions) == 2 && len(other.Status()[0].Partitions) == 2
	})
	if err := other.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the one that is left has all, as the other was not left to expire", func() bool {
		return len(f.set.Status()[0].Partitions) == 4
	})
}

func TestAPartitionStaysAtItsWorkWhileOthersMove(t *testing.T) {
	for name, serverSide := range map[string]bool{"members assign": false, "brokers assign": true} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, 4)
			s := newSubscriber(t, statusOf(http.StatusServiceUnavailable, "0-0", "1-0", "2-0", "3-0"))
			e := egressTo("a", s.URL)
			e.EgressConfig = &contract.EgressConfig{Retry: 1, BackoffDelay: 3_600_000}
			c := f.contract(e)
			other := f.newSet()
			f.set.options.Consumer.ServerSide, other.options.Consumer.ServerSide = serverSide, serverSide
			for p := range int32(4) {
				f.produce(p, 0, 10)
			}
			f.set.Apply(c, nil)
			eventually(t, "all is tried", func() bool { st := f.set.Status()[0]; return st.Waiting == 4 && st.InFlight == 0 })
			g := f.set.members["a"].group
			g.mu.Lock()
			before := maps.Clone(g.partitions)
			g.mu.Unlock()
			other.Apply(c, nil)
			eventually(t, "two members", func() bool {
				return len(f.set.Status()[0].Partitions) == 2 && len(other.Status()[0].Partitions) == 2
			})
			g.mu.Lock()
			for at, p := range g.partitions {
				if before[at] != p {
					t.Errorf("partition %d was given up and taken again", at.partition)
				}
			}
			g.mu.Unlock()
			// What moved was tried once more by its new owner, for the last time; nothing else was delivered again.
			eventually(t, "what moved is finished", func() bool { return len(s.received()) == 42 && other.Status()[0].LagRecords == 0 })
		})
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
