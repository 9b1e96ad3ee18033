package account

import (
	"cmp"
	"slices"
	"time"
)

// short is the shortest pause that is looked at.
const short = 100 * time.Millisecond

// pauses finds the longest pause of each partition. events are sorted by partition and offset.
func (f *Findings) pauses(events []*Event, sent map[string]time.Time) {
	for len(events) > 0 {
		n := slices.IndexFunc(events, func(e *Event) bool { return e.Partition != events[0].Partition })
		if n < 0 {
			n = len(events)
		}
		if p := longest(events[:n], sent); p.Took > short {
			f.Pauses = append(f.Pauses, p)
		}
		events = events[n:]
	}
	slices.SortFunc(f.Pauses, func(a, b Pause) int { return cmp.Compare(b.Took, a.Took) })
}

// longest finds the longest time in which nothing came of a partition, neither a request nor an answer, though it had an
// event to deliver.
func longest(events []*Event, sent map[string]time.Time) Pause {
	var signs []time.Time
	for _, e := range events {
		for _, a := range e.Attempts {
			signs = append(signs, a.Began)
			if a.order > 0 {
				signs = append(signs, a.Ended)
			}
		}
	}
	slices.SortFunc(signs, time.Time.Compare)
	most := Pause{Partition: events[0].Partition}
	for i := 1; i < len(signs); i++ {
		if signs[i].Sub(signs[i-1]) <= max(short, most.Took) {
			continue
		}
		from := waitingSince(events, sent, signs[i-1], signs[i])
		if took := signs[i].Sub(from); took > most.Took {
			most.From, most.Took = from, took
		}
	}
	return most
}

// waitingSince is when a partition, between two signs of it, began to have an unfinished event: the first of the two if it
// had one then, the second if it had none.
func waitingSince(events []*Event, sent map[string]time.Time, from, to time.Time) time.Time {
	since := to
	for _, e := range events {
		at, ok := sent[e.ID]
		if first := e.first(); !ok || first != nil && !first.Ended.After(from) {
			continue
		}
		if at.Before(from) {
			return from
		}
		if at.Before(since) {
			since = at
		}
	}
	return since
}
