package telemetry

import (
	"net/http"
	"sync/atomic"
	"time"
)

// Ingress records what one resource answered to those who send events to it.
type Ingress struct {
	labels  atomic.Pointer[Labels]
	hideTag bool
	types   *typeTable
	answers *typeSeries // by code, whatever the type: types may leave their table, these counts stay
	observe atomic.Pointer[func() IngressGauges]
}

// IngressGauges is how an ingress stands at the moment of a scrape.
type IngressGauges struct {
	PendingBytes int64     // of events that wait for Kafka
	Refusing     bool      // its entry cannot be served, and is answered with 503
	LastErrorAt  time.Time // zero when there was none
}

// IngressCounts is what an ingress answered since it was first asked for.
type IngressCounts struct {
	Accepted uint64         // answered 202: the event is stored
	Refused  map[int]uint64 // every other answer by status code
}

func newIngress(o Options) *Ingress {
	return &Ingress{hideTag: o.DisableEventTypeTag, types: newTypeTable(o.MaxEventTypes), answers: newTypeSeries("")}
}

// Answered records one answered request: its status code, the type of its event ("" when that was not known) and the
// time from request to answer.
func (i *Ingress) Answered(code int, eventType string, d time.Duration) {
	if i.hideTag {
		eventType = typeUnknown
	}
	i.types.series(eventType).dispatch(code).observe(d)
	i.answers.dispatch(code).observe(d)
}

// Observe sets what is asked for the state of the ingress at every scrape. f must not block.
func (i *Ingress) Observe(f func() IngressGauges) { i.observe.Store(&f) }

// Counts returns the answers so far.
func (i *Ingress) Counts() IngressCounts {
	counts := IngressCounts{Refused: map[int]uint64{}}
	for _, c := range *i.answers.codes.Load() {
		if c.code == http.StatusAccepted {
			counts.Accepted = c.latency.count()
			continue
		}
		counts.Refused[c.code] = c.latency.count()
	}
	return counts
}
