// Package display is a subscriber for trying things: it takes CloudEvents over HTTP, shows them readably and answers
// as it is told, slowly or with failures if need be.
//
// It owns the taking, the answering and the formatting, and the flags of kn-kafka display. It reads requests with the
// CloudEvents SDK and nothing of the data plane, so that what it shows is what any subscriber would see. A Display may
// be called by many requests at once; a Printer writes one event after the other.
package display

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

// Delivery is one request and its answer.
type Delivery struct {
	At time.Time
	// Namespace is that of the object which delivers, from the header Kn-Namespace.
	Namespace string
	// Event is what arrived; nil when it was no CloudEvent, then Err says why.
	Event *event.Event
	Err   error
	// Attempt is how often this display got the event, identified by source and id, this time included.
	Attempt int
	// Status is the answer.
	Status int
	// Reply is the event in the answer, or nil.
	Reply *event.Event
}

// Display is an http.Handler that takes CloudEvents.
type Display struct {
	switches Switches
	received func(Delivery)

	mu       sync.Mutex // guards what follows
	requests int
	attempts attempts
}

// New returns a display that answers by the switches and calls received after each answer is decided. The query of a
// request overrides the switches: ?status=503, ?fail-first=2, ?reply=TYPE and so on.
func New(switches Switches, received func(Delivery)) *Display {
	return &Display{switches: switches, received: received, attempts: newAttempts()}
}

// ServeHTTP takes one event.
func (d *Display) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "post CloudEvents here", http.StatusMethodNotAllowed)
		return
	}
	switches, err := d.switches.with(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	delivery := Delivery{At: time.Now(), Namespace: r.Header.Get("Kn-Namespace")}
	delivery.Event, delivery.Err = cehttp.NewEventFromHTTPRequest(r)
	if delivery.Err != nil {
		delivery.Event, delivery.Status = nil, http.StatusBadRequest
		d.received(delivery)
		http.Error(w, delivery.Err.Error(), delivery.Status)
		return
	}
	delivery.Status, delivery.Attempt = d.decide(switches, delivery.Event)
	if delivery.Status < http.StatusMultipleChoices && switches.Reply != "" {
		delivery.Reply = reply(delivery.Event, switches.Reply)
	}
	if !pause(r.Context(), switches.Delay) {
		return // the sender has gone
	}
	d.received(delivery)
	answer(w, r, delivery)
}

// decide counts the request and says how it is answered.
func (d *Display) decide(s Switches, e *event.Event) (status, attempt int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests++
	attempt = d.attempts.count(e.Source() + " " + e.ID())
	if attempt <= s.FailFirst || (s.FailEvery > 0 && d.requests%s.FailEvery == 0) {
		return s.FailStatus, attempt
	}
	return s.Status, attempt
}

// reply makes the event of an answer: the same data under another type. Its id tells which event it answers.
func reply(e *event.Event, eventType string) *event.Event {
	made := e.Clone()
	made.SetID(e.ID() + "-reply")
	made.SetType(eventType)
	made.SetSource("/kn-kafka/display")
	made.SetTime(time.Now())
	for name := range made.Extensions() {
		if name != "partitionkey" {
			made.SetExtension(name, nil)
		}
	}
	return &made
}

func answer(w http.ResponseWriter, r *http.Request, d Delivery) {
	if d.Reply != nil {
		_ = cehttp.WriteResponseWriter(binding.WithForceBinary(r.Context()), binding.ToMessage(d.Reply), d.Status, w)
		return // an error means that the sender has gone
	}
	if d.Status >= http.StatusBadRequest {
		http.Error(w, "as asked for", d.Status)
		return
	}
	w.WriteHeader(d.Status)
}

// pause returns false when the context ends first.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// maxAttempts bounds how many events are remembered.
const maxAttempts = 1 << 16

// attempts counts by key and forgets the oldest keys.
type attempts struct {
	counts map[string]int
	order  []string // ring of the keys in counts
	next   int
}

func newAttempts() attempts { return attempts{counts: map[string]int{}} }

func (a *attempts) count(key string) int {
	if a.counts[key] == 0 {
		if len(a.order) < maxAttempts {
			a.order = append(a.order, key)
		} else {
			delete(a.counts, a.order[a.next])
			a.order[a.next] = key
			a.next = (a.next + 1) % maxAttempts
		}
	}
	a.counts[key]++
	return a.counts[key]
}
