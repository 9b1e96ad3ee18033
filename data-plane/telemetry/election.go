package telemetry

import (
	"hash/maphash"
	"math"
)

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
