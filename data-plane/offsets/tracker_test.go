package offsets

import (
	"math/rand/v2"
	"slices"
	"sort"
	"testing"
)

// step is one call to a tracker and what must hold after it.
type step struct {
	add, done  int64 // offset, -1 for none
	prefix     int64
	unfinished int
	ahead      int64
}

func TestTrackerCommitsThePrefixOfWhatIsFinished(t *testing.T) {
	const no = int64(-1)
	tests := map[string]struct {
		start int64
		steps []step
	}{
		"nothing handed out commits the start": {7, nil},
		"in order": {0, []step{
			{0, no, 0, 1, 0}, {1, no, 0, 2, 0}, {no, 0, 1, 1, 0}, {no, 1, 2, 0, 0},
		}},
		"out of order waits for the oldest": {0, []step{
			{0, no, 0, 1, 0}, {1, no, 0, 2, 0}, {2, no, 0, 3, 0},
			{no, 2, 0, 2, 1}, {no, 1, 0, 1, 2}, {no, 0, 3, 0, 0},
		}},
		"a gap below the first record is skipped": {5, []step{
			{1000, no, 1000, 1, 0}, {no, 1000, 1001, 0, 0},
		}},
		"gaps between records are finished": {0, []step{
			{0, no, 0, 1, 0}, {1 << 40, no, 0, 2, 1<<40 - 1}, {no, 0, 1 << 40, 1, 0}, {no, 1 << 40, 1<<40 + 1, 0, 0},
		}},
		"an offset twice is refused": {0, []step{
			{0, no, 0, 1, 0}, {0, no, 0, 1, 0}, {no, 0, 1, 0, 0}, {0, no, 1, 0, 0},
		}},
		"finished twice counts once": {0, []step{
			{0, no, 0, 1, 0}, {1, no, 0, 2, 0}, {no, 1, 0, 1, 1}, {no, 1, 0, 1, 1}, {no, 0, 2, 0, 0}, {no, 0, 2, 0, 0},
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			tracker := NewTracker(test.start, Ledger{})
			tickets := map[int64]Ticket{}
			if got := tracker.Prefix(); got != test.start {
				t.Fatalf("prefix of a new tracker: got %d, want %d", got, test.start)
			}
			for i, s := range test.steps {
				if s.add != no {
					if ticket, standing := tracker.Add(s.add, 0); standing == New {
						tickets[s.add] = ticket
					}
				}
				if s.done != no {
					tracker.Done(tickets[s.done])
				}
				if p, u, a := tracker.Prefix(), tracker.Unfinished(), tracker.Ahead(); p != s.prefix || u != s.unfinished || a != s.ahead {
					t.Fatalf("step %d %+v: prefix %d, unfinished %d, ahead %d", i, s, p, u, a)
				}
			}
		})
	}
}

func TestTrackerSaysWhenACommitWouldSaySomethingElse(t *testing.T) {
	tracker := NewTracker(0, Ledger{})
	a, _ := tracker.Add(0, 0)
	b, _ := tracker.Add(1, 0)
	before := tracker.Changes()
	changed := func() bool {
		defer func() { before = tracker.Changes() }()
		return tracker.Changes() != before
	}
	for i, step := range []struct {
		do   func()
		want bool
	}{
		{func() { tracker.Add(2, 0) }, false},
		{func() { tracker.Done(b) }, true},
		{func() { tracker.Done(b) }, false},
		{func() { tracker.Fail(a, 1, 0) }, true},
		{func() { tracker.Fail(a, 1, 0) }, false},
		{func() { tracker.Done(a) }, true},
		{func() { tracker.Fail(a, 2, 0) }, false},
	} {
		if step.do(); changed() != step.want {
			t.Errorf("step %d: changed %v", i, !step.want)
		}
	}
}

func TestTrackerCountsWhatWasTried(t *testing.T) {
	tracker := NewTracker(0, Ledger{})
	a, _ := tracker.Add(10, 0)
	b, _ := tracker.Add(20, 0)
	tracker.Fail(a, 1, 0)
	tracker.Fail(a, 2, 400)
	tracker.Fail(b, 1, 0)
	if attempts, status := tracker.Tried(a); attempts != 2 || status != 400 || tracker.Retried() != 2 {
		t.Errorf("%d attempts, status %d, %d retried", attempts, status, tracker.Retried())
	}
	tracker.Done(a)
	if attempts, _ := tracker.Tried(a); attempts != 0 || tracker.Retried() != 1 {
		t.Errorf("a finished ticket: %d attempts, %d retried", attempts, tracker.Retried())
	}
	want := Ledger{Base: 20, Horizon: 21, Unfinished: []Unfinished{{Offset: 20, Attempts: 1}}}
	if got := tracker.Ledger(); !same(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
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
		tracker, m := NewTracker(start, Ledger{}), &model{start: start, done: map[int64]bool{}}
		tickets := map[int64]Ticket{}
		offset := start
		for range 400 {
			if random.IntN(2) == 0 {
				offset += random.Int64N(3) * random.Int64N(1000)
				if ticket, standing := tracker.Add(offset, 0); standing == New {
					tickets[offset] = ticket
					m.added = append(m.added, offset)
				}
				offset++
			} else if len(m.added) > 0 {
				o := m.added[random.IntN(len(m.added))]
				m.done[o] = true
				tracker.Done(tickets[o])
			}
			if got, want := tracker.Prefix(), m.prefix(); got != want {
				t.Fatalf("seed %d: prefix %d, want %d", seed, got, want)
			}
		}
		if open := len(m.added) - len(m.done); tracker.Unfinished() != open {
			t.Fatalf("seed %d: %d unfinished, want %d", seed, tracker.Unfinished(), open)
		}
		l := tracker.Ledger()
		var unfinished, listed []int64
		for _, o := range m.added {
			if !m.done[o] && o < l.Horizon {
				unfinished = append(unfinished, o)
			}
		}
		for _, u := range l.Unfinished {
			listed = append(listed, u.Offset)
		}
		if !slices.Equal(listed, unfinished) {
			t.Fatalf("seed %d: unfinished %v, want %v", seed, listed, unfinished)
		}
		text, _ := l.Encode(1 << 20)
		read, _ := Decode(l.Base, text)
		heir := NewTracker(tracker.Prefix(), read)
		for _, o := range m.added[sort.Search(len(m.added), func(i int) bool { return m.added[i] >= l.Base }):] {
			want := New
			if m.done[o] {
				want = Finished
			}
			if _, got := heir.Add(o, 0); got != want {
				t.Fatalf("seed %d: offset %d: %d after a commit, want %d", seed, o, got, want)
			}
		}
	}
}

func TestALedgerDoesNotListWhatWaitsAboveAllThatIsKnown(t *testing.T) {
	tracker := NewTracker(0, Ledger{})
	var tickets []Ticket
	for o := range int64(1000) {
		ticket, _ := tracker.Add(o, 0)
		tickets = append(tickets, ticket)
	}
	tracker.Done(tickets[2])
	want := Ledger{Base: 0, Horizon: 3, Unfinished: []Unfinished{{Offset: 0}, {Offset: 1}}}
	if got := tracker.Ledger(); !same(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	tracker.Fail(tickets[5], 1, 0)
	if got := tracker.Ledger(); len(got.Unfinished) != 5 || got.Unfinished[4] != (Unfinished{Offset: 5, Attempts: 1}) {
		t.Errorf("with one that was tried: %+v", got)
	}
}

func TestTrackerKnowsTheAgeOfTheOldestUnfinished(t *testing.T) {
	tracker := NewTracker(0, Ledger{})
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
	tracker := NewTracker(0, Ledger{})
	var tickets []Ticket
	for o := range int64(10_000) {
		ticket, _ := tracker.Add(o, 0)
		tickets = append(tickets, ticket)
	}
	for _, ticket := range tickets {
		tracker.Done(ticket)
	}
	if n := len(tracker.slots); n != 0 {
		t.Errorf("an empty tracker has %d slots", n)
	}
	ticket, _ := tracker.Add(10_000, 0)
	tracker.Done(tickets[0])
	if tracker.Unfinished() != 1 {
		t.Error("an old ticket finished another offset")
	}
	tracker.Done(ticket)
}

func BenchmarkTracker(b *testing.B) {
	tracker := NewTracker(0, Ledger{})
	b.ReportAllocs()
	var offset int64
	for b.Loop() {
		ticket, _ := tracker.Add(offset, 0)
		tracker.Done(ticket)
		offset++
	}
}
