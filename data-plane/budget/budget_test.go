package budget

import (
	"math/rand/v2"
	"testing"
)

const mib = 1 << 20

func TestOneGroupAloneMayHoldWhatIsLent(t *testing.T) {
	s := New(100 * mib).Join("a")
	s.Hold(49 * mib)
	if s.Full() {
		t.Error("full below half")
	}
	s.Hold(50 * mib)
	if !s.Full() || s.Roomy() {
		t.Error("not full at half")
	}
	s.Hold(38 * mib)
	if s.Roomy() {
		t.Error("told to go on at once")
	}
	s.Hold(37 * mib)
	if !s.Roomy() {
		t.Error("not told to go on")
	}
}

func TestWhoComesLaterHasItsPart(t *testing.T) {
	b := New(100 * mib)
	greedy, other := b.Join("a"), b.Join("b")
	greedy.Hold(50 * mib)
	for n := range int64(25) {
		other.Hold(n * mib)
		if other.Full() {
			t.Fatalf("full with %d MiB, a quarter is its part", n)
		}
	}
	other.Hold(25 * mib)
	if !other.Full() || !greedy.Full() {
		t.Error("more than its part")
	}
}

func TestNamespacesShareEquallyHoweverManyGroupsTheyHave(t *testing.T) {
	b := New(160 * mib)
	alone := b.Join("a")
	alone.Hold(1)
	var many []*Share
	for range 10 {
		s := b.Join("b")
		s.Hold(1)
		many = append(many, s)
	}
	if got := alone.Part(); got != 40*mib {
		t.Errorf("the part of the one is %d MiB", got/mib)
	}
	if got := many[0].Part(); got != 4*mib {
		t.Errorf("the part of each of ten is %d MiB", got/mib)
	}
}

func TestThereIsRoomForWhatOthersLeaveAndForTheOwnPart(t *testing.T) {
	b := New(100 * mib)
	a, c := b.Join("a"), b.Join("c")
	if got := a.Room(); got != 50*mib {
		t.Errorf("there is room for %d MiB where nobody holds anything", got/mib)
	}
	a.Hold(20 * mib)
	c.Hold(10 * mib)
	if got := a.Room(); got != 40*mib {
		t.Errorf("there is room for %d MiB beside 10 MiB of another one", got/mib)
	}
	c.Hold(45 * mib)
	if got := a.Room(); got != 25*mib {
		t.Errorf("there is room for %d MiB beside another one that holds almost half, a quarter is its part", got/mib)
	}
}

func TestWhoLeavesGivesEverythingBack(t *testing.T) {
	b := New(100)
	a, c := b.Join("a"), b.Join("c")
	a.Hold(60)
	c.Hold(10)
	a.Leave()
	a.Leave()
	a.Hold(7)
	if b.Used() != 10 || c.Part() != 50 || len(b.spaces) != 1 {
		t.Errorf("used %d, part %d, %d namespaces", b.Used(), c.Part(), len(b.spaces))
	}
}

func TestAFullGroupMayTakeWhatIsToSpareForAPartitionWithoutAnything(t *testing.T) {
	b := New(100 * mib)
	full, other := b.Join("a"), b.Join("b")
	full.Hold(74 * mib)
	if !full.Full() || !full.Spare() {
		t.Error("nothing to spare below three quarters")
	}
	full.Hold(75 * mib)
	if full.Spare() {
		t.Error("the last quarter is to spare")
	}
	other.Hold(24 * mib)
	if other.Full() {
		t.Error("full with less than its part, while there is some left")
	}
	full.Hold(76 * mib)
	if !other.Full() || other.Roomy() {
		t.Error("not full though all is used")
	}
	full.Hold(75 * mib)
	if other.Full() {
		t.Error("full with less than its part, though there is some left again")
	}
}

// Groups that fetch whenever they may, finish at random and come and go never hold more than the budget and one fetch of
// each, and none is stopped that holds less than its part, unless all is used.
func TestAnyScheduleKeepsTheBudget(t *testing.T) {
	const total, fetch = 10_000, 50
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 0))
		b := New(total)
		type group struct {
			*Share
			held    int64
			stopped bool
			stalled bool
		}
		var groups []*group
		for step := range 5000 {
			if len(groups) < 2 || random.IntN(100) == 0 && len(groups) < 20 {
				groups = append(groups, &group{Share: b.Join(string(rune('a' + random.IntN(4)))), stalled: random.IntN(3) == 0})
			}
			i := random.IntN(len(groups))
			g := groups[i]
			switch random.IntN(40) {
			case 0:
				g.Leave()
				groups = append(groups[:i], groups[i+1:]...)
				continue
			case 1:
				g.stalled = !g.stalled
			}
			if g.stopped && g.Roomy() {
				g.stopped = false
			}
			if (!g.stopped || g.Spare()) && random.IntN(2) == 0 {
				g.held += 1 + random.Int64N(fetch)
			}
			if !g.stalled {
				g.held -= random.Int64N(g.held + 1)
			}
			g.Hold(g.held)
			if full := g.Full(); full && g.held < g.Part() && b.Used() < total {
				t.Fatalf("seed %d, step %d: stopped with %d, its part is %d", seed, step, g.held, g.Part())
			} else if full {
				g.stopped = true
			}
			var used int64
			for _, other := range groups {
				used += other.held
			}
			if used != b.Used() {
				t.Fatalf("seed %d, step %d: %d are held, %d are counted", seed, step, used, b.Used())
			}
			if most := int64(total + len(groups)*fetch); used > most {
				t.Fatalf("seed %d, step %d: %d are held, at most %d", seed, step, used, most)
			}
		}
	}
}

func BenchmarkHold(b *testing.B) {
	s := New(100 * mib).Join("a")
	for n := int64(0); b.Loop(); n++ {
		s.Hold(n & 1023)
	}
}
