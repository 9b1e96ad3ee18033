// Package offsets knows which offsets of one partition are finished: from what was handed out and what came back it
// says which offset may be committed, and what is unfinished above it. It does no I/O, reads no clock and starts no
// goroutine; a Tracker belongs to whoever holds the lock of its partition.
package offsets

// Ticket stands for one offset that a Tracker handed out. It is cheaper to look up than the offset, as offsets have
// gaps and tickets have none.
type Ticket uint64

// Tracker follows one partition of one group from assignment to revocation. A new assignment gets a new Tracker, so
// that results of an old one can never count for it (OF-12).
//
// Invariants: offsets are added in ascending order; every ticket from first to first+len(window)-1 is in the window;
// the oldest ticket of a non-empty window is unfinished.
type Tracker struct {
	next       int64  // the offset after the highest one added: what is committed when nothing is unfinished
	first      Ticket // of the oldest entry in the window
	window     ring
	unfinished int
}

// entry is one offset in the window.
type entry struct {
	offset   int64
	written  int64
	attempts int32
	done     bool
}

// Unfinished is an offset that was handed out and is not finished.
type Unfinished struct {
	// Offset in the partition.
	Offset int64
	// Attempts that were made to deliver it, the one that is under way included.
	Attempts int
}

// NewTracker makes the tracker of a partition whose committed offset is start: the first one to hand out.
func NewTracker(start int64) *Tracker {
	return &Tracker{next: start}
}

// Add hands out an offset; written is when its record was written, in milliseconds, and comes back from Oldest.
// Offsets between the last one added and this one do not exist in the partition (compaction, transaction markers):
// they count as finished, whatever their number, at no cost. ok is false, and nothing changes, for an offset below one
// that was added before: it is in the window already or finished.
func (t *Tracker) Add(offset, written int64) (ticket Ticket, ok bool) {
	if offset < t.next {
		return 0, false
	}
	ticket = t.first + Ticket(t.window.len())
	t.window.push(entry{offset: offset, written: written})
	t.next = offset + 1
	t.unfinished++
	return ticket, true
}

// Try counts an attempt to deliver the ticket's event and returns their number.
func (t *Tracker) Try(ticket Ticket) int {
	e := t.at(ticket)
	if e == nil {
		return 0
	}
	e.attempts++
	return int(e.attempts)
}

// Done marks the ticket's offset as finished and says whether Prefix moved by that. A ticket that is finished
// already is ignored.
func (t *Tracker) Done(ticket Ticket) (moved bool) {
	e := t.at(ticket)
	if e == nil || e.done {
		return false
	}
	e.done = true
	t.unfinished--
	for t.window.len() > 0 && t.window.at(0).done {
		t.window.pop()
		t.first++
		moved = true
	}
	return moved
}

// Prefix is the offset to commit: every existing offset below it is finished (OF-07).
func (t *Tracker) Prefix() int64 {
	if t.window.len() == 0 {
		return t.next
	}
	return t.window.at(0).offset
}

// Oldest is when the record of the oldest unfinished offset was written, in milliseconds; ok is false when nothing is
// unfinished.
func (t *Tracker) Oldest() (written int64, ok bool) {
	if t.window.len() == 0 {
		return 0, false
	}
	return t.window.at(0).written, true
}

// Next is the offset after the highest one handed out.
func (t *Tracker) Next() int64 { return t.next }

// Unfinished is the number of offsets handed out and not finished.
func (t *Tracker) Unfinished() int { return t.unfinished }

// Window is the number of offsets from the prefix to the highest one handed out that exist in the partition.
func (t *Tracker) Window() int { return t.window.len() }

// Visit calls yield for every unfinished offset in ascending order until it returns false. With Prefix and Next it
// says everything there is to know: what is not visited below Next is finished.
func (t *Tracker) Visit(yield func(Unfinished) bool) {
	for i := range t.window.len() {
		e := t.window.at(i)
		if !e.done && !yield(Unfinished{Offset: e.offset, Attempts: int(e.attempts)}) {
			return
		}
	}
}

// at returns the entry of a ticket, nil if it left the window.
func (t *Tracker) at(ticket Ticket) *entry {
	if ticket < t.first || ticket >= t.first+Ticket(t.window.len()) {
		return nil
	}
	return t.window.at(int(ticket - t.first))
}
