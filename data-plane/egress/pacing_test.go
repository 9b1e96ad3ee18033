package egress

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/budget"
	"knative.dev/eventing-kafka-go/data-plane/delivery"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/pace"
	"knative.dev/eventing-kafka-go/data-plane/status"
	"knative.dev/eventing-kafka-go/proto/contract"
)

func TestThePaceThatAContractAsksFor(t *testing.T) {
	for _, row := range []struct {
		name        string
		egress      *contract.Egress
		concurrency int
		want        pace.Config
	}{
		{"nothing said", &contract.Egress{}, 100, pace.Config{Start: 32, Max: 1024}},
		{"the process is to begin with more", &contract.Egress{}, 2000, pace.Config{Start: 2000, Max: 2000}},
		{"the process has less than the default, on purpose", &contract.Egress{}, 7, pace.Config{Start: 7, Max: 7}},
		{"a little less than the default", &contract.Egress{}, 80, pace.Config{Start: 32, Max: 80}},
		{"everything said", &contract.Egress{Pace: &contract.Pace{MinConcurrency: 2, MaxConcurrency: 9, RateLimit: 50, Breaker: true}}, 100,
			pace.Config{Min: 2, Start: 32, Max: 9, Rate: 50, Breaker: true}},
		{"the rate limiter of an ordered egress (EG-74)", &contract.Egress{VReplicas: 3, DeliveryOrder: contract.DeliveryOrder_ORDERED,
			FeatureFlags: &contract.EgressFeatureFlags{EnableRateLimiter: true}}, 100, pace.Config{Start: 32, Max: 1024, Rate: 150}},
		{"the rate limiter and a lower rate", &contract.Egress{DeliveryOrder: contract.DeliveryOrder_ORDERED, Pace: &contract.Pace{RateLimit: 10},
			FeatureFlags: &contract.EgressFeatureFlags{EnableRateLimiter: true}}, 100, pace.Config{Start: 32, Max: 1024, Rate: 10}},
		{"no rate limiter without an order (EG-74)", &contract.Egress{FeatureFlags: &contract.EgressFeatureFlags{EnableRateLimiter: true}}, 100,
			pace.Config{Start: 32, Max: 1024}},
	} {
		t.Run(row.name, func(t *testing.T) {
			o := Options{Concurrency: row.concurrency}
			o.Consumer.MaxPollRecords = 50
			row.want.Capacity = float64(runtime.GOMAXPROCS(0)) * 100_000
			if got := paceOf(row.egress, o); got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}

func TestARateLimitHoldsForRetriesToo(t *testing.T) {
	f := newFixture(t, 4)
	s := newSubscriber(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	e := egressTo("a", s.URL)
	e.EgressConfig = &contract.EgressConfig{Retry: 1}
	e.Pace = &contract.Pace{RateLimit: 20}
	f.produce(0, 0, 20)
	began := time.Now()
	f.set.Apply(f.contract(e), nil)
	eventually(t, "20 events are attempted twice", func() bool { return len(s.received()) == 40 })
	if took := time.Since(began); took < 1800*time.Millisecond {
		t.Errorf("40 requests took %v, 20 a second are allowed", took)
	}
}

// A subscriber that is down costs no event its attempts while the breaker is open: all are delivered when it is back.
func TestABreakerKeepsEventsWhileTheSubscriberIsDown(t *testing.T) {
	f := newFixture(t, 2)
	var up atomic.Bool
	s := newSubscriber(t, func(w http.ResponseWriter, _ *http.Request) {
		if !up.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	e := egressTo("a", s.URL)
	e.EgressConfig = &contract.EgressConfig{Retry: 3, BackoffDelay: 1}
	e.Pace = &contract.Pace{Breaker: true}
	f.produce(0, 0, 100)
	f.produce(1, 0, 100)
	f.set.Apply(f.contract(e), nil)
	eventually(t, "it is probed", func() bool { return f.set.Status()[0].Breaker != "" && len(s.received()) > 5 })
	eventually(t, "nothing is fetched", func() bool {
		for _, p := range f.set.Status()[0].Partitions {
			if !p.Paused {
				return false
			}
		}
		return true
	})
	before := len(s.received())
	f.produce(0, 100, 100)
	up.Store(true)
	eventually(t, "all are delivered", func() bool { return f.set.Status()[0].Delivered == 300 })
	st := f.set.Status()[0]
	if st.Lost != 0 || st.Breaker != "" {
		t.Errorf("%d lost, breaker %q", st.Lost, st.Breaker)
	}
	if before > 220 {
		t.Errorf("%d requests while it was down", before)
	}
}

// Without a breaker every event has its attempts and no more, however slowly they come.
func TestWithoutABreakerEveryEventHasAllOfItsAttempts(t *testing.T) {
	f := newFixture(t, 1)
	s := newSubscriber(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	dead := newSubscriber(t, nil)
	e := egressTo("a", s.URL)
	e.EgressConfig = &contract.EgressConfig{Retry: 2, BackoffDelay: 1, DeadLetter: dead.URL}
	e.Pace = &contract.Pace{MinConcurrency: 4}
	f.produce(0, 0, 30)
	f.set.Apply(f.contract(e), nil)
	eventually(t, "all are dead letters", func() bool { return len(dead.received()) == 30 })
	if n := len(s.received()); n != 90 {
		t.Errorf("%d attempts, want 90 (EG-27)", n)
	}
}

func TestAWindowStaysWithItsDestination(t *testing.T) {
	f := newFixture(t, 1)
	s := newSubscriber(t, nil)
	e := egressTo("a", s.URL)
	f.set.Apply(f.contract(e), nil)
	g := f.set.members["a"].group
	before := g.pacing.pacer
	e = egressTo("a", s.URL)
	e.EgressConfig = &contract.EgressConfig{Retry: 5}
	f.set.Apply(f.contract(e), nil)
	if g.pacing.pacer != before {
		t.Error("another delivery made another window")
	}
	f.set.Apply(f.contract(egressTo("a", s.URL+"/elsewhere")), nil)
	if g.pacing.pacer == before {
		t.Error("another destination kept the window")
	}
}

// A stalled egress with a long backlog takes its part of the memory and no more, in equal parts for its partitions; one
// beside it goes on as if it were alone, and the stalled one goes on when it can.
func TestAStalledEgressTakesItsPartOfTheMemoryOnly(t *testing.T) {
	const total, partitions, events = 16 << 20, 16, 800 // without a budget 28 MiB would be held
	f := newFixture(t, partitions)
	f.set = f.newSetWith(func(o *Options) { o.Budget, o.Concurrency = budget.New(total), 4 })
	release := make(chan struct{})
	stalled := newSubscriber(t, func(http.ResponseWriter, *http.Request) { <-release })
	let := sync.OnceFunc(func() { close(release) })
	t.Cleanup(let) // or the subscriber could not be closed
	s := newSubscriber(t, nil)
	f.produceLarge(partitions, events, 2<<10, rand.Uint32)
	a, b := egressTo("a", stalled.URL), egressTo("b", s.URL)
	f.set.Apply(f.contract(a), nil)
	used := f.set.options.Budget.Used
	eventually(t, "the stalled one stops", func() bool { return f.stopped("a") == partitions })
	held := f.status("a").Buffered
	if n := used(); n < total/4 || n > total/2 {
		t.Errorf("the stalled one stops at %d bytes, half of %d are to be had", n, total)
	}
	for _, p := range f.status("a").Partitions {
		if least := total / 2 / partitions / 3 / (2 << 10); p.Unfinished < least {
			t.Errorf("partition %d has %d events, a third of its part are %d", p.Partition, p.Unfinished, least)
		}
	}
	f.set.Apply(f.contract(a, b), nil)
	eventually(t, "the other gets events as if it were alone", func() bool { return f.status("b").Delivered >= 1000 })
	if n := f.status("a").Buffered; n != held || n > total {
		t.Errorf("the stalled one holds %d bytes, and %d before", n, held)
	}
	let()
	f.set.Apply(f.contract(a), nil)
	eventually(t, "the stalled one goes on", func() bool { return f.status("a").Delivered >= 2000 })
}

// A group whose single fetch is more than it may hold fetches no more until there is room.
func TestAGroupThatHoldsMoreThanItMayStops(t *testing.T) {
	const total, partitions, events = 64 << 10, 2, 100 // in batches of more than half of that
	f := newFixture(t, partitions)
	f.set = f.newSetWith(func(o *Options) { o.Budget = budget.New(total) })
	release := make(chan struct{})
	s := newSubscriber(t, func(http.ResponseWriter, *http.Request) { <-release })
	let := sync.OnceFunc(func() { close(release) })
	t.Cleanup(let)
	f.produceLarge(partitions, events, 2<<10, rand.Uint32)
	f.set.Apply(f.contract(egressTo("a", s.URL)), nil)
	eventually(t, "it stops", func() bool { return f.stopped("a") == partitions && f.status("a").Halted == haltBudget })
	let()
	eventually(t, "it goes on to the end", func() bool { return f.status("a").Delivered == partitions*events })
}

// Batches come whole. Where they are so large that a few partitions have all that the group may hold, the others have
// something to deliver all the same.
func TestEveryPartitionOfAStalledGroupHasSomething(t *testing.T) {
	const total, partitions, events = 240 << 10, 4, 100 // in batches of 55 KiB, of which half of that takes two
	f := newFixture(t, partitions)
	f.set = f.newSetWith(func(o *Options) { o.Budget = budget.New(total) })
	release := make(chan struct{})
	s := newSubscriber(t, func(http.ResponseWriter, *http.Request) { <-release })
	let := sync.OnceFunc(func() { close(release) })
	t.Cleanup(let)
	f.produceLarge(partitions, events, 2<<10, rand.Uint32)
	f.set.Apply(f.contract(egressTo("a", s.URL)), nil)
	eventually(t, "every partition has something", func() bool {
		n := 0
		for _, p := range f.status("a").Partitions {
			if p.Unfinished > 0 {
				n++
			}
		}
		return n == partitions
	})
	eventually(t, "it is halted", func() bool { return f.stopped("a") == partitions && f.status("a").Halted == haltBudget })
	if used := f.set.options.Budget.Used(); used > total {
		t.Errorf("%d bytes are held, the budget is %d", used, total)
	}
	let()
	eventually(t, "it goes on to the end", func() bool { return f.status("a").Delivered == partitions*events })
}

// unpolled is the most bytes of events that a client has had fetched and not handed over.
type unpolled struct {
	mu        sync.Mutex
	now, most int
}

func (u *unpolled) OnFetchRecordBuffered(r *kgo.Record) { u.add(len(r.Value)) }

func (u *unpolled) OnFetchRecordUnbuffered(r *kgo.Record, _ bool) { u.add(-len(r.Value)) }

func (u *unpolled) add(n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.now += n
	u.most = max(u.most, u.now)
}

// A fetch is limited by what it becomes in memory, not by what it was on the wire.
func TestAFetchOfCompressedEventsTakesItsPartOfTheMemoryOnly(t *testing.T) {
	const total, partitions, events, bytes = 8 << 20, 16, 500, 2 << 10 // 16 MiB, in less than one of the wire
	f := newFixture(t, partitions)
	var seen unpolled
	f.set = f.newSetWith(func(o *Options) {
		o.Budget, o.Consumer.Hooks = budget.New(total), []kgo.Hook{&seen}
	})
	s := newSubscriber(t, nil)
	f.produceLarge(partitions, events, bytes, func() uint32 { return 0 })
	f.set.Apply(f.contract(egressTo("a", s.URL)), nil)
	eventually(t, "all are delivered", func() bool { return f.status("a").Delivered == partitions*events })
	seen.mu.Lock()
	defer seen.mu.Unlock()
	if seen.most > total/2 || seen.most == 0 {
		t.Errorf("%d bytes were fetched at once", seen.most)
	}
	t.Logf("%d bytes were fetched at once at the most", seen.most)
}

func TestHowMuchIsFetchedAtOnce(t *testing.T) {
	c := kafka.DefaultConsumerConfig()
	f := newFetchSize(c, 256<<20, flowFor(100))
	if f.asked != c.FetchMaxBytes {
		t.Errorf("%d where there is much memory", f.asked)
	}
	if f.adjust(256<<20, flowFor(100)); f.ofOne != c.MaxPartitionFetchBytes {
		t.Errorf("%d of one partition", f.ofOne)
	}
	f = newFetchSize(c, 2<<20, flowFor(100))
	for _, step := range []struct {
		name             string
		stored, unpacked int
		part             int64
		changed          bool
		want, wantOfOne  int32
	}{
		{"nothing was fetched", 0, 0, 2 << 20, false, 1 << 19 / 10, 1 << 19 / 10},
		{"events that are not compressed count half at once", 1 << 20, 1 << 20, 2 << 20, true, 95325, c.MaxPartitionFetchBytes},
		{"and more so later", 1 << 20, 1 << 20, 2 << 20, true, 161319, c.MaxPartitionFetchBytes},
		{"well compressed ones at once", 1 << 20, 8 << 20, 2 << 20, true, 1 << 19 / 8, c.MaxPartitionFetchBytes},
		{"a little less memory is no news", 0, 0, 2<<20 - 100, false, 1 << 19 / 8, c.MaxPartitionFetchBytes},
		{"hardly any memory", 0, 0, 1 << 10, true, leastFetch, leastFetch},
		{"much memory", 0, 0, 1 << 30, true, c.FetchMaxBytes, c.MaxPartitionFetchBytes},
	} {
		f.OnFetchBatchRead(kgo.BrokerMetadata{}, "", 0, kgo.FetchBatchMetrics{CompressedBytes: step.stored, UncompressedBytes: step.unpacked})
		if changed := f.adjust(step.part, flowFor(100)); changed != step.changed || f.asked != step.want || f.ofOne != step.wantOfOne {
			t.Errorf("%s: %v, %d bytes, %d of one", step.name, changed, f.asked, f.ofOne)
		}
	}
}

func (f *fixture) status(uid string) status.Group {
	f.t.Helper()
	for _, g := range f.set.Status() {
		if g.UID == uid {
			return g
		}
	}
	return status.Group{}
}

// produceLarge writes n events of so many bytes to each partition.
func (f *fixture) produceLarge(partitions int32, n, bytes int, fill func() uint32) {
	f.t.Helper()
	for p := range partitions {
		var records []*kgo.Record
		for i := range n {
			r := event(f.topic, p, fmt.Sprintf("%d-%d", p, i))
			r.Value = make([]byte, 0, bytes)
			for len(r.Value) < bytes {
				r.Value = binary.BigEndian.AppendUint32(r.Value, fill())
			}
			if records = append(records, r); len(records) == 20 || i == n-1 { // in small batches, as a fetch takes whole ones
				f.kafka.Produce(f.t, records...)
				records = nil
			}
		}
	}
}

// stopped is how many partitions of an egress are paused.
func (f *fixture) stopped(uid string) (n int) {
	for _, p := range f.status(uid).Partitions {
		if p.Paused {
			n++
		}
	}
	return n
}

func BenchmarkPacingOfOneEvent(b *testing.B) {
	g := &group{started: time.Now()}
	g.pacing.pacer = pace.New(pace.Config{Start: 32, Max: 1000})
	t := &task{pacer: g.pacing.pacer}
	for b.Loop() {
		now := time.Now()
		if g.allowed(now) {
			g.paced(t, delivery.Call{Made: true, Status: http.StatusOK, Latency: time.Millisecond}, now)
		}
	}
}
