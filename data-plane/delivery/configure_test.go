package delivery

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestIdleConnectionsObeyALimitThatIsSetLater(t *testing.T) { // CFG-27
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	clients := NewClients()
	c, err := clients.acquire(false, s.Listener.Addr().String(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.release)
	kept, err := c.get(time.Now().Add(10 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	c.leave(kept, time.Now())
	idle := func() int {
		c.sweep()
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.idle)
	}
	clients.Configure(Limits{Idle: time.Hour, Connect: time.Second})
	kept.since = time.Now().Add(-time.Minute)
	if idle() != 1 {
		t.Error("a connection was closed before its time")
	}
	clients.Configure(Limits{Idle: time.Second, Connect: time.Second})
	if idle() != 0 {
		t.Error("a connection was kept for too long")
	}
}

func TestMakingAConnectionObeysItsLimit(t *testing.T) {
	clients := NewClients()
	clients.Configure(Limits{Connect: time.Nanosecond})
	c, err := clients.acquire(false, "127.0.0.1:1", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.release)
	_, err = c.dial(time.Now().Add(time.Hour))
	if got := c.cause(err); got != TimedOut {
		t.Errorf("got %v (cause %d), want the end of the time", err, got)
	}
}
