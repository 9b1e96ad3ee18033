package server

import (
	"net/http"
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

// wait returns the answer, or false when it does not come in time.
func (w *waiter) wait(limit time.Duration) (ingress.Answer, bool) {
	w.timer.Reset(limit)
	select {
	case <-w.answered:
		w.timer.Stop()
		return w.answer, true
	case <-w.timer.C:
		return ingress.Answer{
			Status: http.StatusServiceUnavailable,
			Reason: "Kafka has not acknowledged the event in time; it may be written nevertheless",
		}, false
	}
}
