package delivery

import (
	"fmt"
	"math"
	"os"
	"slices"
	"time"
)

// pool counts the requests to one host that are under way, each of which has a connection. Above the limit they wait for
// their turn, in order. It is guarded by the client's mutex.
type pool struct {
	using   int
	waiting []chan struct{} // closed when it is their turn, or the client is closed
}

// limit is how many requests may be under way at a host.
func (cs *Clients) limit() int {
	if n := cs.size.Load(); n > 0 {
		return int(n)
	}
	return math.MaxInt
}

// enter waits for the turn of a request, up to a deadline: what the policy allows an attempt is for the wait, too. Each
// enter without an error needs one leave. It comes with a connection if one is kept; otherwise get has one.
func (c *client) enter(deadline time.Time) (kept *conn, err error) {
	c.mu.Lock()
	if c.closed || len(c.pool.waiting) == 0 && c.pool.using < c.owner.limit() {
		c.pool.using++ // of a closed client get says so
		kept = c.last()
		c.mu.Unlock()
		return kept, nil
	}
	turn := make(chan struct{})
	c.pool.waiting = append(c.pool.waiting, turn)
	c.mu.Unlock()
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-turn:
		return nil, nil
	case <-timer.C:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at := slices.Index(c.pool.waiting, turn)
	if at < 0 {
		return nil, nil // its turn came at the same time
	}
	c.pool.waiting = slices.Delete(c.pool.waiting, at, at+1)
	return nil, fmt.Errorf("all %d connections are in use (maxPoolSize): %w", c.owner.limit(), os.ErrDeadlineExceeded)
}

// leave ends a request. back, if not nil, is kept for the next one.
func (c *client) leave(back *conn, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if back != nil {
		c.put(back, now)
	}
	c.pool.using--
	c.admit()
}

// admit lets those in who may be. The mutex is held.
func (c *client) admit() {
	for len(c.pool.waiting) > 0 && (c.closed || c.pool.using < c.owner.limit()) {
		c.pool.using++
		close(c.pool.waiting[0])
		c.pool.waiting = c.pool.waiting[1:]
	}
}
