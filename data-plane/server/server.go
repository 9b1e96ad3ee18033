// Package server reads HTTP requests from sockets, lets package ingress handle them and writes the answers: HTTP/1.1 and
// HTTP/2 (prior knowledge) on one plain port, and both on a TLS port while there is a certificate.
//
// It owns connections, their time limits and the memory for what is being received. It must not know routes, events or
// Kafka: what a request means, and how large it may be, package ingress says.
//
// Each connection of HTTP/1.1 is served by one goroutine, which also waits for the answer; HTTP/2 has one more for each
// request. All of them end before Run returns.
package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/sync/errgroup"

	"knative.dev/eventing-kafka-go/data-plane/ingress"
)

// Options of a Server. Ingress is needed; a zero value elsewhere means the default.
type Options struct {
	// Ingress handles the requests.
	Ingress *ingress.Ingress
	// Addr is where plain HTTP is served, HOST:PORT; port 0 takes a free one.
	Addr string
	// TLSAddr is where HTTPS is served while both files hold a certificate and its key (IN-02). "": nowhere.
	TLSAddr, CertFile, KeyFile string

	// MaxConnections bounds the open connections of both ports; more get 503. Default 10,000.
	MaxConnections int
	// MaxBodyBytes bounds the memory of all bodies that are being received, as far as a body exceeds 64 KiB; more get
	// 429. Default 256 MiB.
	MaxBodyBytes int64

	// HeaderTimeout bounds the time from the first byte of a request to the end of its header, and from the start of a
	// connection to its first request. Default 10 s.
	HeaderTimeout time.Duration
	// BodyTimeout bounds the time to receive a body, which gets another second for each 64 KiB. Default 30 s.
	BodyTimeout time.Duration
	// Settings are those that Configure changes later.
	Settings
	// WriteTimeout bounds the time to send an answer. Default 10 s.
	WriteTimeout time.Duration
	// DrainTimeout bounds how long requests may still take when Run is to end. Default 30 s.
	DrainTimeout time.Duration
	// DrainIdle is how long idle connections still take a request then, since one may be on its way. Default 100 ms.
	DrainIdle time.Duration

	// Log gets what happens to ports and certificates. Nil means slog.Default().
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	o.MaxConnections = cmp.Or(o.MaxConnections, 10_000)
	o.MaxBodyBytes = cmp.Or(o.MaxBodyBytes, 256<<20)
	o.HeaderTimeout = cmp.Or(o.HeaderTimeout, 10*time.Second)
	o.BodyTimeout = cmp.Or(o.BodyTimeout, 30*time.Second)
	o.Settings = o.Settings.withDefaults()
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 10*time.Second)
	o.DrainTimeout = cmp.Or(o.DrainTimeout, 30*time.Second)
	o.DrainIdle = cmp.Or(o.DrainIdle, 100*time.Millisecond)
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// Server serves the routes of an Ingress.
type Server struct {
	options  Options
	ingress  *ingress.Ingress
	listener net.Listener
	started  time.Time
	budget   budget
	date     dateHeader
	tlsAddr  atomic.Value

	settings atomic.Pointer[settings]

	draining atomic.Bool
	giveUp   chan struct{} // closed when requests that wait for Kafka are not waited for any more
	mu       sync.Mutex    // guards what is below
	bases    []*http.Server
	open     map[*tracked]struct{}
	handlers int           // of HTTP/2 requests, which may outlive their connection
	drained  chan struct{} // nil until somebody waits for it
	stopped  bool          // drained is closed
}

// Listen opens the plain port. Connections wait until Run.
func Listen(o Options) (*Server, error) {
	o = o.withDefaults()
	// The listener's life is that of the server, not of a call.
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", o.Addr, err)
	}
	s := &Server{
		options: o, ingress: o.Ingress, listener: listener, started: time.Now(),
		open: map[*tracked]struct{}{}, giveUp: make(chan struct{}),
	}
	s.budget.limit = o.MaxBodyBytes
	if err := s.Configure(o.Settings); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return s, nil
}

// Addr is the address of the plain port.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// ReceivingBytes is the memory that counts against MaxBodyBytes now.
func (s *Server) ReceivingBytes() int64 { return s.budget.used.Load() }

// Run serves until ctx ends. Then it takes no more connections, answers the requests that it has and those that come on
// idle connections for a moment more, and returns when all connections are closed, after DrainTimeout at the latest.
// It can be called once. An error means that the port failed before ctx ended.
func (s *Server) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.accept(ctx, s.listener, nil) })
	if s.options.TLSAddr != "" {
		group.Go(func() error { return s.runTLS(ctx) })
	}
	group.Go(func() error {
		<-ctx.Done()
		s.draining.Store(true)
		return s.listener.Close()
	})
	// Requests keep their time limits while the server drains.
	watch, end := context.WithCancel(context.WithoutCancel(ctx))
	var watching sync.WaitGroup
	watching.Go(func() { s.watchWaiters(watch) })
	err := group.Wait()
	s.drain()
	end()
	watching.Wait()
	return err
}

// accept serves the connections of a listener until it is closed. With a TLS configuration they are encrypted.
func (s *Server) accept(ctx context.Context, l net.Listener, secure *tls.Config) error {
	var pause time.Duration
	for {
		conn, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			// Out of file descriptors, mostly: some connection will end.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.options.Log.Warn("Cannot take a connection", "address", l.Addr().String(), "error", err, "pause", pause)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(pause):
			}
			continue
		}
		pause = 0
		s.start(conn, secure)
	}
}

// start serves a connection on a goroutine of its own, unless there are too many.
func (s *Server) start(conn net.Conn, secure *tls.Config) {
	if secure != nil {
		conn = tls.Server(conn, secure)
	}
	t := &tracked{Conn: conn}
	s.mu.Lock()
	full := len(s.open) >= s.options.MaxConnections
	if !full {
		s.open[t] = struct{}{}
	}
	s.mu.Unlock()
	if full {
		if secure == nil {
			s.refuse(conn)
		}
		conn.Close()
		return
	}
	go func() {
		defer s.end(t)
		defer s.survive()
		s.serve(t)
	}()
}

// refuse answers on a connection that is not served. It does not wait: a new connection has room for that much.
func (s *Server) refuse(conn net.Conn) {
	conn.SetWriteDeadline(time.Now().Add(time.Second)) //nolint:errcheck // the connection ends in any case
	a := ingress.Answer{Status: http.StatusServiceUnavailable, Reason: "too many connections"}
	s.ingress.Unrouted(a.Status, 0)
	conn.Write(appendAnswer(nil, a, s.date.line(time.Now()), connectionClose)) //nolint:errcheck // as above
}

// survive keeps a mistake that a single request meets from ending the process, and with it everybody's requests.
func (s *Server) survive() {
	if p := recover(); p != nil {
		s.panicked(p)
	}
}

func (s *Server) panicked(p any) {
	s.options.Log.Error("Request ended by a panic", "panic", p, "stack", string(debug.Stack()))
}

func (s *Server) end(t *tracked) {
	t.Close() //nolint:errcheck // nothing could be done about it
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, t)
	s.settle()
}

// serve serves one connection in the protocol that its peer speaks.
func (s *Server) serve(t *tracked) {
	if conn, ok := t.Conn.(*tls.Conn); ok {
		if !s.handshake(conn) {
			return
		}
		if conn.ConnectionState().NegotiatedProtocol == http2.NextProtoTLS {
			s.serveHTTP2(conn, s.settings.Load(), nil)
			return
		}
	}
	c := newConn(s, t)
	if rest := c.serve(); rest != nil {
		s.serveHTTP2(rest, c.settings, c.upgraded)
	}
}
