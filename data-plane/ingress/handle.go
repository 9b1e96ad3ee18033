package ingress

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/data-plane/excerpt"
)

// Admit decides what can be decided before the body is read (IN-04 … IN-10, IN-19). When it returns false, the request
// gets the answer and nothing else. When it returns true, the body may have up to r.Limit bytes, and Handle comes next.
func (i *Ingress) Admit(r *Request) (Answer, bool) {
	path, host := r.place()
	if r.Method == http.MethodGet && (path == i.liveness || path == i.readiness) {
		return i.health(path), false
	}
	a, ok := i.admit(r, path, host)
	if !ok {
		r.spans.end(a)
	}
	return a, ok
}

// admit is Admit for what is no probe of a kubelet.
func (i *Ingress) admit(r *Request, path, host string) (Answer, bool) {
	probe := r.Method == http.MethodGet && r.header(HeaderNetworkProbe) == probeValue
	if !probe {
		r.begin(path)
	}
	if r.Method != http.MethodPost && r.Method != http.MethodOptions && !probe {
		return i.refuse(r, methodNotAllowed()), false
	}
	t := i.table.Load()
	if a, ok := t.usable(); !ok {
		return i.refuse(r, a), false
	}
	found := t.find(path, host)
	switch {
	case found == nil:
		return i.refuse(r, notFound(describe(path, host))), false
	case found.problem != "":
		return found.answer(unavailable(found.problem), "", r.Received), false
	case probe:
		return Answer{Status: http.StatusOK, Headers: []Field{{headerNetworkHash, strings.Clone(r.header(headerNetworkHash))}}}, false
	case r.Method == http.MethodOptions:
		return handshake(), false
	}
	r.table, r.route = t, found
	if a, ok := r.authenticate(); !ok {
		return r.Refuse(a), false
	}
	r.Limit = found.bodyLimit(r.json())
	return Answer{}, true
}

// TooLarge returns the answer for an admitted request whose body exceeds its limit. The server reads no more of it.
func (r *Request) TooLarge() Answer { return r.Refuse(tooLarge(r.Limit)) }

// Refuse counts an answer that the server gives an admitted request whose body did not come.
func (r *Request) Refuse(a Answer) Answer {
	r.spans.end(a)
	return r.route.answer(a, "", r.Received)
}

// Busy returns the answer for an admitted request for whose body the server has no room now.
func (r *Request) Busy() Answer {
	return r.Refuse(tryLater("too many large events are being received"))
}

// Handle makes records of the event or the batch in an admitted request and produces them. done is called exactly once,
// perhaps before Handle returns, perhaps on the goroutine of a producer, where it must not block. Nothing cancels what was
// produced: a server that stops waiting answers what it likes and drops the answer that comes (IN-44).
func (i *Ingress) Handle(r *Request, done func(Answer)) {
	r.done = done
	if a, ok := r.readmit(); !ok {
		r.finish(a, "")
		return
	}
	r.own(r.json())
	events, mode, err := cloudevent.FromHTTPOwned(cloudevent.Owned, r.ContentType, r.Headers, r.Body, r.events[:0])
	r.events = events
	switch {
	case err != nil:
		r.finish(badRequest(err), "")
	case !r.permitted():
		r.finish(forbidden("no EventPolicy that admits this sender admits this event"), "")
	case !r.charge():
		r.finish(tryLater("too many events of this resource wait for Kafka"), "")
	case mode == cloudevent.Batch:
		r.trace()
		r.produceBatch()
	default:
		r.trace()
		r.fill(&events[0], &r.record)
		r.route.sink.Produce(&r.record, r.promise)
	}
}

// charge notes what is about to wait for Kafka; settle takes it back.
func (r *Request) charge() bool {
	// Small events cost memory besides their bodies.
	const overhead = 512
	n := int64(len(r.Body)) + overhead
	account := r.route.account
	if !account.charge(n, r.ingress.pending) {
		return false
	}
	r.charged, r.account = n, account
	return true
}

// fill makes the record of an event (IN-26, IN-35 … IN-40). Its time is left to the producer.
func (r *Request) fill(e *cloudevent.Event, record *kgo.Record) {
	e.ToRecord(r.route.mode, record)
	r.route.key(e, record)
	record.Topic = r.route.topic
	r.spans.write(record)
	for i := range r.Headers {
		if key := cloudevent.TraceKey(r.Headers[i].Name); key != "" && !r.spans.replace(key) { // its value is the request's, and used again
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: key, Value: []byte(r.Headers[i].Value)})
		}
	}
}

// acknowledged is the promise of a single event.
func (r *Request) acknowledged(record *kgo.Record, err error) {
	if err == nil {
		r.note()
		r.finish(accepted(), r.events[0].Type)
		return
	}
	if r.ingress.outdated(r.table, err) {
		go r.again(record)
		return
	}
	r.abandon(produceFailed(r.route, record, err))
}

// finish answers a request of which no producer holds anything any more.
func (r *Request) finish(a Answer, eventType string) {
	a = r.settle(a, eventType)
	done := r.done
	r.Discard()
	done(a)
}

// abandon answers a request that a producer had. One that gave up may still be writing what holds the record, so neither
// record nor body can be used again: they are left to the garbage collector.
func (r *Request) abandon(a Answer) { r.done(r.settle(a, r.events[0].Type)) }

// settle counts an answer and takes back what waited for it.
func (r *Request) settle(a Answer, eventType string) Answer {
	if r.account != nil {
		r.account.pending.Add(-r.charged)
		r.account = nil
	}
	r.spans.end(a)
	return r.route.answer(a, eventType, r.Received)
}

// answer counts an answer of the route, and notes what people should see.
func (r *route) answer(a Answer, eventType string, received time.Time) Answer {
	if r.metrics == nil {
		return a
	}
	r.metrics.Answered(a.Status, eventType, time.Since(received))
	if a.Status >= http.StatusBadRequest && r.problem == "" {
		r.account.failed(a.Reason)
	}
	r.complaints.answered(r, a)
	return a
}

// refuse counts an answer to a request that leads to no route.
func (i *Ingress) refuse(r *Request, a Answer) Answer {
	i.strays.Answered(a.Status, "", time.Since(r.Received))
	path, host := r.place()
	i.complaints.refused(a, path, host)
	return a
}

// Unrouted counts an answer that the server gave to what it could not take for a request, after the time that it took.
func (i *Ingress) Unrouted(status int, took time.Duration) { i.strays.Answered(status, "", took) }

// readmit is refresh for a request whose header is still there: another route may have another guard.
func (r *Request) readmit() (Answer, bool) {
	before := r.table
	if a, ok := r.refresh(); !ok || r.table == before {
		return a, ok
	}
	return r.authenticate()
}

// refresh moves a request to the table in force when a new one came while its body was read.
func (r *Request) refresh() (Answer, bool) {
	t := r.ingress.table.Load()
	if t == r.table {
		return Answer{}, true
	}
	if a, ok := t.usable(); !ok {
		return a, false
	}
	next := t.byUID[r.route.uid]
	switch {
	case next == nil:
		return unavailable("the resource was removed while the request was handled"), false
	case next.problem != "":
		return unavailable(next.problem), false
	}
	r.table, r.route = t, next
	return Answer{}, true
}

// outdated tells whether a record that was produced with a table failed only because its producer is not used any more,
// and there is a newer table to try. So it ends: each attempt needs another Apply.
func (i *Ingress) outdated(t *table, err error) bool {
	return err != nil && errors.Is(err, kgo.ErrClientClosed) && i.table.Load() != t
}

// again produces a record with the producer in force. It is a goroutine of its own, since it comes from a promise, which
// must not produce; it ends without waiting for anything.
func (r *Request) again(failed *kgo.Record) {
	if a, ok := r.refresh(); !ok {
		r.abandon(a)
		return
	}
	// The old producer may still look at the record that failed.
	r.record = kgo.Record{Topic: r.route.topic, Key: failed.Key, Value: failed.Value, Headers: failed.Headers}
	r.route.sink.Produce(&r.record, r.promise)
}

// usable tells whether there is a table to look into.
func (t *table) usable() (Answer, bool) {
	switch {
	case t == nil:
		return unavailable("no contract was loaded yet"), false
	case t.closed:
		return unavailable("shutting down"), false
	}
	return Answer{}, true
}

func (i *Ingress) health(path string) Answer {
	if path != i.liveness {
		if a, ok := i.table.Load().usable(); !ok {
			return a
		}
	}
	return Answer{Status: http.StatusOK}
}

// describe names a place that leads nowhere.
func describe(path, host string) string {
	const longest = 256
	path, host = excerpt.Of(path, longest), excerpt.Of(host, longest)
	switch {
	case path == "" || path == "/":
		return "host " + oneLine(host)
	case host == "":
		return oneLine(path)
	}
	return oneLine(path) + " or host " + oneLine(host)
}
