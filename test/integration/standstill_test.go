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
			k.Produce(t, records)
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

// A group goes on while one of its members is killed and comes back under another name, again and again and faster than
// its session ends: what the others hold does not notice. What the dead one held is served when its session has ended;
// one that comes back under the same name has it at once.
func TestPartitionsThatDoNotMoveDoNotPause(t *testing.T) {
	const partitions, kills, between = 6, 5, 5 * time.Second
	k := cluster.Start(t)
	topic := k.Topic(t, "standstill", partitions, nil)
	beats := &pulse{beats: map[int32][]time.Time{}}
	subscriber := traffic.NewSubscriber(t, beats.answer)
	e := egress(cluster.Name("standstill"), subscriber.URL, contract.DeliveryOrder_ORDERED)
	mount := process.NewMount(t, contractOf(1, resource(k, "b", topic, e)))
	defer pump(t, k, topic, partitions)()

	stays := process.Named(t, "stays", "egress", mount, 10*time.Second)
	stays.Start(t)
	victim := process.Named(t, "victim-0", "egress", mount, 10*time.Second)
	victim.Start(t)
	awaitShare := func(p *process.Plane, n int) {
		t.Helper()
		poll.Until(t, patience, func() string {
			if got := p.Assigned(t, e.GetUid()); got < n {
				return fmt.Sprintf("a process has %d partitions, it has %d", n, got)
			}
			return ""
		})
	}
	awaitShare(victim, partitions/2)
	awaitShare(stays, partitions/2)

	same := restartUnderItsName(t, victim, stays, e.GetUid(), beats)
	killed, started := 0, time.Now()
	next := started.Add(between)
	held := observe(t, stays, e.GetUid(), func() bool {
		if time.Now().After(next) {
			if killed == kills {
				return true
			}
			victim.Kill(t)
			killed++
			victim = process.Named(t, fmt.Sprintf("victim-%d", killed), "egress", mount, 10*time.Second)
			victim.Start(t)
			next = time.Now().Add(between)
		}
		return false
	})
	var pauses []time.Duration
	for _, h := range held {
		if h.to.Sub(h.from) > time.Second {
			pauses = append(pauses, beats.longest(h.partition, h.from, h.to))
		}
	}
	slices.Sort(pauses)
	if len(pauses) == 0 {
		t.Fatal("the process that stays has held nothing")
	}

	var moved time.Duration
	for p := range int32(partitions) {
		moved = max(moved, beats.longest(p, started, time.Now()))
	}
	died := time.Now()
	victim.Kill(t)
	poll.Until(t, patience, func() string {
		if beats.since(partitions, died.Add(50*time.Millisecond)) && stays.Assigned(t, e.GetUid()) == partitions {
			return ""
		}
		return "the partitions of a killed process are served"
	})
	takeover, session := time.Since(died), kafka.DefaultConsumerConfig().SessionTimeout
	t.Logf("%s: %d members killed and replaced under new names, one every %v: longest pause of a partition that did not move %v (median of %d tenures %v)",
		k.Kind(), kills, between, pauses[len(pauses)-1].Round(time.Millisecond), len(pauses), pauses[len(pauses)/2].Round(time.Millisecond))
	t.Logf("longest pause of the partitions that the killed ones held meanwhile: %v", moved.Round(time.Millisecond))
	t.Logf("killed and started again under its name: longest pause of its partitions %v, of the others %v; killed for good: served again after %v",
		same.own.Round(time.Millisecond), same.others.Round(time.Millisecond), takeover.Round(time.Millisecond))
	// A second is what is aimed at; a machine that runs other things needs more. A group that stands still does so for the
	// rest of a session at each kill.
	if longest := pauses[len(pauses)-1]; longest > session/2 {
		t.Errorf("a partition that did not move was without delivery for %v", longest)
	}
	if limit := session + kafka.DefaultConsumerConfig().HeartbeatInterval + 2*time.Second; takeover > 2*limit {
		t.Errorf("the partitions of a killed process were served after %v, want %v", takeover, limit)
	}
}

// pauses of a restart: of the partitions of the process itself, and of all others.
type pauses struct{ own, others time.Duration }

// restartUnderItsName kills a process and starts it again under its name, within its session.
func restartUnderItsName(t *testing.T, p, other *process.Plane, uid string, beats *pulse) pauses {
	t.Helper()
	holds := func(p *process.Plane) (ids []int32) {
		for _, g := range p.Report(t).Groups {
			for _, part := range g.Partitions {
				if g.UID == uid {
					ids = append(ids, part.Partition)
				}
			}
		}
		slices.Sort(ids)
		return ids
	}
	own, others, begun := holds(p), holds(other), time.Now()
	p.Kill(t)
	p.Start(t)
	poll.Until(t, patience, func() string {
		if got := holds(p); !slices.Equal(got, own) {
			return fmt.Sprintf("a process that was started again under its name has %v, it has %v", own, got)
		}
		return ""
	})
	back := time.Now()
	poll.Until(t, patience, func() string {
		if beats.since(int32(len(own)+len(others)), back) {
			return ""
		}
		return "all partitions are served"
	})
	if got := holds(other); !slices.Equal(got, others) {
		t.Errorf("the other process has %v, it had %v", got, others)
	}
	var longest pauses
	for _, id := range own {
		longest.own = max(longest.own, beats.longest(id, begun, time.Now()))
	}
	for _, id := range others {
		longest.others = max(longest.others, beats.longest(id, begun, time.Now()))
	}
	return longest
}
