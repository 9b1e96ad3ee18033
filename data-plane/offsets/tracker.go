// Package offsets knows which offsets of one partition are finished: from what was handed out and what came back it
// says which offset may be committed, what is unfinished above it, and how that is written into the metadata of a
// commit. It does no I/O, reads no clock and starts no goroutine; a Tracker belongs to whoever holds the lock of its
// partition.
package offsets

// Ticket stands for one offset that a Tracker handed out. It is never given out twice.
type Ticket uint64

// Tracker follows one partition of one group from assignment to revocation. A new assignment gets a new Tracker, so
// that results of an old one can never count for it (OF-12). It needs memory for what is unfinished alone, however far
// apart that is.
//
// Invariants: the open entries are in ascending order; those below next were handed out, the others come from the
// ledger; below max(next, horizon) every offset without an entry is finished.
type Tracker struct {
	next    int64 // the offset after the highest one that was added
	horizon int64 // of the ledger that the tracker began with
	reach   int64 // above every offset that is worth a word in a ledger: finished, tried, or told by the one before

	slots  []slot
	free   int32 // of the slots that are not used, a list by next
	oldest int32 // the open entry with the lowest offset, the first of a list by next
	newest int32
	coming int32 // the first entry that was not handed out yet, the rest of the list are like it

	handedOut int
	retried   int
	changes   uint64
	serial    uint32
}

// none is no slot.
const none = -1

// slot holds one open entry, or is free.
type slot struct {
	Unfinished
	written    int64
	prev, next int32
	serial     uint32 // of its use, the upper half of the ticket; 0 while it is free
}

// Standing is what Add finds out about an offset.
type Standing uint8

const (
	// New offsets are to be delivered.
	New Standing = iota
	// Finished ones were finished before the partition was assigned, says the ledger.
	Finished
	// Repeated ones were added before.
	Repeated
)

// NewTracker makes the tracker of a partition whose committed offset is start, the first one to hand out, and whose
// commit came with this ledger; the zero one knows nothing.
func NewTracker(start int64, l Ledger) *Tracker {
	t := &Tracker{next: start, horizon: start, free: none, oldest: none, newest: none, coming: none}
	if l.Base != start || l.Horizon < start {
		return t
	}
	t.horizon, t.reach = l.Horizon, l.Horizon
	for _, u := range l.Unfinished {
		if u.Offset >= start {
			t.append(u, 0)
			t.reach = max(t.reach, u.Offset+1)
		}
	}
	t.coming = t.oldest
	return t
}

// Add hands out an offset; written is when its record was written, in milliseconds, and comes back from Oldest.
// Offsets between the last one added and this one do not exist in the partition (compaction, transaction markers):
// they count as finished, whatever their number, at no cost. The ticket is of use where the offset is New.
func (t *Tracker) Add(offset, written int64) (Ticket, Standing) {
	if offset < t.next {
		return 0, Repeated
	}
	t.next = offset + 1
	for t.coming != none && t.slots[t.coming].Offset < offset {
		at := t.coming
		t.coming = t.slots[at].next
		t.remove(at) // it is no longer in the partition
	}
	if at := t.coming; at != none && t.slots[at].Offset == offset {
		t.coming = t.slots[at].next
		t.slots[at].written = written
		t.handedOut++
		return t.ticket(at), New
	}
	if offset < t.horizon {
		return 0, Finished
	}
	at := t.insert(Unfinished{Offset: offset}, written)
	t.handedOut++
	return t.ticket(at), New
}

// Tried returns the attempts at a ticket's event that are known, those before this assignment included, and the last
// status where the subscriber is not called again.
func (t *Tracker) Tried(ticket Ticket) (attempts, status int) {
	if s := t.at(ticket); s != nil {
		return s.Attempts, s.Status
	}
	return 0, 0
}

// Fail writes down how many attempts at a ticket's event have failed, and the last status if there will be no more.
func (t *Tracker) Fail(ticket Ticket, attempts, status int) {
	s := t.at(ticket)
	if s == nil || s.Attempts == attempts && s.Status == status {
		return
	}
	t.count(s.Attempts, attempts)
	s.Attempts, s.Status = attempts, status
	t.reach = max(t.reach, s.Offset+1)
	t.changes++
}

// Done marks the ticket's offset as finished. A ticket that is finished already is ignored.
func (t *Tracker) Done(ticket Ticket) {
	if s := t.at(ticket); s != nil {
		t.handedOut--
		t.reach = max(t.reach, s.Offset+1)
		t.remove(int32(uint32(ticket)))
	}
}

// Changes grows whenever what a commit would say may have changed.
func (t *Tracker) Changes() uint64 { return t.changes }

// Prefix is the offset to commit: every existing offset below it is finished (OF-07).
func (t *Tracker) Prefix() int64 {
	known := max(t.next, t.horizon)
	if t.oldest == none {
		return known
	}
	return min(known, t.slots[t.oldest].Offset)
}

// Oldest is when the record of the oldest unfinished offset was written, in milliseconds; ok is false when nothing that
// was handed out is unfinished.
func (t *Tracker) Oldest() (written int64, ok bool) {
	if t.oldest == none || t.oldest == t.coming {
		return 0, false
	}
	return t.slots[t.oldest].written, true
}

// Next is the offset after the highest one handed out.
func (t *Tracker) Next() int64 { return t.next }

// Unfinished is the number of offsets handed out and not finished.
func (t *Tracker) Unfinished() int { return t.handedOut }

// Retried is the number of unfinished offsets that were tried; what a ledger can hold of them is limited (RetryCap).
func (t *Tracker) Retried() int { return t.retried }

// Ahead is the number of offsets above the prefix that are finished or do not exist.
func (t *Tracker) Ahead() int64 {
	prefix, known := t.Prefix(), max(t.next, t.horizon)
	open := int64(t.handedOut)
	for at := t.coming; at != none && t.slots[at].Offset < known; at = t.slots[at].next {
		open++
	}
	return known - prefix - open
}

// Ledger is what a commit of Prefix says beside it. What waits above all that is finished or was tried is not looked at:
// there may be thousands of it.
func (t *Tracker) Ledger() Ledger {
	base := t.Prefix()
	l := Ledger{Base: base, Horizon: max(base, min(t.reach, max(t.next, t.horizon)))}
	for at := t.oldest; at != none && t.slots[at].Offset < t.reach; at = t.slots[at].next {
		l.Unfinished = append(l.Unfinished, t.slots[at].Unfinished)
	}
	return l
}

// count keeps the books of what was tried.
func (t *Tracker) count(before, after int) {
	switch {
	case before == 0 && after > 0:
		t.retried++
	case before > 0 && after == 0:
		t.retried--
	}
}

func (t *Tracker) ticket(at int32) Ticket {
	return Ticket(t.slots[at].serial)<<32 | Ticket(uint32(at))
}

// at returns the slot of a ticket, nil if it is finished.
func (t *Tracker) at(ticket Ticket) *slot {
	at := int(uint32(ticket))
	if at >= len(t.slots) || t.slots[at].serial != uint32(ticket>>32) || ticket>>32 == 0 {
		return nil
	}
	return &t.slots[at]
}

// insert appends an entry that is handed out at once: nothing of the ledger is left by then, or it is all above.
func (t *Tracker) insert(u Unfinished, written int64) int32 {
	if t.coming == none {
		return t.append(u, written)
	}
	at := t.take(u, written)
	before := t.slots[t.coming].prev
	t.link(before, at)
	t.link(at, t.coming)
	return at
}

// append puts an entry at the end.
func (t *Tracker) append(u Unfinished, written int64) int32 {
	at := t.take(u, written)
	t.link(t.newest, at)
	t.link(at, none)
	return at
}

// link makes two entries neighbours; none stands for the ends of the list.
func (t *Tracker) link(low, high int32) {
	if low == none {
		t.oldest = high
	} else {
		t.slots[low].next = high
	}
	if high == none {
		t.newest = low
	} else {
		t.slots[high].prev = low
	}
}

// take fills a free slot.
func (t *Tracker) take(u Unfinished, written int64) int32 {
	at := t.free
	if at == none {
		at = int32(len(t.slots))
		t.slots = append(t.slots, slot{})
	} else {
		t.free = t.slots[at].next
	}
	t.serial++ // never the same for two uses of a slot while a ticket lives
	t.slots[at] = slot{Unfinished: u, written: written, prev: none, next: none, serial: t.serial | 1<<31}
	t.count(0, u.Attempts)
	return at
}

// shrinkFrom is the number of slots from which an empty tracker gives its memory back: a group at rest costs nothing for
// the backlog that it once had.
const shrinkFrom = 1024

// remove ends an entry.
func (t *Tracker) remove(at int32) {
	s := &t.slots[at]
	t.link(s.prev, s.next)
	t.count(s.Attempts, 0)
	t.changes++
	*s = slot{next: t.free, prev: none}
	t.free = at
	if t.oldest == none && len(t.slots) >= shrinkFrom {
		t.slots, t.free = nil, none
	}
}
