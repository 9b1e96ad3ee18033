package server

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/ingress"
)

// waiter lets one goroutine wait for the answer of one request after the other. It must not be used again once a wait
// has ended without the answer, because that may still come.
//
// Its time limit costs the request nothing but the note of when it began: a goroutine of the server looks at all waiters
// now and then. A timer for each request would cost more than everything else here.
type waiter struct {
	ended  chan struct{} // gets one value for each wait
	answer ingress.Answer
	done   func(ingress.Answer) // what Handle calls; made once

	begun atomic.Int64 // when the wait began, on the server's clock
	// phase is the number of the wait and whether it has ended. Of those who end it the first one counts, and one that
	// comes too late cannot end the next.
	phase atomic.Uint64
}

// The two lowest bits of phase; neither is set before the first wait.
const (
	waiting uint64 = iota + 1
	answered
	expired
	phaseMask uint64 = 3
)

func newWaiter() *waiter {
	w := &waiter{ended: make(chan struct{}, 1)}
	w.done = func(a ingress.Answer) {
		w.answer = a
		if number := w.phase.Load() &^ phaseMask; w.phase.CompareAndSwap(number|waiting, number|answered) {
			w.ended <- struct{}{}
		}
	}
	return w
}

// lateAnswer is for those whose answer did not come in time.
func lateAnswer() ingress.Answer {
	return ingress.Answer{
		Status: http.StatusServiceUnavailable,
		Reason: "Kafka has not acknowledged the event in time; it may be written nevertheless",
	}
}

// begin has to come before the Handle whose answer is to be waited for.
func (w *waiter) begin(now time.Duration) {
	w.begun.Store(int64(now))
	w.phase.Store((w.phase.Load()&^phaseMask + phaseMask + 1) | waiting)
}

// wait returns the answer, or false when expire was sooner.
func (w *waiter) wait() (ingress.Answer, bool) {
	<-w.ended
	if w.phase.Load()&phaseMask == answered {
		return w.answer, true
	}
	return lateAnswer(), false
}

// expire ends the wait that goes on if it began before some time. Any goroutine may call it.
func (w *waiter) expire(before time.Duration) {
	phase := w.phase.Load() // before begun: a later wait has another phase, and then this does nothing
	if phase&phaseMask == waiting && w.begun.Load() < int64(before) && w.phase.CompareAndSwap(phase, phase&^phaseMask|expired) {
		w.ended <- struct{}{}
	}
}

// watchWaiters expires what waits for longer than AnswerTimeout, until ctx ends. The limit is exceeded by a quarter, or a
// second, at most.
func (s *Server) watchWaiters(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		limit := s.settings.Load().AnswerTimeout
		timer.Reset(min(limit/4, time.Second))
		select {
		case <-ctx.Done():
			return
		case now := <-timer.C:
			s.expireAll(s.clock(now) - limit)
		}
	}
}

// expireAll ends the waits that began before some time.
func (s *Server) expireAll(before time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.open {
		t.expire(before)
	}
}

// clock is the time since the server began, which no change of the system's time can move.
func (s *Server) clock(now time.Time) time.Duration { return now.Sub(s.started) }
