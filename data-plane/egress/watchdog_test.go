package egress

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// watched runs the watchdog of a set that is quick to find something.
func (f *fixture) watched() {
	f.t.Helper()
	f.set = f.newSetWith(func(o *Options) { o.StuckAfter = 300 * time.Millisecond })
	ctx, end := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = f.set.Watch(ctx)
	}()
	f.t.Cleanup(func() { end(); <-done })
}

// What a lost resumption looks like: the client has the partition paused, and nobody knows.
func TestAMutePartitionIsFetchedFromAnew(t *testing.T) {
	f := newFixture(t, 2)
	f.watched()
	s := newSubscriber(t, nil)
	e := egressTo("a", s.URL)
	e.DeliveryOrder = contract.DeliveryOrder_ORDERED
	f.set.Apply(f.contract(e), nil)
	f.produce(0, 0, 5)
	f.produce(1, 0, 5)
	eventually(t, "both partitions are delivered", func() bool { return len(s.received()) == 10 })
	g := f.groups()["a"]
	g.client.PauseFetchPartitions(map[string][]int32{f.topic: {0}})
	f.produce(0, 5, 5)
	eventually(t, "the rest comes", func() bool { return len(s.received()) >= 15 })
	if n := g.stats.Counts().RebuiltPartitions; n == 0 {
		t.Error("nothing was rebuilt")
	}
	if f.groups()["a"] != g {
		t.Error("the group was started anew for a partition")
	}
}

// A broker that answers the fetches of one client with nothing, until the group is joined anew.
func TestAGroupThatStaysMuteIsStartedAnew(t *testing.T) {
	f := newFixture(t, 1)
	f.watched()
	s := newSubscriber(t, nil)
	f.set.Apply(f.contract(egressTo("a", s.URL)), nil)
	f.produce(0, 0, 5)
	eventually(t, "the first are delivered", func() bool { return len(s.received()) == 5 })
	eventually(t, "they are committed", f.committed("group-a", 0, 5))
	g := f.groups()["a"]
	var mute atomic.Bool
	mute.Store(true)
	f.kafka.Fake().ControlKey(int16(kmsg.JoinGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
		f.kafka.Fake().KeepControl()
		mute.Store(false)
		return nil, nil, false
	})
	f.kafka.Fake().ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		f.kafka.Fake().KeepControl()
		fetch := req.(*kmsg.FetchRequest)
		if !mute.Load() || fetch.MaxBytes == 1 { // the watchdog looks for itself
			return nil, nil, false
		}
		resp := fetch.ResponseKind().(*kmsg.FetchResponse)
		return resp, nil, true
	})
	f.produce(0, 5, 5)
	eventually(t, "the rest comes", func() bool { return len(s.received()) >= 10 })
	if f.groups()["a"] == g {
		t.Error("the group is the old one")
	}
	if n := g.stats.Counts().RebuiltGroups; n == 0 {
		t.Error("it is not counted")
	}
}

// What waits for a reason is let alone: retries, a subscriber that does not answer, and Kafka being away.
func TestTheWatchdogLetsAloneWhatWaitsForAReason(t *testing.T) {
	f := newFixture(t, 1)
	f.watched()
	release := make(chan struct{})
	s := newSubscriber(t, nil)
	stalled := newSubscriber(t, func(http.ResponseWriter, *http.Request) { <-release })
	let := sync.OnceFunc(func() { close(release) })
	t.Cleanup(let) // or the subscriber could not be closed
	f.set.Apply(f.contract(egressTo("idle", s.URL), egressTo("stalled", stalled.URL)), nil)
	f.produce(0, 0, 3)
	eventually(t, "all are at the subscriber", func() bool { return f.status("stalled").InFlight == 3 })
	before := f.groups()
	asked := 0
	var lists atomic.Int64
	f.kafka.Fake().ControlKey(int16(kmsg.ListOffsets), func(req kmsg.Request) (kmsg.Response, error, bool) {
		f.kafka.Fake().KeepControl()
		lists.Add(1)
		return nil, kerr.RequestTimedOut, true
	})
	eventually(t, "the idle one is asked about several times", func() bool { asked = int(lists.Load()); return asked >= 3 })
	let()
	for uid, g := range f.groups() {
		c := g.stats.Counts()
		if g != before[uid] || c.RebuiltGroups != 0 || c.RebuiltPartitions != 0 {
			t.Errorf("%s was rebuilt", uid)
		}
	}
	if err := f.set.Alive(); err != nil {
		t.Errorf("not alive: %v", err)
	}
}

func TestAProcessThatDoesNotGoOnIsNotAlive(t *testing.T) {
	f := newFixture(t, 1)
	s := newSubscriber(t, nil)
	f.set.Apply(f.contract(egressTo("a", s.URL)), nil)
	if err := f.set.Alive(); err != nil {
		t.Fatal(err)
	}
	late := time.Now().Add(-2 * aliveAfter).UnixNano()
	f.set.watched.Store(late)
	if f.set.Alive() == nil {
		t.Error("alive without a watchdog")
	}
	f.set.watched.Store(time.Now().UnixNano())
	g := f.groups()["a"]
	eventually(t, "it joined", func() bool { return f.status("a").State == stateRunning })
	g.handling.Store(late)
	if f.set.Alive() == nil {
		t.Error("alive though a group does not poll")
	}
}
