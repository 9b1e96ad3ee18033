package integration

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/test/integration/cluster"
	"knative.dev/eventing-kafka-go/test/integration/poll"
	"knative.dev/eventing-kafka-go/test/integration/process"
	"knative.dev/eventing-kafka-go/test/integration/traffic"
)

// pulse is when each partition was delivered from, under a load that never ends by itself.
type pulse struct {
	mu    sync.Mutex
	beats map[int32][]time.Time
}

func (p *pulse) answer(d traffic.Delivery) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.beats[d.Partition] = append(p.beats[d.Partition], time.Now())
	return 202
}

// longest is the longest time without a delivery from a partition within a span of time.
func (p *pulse) longest(partition int32, from, to time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, longest := from, time.Duration(0)
	for _, beat := range p.beats[partition] {
		if beat.Before(from) || beat.After(to) {
			continue
		}
		longest, last = max(longest, beat.Sub(last)), beat
	}
	return max(longest, to.Sub(last))
}

// standing is the longest time without a delivery from a partition in one tenure of it that a span of time lies in or
// overlaps.
func (p *pulse) standing(of tenure, from, to time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, longest := of.from, time.Duration(0)
	for _, beat := range append(slices.Clone(p.beats[of.partition]), of.to) {
		if beat.Before(of.from) || beat.After(of.to) {
			continue
		}
		if beat.After(from) && last.Before(to) {
			longest = max(longest, beat.Sub(last))
		}
		last = beat
	}
	return longest
}

// since says whether all partitions were delivered from after a time.
func (p *pulse) since(partitions int32, from time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range partitions {
		if beats := p.beats[i]; len(beats) == 0 || !beats[len(beats)-1].After(from) {
			return false
		}
	}
	return true
}

// pump writes an event to each partition at a pace, until it is stopped.
func pump(t *testing.T, k *cluster.Cluster, topic string, partitions int32) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		pace := time.NewTicker(50 * time.Millisecond)
		defer pace.Stop()
		for n := 0; ; n++ {
			select {
			case <-end:
				return
			case <-pace.C:
			}
			var records []*kgo.Record
			for p := range partitions {
				records = append(records, &kgo.Record{Topic: topic, Partition: p, Value: []byte("x"), Headers: []kgo.RecordHeader{
					{Key: "ce_specversion", Value: []byte("1.0")}, {Key: "ce_id", Value: fmt.Appendf(nil, "%d-%d", p, n)},
					{Key: "ce_source", Value: []byte("/pump")}, {Key: "ce_type", Value: []byte("pump")},
				}})
			}
			if err := k.TryProduce(t.Context(), records); err != nil {
				t.Errorf("produce: %v", err)
				return
			}
		}
	}()
	stop = sync.OnceFunc(func() { close(end); <-ended })
	t.Cleanup(stop)
	return stop
}

// tenure is the time in which one process has had a partition without a break.
type tenure struct {
	partition int32
	from, to  time.Time
}

// observe looks at the partitions of a process until done returns true, and says what it has had without a break.
func observe(t *testing.T, p *process.Plane, uid string, done func() bool) []tenure {
	t.Helper()
	var ended []tenure
	held := map[int32]tenure{}
	for !done() {
		now, seen := time.Now(), map[int32]bool{}
		for _, g := range p.Report(t).Groups {
			for _, part := range g.Partitions {
				if g.UID != uid {
					continue
				}
				seen[part.Partition] = true
				h, ok := held[part.Partition]
				if !ok {
					h = tenure{partition: part.Partition, from: now}
				}
				h.to = now
				held[part.Partition] = h
			}
		}
		for partition, h := range held {
			if !seen[partition] {
				ended = append(ended, h)
				delete(held, partition)
			}
		}
		time.Sleep(20 * time.Millisecond) // a look costs; nothing waits for it
	}
	for _, h := range held {
		ended = append(ended, h)
	}
	return ended
}

// late is how much later than promised something may be on a machine that runs other things.
const late = 3

// A group goes on while one of its members is killed and comes back under another name, again and again and faster than
// its session ends: what the others hold does not notice. What a killed one held is served when its session has ended;
// one that comes back under the same name has it at once.
func TestPartitionsThatDoNotMoveDoNotPause(t *testing.T) {
	const partitions, kills, between = 6, 5, 5 * time.Second
	stalls := poll.WatchStalls(t)
	k := cluster.Start(t)
	g := newGroup(t, k, "standstill", partitions)
	defer pump(t, k, g.topic, partitions)()
	defer func() {
		if t.Failed() {
			t.Logf("at the end: %v", k.Membership(t, g.id))
		}
	}()

	stays := process.Named(t, "stays", "egress", g.mount, 10*time.Second)
	stays.Start(t)
	victim := process.Named(t, "victim-0", "egress", g.mount, 10*time.Second)
	victim.Start(t)
	g.awaitShares(t, stays, victim)
	same := restartUnderItsName(t, g, victim, stays)

	var times []time.Time // of the kills
	next := time.Now().Add(between)
	held := observe(t, stays, g.uid, func() bool {
		if time.Now().Before(next) {
			return false
		}
		if len(times) == kills {
			return true
		}
		times = append(times, time.Now())
		victim.Kill(t)
		victim = process.Named(t, fmt.Sprintf("victim-%d", len(times)), "egress", g.mount, 10*time.Second)
		victim.Start(t)
		next = time.Now().Add(between)
		return false
	})
	stood := g.pausesAfter(held, append(times, time.Now()))
	g.awaitShares(t, stays, victim)
	var moved time.Duration
	for p := range int32(partitions) {
		moved = max(moved, g.beats.longest(p, times[0], time.Now()))
	}

	died := time.Now()
	victim.Kill(t)
	g.awaitServed(t, died.Add(50*time.Millisecond), stays)
	takeover, session := time.Since(died), kafka.DefaultConsumerConfig().SessionTimeout
	t.Logf("%s: %d members killed and replaced under new names, one every %v: longest pauses of partitions that did not move, after each: %v",
		k.Kind(), kills, between, stood)
	t.Logf("longest pause of the partitions that the killed ones held meanwhile: %v", moved.Round(time.Millisecond))
	t.Logf("killed and started again under its name: longest pause of its partitions %v, of the others %v; killed for good: served again after %v",
		same.own.Round(time.Millisecond), same.others.Round(time.Millisecond), takeover.Round(time.Millisecond))
	// A group that stands still does so for the rest of a session at each kill; a machine that does so, at one or two. A
	// second is what is aimed at.
	slices.Sort(stood)
	if len(stood) <= kills/2 {
		t.Errorf("there were partitions that did not move at %d of %d kills", len(stood), kills)
	} else if median := stood[len(stood)/2]; median > session/2 {
		t.Errorf("partitions that did not move were without delivery for %v at most kills", median)
	}
	limit := session + kafka.DefaultConsumerConfig().HeartbeatInterval + 2*time.Second
	if takeover > late*limit+2*stalls.Longest() {
		t.Errorf("the partitions of a killed process were served after %v, want %v", takeover, limit)
	}
	if moved > late*limit+2*stalls.Longest() {
		t.Errorf("the partitions of the first of several killed processes were served after %v, want %v", moved, limit)
	}
}

// groupOf is a consumer group of the test, of an ordered egress: who has which partition, and who is served.
type groupOf struct {
	id, uid    string // of the group, of the egress
	topic      string
	partitions int32
	mount      *process.Mount // its contract
	subscriber *traffic.Subscriber
	beats      *pulse
}

func newGroup(t *testing.T, k *cluster.Cluster, name string, partitions int32) groupOf {
	t.Helper()
	g := groupOf{topic: k.Topic(t, name, partitions, nil), partitions: partitions, beats: &pulse{beats: map[int32][]time.Time{}}}
	g.subscriber = traffic.NewSubscriber(t, g.beats.answer)
	e := egress(cluster.Name(name), g.subscriber.URL, contract.DeliveryOrder_ORDERED)
	g.id, g.uid = e.GetConsumerGroup(), e.GetUid()
	g.mount = process.NewMount(t, contractOf(1, resource(k, "b", g.topic, e)))
	return g
}

// held is what a process has, sorted.
func (g groupOf) held(t *testing.T, p *process.Plane) (ids []int32) {
	t.Helper()
	for _, group := range p.Report(t).Groups {
		for _, part := range group.Partitions {
			if group.UID == g.uid {
				ids = append(ids, part.Partition)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// awaitShares waits until each process has the same part of all partitions, and all of them are served.
func (g groupOf) awaitShares(t *testing.T, members ...*process.Plane) {
	t.Helper()
	share := int(g.partitions) / len(members)
	poll.Until(t, patience, func() string {
		for _, p := range members {
			if got := g.held(t, p); len(got) != share {
				return fmt.Sprintf("each process has %d partitions, one has %v", share, got)
			}
		}
		return ""
	})
	g.awaitServed(t, time.Now(), members...)
}

// awaitServed waits until all partitions belong to the processes, and were delivered from after a time.
func (g groupOf) awaitServed(t *testing.T, after time.Time, members ...*process.Plane) {
	t.Helper()
	poll.Until(t, patience, func() string {
		n := 0
		for _, p := range members {
			n += len(g.held(t, p))
		}
		if n == int(g.partitions) && g.beats.since(g.partitions, after) {
			return ""
		}
		return fmt.Sprintf("all partitions are served, %d are assigned", n)
	})
}

// pausesAfter is the longest time without a delivery from a partition that did not move, for each span between two times
// in which there was one.
func (g groupOf) pausesAfter(held []tenure, times []time.Time) (longest []time.Duration) {
	for i := range len(times) - 1 {
		var pause time.Duration
		for _, h := range held {
			if !h.from.After(times[i]) && h.to.After(times[i].Add(time.Second)) {
				pause = max(pause, g.beats.standing(h, times[i], times[i+1]))
			}
		}
		if pause > 0 {
			longest = append(longest, pause.Round(time.Millisecond))
		}
	}
	return longest
}

// pauses of a restart: of the partitions of the process itself, and of all others.
type pauses struct{ own, others time.Duration }

// restartUnderItsName kills a process and starts it again under its name, within its session. A machine that needs longer
// for that moves its partitions, as it must, and shows nothing.
func restartUnderItsName(t *testing.T, g groupOf, p, other *process.Plane) pauses {
	t.Helper()
	own, others, begun := g.held(t, p), g.held(t, other), time.Now()
	p.Kill(t)
	p.Start(t)
	var got []int32
	poll.Until(t, patience, func() string {
		if got = g.held(t, p); len(got) == len(own) {
			return ""
		}
		return fmt.Sprintf("a process that was started again under its name has %v, it has %v", own, got)
	})
	back := time.Since(begun)
	g.awaitServed(t, time.Now(), p, other)
	if unmoved := slices.Equal(got, own) && slices.Equal(g.held(t, other), others); !unmoved {
		report := t.Errorf
		if back > kafka.DefaultConsumerConfig().SessionTimeout {
			report = t.Logf
		}
		report("a process that was killed and back after %v has %v, it had %v", back, got, own)
	}
	var longest pauses
	for _, id := range own {
		longest.own = max(longest.own, g.beats.longest(id, begun, time.Now()))
	}
	for _, id := range others {
		longest.others = max(longest.others, g.beats.longest(id, begun, time.Now()))
	}
	return longest
}
