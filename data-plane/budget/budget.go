// Package budget shares the memory of a process for events among namespaces, and in each of them among consumer groups.
// Nobody waits for it: a Share says whether its group should stop fetching, and when it may go on. What one does not
// use, others may; but who needs it has its part at any time.
//
// It does no I/O, reads no clock and starts no goroutine. A Budget and its Shares may be used by any goroutine.
package budget

import "sync"

// Budget is how many bytes of events a process holds at the most, but for what is on its way while a group is told to
// stop: half of it is lent to whoever asks first, the other half is kept for those who hold less than their part.
type Budget struct {
	mu     sync.Mutex
	total  int64
	used   int64
	spaces map[string]*space
	active int // namespaces that hold something
}

type space struct {
	shares int // that have not left
	active int // that hold something
}

// Share is the part of one group. Make it with Join.
type Share struct {
	of        *Budget
	namespace string
	in        *space
	used      int64
	left      bool
}

// New makes a budget of so many bytes, above 0.
func New(total int64) *Budget { return &Budget{total: total, spaces: map[string]*space{}} }

// Join makes the share of a group, which leaves when it ends.
func (b *Budget) Join(namespace string) *Share {
	b.mu.Lock()
	defer b.mu.Unlock()
	in := b.spaces[namespace]
	if in == nil {
		in = &space{}
		b.spaces[namespace] = in
	}
	in.shares++
	return &Share{of: b, namespace: namespace, in: in}
}

// Total and Used are the bytes of the process.
func (b *Budget) Total() int64 { return b.total }

// Used is how many bytes are held.
func (b *Budget) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// Hold says how many bytes the group holds now.
func (s *Share) Hold(bytes int64) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	if !s.left {
		s.hold(bytes)
	}
}

func (s *Share) hold(bytes int64) {
	before := s.used
	s.used = bytes
	s.of.used += bytes - before
	switch {
	case before == 0 && bytes > 0:
		s.in.active++
		if s.in.active == 1 {
			s.of.active++
		}
	case before > 0 && bytes == 0:
		s.in.active--
		if s.in.active == 0 {
			s.of.active--
		}
	}
}

// Leave gives everything back.
func (s *Share) Leave() {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	if s.left {
		return
	}
	s.hold(0)
	s.left = true
	s.in.shares--
	if s.in.shares == 0 {
		delete(s.of.spaces, s.namespace)
	}
}

// Full says whether the group must stop fetching: it holds its part, and what can be lent is used; or it holds anything, and
// all is used, as groups that were full have taken what was to spare.
func (s *Share) Full() bool {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	return s.used >= s.part() && s.of.used >= s.of.total/2 || s.used > 0 && s.of.used >= s.of.total
}

// Spare says whether a full group may take something more for a partition of which it holds nothing: a quarter of the
// budget is kept for others.
func (s *Share) Spare() bool {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	return s.of.used < s.of.total/4*3
}

// Roomy says whether a group that was told to stop may go on. It is later than the end of Full, so that who stops does
// so for a while.
func (s *Share) Roomy() bool {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	return s.of.used < s.of.total && s.used <= s.part()/4*3 || s.of.used <= s.of.total/8*3
}

// Part is how many bytes the group may hold whatever others do.
func (s *Share) Part() int64 {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	return s.part()
}

// Room is how many bytes the group may hold as long as others hold what they hold now.
func (s *Share) Room() int64 {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	return max(s.part(), s.of.total/2-(s.of.used-s.used))
}

// part divides half of the budget by those who hold something: first among namespaces, then among groups.
func (s *Share) part() int64 {
	spaces, groups := s.of.active, s.in.active
	if groups == 0 {
		spaces++
	}
	if s.used == 0 {
		groups++
	}
	return s.of.total / 2 / int64(spaces) / int64(groups)
}
