package telemetry

import (
	"hash/maphash"
	"maps"
	"math"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	// typeUnknown is the event type of what carries none, such as a refused request, and of everything when the tag is
	// disabled.
	typeUnknown = "unknown"
	// typeOther gathers the event types that are not among the most frequent ones of a resource.
	typeOther = "other"

	maxTypeBytes = 256 // longer types count as other

	voteSlots  = 64   // candidates that are told apart at a time
	voteWindow = 4096 // events of unlisted types that one election counts
	minLead    = 64   // votes that make a candidate
)

// typeTable keeps series for the most frequent event types of a resource, so that a producer that writes an id into the
// type fills neither memory nor the monitoring system. The first types that come fill the table; from then on one that
// is seen far more often than the rarest of the table takes its place. A type that leaves takes its series with it:
// adding them to "other" would show there as a burst that never was.
type typeTable struct {
	limit int
	known atomic.Pointer[map[string]*typeSeries] // immutable, replaced under mu
	other atomic.Pointer[typeSeries]             // nil until a type does not fit

	mu       sync.Mutex // guards what is below
	election *election  // nil until the table is full
}

func newTypeTable(limit int) *typeTable {
	t := &typeTable{limit: limit}
	t.known.Store(&map[string]*typeSeries{})
	return t
}

// series returns the figures to which an event of this type is added. name may alias a buffer that is used again later.
func (t *typeTable) series(name string) *typeSeries {
	if name == "" {
		name = typeUnknown
	}
	known := *t.known.Load()
	if s, ok := known[name]; ok {
		return s
	}
	if len(name) > maxTypeBytes {
		return t.rest()
	}
	if len(known) < t.limit {
		return t.admit(name)
	}
	return t.miss(name)
}

// each calls f with every series there is.
func (t *typeTable) each(f func(*typeSeries)) {
	for _, s := range *t.known.Load() {
		f(s)
	}
	if s := t.other.Load(); s != nil {
		f(s)
	}
}

// admit adds a type while there is room.
func (t *typeTable) admit(name string) *typeSeries {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := *t.known.Load()
	if s, ok := known[name]; ok {
		return s
	}
	if len(known) >= t.limit {
		return t.rest()
	}
	return t.replace("", name)
}

// replace puts a type into the table, in the place of another unless leaving is "". The caller holds mu.
func (t *typeTable) replace(leaving, name string) *typeSeries {
	next := maps.Clone(*t.known.Load())
	delete(next, leaving)
	s := newTypeSeries(strings.Clone(name))
	next[s.name] = s
	t.known.Store(&next)
	return s
}

// miss counts an event of a type that is not in the full table. Who finds the election busy does not wait: missing some
// votes changes no result that matters.
func (t *typeTable) miss(name string) *typeSeries {
	if !t.mu.TryLock() {
		return t.rest()
	}
	defer t.mu.Unlock()
	known := *t.known.Load()
	if s, ok := known[name]; ok {
		return s
	}
	if t.election == nil || t.election.misses >= voteWindow {
		t.election = newElection(known)
	}
	leaving, won := t.election.vote(name, known)
	if !won {
		return t.rest()
	}
	t.election = nil
	return t.replace(leaving, name)
}

// rest returns the series of the types that have none of their own.
func (t *typeTable) rest() *typeSeries {
	if s := t.other.Load(); s != nil {
		return s
	}
	t.other.CompareAndSwap(nil, newTypeSeries(typeOther))
	return t.other.Load()
}

// election finds out which type that is not in a full table deserves a place in it. It remembers hashes, not names, so
// its size does not depend on how many types there are. It is guarded by the mutex of its table.
type election struct {
	seed   maphash.Seed
	slots  [voteSlots]vote
	misses int
	opened map[string]uint64 // totals of the types in the table when the election began
}

// vote is a majority vote among the types that share a slot: lead grows with each event of the type that hash stands for
// and shrinks with each of another, so a frequent type outlives any number of rare ones.
type vote struct {
	hash uint64
	lead uint64
}

func newElection(known map[string]*typeSeries) *election {
	e := &election{seed: maphash.MakeSeed(), opened: make(map[string]uint64, len(known))}
	for name, s := range known {
		e.opened[name] = s.total()
	}
	return e
}

// vote counts one event of a type and tells whether the type shall replace another, and which. It does when it was seen
// more than twice as often as the rarest of the table since the election began.
func (e *election) vote(name string, known map[string]*typeSeries) (leaving string, won bool) {
	e.misses++
	hash := maphash.String(e.seed, name)
	slot := &e.slots[hash%voteSlots]
	switch {
	case slot.lead == 0:
		*slot = vote{hash: hash, lead: 1}
	case slot.hash == hash:
		slot.lead++
	default:
		slot.lead--
	}
	if slot.hash != hash || slot.lead < minLead {
		return "", false
	}
	leaving, growth := e.rarest(known)
	if slot.lead > 2*growth {
		return leaving, true
	}
	slot.lead = 0 // it may stand again; until then there is nothing to compare
	return "", false
}

// rarest names the type of the table that grew least since the election began, and by how much.
func (e *election) rarest(known map[string]*typeSeries) (name string, growth uint64) {
	growth = math.MaxUint64 / 2
	for n, s := range known {
		if g := s.total() - e.opened[n]; g < growth {
			name, growth = n, g
		}
	}
	return name, growth
}
