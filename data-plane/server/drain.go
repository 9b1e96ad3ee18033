package server

import (
	"context"
	"net"
	"slices"
	"sync/atomic"
	"time"
)

// tracked is an open connection, known to the server so that it can be ended.
type tracked struct {
	net.Conn
	// idle is true while nothing but the next request is waited for.
	idle atomic.Bool
	// waiter is where an HTTP/1 connection waits for answers.
	waiter atomic.Pointer[waiter]
}

// expire lets a request that waits for its answer since before some time wait no longer.
func (t *tracked) expire(before time.Duration) {
	if w := t.waiter.Load(); w != nil {
		w.expire(before)
	}
}

// drain ends all connections, once draining is set: idle ones after DrainIdle, the others when their requests are
// answered. Shortly before DrainTimeout those that still wait for Kafka are answered with 503; what is open after it is
// closed.
func (s *Server) drain() {
	last := min(lastWords, s.options.DrainTimeout/4)
	// The context of Run has ended already, and the drain is bounded by itself.
	ctx, cancel := context.WithTimeout(context.Background(), s.options.DrainTimeout-last)
	defer cancel()
	s.hurryIdle()
	s.sendGoAway(ctx)
	drained := s.settled()
	select {
	case <-drained:
		return
	case <-ctx.Done():
	}
	close(s.giveUp)
	if s.repeat(drained, last, func() { s.expireAll(s.clock(time.Now())) }) {
		s.options.Log.Warn("Requests answered before Kafka had acknowledged their events, at the end of the drain")
		return
	}
	s.options.Log.Warn("Connections closed before their requests were answered", "connections", s.closeAll())
	s.repeat(drained, 0, func() { s.closeAll() })
}

// lastWords is what requests get to be told that they are not waited for any more.
const lastWords = time.Second

// sendGoAway tells the peers of HTTP/2 connections to send no other requests.
func (s *Server) sendGoAway(ctx context.Context) {
	s.mu.Lock()
	bases := slices.Clone(s.bases)
	s.mu.Unlock()
	for _, base := range bases {
		base.Shutdown(ctx) //nolint:errcheck // it has no listeners and no connections of its own, so it waits for nothing
	}
}

// repeat calls f again and again, since a connection may just be about to wait for an answer, until done is closed or the
// time is over; 0: without limit. It reports whether done is closed.
func (s *Server) repeat(done <-chan struct{}, limit time.Duration, f func()) bool {
	var over <-chan time.Time
	if limit > 0 {
		over = time.After(limit)
	}
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		f()
		select {
		case <-done:
			return true
		case <-over:
			return false
		case <-again.C:
		}
	}
}

// settled returns a channel that is closed when nothing is open or handled any more.
func (s *Server) settled() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drained = make(chan struct{})
	s.settle()
	return s.drained
}

// settle ends the wait of drain when there is nothing left. The caller holds mu.
func (s *Server) settle() {
	if s.drained != nil && !s.stopped && len(s.open) == 0 && s.handlers == 0 {
		s.stopped = true
		close(s.drained)
	}
}

// beginRequest counts a request of HTTP/2, unless its connection is gone and Run has ended, or is about to.
func (s *Server) beginRequest() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.handlers++
	}
	return !s.stopped
}

func (s *Server) endRequest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers--
	s.settle()
}

// hurryIdle gives idle connections a last moment. One that becomes idle later sees draining and does it by itself.
func (s *Server) hurryIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.open {
		if t.idle.Load() {
			t.SetReadDeadline(time.Now().Add(s.options.DrainIdle)) //nolint:errcheck // a closed connection is fine
		}
	}
}

// closeAll closes all connections, also those whose requests wait for an answer; on HTTP/2 the close itself wakes them.
func (s *Server) closeAll() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.open {
		t.Close() //nolint:errcheck // nothing could be done about it
		t.expire(s.clock(time.Now()))
	}
	return len(s.open)
}
