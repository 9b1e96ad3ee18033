package telemetry

import (
	"maps"
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
