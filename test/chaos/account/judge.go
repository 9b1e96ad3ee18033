package account

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Scope is what an egress keeps in order.
type Scope int

// Scopes.
const (
	Nothing Scope = iota
	Partition
	Key
)

// Disruption is something that was done to processes, after which events may be delivered again.
type Disruption struct {
	// What was done, in a word.
	What string
	// By is the process that it was done to, "" for all of them.
	By string
	// From is when it began.
	From time.Time
	// To is when the process was as before; zero: it has ended.
	To time.Time
	// Committed is what the last successful commit before it says of an event: whether it is finished, or how often it was
	// tried. Nil: that is not known.
	Committed func(Position) (finished bool, attempts int)
}

// covers says whether an answer that a process got for an event may have been in vain: no commit had it when the process
// was disrupted, or it came later, or so shortly before that its commit was on its way.
func (d Disruption) covers(by string, of Position, at time.Time, window time.Duration) bool {
	if d.By != "" && d.By != by || !d.To.IsZero() && at.After(d.To.Add(window)) {
		return false
	}
	return at.After(d.From.Add(-window)) || d.stale(of)
}

// stale says that an event was not in the last commit before the disruption.
func (d Disruption) stale(of Position) bool {
	if d.Committed == nil {
		return false
	}
	finished, _ := d.Committed(of)
	return !finished
}

// Terms are what is judged by.
type Terms struct {
	// Acknowledged are the events that must not be lost, and when they were sent.
	Acknowledged map[string]time.Time
	Disruptions  []Disruption
	// Window is how long a delivery takes at most to be in a commit that Kafka has, unless commits are held up.
	Window  time.Duration
	Scope   Scope
	Retries int
}

// Findings are a judgement. The lists have the first few of each.
type Findings struct {
	Events, Requests, Letters int
	Lost                      []string
	// Inversions are events that were finished, for the first time, after a later one of their lane.
	Inversions []string
	// Repeats counts requests for events that had been answered 2xx before. Bound is how many there may be: what was in
	// flight at each disruption, or was finished after the last successful commit before it.
	Repeats, Bound int
	// Stale are those of the repeats that were finished longer than the window before the disruption: commits were held up.
	Stale int
	// Unexplained are repeats that no disruption explains.
	Unexplained []string
	// Miscounted are events with another number of attempts than their policy has, where no disruption explains it.
	Miscounted []string
	// Most is the largest number of failed attempts at one event.
	Most int
	// Pauses are the longest times in which a partition had something to deliver and nothing came of it, the longest first.
	Pauses []Pause
}

// Pause is a time without any delivery of a partition.
type Pause struct {
	Partition int32
	From      time.Time
	Took      time.Duration
}

// Judge looks at everything that was written down. Nothing may be under way any more.
func (c *Account) Judge(t Terms) Findings {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := Findings{}
	events := make([]*Event, 0, len(c.events))
	for _, e := range c.events {
		slices.SortFunc(e.Attempts, func(a, b *Attempt) int { return a.Began.Compare(b.Began) })
		events = append(events, e)
		f.Events++
		f.Requests += len(e.Attempts)
	}
	slices.SortFunc(events, func(a, b *Event) int {
		return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	for id := range t.Acknowledged {
		if !c.ids[id] {
			f.Lost = append(f.Lost, id)
		}
	}
	slices.Sort(f.Lost)
	for _, e := range events {
		f.repeats(e, t)
		f.attempts(e, t)
	}
	f.order(events, t.Scope)
	f.pauses(events, t.Acknowledged)
	return f
}

// repeats counts the requests for an event after it was finished. Each is held against the last answer before it: the
// process that got it should have committed it.
func (f *Findings) repeats(e *Event, t Terms) {
	for i, a := range e.Attempts {
		if a.finished() && t.inVain(a.By, e.Position, a.Ended) {
			f.Bound++
		}
		var last *Attempt
		for _, b := range e.Attempts[:i] {
			if b.finished() && !b.Ended.After(a.Began) && (last == nil || b.order > last.order) {
				last = b
			}
		}
		if last == nil {
			continue
		}
		f.Repeats++
		fresh := t
		fresh.Disruptions = withoutCommits(t.Disruptions)
		switch {
		case fresh.inVain(last.By, e.Position, last.Ended), fresh.inVain(a.By, e.Position, a.Began):
		case t.inVain(last.By, e.Position, last.Ended):
			f.Stale++
		default:
			f.Unexplained = append(f.Unexplained, fmt.Sprintf("%s: answered %d to %s at %s, came again from %s at %s",
				e.name(), last.Status, last.By, clock(last.Ended), a.By, clock(a.Began)))
		}
	}
}

// inVain says whether a disruption may have undone what a process did for an event at a moment.
func (t Terms) inVain(by string, of Position, at time.Time) bool {
	return slices.ContainsFunc(t.Disruptions, func(d Disruption) bool { return d.covers(by, of, at, t.Window) })
}

func withoutCommits(disruptions []Disruption) []Disruption {
	without := slices.Clone(disruptions)
	for i := range without {
		without[i].Committed = nil
	}
	return without
}

// forgotten is how many failed attempts at an event its disruptions may have made the ledger forget, or count in vain:
// those of a time that was too short for a commit, and those that the last successful commit did not have.
func (t Terms) forgotten(e *Event) int {
	near := t
	near.Disruptions = withoutCommits(t.Disruptions)
	n := 0
	for _, a := range e.Attempts {
		if !a.Letter && !a.finished() && near.inVain(a.By, e.Position, a.Began) {
			n++
		}
	}
	for _, d := range t.Disruptions {
		if d.Committed == nil {
			continue
		}
		_, committed := d.Committed(e.Position)
		before, own := 0, 0
		for _, a := range e.Attempts {
			if a.Letter || a.finished() || a.Began.After(d.From.Add(-t.Window)) {
				continue
			}
			before++
			if d.By == "" || d.By == a.By {
				own++
			}
		}
		n += min(own, max(0, before-committed))
	}
	return n
}

// attempts counts the failed attempts at an event: never more than its policy has, and exactly as many when it became a
// dead letter. An attempt that a disruption met may be missing in the ledger, or be in it without having come.
func (f *Findings) attempts(e *Event, t Terms) {
	failed, inVain, letter := 0, t.forgotten(e), false
	for _, a := range e.Attempts {
		if a.Letter {
			letter = true
			continue
		}
		if letter || a.finished() {
			continue
		}
		failed++
	}
	f.Most = max(f.Most, failed)
	if letter {
		f.Letters++
	}
	most := 1 + t.Retries
	if failed > most+inVain || letter && failed < most-inVain {
		f.Miscounted = append(f.Miscounted, fmt.Sprintf("%s: %d failed attempts, %d of them explained by disruptions, dead letter: %v",
			e.name(), failed, inVain, letter))
	}
}

// order finds events that were finished for the first time after a later one of the same lane.
func (f *Findings) order(events []*Event, scope Scope) {
	type lane struct {
		partition int32
		key       string
	}
	last := map[lane]*Event{} // the one that was finished last, of those that come before in the log
	for _, e := range events {
		l := lane{partition: e.Partition}
		switch {
		case scope == Nothing, e.first() == nil:
			continue
		case scope == Key:
			l.key = e.Key
		}
		before := last[l]
		if before != nil && before.first().order > e.first().order {
			f.Inversions = append(f.Inversions, fmt.Sprintf("%s was finished by %s at %s, %s only by %s at %s", e.name(), e.first().By,
				clock(e.first().Ended), before.name(), before.first().By, clock(before.first().Ended)))
			continue
		}
		last[l] = e
	}
}

func (e *Event) name() string {
	return e.ID + " (" + strconv.Itoa(int(e.Partition)) + "/" + strconv.FormatInt(e.Offset, 10) + ")"
}

func clock(at time.Time) string { return at.Format("15:04:05.000") }
