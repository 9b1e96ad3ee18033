package server

import (
	"net/http"
	"sync/atomic"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/ingress"
)

// waiter lets one goroutine wait for the answer of one request after the other. It must not be used again once a wait
// has ended without the answer, because that may still come.
type waiter struct {
	answered chan struct{}
	answer   ingress.Answer
	done     func(ingress.Answer) // what Handle calls; made once
	timer    *time.Timer
	hurried  atomic.Bool
}

func newWaiter() *waiter {
	w := &waiter{answered: make(chan struct{}, 1), timer: time.NewTimer(time.Hour)}
	w.timer.Stop()
	w.done = func(a ingress.Answer) {
		w.answer = a
		w.answered <- struct{}{}
	}
	return w
}

// wait returns the answer. It returns false when it does not come in time, or gone ends, or somebody hurries.
func (w *waiter) wait(limit time.Duration, gone <-chan struct{}) (ingress.Answer, bool) {
	w.timer.Reset(limit)
	// After the Reset: either this sees hurried, or the Reset of hurry comes last.
	if w.hurried.Load() {
		w.timer.Reset(0)
	}
	select {
	case <-w.answered:
		w.timer.Stop()
		return w.answer, true
	case <-gone:
	case <-w.timer.C:
	}
	return ingress.Answer{
		Status: http.StatusServiceUnavailable,
		Reason: "Kafka has not acknowledged the event in time; it may be written nevertheless",
	}, false
}

// hurry ends the wait that goes on and all that follow. Any goroutine may call it.
func (w *waiter) hurry() {
	w.hurried.Store(true)
	w.timer.Reset(0)
}
