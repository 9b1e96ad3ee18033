package offsets

// ring is a queue of entries in one slice whose length is a power of two.
type ring struct {
	entries []entry
	head    int
	count   int
}

// shrinkFrom is the capacity from which an empty ring gives its memory back: a group at rest costs nothing for the
// backlog that it once had.
const shrinkFrom = 1024

func (r *ring) len() int { return r.count }

// at returns the i-th entry from the oldest; it is valid until the next push or pop.
func (r *ring) at(i int) *entry {
	return &r.entries[(r.head+i)&(len(r.entries)-1)]
}

func (r *ring) push(e entry) {
	if r.count == len(r.entries) {
		r.grow()
	}
	r.count++
	*r.at(r.count - 1) = e
}

func (r *ring) pop() {
	r.head = (r.head + 1) & (len(r.entries) - 1)
	r.count--
	if r.count == 0 && len(r.entries) >= shrinkFrom {
		*r = ring{}
	}
}

func (r *ring) grow() {
	grown := make([]entry, max(8, 2*len(r.entries)))
	for i := range r.count {
		grown[i] = *r.at(i)
	}
	r.entries, r.head = grown, 0
}
