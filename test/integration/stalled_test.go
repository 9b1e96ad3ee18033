package integration

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/status"
	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/test/integration/cluster"
	"knative.dev/eventing-kafka-go/test/integration/poll"
	"knative.dev/eventing-kafka-go/test/integration/process"
	"knative.dev/eventing-kafka-go/test/integration/traffic"
)

const (
	// stalledBudget is the memory for events of the process.
	stalledBudget = 32 << 20
	// stalledMargin is for what was freed and not collected yet, and for connections to a subscriber that keeps them all:
	// an installation gives events half of the memory of a process.
	stalledMargin = 80 << 20
	// slowdown is how much slower than alone the events of the other namespace may be, in a test: machines are shared. What
	// is less than slowdownFloor is no slowdown; an egress that waits for another one waits for seconds.
	slowdown      = 3
	slowdownFloor = 500 * time.Millisecond
	// stalledTimeout is how long an attempt may take where they are given up: longer than a well subscriber takes on a machine
	// that runs other things.
	stalledTimeout = 4 * time.Second
)

// stalledEvents is how many events of 1 KiB wait for the stalled subscriber; STALLED_EVENTS says another number.
func stalledEvents(t *testing.T) int {
	t.Helper()
	if text := os.Getenv("STALLED_EVENTS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("STALLED_EVENTS: %q is no number of events", text)
		}
		return n
	}
	if testing.Short() || process.RaceEnabled {
		return 50_000
	}
	return 200_000
}

// A subscriber that takes requests and does not answer, with a backlog that is larger than the memory for events, is a
// matter of its own namespace: the events of another one, in the same process, are delivered as fast as without it, memory
// stays bounded, and when the subscriber is well again it gets every event once.
func TestAStalledSubscriberIsNobodyElsesMatter(t *testing.T) {
	events := stalledEvents(t)
	for _, test := range []struct {
		name   string
		order  contract.DeliveryOrder
		events int
		config *contract.EgressConfig
		gives  bool // up on a request, so that events are tried again
	}{
		{"that answers after a long time", contract.DeliveryOrder_UNORDERED, events, nil, false},
		{"that never answers in time, in order", contract.DeliveryOrder_ORDERED, events / 4,
			&contract.EgressConfig{Retry: 10_000, Timeout: uint64(stalledTimeout.Milliseconds()), BackoffDelay: 100, BackoffPolicy: contract.BackoffPolicy_Linear}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStall(t, test.events)
			s.egress.DeliveryOrder, s.egress.EgressConfig = test.order, test.config
			s.start(t)
			s.measure(t, "warm")
			alone := s.measure(t, "alone")
			base := int64(s.p.Report(t).Process.RSSBytes)
			s.mount.Swap(t, s.contract(2, true))
			s.awaitStalled(t)
			beside := s.measureBeside(t, alone)
			s.assertBounded(t, base)
			s.assertIntact(t)
			crossing := 0
			if test.gives {
				crossing = s.partitions() // one at a time of each
				s.awaitRetries(t)
			}
			t.Logf("%s: p99 of the healthy egress alone %v, beside the stalled one %v: ratio %.2f", s.k.Kind(), alone, beside,
				float64(beside)/float64(alone))
			s.heal()
			s.assertAllDelivered(t, crossing)
			s.assertBounded(t, base)
		})
	}
}

// stall is a stalled egress with a backlog, and a healthy one, in one process.
type stall struct {
	k                   *cluster.Cluster
	events              int
	egress, other       *contract.Egress
	stalled, healthy    *traffic.Subscriber
	topic, healthyTopic string
	mount               *process.Mount
	p                   *process.Plane
	heal                func()
	stalls              *poll.Stalls
}

func (*stall) partitions() int { return 10 }

func newStall(t *testing.T, events int) *stall {
	t.Helper()
	s := &stall{k: cluster.Start(t), events: events, stalls: poll.WatchStalls(t)}
	well := make(chan struct{})
	s.heal = sync.OnceFunc(func() { close(well) })
	s.stalled = traffic.NewSubscriber(t, func(d traffic.Delivery) int {
		select {
		case <-well:
			return http.StatusAccepted
		case <-d.Gone:
			return http.StatusGatewayTimeout // nobody reads it
		}
	})
	t.Cleanup(s.heal) // or the subscriber could not be closed
	s.healthy = traffic.NewSubscriber(t, nil)
	s.topic, s.healthyTopic = s.k.Topic(t, "stalled", int32(s.partitions()), nil), s.k.Topic(t, "healthy", 4, nil)
	s.egress = egress(cluster.Name("stalled"), s.stalled.URL, contract.DeliveryOrder_UNORDERED)
	s.other = egress(cluster.Name("healthy"), s.healthy.URL, contract.DeliveryOrder_UNORDERED)
	s.egress.Reference.Namespace, s.other.Reference.Namespace = "one", "another"
	records := backlog(s.topic, int32(s.partitions()), events)
	for part := range slices.Chunk(records, 20_000) {
		s.k.Produce(t, part)
	}
	return s
}

// contract returns the healthy resource, and the stalled one with it.
func (s *stall) contract(generation uint64, both bool) *contract.Contract {
	healthy := resource(s.k, "healthy", s.healthyTopic, s.other)
	healthy.Reference.Namespace = "another"
	c := contractOf(generation, healthy)
	if both {
		stalled := resource(s.k, "stalled", s.topic, s.egress)
		stalled.Reference.Namespace = "one"
		c.Resources = append(c.Resources, stalled)
	}
	return c
}

func (s *stall) start(t *testing.T) {
	t.Helper()
	s.mount = process.NewMount(t, s.contract(1, false))
	s.p = process.New(t, "all", s.mount, 10*time.Second, fmt.Sprintf("EVENT_MEMORY_BYTES=%d", stalledBudget))
	s.p.Start(t)
	awaitAssigned(t, s.p, s.other.GetUid())
}

// measure sends events to the healthy egress for a while and returns the latency that 99 of 100 keep to, from the
// schedule of their sender to the subscriber.
func (s *stall) measure(t *testing.T, name string) time.Duration {
	t.Helper()
	const events, senders, interval = 1500, 4, 20 * time.Millisecond
	load := traffic.NewLoad(t, name, senders, interval, at(s.p, "healthy"))
	poll.Until(t, patience, func() string {
		if n := load.Accepted(); n < events {
			return fmt.Sprintf("%d events are taken, they are %d; refused %v", events, n, load.Refused())
		}
		return ""
	})
	load.Stop()
	ledger := load.Ledger()
	poll.Until(t, patience, func() string {
		if missing := s.healthy.Missing(ledger); len(missing) > 0 {
			return fmt.Sprintf("the healthy subscriber has all events, it has not %d of %d", len(missing), len(ledger))
		}
		return ""
	})
	latencies := s.healthy.Latencies(ledger)
	slices.Sort(latencies)
	p99 := latencies[len(latencies)*99/100]
	t.Logf("%s: p50 %v, p99 %v of %d events", name, latencies[len(latencies)/2].Round(10*time.Microsecond), p99.Round(10*time.Microsecond), len(latencies))
	return p99
}

// measureBeside measures beside the stalled egress, and again if it looks slow: what else the machine does comes and goes,
// what an egress does to another one stays.
func (s *stall) measureBeside(t *testing.T, alone time.Duration) time.Duration {
	t.Helper()
	limit := max(slowdown*alone, slowdownFloor)
	var best time.Duration
	for round := range 3 {
		p99 := s.measure(t, fmt.Sprintf("beside-%d", round))
		if best == 0 || p99 < best {
			best = p99
		}
		if best <= limit {
			return best
		}
	}
	t.Errorf("p99 of the healthy egress is %v beside a stalled one and %v alone", best, alone)
	return best
}

func (s *stall) group(t *testing.T) (status.Group, status.Process) {
	t.Helper()
	report := s.p.Report(t)
	for _, g := range report.Groups {
		if g.UID == s.egress.GetUid() {
			return g, report.Process
		}
	}
	return status.Group{}, report.Process
}

// awaitStalled waits until the stalled egress has all that it may have.
func (s *stall) awaitStalled(t *testing.T) {
	t.Helper()
	poll.Until(t, patience, func() string {
		g, _ := s.group(t)
		paused := 0
		for _, p := range g.Partitions {
			// Batches come whole: where they are large, the memory may be used up before each partition had one.
			if p.Paused && (p.End > 0 || g.Halted != "") {
				paused++
			}
		}
		if paused < s.partitions() || s.stalled.Deliveries() == 0 {
			return fmt.Sprintf("all partitions of the stalled egress are paused, they are %d; %d requests; holds %d bytes, halted: %s; %+v",
				paused, s.stalled.Deliveries(), g.Buffered, g.Halted, g.Partitions)
		}
		return ""
	})
	g, used := s.group(t)
	t.Logf("the stalled egress holds %d bytes of events, the process %d of %d; window %d, %d in flight, %d wait; halted: %s",
		g.Buffered, used.EventBytes, used.EventBudget, g.Window, g.InFlight, g.Waiting, g.Halted)
}

// awaitRetries waits until every event that is under way has been given up again.
func (s *stall) awaitRetries(t *testing.T) {
	t.Helper()
	attempts := s.stalled.Deliveries()
	poll.Until(t, patience, func() string {
		if n := s.stalled.Deliveries() - attempts; n < s.partitions() {
			return fmt.Sprintf("%d events are tried again, they are %d", s.partitions(), n)
		}
		return ""
	})
}

// assertBounded checks what the process has occupied at the most.
func (s *stall) assertBounded(t *testing.T, base int64) {
	t.Helper()
	_, used := s.group(t)
	if used.EventBytes > stalledBudget {
		t.Errorf("%d bytes of events are held, the budget is %d", used.EventBytes, stalledBudget)
	}
	peak := s.p.PeakMemory(t)
	t.Logf("memory: %d MiB before, %d MiB at the most, %d MiB now; budget %d MiB", base>>20, peak>>20, used.RSSBytes>>20, stalledBudget>>20)
	if limit := base + stalledBudget + stalledMargin; peak > limit && !process.RaceEnabled {
		t.Errorf("the process has had %d MiB, %d MiB are allowed: %d before, the budget of %d and %d", peak>>20, limit>>20,
			base>>20, stalledBudget>>20, stalledMargin>>20)
	}
}

// assertIntact checks that every event of the backlog still waits.
func (s *stall) assertIntact(t *testing.T) {
	t.Helper()
	g, _ := s.group(t)
	if g.LagRecords != int64(s.events) || g.Delivered+g.Lost+g.DeadLettered+g.Parked > 0 {
		t.Errorf("%d of %d events wait; %d delivered, %d lost, %d dead letters, %d parked", g.LagRecords, s.events, g.Delivered,
			g.Lost, g.DeadLettered, g.Parked)
	}
	for _, p := range g.Partitions {
		if p.Committed > 0 {
			t.Errorf("offset %d of partition %d is committed", p.Committed, p.Partition)
		}
	}
}

// assertAllDelivered waits until the whole backlog is delivered, each event once but for so many whose answer may have come
// when nobody waited for it any more.
func (s *stall) assertAllDelivered(t *testing.T, crossing int) {
	t.Helper()
	began := time.Now()
	const step = 1000 // so that patience is for progress, however many they are
	for want := min(step, s.events); ; want = min(want+step, s.events) {
		poll.Until(t, patience, func() string {
			if n := s.stalled.Distinct(); n < want {
				return fmt.Sprintf("%d of %d events are delivered, they are %d", want, s.events, n)
			}
			return ""
		})
		if want == s.events {
			break
		}
	}
	t.Logf("all %d events delivered in %v", s.events, time.Since(began).Round(time.Millisecond))
	poll.Until(t, patience, func() string {
		if g, _ := s.group(t); g.LagRecords > 0 {
			return fmt.Sprintf("nothing waits any more, %d do", g.LagRecords)
		}
		return ""
	})
	if n := s.stalled.Repeated(); n > crossing {
		unlessStalled(t, s.stalls)("%d events were delivered again, at most %d can have been", n, crossing)
	}
}
