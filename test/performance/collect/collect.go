// Package collect is the subscriber of a benchmark: an HTTP/1.1 server that answers 202 after a delay and keeps account
// of the events of every run. It must cost little, since it shares its machine with what is measured: one goroutine for
// each connection, which is also the one that waits out the delay, and no parsing beyond what the account needs.
//
// A path is /DELAY/RUN, e.g. /10ms/ordered-3: the delay before the answer and the run that the event is counted for.
package collect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/wire"
)

const maxDelay = 10 * time.Minute

var (
	accepted = []byte("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
	refused  = []byte("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	errPath  = errors.New("path is not /DELAY/RUN")
)

// Server takes events. Make one with New.
type Server struct {
	mu   sync.Mutex
	runs map[string]*account // by path

	refusals atomic.Uint64
	refusal  atomic.Value // string: why the latest request was refused
}

// New returns a server that has counted nothing.
func New() *Server { return &Server{runs: map[string]*account{}} }

// Serve takes connections until ctx ends, then closes them all.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	context.AfterFunc(ctx, func() { _ = l.Close() }) // nobody else closes it
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("accept: %w", err)
		}
		all.Go(func() {
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			defer stop()
			defer conn.Close()
			s.serve(ctx, conn)
		})
	}
}

func (s *Server) serve(ctx context.Context, conn net.Conn) {
	in := wire.NewConn(conn)
	var r wire.Received
	var last *account // of the path that this connection saw last, mostly the only one
	for {
		if err := in.ReadRequest(&r); err != nil {
			if err != io.EOF && ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
				s.refuse(conn, err)
			}
			return
		}
		now := time.Now()
		if last == nil || string(r.Path) != last.path {
			a, err := s.account(r.Path)
			if err != nil {
				s.refuse(conn, err)
				return
			}
			last = a
		}
		last.received(&r, now)
		if last.delay > 0 {
			time.Sleep(last.delay) // what this server is asked to do
		}
		if _, err := conn.Write(accepted); err != nil {
			return
		}
	}
}

func (s *Server) refuse(conn net.Conn, err error) {
	s.refusals.Add(1)
	s.refusal.Store(err.Error())
	_, _ = conn.Write(refused) // the connection is closed next
}

func (s *Server) account(path []byte) (*account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.runs[string(path)]; a != nil {
		return a, nil
	}
	first, run, ok := bytes.Cut(bytes.TrimPrefix(path, []byte("/")), []byte("/"))
	if !ok || len(run) == 0 {
		return nil, fmt.Errorf("%w: %q", errPath, path)
	}
	delay, err := time.ParseDuration(string(first))
	if err != nil || delay < 0 || delay > maxDelay {
		return nil, fmt.Errorf("%w: %q", errPath, path)
	}
	a := &account{path: string(path), delay: delay}
	s.runs[a.path] = a
	return a, nil
}
