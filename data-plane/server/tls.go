package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/sync/errgroup"

	"knative.dev/eventing-kafka-go/data-plane/filewatch"
)

// relisten is the pause before a port that could not be opened is tried again.
const relisten = time.Second

// tlsPort is the TLS port, which is open while there is a key pair.
type tlsPort struct {
	server   *Server
	pair     atomic.Pointer[tls.Certificate]
	listener net.Listener // nil while closed
	serving  *errgroup.Group
}

// runTLS opens the TLS port when certificate and key are there, exchanges them when they change, and closes the port when
// one of them goes away (IN-02). Connections that are open then go on. A pair that does not fit is not used.
func (s *Server) runTLS(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	notify := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	watch, ctx := errgroup.WithContext(ctx)
	for _, path := range []string{s.options.CertFile, s.options.KeyFile} {
		watch.Go(func() error {
			o := filewatch.Options{OnError: func(error) { notify() }, Log: s.options.Log}
			return filewatch.Watch(ctx, path, o, func([]byte) { notify() })
		})
	}
	p := &tlsPort{server: s, serving: new(errgroup.Group)}
	watch.Go(func() error {
		p.run(ctx, changed)
		return p.serving.Wait()
	})
	return watch.Wait()
}

func (p *tlsPort) run(ctx context.Context, changed <-chan struct{}) {
	defer p.close()
	var retry <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-retry:
		}
		retry = nil
		if err := p.reload(ctx); err != nil {
			p.server.options.Log.Error("Cannot serve HTTPS", "address", p.server.options.TLSAddr, "error", err)
			retry = time.After(relisten)
		}
	}
}

// reload brings the port into the state that the files ask for. An error means that trying again may help.
func (p *tlsPort) reload(ctx context.Context) error {
	o := p.server.options
	pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if p.listener != nil {
			o.Log.Info("HTTPS ends, the certificate was removed", "address", o.TLSAddr)
		}
		p.close()
		return nil
	case err != nil:
		// Perhaps only one of the two files was exchanged yet; the other one notifies again.
		o.Log.Warn("Certificate for HTTPS not used", "certificate", o.CertFile, "key", o.KeyFile, "error", err)
		return nil
	}
	p.pair.Store(&pair)
	if p.listener != nil {
		return nil
	}
	return p.open(ctx)
}

func (p *tlsPort) open(ctx context.Context) error {
	o := p.server.options
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", o.TLSAddr)
	if err != nil {
		return fmt.Errorf("listen on %q: %w", o.TLSAddr, err)
	}
	p.listener = l
	p.server.tlsAddr.Store(addr{l.Addr()})
	o.Log.Info("HTTPS is served", "address", l.Addr().String())
	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{http2.NextProtoTLS, "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return p.pair.Load(), nil
		},
	}
	p.serving.Go(func() error { return p.server.accept(ctx, l, config) })
	return nil
}

func (p *tlsPort) close() {
	if p.listener == nil {
		return
	}
	p.server.tlsAddr.Store(addr{})
	p.listener.Close() //nolint:errcheck // it is not used any more
	p.listener = nil
}

// addr lets an address that may be nil be stored atomically.
type addr struct{ net.Addr }

// TLSAddr is the address of the TLS port, nil while it is closed.
func (s *Server) TLSAddr() net.Addr {
	a, _ := s.tlsAddr.Load().(addr)
	return a.Addr
}

// handshake tells whether an encrypted connection was agreed on.
func (s *Server) handshake(conn *tls.Conn) bool {
	// Not the context of Run: drain decides how long connections may still go on.
	ctx, cancel := context.WithTimeout(context.Background(), s.options.HeaderTimeout)
	defer cancel()
	return conn.HandshakeContext(ctx) == nil
}
