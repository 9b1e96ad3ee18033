package delivery

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"knative.dev/eventing-kafka-go/proto/contract"
)

func TestAHostHasAtMostAsManyConnectionsAsAreAllowed(t *testing.T) { // CFG-27
	var mu sync.Mutex
	now, most := 0, 0
	arrived, release := make(chan struct{}, 20), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		arrived <- struct{}{}
		<-release
		mu.Lock()
		now--
		mu.Unlock()
	}))
	t.Cleanup(s.Close)
	clients := NewClients()
	clients.Configure(Limits{PerHost: 2})
	a, b := newTarget(t, clients, s.URL+"/a", nil), newTarget(t, clients, s.URL+"/b", nil)
	t.Cleanup(a.Release)
	t.Cleanup(b.Release)
	var senders sync.WaitGroup
	for n := range 10 {
		senders.Go(func() {
			target := a
			if n%2 == 1 {
				target = b
			}
			if next := finish(target, job()); next.Outcome != Delivered {
				t.Errorf("%+v", next)
			}
		})
	}
	<-arrived
	<-arrived
	clients.Configure(Limits{PerHost: 3})
	<-arrived // one that waited, as nobody has left yet
	close(release)
	senders.Wait()
	if most != 3 {
		t.Errorf("%d requests at once, want 3", most)
	}
}

func TestAnAttemptWaitsForAConnectionNoLongerThanItsLimit(t *testing.T) { // EG-20
	clients := NewClients()
	clients.Configure(Limits{PerHost: 1})
	target := newTarget(t, clients, "http://127.0.0.1:1", func(e *contract.Egress) { e.EgressConfig = &contract.EgressConfig{Timeout: 20} })
	t.Cleanup(target.Release)
	c, err := clients.acquire(false, "127.0.0.1:1", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.release)
	if _, err := c.enter(time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	next := target.Attempt(job())
	if next.Outcome != Lost || next.Subscriber.Cause != TimedOut || !strings.Contains(next.Err.Error(), "all 1 connections are in use (maxPoolSize)") {
		t.Errorf("%+v", next)
	}
	c.leave(nil, time.Now())
	patient := newTarget(t, clients, "http://127.0.0.1:1", nil)
	t.Cleanup(patient.Release)
	if next := patient.Attempt(job()); next.Subscriber.Cause != Unreachable {
		t.Errorf("%+v, with a connection to spare", next)
	}
}

func TestTurnsComeInOrderAndTheEndWakesWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clients := NewClients()
		clients.Configure(Limits{PerHost: 1})
		c, err := clients.acquire(false, "127.0.0.1:1", "")
		if err != nil {
			t.Fatal(err)
		}
		end := time.Now().Add(time.Minute)
		if _, err := c.enter(end); err != nil {
			t.Fatal(err)
		}
		turns := make(chan int, 3)
		for n := range 3 {
			go func() {
				if _, err := c.enter(end); err != nil {
					t.Error(err)
				}
				turns <- n
			}()
			synctest.Wait()
		}
		c.leave(nil, time.Now())
		if n := <-turns; n != 0 {
			t.Errorf("turn of %d, want the first one's", n)
		}
		clients.Abort()
		if n := <-turns + <-turns; n != 3 {
			t.Errorf("the rest came to %d", n)
		}
		if _, err := c.get(end); c.cause(err) != CutOff {
			t.Errorf("got %v, want that the client is closed", err)
		}
		for range 3 {
			c.leave(nil, time.Now())
		}
		if c.pool.using != 0 || len(c.pool.waiting) != 0 {
			t.Errorf("left over: %+v", c.pool)
		}
	})
}
