package egress

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/offsets"
)

// schedule drives lanes with tasks of one partition each, and keeps the books that a group would.
type schedule struct {
	lanes
	running map[*task]bool
	asleep  []*task
	order   map[*partition][]int // finished, by partition
	number  map[*task]int
}

func newSchedule(limit int) *schedule {
	return &schedule{lanes: lanes{limit: limit}, running: map[*task]bool{}, order: map[*partition][]int{}, number: map[*task]int{}}
}

func (s *schedule) offer(p *partition, number int) {
	t := &task{part: p, lane: p.laneOf(&kgo.Record{}), bytes: len(s.number)} // bytes: a stable order for anyOf
	s.number[t] = number
	s.add(t)
}

func (s *schedule) start() *task {
	t := s.take()
	if t != nil {
		s.running[t] = true
	}
	return t
}

func (s *schedule) end(t *task) {
	delete(s.running, t)
	t.part.stops(t)
	s.order[t.part] = append(s.order[t.part], s.number[t])
	s.finish(t)
}

func (s *schedule) sleep(t *task) {
	delete(s.running, t)
	t.part.stops(t)
	s.asleep = append(s.asleep, t)
	s.wait(t)
}

func TestAnOrderedLaneRunsOneTaskAtATime(t *testing.T) {
	s, p := newSchedule(10), &partition{order: byPartition}
	for i := range 3 {
		s.offer(p, i)
	}
	first := s.start()
	if s.number[first] != 0 || s.start() != nil {
		t.Fatal("more than the head of a lane runs")
	}
	s.sleep(first)
	if s.start() != nil {
		t.Fatal("a lane goes on while its head waits for a retry")
	}
	s.retry(first)
	if got := s.start(); got != first {
		t.Fatal("the retried task is not the next")
	}
	s.end(first)
	if got := s.start(); s.number[got] != 1 {
		t.Fatalf("task %d follows 0", s.number[got])
	}
}

func TestUnorderedTasksRunUpToTheLimitAndWaitingOnesFreeTheirPlace(t *testing.T) {
	s, p := newSchedule(2), &partition{}
	for i := range 5 {
		s.offer(p, i)
	}
	a, b := s.start(), s.start()
	if a == nil || b == nil || s.start() != nil {
		t.Fatal("want two running")
	}
	s.sleep(a)
	if s.start() == nil {
		t.Fatal("a waiting task holds a place")
	}
}

func TestWhatIsHeldBackFollowsAsOthersEnd(t *testing.T) {
	s := newSchedule(10)
	p := &partition{tracker: offsets.NewTracker(0, offsets.Ledger{}), saved: saved{retryCap: 2}}
	for i := range 4 {
		s.offer(p, i)
	}
	a, b := s.start(), s.start()
	if a == nil || b == nil || s.start() != nil {
		t.Fatal("want as many as may be in retry")
	}
	s.sleep(a) // without an attempt, so that it may still become one more
	if third := s.start(); third == nil || s.number[third] != 2 {
		t.Fatal("an attempt that was none keeps its place")
	} else {
		s.end(third)
	}
	s.end(b)
	if last := s.start(); last == nil || s.number[last] != 3 {
		t.Fatal("what was held back does not follow")
	}
}

func TestTasksOfATakenPartitionAreDropped(t *testing.T) {
	s := newSchedule(10)
	mine, taken := &partition{order: byPartition}, &partition{order: byPartition}
	s.offer(taken, 0)
	s.offer(taken, 1)
	s.offer(mine, 2)
	running := s.start()
	taken.state = gone
	s.end(running)
	if got := s.start(); got == nil || got.part != mine {
		t.Fatal("a task of a partition that was taken away was started")
	}
}

func TestLanesKeepEveryOrderUnderRandomScripts(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 2))
		s := newSchedule(1 + random.IntN(5))
		parts := []*partition{{order: byPartition}, {order: byPartition}, {}}
		offered := make([]int, len(parts))
		for step := range 500 {
			switch random.IntN(5) {
			case 0:
				i := random.IntN(len(parts))
				s.offer(parts[i], offered[i])
				offered[i]++
			case 1, 2:
				s.start()
			case 3:
				if t := anyOf(random, s.running); t != nil {
					s.sleep(t)
				}
			default:
				if t := anyOf(random, s.running); t != nil {
					s.end(t)
				} else if len(s.asleep) > 0 {
					i := random.IntN(len(s.asleep))
					s.retry(s.asleep[i])
					s.asleep = slices.Delete(s.asleep, i, i+1)
				}
			}
			if len(s.running) > s.limit || len(s.running) != s.lanes.running || len(s.asleep) != s.waiting {
				t.Fatalf("seed %d, step %d: running %d of %d, counted %d; waiting %d, counted %d",
					seed, step, len(s.running), s.limit, s.lanes.running, len(s.asleep), s.waiting)
			}
		}
		for _, sleeper := range s.asleep {
			s.retry(sleeper)
		}
		for len(s.running) > 0 {
			s.end(anyOf(random, s.running))
		}
		for next := s.start(); next != nil; next = s.start() {
			s.end(next)
		}
		for i, p := range parts {
			if len(s.order[p]) != offered[i] {
				t.Fatalf("seed %d: %d of %d tasks of partition %d ran", seed, len(s.order[p]), offered[i], i)
			}
			if p.lane != nil && !slices.IsSorted(s.order[p]) {
				t.Fatalf("seed %d: ordered partition %d ran as %v", seed, i, s.order[p])
			}
		}
	}
}

// anyOf picks a running task in a way that the seed alone decides.
func anyOf(random *rand.Rand, running map[*task]bool) *task {
	if len(running) == 0 {
		return nil
	}
	var all []*task
	for t := range running {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *task) int { return a.bytes - b.bytes })
	return all[random.IntN(len(all))]
}
