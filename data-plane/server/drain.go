package server

import (
	"context"
	"net"
	"sync/atomic"
	"time"
)

// tracked is an open connection, known to the server so that it can be ended.
type tracked struct {
	net.Conn
	// idle is true while nothing but the next request is waited for.
	idle atomic.Bool
}

// drain ends all connections: idle ones after DrainIdle, the others when their requests are answered, and all of them
// after DrainTimeout.
func (s *Server) drain() {
	// The context of Run has ended already, and the drain is bounded by itself.
	ctx, cancel := context.WithTimeout(context.Background(), s.options.DrainTimeout)
	defer cancel()
	s.draining.Store(true)
	s.hurryIdle()
	// For HTTP/2 this sends GOAWAY; there is nothing else that it could wait for.
	s.h2base.Shutdown(ctx) //nolint:errcheck // it has no listeners and no connections of its own
	done := make(chan struct{})
	go func() {
		s.serving.Wait()
		close(done)
	}()
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	s.options.Log.Warn("Connections closed before their requests were answered", "connections", s.closeAll())
	<-done
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

func (s *Server) closeAll() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.open {
		t.Close() //nolint:errcheck // nothing could be done about it
	}
	return len(s.open)
}
