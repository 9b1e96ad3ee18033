package server

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/ingress"
)

func TestAWaitEndsByItsOwnAnswerOrByItsLimit(t *testing.T) {
	w := newWaiter()
	w.expire(time.Hour) // nobody waits
	for status := range 3 {
		w.begin(time.Duration(status))
		w.done(ingress.Answer{Status: status})
		w.expire(time.Hour) // too late
		if a, ok := w.wait(); !ok || a.Status != status {
			t.Fatalf("wait %d: %+v, %v", status, a, ok)
		}
	}
	w.begin(10)
	w.expire(10) // did not begin before that
	w.expire(11)
	w.expire(12)
	w.done(ingress.Answer{Status: 202}) // too late
	if a, ok := w.wait(); ok || a.Status != 503 {
		t.Fatalf("%+v, %v; want 503", a, ok)
	}
	select {
	case <-w.ended:
		t.Fatal("ended twice")
	default:
	}
}

// Answers come from another goroutine while a third one expires whatever it finds: every wait ends once, and an answer
// is never taken for another wait's.
func TestWaitsAndTheirEndsRace(t *testing.T) {
	var current atomic.Pointer[waiter]
	var stop atomic.Bool
	var others sync.WaitGroup
	others.Go(func() {
		for !stop.Load() {
			if w := current.Load(); w != nil {
				w.expire(time.Hour)
			}
			runtime.Gosched()
		}
	})
	answers := make(chan func(), 4)
	others.Go(func() {
		for f := range answers {
			f()
		}
	})
	w := newWaiter()
	current.Store(w)
	late := 0
	for n := 1; n <= 20000; n++ {
		w.begin(time.Duration(n))
		done := w.done
		answer := func() { done(ingress.Answer{Status: n}) }
		tooLate := n%10 == 0
		if !tooLate {
			answers <- answer
		}
		a, ok := w.wait()
		if tooLate {
			answers <- answer
		}
		switch {
		case ok && (tooLate || a.Status != n):
			t.Fatalf("wait %d got %+v", n, a)
		case !ok:
			late++
			w = newWaiter()
			current.Store(w)
		}
	}
	stop.Store(true)
	close(answers)
	others.Wait()
	t.Logf("%d of 20000 expired", late)
}
