package witness

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// receiver is what all names received.
type receiver struct {
	mu    sync.Mutex
	names map[string]*name
}

type name struct {
	plan       Plan
	deliveries []Delivery
	attempts   map[string]int // by id
}

func newReceiver() *receiver { return &receiver{names: map[string]*name{}} }

// of returns what is known of a name. The lock is held.
func (r *receiver) of(n string) *name {
	if r.names[n] == nil {
		r.names[n] = &name{attempts: map[string]int{}}
	}
	return r.names[n]
}

// receive is what subscribers' addresses lead to.
func (r *receiver) receive(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return // whoever sent it is gone
	}
	d := Delivery{Headers: map[string]string{}, Body: string(body), At: time.Now()}
	for key, values := range q.Header {
		d.Headers[strings.ToLower(key)] = strings.Join(values, ",")
	}
	d.Headers[":path"], d.Headers[":scheme"] = q.URL.Path, "http"
	if q.TLS != nil {
		d.Headers[":scheme"] = "https"
	}
	plan, at := r.note(q.PathValue("name"), &d)
	time.Sleep(plan.Delay)
	answer(w, plan, d)
	r.mu.Lock()
	defer r.mu.Unlock()
	at.deliveries = append(at.deliveries, d)
}

// note decides what a delivery is answered with.
func (r *receiver) note(of string, d *Delivery) (Plan, *name) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.of(of)
	attempt := n.attempts[d.ID()]
	n.attempts[d.ID()]++
	switch {
	case attempt < len(n.plan.Codes):
		d.Code = n.plan.Codes[attempt]
	case n.plan.Code != 0:
		d.Code = n.plan.Code
	default:
		d.Code = http.StatusAccepted
	}
	return n.plan, n
}

func answer(w http.ResponseWriter, plan Plan, d Delivery) {
	if plan.Reply == nil || d.Code/100 != 2 {
		w.WriteHeader(d.Code)
		_, _ = io.WriteString(w, plan.Body)
		return
	}
	reply := *plan.Reply
	reply.ID += d.ID()
	for key, value := range binary(reply) {
		w.Header().Set(key, value)
	}
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, reply.Data)
}

func (r *receiver) setPlan(w http.ResponseWriter, q *http.Request) {
	var plan Plan
	if err := json.NewDecoder(q.Body).Decode(&plan); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of(q.PathValue("name")).plan = plan
}

func (r *receiver) seen(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	deliveries := append([]Delivery{}, r.of(q.PathValue("name")).deliveries...)
	r.mu.Unlock()
	respond(w, deliveries)
}

// count says of each event how often it was taken. Of a load that is less to read than deliveries.
func (r *receiver) count(w http.ResponseWriter, q *http.Request) {
	counts := map[string]int{}
	r.mu.Lock()
	for _, d := range r.of(q.PathValue("name")).deliveries {
		if d.Code/100 == 2 {
			counts[d.ID()]++
		}
	}
	r.mu.Unlock()
	respond(w, counts)
}

func respond(w http.ResponseWriter, what any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(what) // a caller that is gone needs no answer
}
