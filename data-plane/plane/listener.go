package plane

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"
)

// listener serves HTTP for people, probes and scrapes; events have a server of their own.
type listener struct {
	socket net.Listener
	server *http.Server
	failed chan error
}

// listen begins to serve at once, with TLS if secure is not nil, so that a probe never meets a closed port while the contract is being read.
func listen(address string, handler http.Handler, secure *tls.Config) (*listener, error) {
	// The listener's life is that of the plane, not of a call.
	socket, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, err
	}
	if secure != nil {
		socket = tls.NewListener(socket, secure)
	}
	l := &listener{
		socket: socket,
		server: &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute},
		failed: make(chan error, 1),
	}
	go func() { l.failed <- l.server.Serve(socket) }()
	return l, nil
}

// fail returns the error that ended serving, nil when ctx ends first.
func (l *listener) fail(ctx context.Context) error {
	select {
	case err := <-l.failed:
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return err
	case <-ctx.Done():
		return nil
	}
}

func (l *listener) close(ctx context.Context) {
	if err := l.server.Shutdown(ctx); err != nil {
		_ = l.server.Close() // a profile or a scrape that takes too long is cut off
	}
}

func (l *listener) addr() net.Addr { return l.socket.Addr() }
