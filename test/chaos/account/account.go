// Package account is the id ledger of the chaos test: what one egress has done with every event, as its subscriber and
// its dead letter sink saw it, and a judgement of it: what was lost, delivered again, delivered out of order or attempted
// too often, and how long partitions stood still.
//
// It knows no Kafka, no process and no clock; whoever writes into it says what time it is. An Account may be used by any
// goroutine.
package account

import (
	"sync"
	"time"
)

// Position is where an event stands in its topic.
type Position struct {
	Partition int32
	Offset    int64
}

// Attempt is one request.
type Attempt struct {
	// By is the process that made it. One that was started again is another one.
	By string
	// Letter says that it went to the dead letter sink.
	Letter bool
	Began  time.Time
	// Ended is when it was answered; zero: it never was.
	Ended  time.Time
	Status int
	// order is when it was answered among all answers of the egress, from 1.
	order int
}

// finished says whether the attempt was answered 2xx.
func (a *Attempt) finished() bool { return a.order > 0 && a.Status/100 == 2 }

// Event is what was seen of an event.
type Event struct {
	ID, Key string
	Position
	Attempts []*Attempt
}

// first is the attempt that finished the event for the first time, nil if there was none.
func (e *Event) first() *Attempt {
	var first *Attempt
	for _, a := range e.Attempts {
		if a.finished() && (first == nil || a.order < first.order) {
			first = a
		}
	}
	return first
}

// Account is of one egress.
type Account struct {
	mu     sync.Mutex
	events map[Position]*Event
	ids    map[string]bool // of events that were finished
	again  int             // requests for events that were finished when they came
	orders int
}

// New makes an empty account.
func New() *Account { return &Account{events: map[Position]*Event{}, ids: map[string]bool{}} }

// Begin notes a request that has come. n is how many have come for this event to the same place, this one included.
func (c *Account) Begin(at Position, id, key, by string, letter bool, now time.Time) (attempt *Attempt, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.events[at]
	if e == nil {
		e = &Event{ID: id, Key: key, Position: at}
		c.events[at] = e
	}
	if c.ids[id] {
		c.again++
	}
	attempt = &Attempt{By: by, Letter: letter, Began: now}
	e.Attempts = append(e.Attempts, attempt)
	for _, a := range e.Attempts {
		if a.Letter == letter {
			n++
		}
	}
	return attempt, n
}

// End notes that a request is answered. The answer must be given after that.
func (c *Account) End(at Position, attempt *Attempt, status int, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.orders++
	attempt.Ended, attempt.Status, attempt.order = now, status, c.orders
	if attempt.finished() {
		c.ids[c.events[at].ID] = true
	}
}

// Unfinished returns how many of these events are not finished, and one of them.
func (c *Account) Unfinished(ids map[string]time.Time) (n int, one string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range ids {
		if !c.ids[id] {
			n, one = n+1, id
		}
	}
	return n, one
}

// Finished is how many events were finished so far.
func (c *Account) Finished() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ids)
}

// Again is how many requests came for events that were finished.
func (c *Account) Again() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.again
}
