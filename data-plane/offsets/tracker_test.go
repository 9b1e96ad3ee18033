package offsets

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// step is one call to a tracker and what must hold after it.
type step struct {
	add, done  int64 // offset, -1 for none
	prefix     int64
	unfinished int
	window     int
}

func TestTrackerCommitsThePrefixOfWhatIsFinished(t *testing.T) {
	const no = int64(-1)
	tests := map[string]struct {
		start int64
		steps []step
	}{
		"nothing handed out commits the start": {7, nil},
		"in order": {0, []step{
			{0, no, 0, 1, 1}, {1, no, 0, 2, 2}, {no, 0, 1, 1, 1}, {no, 1, 2, 0, 0},
		}},
		"out of order waits for the oldest": {0, []step{
			{0, no, 0, 1, 1}, {1, no, 0, 2, 2}, {2, no, 0, 3, 3},
			{no, 2, 0, 2, 3}, {no, 1, 0, 1, 3}, {no, 0, 3, 0, 0},
		}},
		"a gap below the first record is skipped": {5, []step{
			{1000, no, 1000, 1, 1}, {no, 1000, 1001, 0, 0},
		}},
		"gaps between records are finished": {0, []step{
			{0, no, 0, 1, 1}, {1 << 40, no, 0, 2, 2}, {no, 0, 1 << 40, 1, 1}, {no, 1 << 40, 1<<40 + 1, 0, 0},
		}},
		"an offset twice is refused": {0, []step{
			{0, no, 0, 1, 1}, {0, no, 0, 1, 1}, {no, 0, 1, 0, 0}, {0, no, 1, 0, 0},
		}},
		"finished twice counts once": {0, []step{
			{0, no, 0, 1, 1}, {1, no, 0, 2, 2}, {no, 1, 0, 1, 2}, {no, 1, 0, 1, 2}, {no, 0, 2, 0, 0}, {no, 0, 2, 0, 0},
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			tracker := NewTracker(test.start)
			tickets := map[int64]Ticket{}
			if got := tracker.Prefix(); got != test.start {
				t.Fatalf("prefix of a new tracker: got %d, want %d", got, test.start)
			}
			for i, s := range test.steps {
				if s.add != no {
					if ticket, ok := tracker.Add(s.add, 0); ok {
						tickets[s.add] = ticket
					}
				}
				if s.done != no {
					tracker.Done(tickets[s.done])
				}
				if p, u, w := tracker.Prefix(), tracker.Unfinished(), tracker.Window(); p != s.prefix || u != s.unfinished || w != s.window {
					t.Fatalf("step %d %+v: prefix %d, unfinished %d, window %d", i, s, p, u, w)
				}
			}
		})
	}
}

func TestTrackerDoneSaysWhetherThePrefixMoved(t *testing.T) {
	tracker := NewTracker(0)
	a, _ := tracker.Add(0, 0)
	b, _ := tracker.Add(1, 0)
	if tracker.Done(b) {
		t.Error("the second of two moved the prefix")
	}
	if !tracker.Done(a) {
		t.Error("the first did not move the prefix")
	}
	if tracker.Done(a) {
		t.Error("a finished ticket moved the prefix")
	}
}

func TestTrackerCountsAttempts(t *testing.T) {
	tracker := NewTracker(0)
	a, _ := tracker.Add(10, 0)
	b, _ := tracker.Add(20, 0)
	tracker.Try(a)
	if got := tracker.Try(a); got != 2 {
		t.Errorf("second attempt: got %d", got)
	}
	tracker.Try(b)
	tracker.Done(a)
	if got := tracker.Try(a); got != 0 {
		t.Errorf("attempt of a finished ticket: got %d", got)
	}
	var seen []Unfinished
	tracker.Visit(func(u Unfinished) bool { seen = append(seen, u); return true })
	if want := []Unfinished{{Offset: 20, Attempts: 1}}; !slices.Equal(seen, want) {
		t.Errorf("got %v, want %v", seen, want)
	}
}

// model is the obvious and slow way to say the same.
type model struct {
	start int64
	added []int64
	done  map[int64]bool
}

func (m *model) prefix() int64 {
	for _, o := range m.added {
		if !m.done[o] {
			return o
		}
	}
	if len(m.added) == 0 {
		return m.start
	}
	return m.added[len(m.added)-1] + 1
}

func TestTrackerAgreesWithTheModel(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		start := random.Int64N(100)
		tracker, m := NewTracker(start), &model{start: start, done: map[int64]bool{}}
		tickets := map[int64]Ticket{}
		offset := start
		for range 400 {
			if random.IntN(2) == 0 {
				offset += random.Int64N(3) * random.Int64N(1000)
				if ticket, ok := tracker.Add(offset, 0); ok {
					tickets[offset] = ticket
					m.added = append(m.added, offset)
				}
				offset++
			} else if len(m.added) > 0 {
				o := m.added[random.IntN(len(m.added))]
				before := m.prefix()
				m.done[o] = true
				if moved := tracker.Done(tickets[o]); moved != (m.prefix() != before) {
					t.Fatalf("seed %d: finishing %d: moved %v, prefix %d → %d", seed, o, moved, before, m.prefix())
				}
			}
			if got, want := tracker.Prefix(), m.prefix(); got != want {
				t.Fatalf("seed %d: prefix %d, want %d", seed, got, want)
			}
		}
		var want []int64
		for _, o := range m.added {
			if !m.done[o] {
				want = append(want, o)
			}
		}
		var got []int64
		tracker.Visit(func(u Unfinished) bool { got = append(got, u.Offset); return true })
		if !slices.Equal(got, want) || tracker.Unfinished() != len(want) {
			t.Fatalf("seed %d: unfinished %v (%d), want %v", seed, got, tracker.Unfinished(), want)
		}
	}
}

func TestTrackerKnowsTheAgeOfTheOldestUnfinished(t *testing.T) {
	tracker := NewTracker(0)
	if _, ok := tracker.Oldest(); ok {
		t.Error("an empty tracker has an oldest record")
	}
	a, _ := tracker.Add(0, 500)
	tracker.Add(1, 700)
	if at, ok := tracker.Oldest(); !ok || at != 500 {
		t.Errorf("oldest of two: %d, %v", at, ok)
	}
	tracker.Done(a)
	if at, ok := tracker.Oldest(); !ok || at != 700 {
		t.Errorf("oldest after the first finished: %d, %v", at, ok)
	}
}

func TestTrackerGivesMemoryBackWhenAllIsFinished(t *testing.T) {
	tracker := NewTracker(0)
	var tickets []Ticket
	for o := range int64(10_000) {
		ticket, _ := tracker.Add(o, 0)
		tickets = append(tickets, ticket)
	}
	for _, ticket := range tickets {
		tracker.Done(ticket)
	}
	if n := len(tracker.window.entries); n != 0 {
		t.Errorf("an empty window holds %d entries", n)
	}
}

func BenchmarkTracker(b *testing.B) {
	tracker := NewTracker(0)
	b.ReportAllocs()
	var offset int64
	for b.Loop() {
		ticket, _ := tracker.Add(offset, 0)
		tracker.Done(ticket)
		offset++
	}
}
