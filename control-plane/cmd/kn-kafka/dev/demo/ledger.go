package demo

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/cloudevents/sdk-go/v2/event"
)

// arrived identifies what was or must be delivered.
type arrived struct{ at, id, eventType string }

func (a arrived) String() string { return fmt.Sprintf("%s id=%s at %s", a.eventType, a.id, a.at) }

// Ledger notes what arrives.
type Ledger struct {
	mu    sync.Mutex
	times map[arrived]int
	last  map[arrived]event.Event
	first []arrived // in the order of their first arrival
	total int
}

// NewLedger returns an empty ledger.
func NewLedger() *Ledger { return &Ledger{times: map[arrived]int{}, last: map[arrived]event.Event{}} }

// Add notes a delivery at a display; what was no event has an empty one.
func (l *Ledger) Add(at string, e event.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := arrived{at, e.ID(), e.Type()}
	if l.times[key] == 0 {
		l.first = append(l.first, key)
	}
	l.times[key]++
	l.last[key] = e.Clone()
	l.total++
}

// Total is how many deliveries were noted.
func (l *Ledger) Total() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

// expected is everything that must arrive.
func (e *Expectations) expected() (times map[arrived]int, with map[arrived]map[string]string) {
	times, with = map[arrived]int{}, map[arrived]map[string]string{}
	for _, s := range e.Send {
		for _, a := range s.Arrives {
			key := arrived{a.At, s.ID, s.Type}
			if a.ID != "" {
				key.id = a.ID
			}
			if a.Type != "" {
				key.eventType = a.Type
			}
			times[key] += max(a.Times, 1)
			with[key] = a.With
		}
	}
	return times, with
}

// Missing is how many deliveries have yet to happen.
func (e *Expectations) Missing(l *Ledger) int {
	times, _ := e.expected()
	l.mu.Lock()
	defer l.mu.Unlock()
	missing := 0
	for key, n := range times {
		missing += max(n-l.times[key], 0)
	}
	return missing
}

// Compare returns every difference between what was expected and what has arrived.
func (e *Expectations) Compare(l *Ledger) []string {
	times, with := e.expected()
	l.mu.Lock()
	defer l.mu.Unlock()
	var differences []string
	for key, n := range times {
		if l.times[key] != n {
			differences = append(differences, fmt.Sprintf("%s: delivered %d times, expected %d", key, l.times[key], n))
			continue
		}
		last := l.last[key]
		for name, want := range with[key] {
			if got := fmt.Sprint(last.Extensions()[name]); got != want {
				differences = append(differences, fmt.Sprintf("%s: %s is %s, expected %s", key, name, got, want))
			}
		}
	}
	for key, n := range l.times {
		if times[key] == 0 {
			differences = append(differences, fmt.Sprintf("%s: delivered %d times, not expected there", key, n))
		}
	}
	slices.Sort(differences)
	return append(differences, e.compareOrder(l)...)
}

// compareOrder finds, for each display that is ordered and each partitionkey, events that overtook each other.
func (e *Expectations) compareOrder(l *Ledger) []string {
	position := map[string]int{}
	for i, s := range e.Send {
		position[s.ID] = i
	}
	var differences []string
	for _, at := range e.Ordered {
		latest := map[string]arrived{} // by partitionkey
		for _, key := range l.first {
			if key.at != at {
				continue
			}
			last := l.last[key]
			partition := fmt.Sprint(last.Extensions()["partitionkey"])
			before, ok := latest[partition]
			if ok && position[key.id] < position[before.id] {
				differences = append(differences, fmt.Sprintf("%s: arrived after %s, which was sent later", key, before.id))
			}
			latest[partition] = key
		}
	}
	return differences
}

// Places returns for each display how many deliveries were expected and how many have happened, by name.
func (e *Expectations) Places(l *Ledger) (names []string, expected, got map[string]int) {
	expected, got = map[string]int{}, map[string]int{}
	times, _ := e.expected()
	for key, n := range times {
		expected[key.at] += n
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, n := range l.times {
		got[key.at] += n
		expected[key.at] += 0
	}
	return slices.Sorted(maps.Keys(expected)), expected, got
}
