package offsets

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func same(a, b Ledger) bool {
	return a.Base == b.Base && a.Horizon == b.Horizon && slices.Equal(a.Unfinished, b.Unfinished)
}

// open are unfinished offsets without attempts.
func open(offsets ...int64) []Unfinished {
	var all []Unfinished
	for _, o := range offsets {
		all = append(all, Unfinished{Offset: o})
	}
	return all
}

func TestLedgerIsReadAsItWasWritten(t *testing.T) {
	tests := map[string]struct {
		written, read Ledger // read is zero where nothing is written
	}{
		"nothing":                               {},
		"nothing above the prefix":              {written: Ledger{Base: 7, Horizon: 7}},
		"nothing finished above the prefix":     {written: Ledger{Base: 7, Horizon: 9, Unfinished: open(7, 8)}},
		"a finished one":                        {Ledger{Base: 7, Horizon: 9, Unfinished: open(7)}, Ledger{Base: 7, Horizon: 9, Unfinished: open(7)}},
		"what comes after the last finished":    {Ledger{Base: 7, Horizon: 12, Unfinished: open(7, 9, 10, 11)}, Ledger{Base: 7, Horizon: 9, Unfinished: open(7)}},
		"no offset at the base exists":          {Ledger{Base: 0, Horizon: 9, Unfinished: open(4)}, Ledger{Base: 0, Horizon: 9, Unfinished: open(4)}},
		"offsets far apart":                     {Ledger{Base: 1 << 60, Horizon: 1<<61 + 2, Unfinished: open(1<<60, 1<<61)}, Ledger{Base: 1 << 60, Horizon: 1<<61 + 2, Unfinished: open(1<<60, 1<<61)}},
		"attempts of the first":                 {Ledger{Base: 7, Horizon: 8, Unfinished: []Unfinished{{7, 3, 0}}}, Ledger{Base: 7, Horizon: 7, Unfinished: []Unfinished{{7, 3, 0}}}},
		"attempts above the last finished":      {Ledger{Base: 7, Horizon: 11, Unfinished: []Unfinished{{7, 0, 0}, {9, 0, 0}, {10, 200, 0}}}, Ledger{Base: 7, Horizon: 9, Unfinished: []Unfinished{{7, 0, 0}, {10, 200, 0}}}},
		"statuses of those at their last stop":  {Ledger{Base: 7, Horizon: 10, Unfinished: []Unfinished{{7, 1, 400}, {9, 4, 503}}}, Ledger{Base: 7, Horizon: 9, Unfinished: []Unfinished{{7, 1, 400}, {9, 4, 503}}}},
		"a status of one that was never tried":  {Ledger{Base: 7, Horizon: 9, Unfinished: []Unfinished{{7, 0, 503}}}, Ledger{Base: 7, Horizon: 9, Unfinished: []Unfinished{{7, 0, 0}}}},
		"every other offset, with few attempts": everyOther(),
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			text, cut := test.written.Encode(Budget)
			if cut {
				t.Error("cut")
			}
			if (text == "") != same(test.read, Ledger{}) {
				t.Fatalf("text %q", text)
			}
			if text == "" {
				return
			}
			if got, reading := Decode(test.written.Base, text); reading != Read || !same(got, test.read) {
				t.Errorf("%v: got %+v, want %+v", reading, got, test.read)
			}
		})
	}
}

// everyOther is shorter as bits than as a list.
func everyOther() (pair struct{ written, read Ledger }) {
	l := Ledger{Base: 100, Horizon: 2100}
	for o := int64(100); o < 2100; o += 2 {
		u := Unfinished{Offset: o}
		if o%200 == 0 {
			u.Attempts, u.Status = int(o/200), 404
		}
		l.Unfinished = append(l.Unfinished, u)
	}
	return struct{ written, read Ledger }{l, l}
}

func TestLedgerIsShort(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, test := range []struct{ unfinished, window, tried, most int }{
		{100, 10_000, 0, 240}, {1000, 10_000, 0, 1690}, {4000, 10_000, 0, 1720}, {1000, 100_000, 0, 2100},
		{100, 10_000, 50, 300}, {RetryCap(Budget), 900_000, RetryCap(Budget), Budget},
	} {
		l := randomLedger(random, test.unfinished, test.window, test.tried)
		text, cut := l.Encode(Budget)
		t.Logf("%d unfinished of %d, %d tried: %d characters", test.unfinished, test.window, test.tried, len(text))
		if cut || len(text) > test.most {
			t.Errorf("%d unfinished of %d, %d tried: %d characters, cut %v", test.unfinished, test.window, test.tried, len(text), cut)
		}
	}
}

// randomLedger has about so many of each.
func randomLedger(random *rand.Rand, unfinished, window, tried int) Ledger {
	base := random.Int64N(1 << 30)
	l := Ledger{Base: base, Horizon: base + int64(window) + 1}
	seen := map[int64]bool{0: true}
	for len(seen) < unfinished {
		seen[random.Int64N(int64(window))] = true
	}
	for o := range seen {
		l.Unfinished = append(l.Unfinished, Unfinished{Offset: base + o})
	}
	slices.SortFunc(l.Unfinished, func(a, b Unfinished) int { return int(a.Offset - b.Offset) })
	for _, i := range random.Perm(len(l.Unfinished))[:min(tried, len(l.Unfinished))] {
		l.Unfinished[i].Attempts = 1 + random.IntN(40)
	}
	return l
}

func TestLedgerKeepsToItsBudgetAndNeverClaimsWhatIsNot(t *testing.T) {
	for seed := range uint64(400) {
		random := rand.New(rand.NewPCG(seed, 2))
		l := randomLedger(random, 1+random.IntN(2000), 2000+random.IntN(1<<random.IntN(20)), random.IntN(1200))
		for i := range l.Unfinished {
			if l.Unfinished[i].Attempts > 0 && random.IntN(3) == 0 {
				l.Unfinished[i].Status = 400 + random.IntN(4)
			}
		}
		budget := random.IntN(Budget + 1)
		text, cut := l.Encode(budget)
		if len(text) > budget {
			t.Fatalf("seed %d: %d characters, budget %d", seed, len(text), budget)
		}
		if text == "" {
			continue
		}
		got, reading := Decode(l.Base, text)
		if reading != Read || got.Horizon > l.Horizon {
			t.Fatalf("seed %d: %v, horizon %d of %d", seed, reading, got.Horizon, l.Horizon)
		}
		assertWithin(t, fmt.Sprintf("seed %d", seed), l, got)
		if most := RetryCap(budget); len(l.triedOnly()) <= most && most > minRetryCap && len(got.triedOnly()) != len(l.triedOnly()) {
			t.Fatalf("seed %d: attempts of %d offsets, written %d, cap %d", seed, len(got.triedOnly()), len(l.triedOnly()), most)
		}
		if !cut && !same(got, l.trim()) {
			t.Fatalf("seed %d: not cut and not the same", seed)
		}
	}
}

// assertWithin fails if a ledger that was read says more than the one that was written.
func assertWithin(t *testing.T, what string, written, read Ledger) {
	t.Helper()
	kept := map[int64]Unfinished{}
	for _, u := range read.Unfinished {
		kept[u.Offset] = u
	}
	all := map[int64]bool{}
	for _, u := range written.Unfinished {
		all[u.Offset] = true
		got, listed := kept[u.Offset]
		if !listed && u.Offset < read.Horizon {
			t.Fatalf("%s: %d is said to be finished", what, u.Offset)
		}
		if listed && (got.Attempts != u.Attempts || got.Status != u.Status && got.Status != 0) {
			t.Fatalf("%s: %d: read %+v, written %+v", what, u.Offset, got, u)
		}
	}
	for o := range kept {
		if !all[o] {
			t.Fatalf("%s: %d was not written", what, o)
		}
	}
}

func TestMetadataThatIsNoLedgerOfOursIsTold(t *testing.T) {
	good, _ := Ledger{Base: 7, Horizon: 9, Unfinished: open(7)}.Encode(Budget)
	for name, test := range map[string]struct {
		metadata string
		offset   int64
		want     Reading
	}{
		"read":              {good, 7, Read},
		"empty":             {"", 7, None},
		"a member id":       {"kgo-1f8d", 7, Foreign},
		"another offset":    {good, 8, Moved},
		"cut off":           {good[:len(good)-3], 7, Corrupt},
		"a changed letter":  {strings.Replace(good, good[8:9], string(good[8]^1), 1), 7, Corrupt},
		"nothing but mark":  {mark, 7, Corrupt},
		"not in base64":     {mark + "****", 7, Corrupt},
		"a later version":   {later(0), 7, Newer},
		"a kind from later": {later(1), 7, Newer},
	} {
		if l, got := Decode(test.offset, test.metadata); got != test.want || got != Read && !same(l, Ledger{}) {
			t.Errorf("%s: %v, %+v, want %v", name, got, l, test.want)
		}
	}
}

// later is a ledger of a program to come: the byte at a place is higher.
func later(at int) string {
	e := encoder{base: 7}
	l := Ledger{Base: 7, Horizon: 9, Unfinished: open(7)}
	e.encode(l)
	raw := slices.Clone(e.buf)
	raw[at] = 99
	return sealed(raw)
}

func TestATrackerGoesOnWhereALedgerEnds(t *testing.T) {
	l := Ledger{Base: 100, Horizon: 110, Unfinished: []Unfinished{{100, 2, 0}, {104, 0, 0}, {106, 1, 400}, {120, 5, 0}}}
	tracker := NewTracker(100, l)
	if got := tracker.Ledger(); !same(got, l) {
		t.Fatalf("before the first record: %+v", got)
	}
	if tracker.Prefix() != 100 || tracker.Retried() != 3 || tracker.Unfinished() != 0 || tracker.Ahead() != 7 {
		t.Fatalf("prefix %d, retried %d, unfinished %d, ahead %d", tracker.Prefix(), tracker.Retried(), tracker.Unfinished(), tracker.Ahead())
	}
	tickets := map[int64]Ticket{}
	for offset := int64(100); offset < 125; offset++ {
		if offset == 106 {
			continue // compacted away
		}
		ticket, standing := tracker.Add(offset, 0)
		tickets[offset] = ticket
		if want := map[bool]Standing{true: Finished, false: New}[offset < 110 && offset != 100 && offset != 104]; standing != want {
			t.Fatalf("offset %d: standing %d", offset, standing)
		}
	}
	if attempts, _ := tracker.Tried(tickets[120]); attempts != 5 {
		t.Errorf("%d attempts above the horizon, want 5", attempts)
	}
	tracker.Done(tickets[100])
	if tracker.Prefix() != 104 || tracker.Retried() != 1 {
		t.Errorf("prefix %d, retried %d", tracker.Prefix(), tracker.Retried())
	}
	tracker.Done(tickets[104])
	if tracker.Prefix() != 110 {
		t.Errorf("prefix %d, want what the ledger knows", tracker.Prefix())
	}
}

func TestATrackerIgnoresALedgerOfAnotherOffset(t *testing.T) {
	tracker := NewTracker(50, Ledger{Base: 40, Horizon: 60})
	if _, standing := tracker.Add(50, 0); standing != New {
		t.Error("an offset was skipped")
	}
}

// A chain of owners, each of which reads what the one before wrote, skips and repeats exactly what the ledger says.
func TestOwnersOneAfterTheOtherFinishEverythingOnce(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 3))
		const records = 300
		finished, attempts := map[int64]int{}, map[int64]int{}
		committed, metadata := int64(0), ""
		for committed < records {
			l, reading := Decode(committed, metadata)
			if reading != Read && reading != None {
				t.Fatalf("seed %d: %v", seed, reading)
			}
			tracker := NewTracker(committed, l)
			tickets := map[int64]Ticket{}
			for offset := committed; offset < min(records, committed+int64(random.IntN(100))); offset++ {
				ticket, standing := tracker.Add(offset, 0)
				if (standing == Finished) != (finished[offset] > 0) {
					t.Fatalf("seed %d: offset %d finished %d times, standing %d", seed, offset, finished[offset], standing)
				}
				if standing == New {
					tickets[offset] = ticket
				}
			}
			for offset, ticket := range tickets {
				if known, _ := tracker.Tried(ticket); known != attempts[offset] {
					t.Fatalf("seed %d: offset %d: %d attempts, want %d", seed, offset, known, attempts[offset])
				}
				switch random.IntN(3) {
				case 0:
					tracker.Done(ticket)
					finished[offset]++
				case 1:
					attempts[offset]++
					tracker.Fail(ticket, attempts[offset], 0)
				}
			}
			committed = tracker.Prefix()
			metadata, _ = tracker.Ledger().Encode(Budget)
		}
		for offset, n := range finished {
			if n != 1 {
				t.Fatalf("seed %d: offset %d finished %d times", seed, offset, n)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	text, _ := Ledger{Base: 7, Horizon: 90, Unfinished: []Unfinished{{7, 3, 500}, {20, 0, 0}}}.Encode(Budget)
	bits, _ := everyOther().written.Encode(Budget)
	for _, seed := range []string{"", "kgo-x", text, bits, mark} {
		f.Add(seed, int64(7))
	}
	f.Fuzz(func(t *testing.T, metadata string, committed int64) {
		for _, text := range []string{metadata, sealed([]byte(metadata))} {
			l, reading := Decode(committed, text)
			if reading != Read {
				if !same(l, Ledger{}) {
					t.Fatalf("%v with a ledger", reading)
				}
				continue
			}
			again, cut := l.Encode(1 << 20)
			if cut {
				t.Fatalf("%+v does not fit into a megabyte", l)
			}
			if got, r := Decode(committed, again); again != "" && (r != Read || !same(got, l.trim())) {
				t.Fatalf("%v: read %+v, written again %+v", r, l, got)
			}
			NewTracker(committed, l).Ledger()
		}
	})
}

// sealed makes a text of a body that Decode takes apart.
func sealed(body []byte) string {
	return string(seal(slices.Clone(body)))
}

func BenchmarkLedger(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{100, 1000} {
		l := randomLedger(random, n, 10_000, 50)
		text, _ := l.Encode(Budget)
		b.Run(fmt.Sprintf("encode %d of 10000", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l.Encode(Budget)
			}
		})
		b.Run(fmt.Sprintf("decode %d of 10000", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Decode(l.Base, text)
			}
		})
	}
}
