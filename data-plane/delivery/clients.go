package delivery

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	// idleConnection is how long a connection without requests is kept.
	idleConnection = 10 * time.Second
	// connectTimeout limits the making of a connection; the time limit of the attempt holds as well.
	connectTimeout = 10 * time.Second
	// maxResponse bounds the body of an answer: a reply is never cut (EG-56), so a larger one is a failure.
	maxResponse = 64 << 20
	// staleRetries is how often a request is sent again at once because an idle connection turned out to be closed.
	staleRetries = 16
)

// Clients shares HTTP connections among the targets of a process: one client for each scheme, host and trust.
type Clients struct {
	mu      sync.Mutex
	clients map[clientKey]*client
}

type clientKey struct {
	tls   bool
	host  string
	trust [sha256.Size]byte
}

// client is a pool of connections to one host.
type client struct {
	*fasthttp.HostClient
	owner *Clients
	key   clientKey
	refs  int // guarded by Clients.mu

	mu     sync.Mutex
	conns  map[*conn]struct{}
	closed bool
}

// NewClients makes an empty pool.
func NewClients() *Clients {
	return &Clients{clients: map[clientKey]*client{}}
}

// acquire returns the client of a host, to be given back by release. trust is PEM, and stands beside the system's
// roots (EG-22).
func (cs *Clients) acquire(secure bool, host, trust string) (*client, error) {
	key := clientKey{tls: secure, host: host}
	if secure {
		key.trust = sha256.Sum256([]byte(trust))
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if c := cs.clients[key]; c != nil {
		c.refs++
		return c, nil
	}
	c := &client{owner: cs, key: key, refs: 1, conns: map[*conn]struct{}{}}
	c.HostClient = &fasthttp.HostClient{
		Addr:                      address(host, secure),
		IsTLS:                     secure,
		Name:                      "knative-eventing-kafka",
		MaxConns:                  math.MaxInt32, // the egress decides how much is in flight
		MaxIdleConnDuration:       idleConnection,
		MaxResponseBodySize:       maxResponse,
		MaxIdemponentCallAttempts: staleRetries,
		RetryIfErr:                retryStale,
		Dial:                      c.dial,
		Transport:                 c,
		DisablePathNormalizing:    true,
	}
	if secure {
		pool, err := roots(trust)
		if err != nil {
			return nil, err
		}
		c.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, ServerName: serverName(host)}
	}
	cs.clients[key] = c
	return c, nil
}

// release gives the client back; the last one closes its connections, the busy ones too.
func (c *client) release() {
	c.owner.mu.Lock()
	defer c.owner.mu.Unlock()
	if c.refs--; c.refs > 0 {
		return
	}
	delete(c.owner.clients, c.key)
	c.closeAll()
}

// Abort closes every connection: what is being sent fails at once. It is for the end of a process whose time to
// drain is over.
func (cs *Clients) Abort() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, c := range cs.clients {
		c.closeAll()
	}
}

func (c *client) closeAll() {
	c.mu.Lock()
	c.closed = true
	open := make([]*conn, 0, len(c.conns))
	for held := range c.conns {
		open = append(open, held)
	}
	c.mu.Unlock()
	for _, held := range open {
		_ = held.Close() // the requests on it report what happened
	}
}

var errClosed = errors.New("the target is closed")

func (c *client) dial(addr string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: connectTimeout}
	raw, err := dialer.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	made := &conn{Conn: raw, client: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = raw.Close() // nothing was sent on it
		return nil, errClosed
	}
	c.conns[made] = struct{}{}
	return made, nil
}

func roots(trust string) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // an image without roots: what the contract brings is all there is
	}
	if strings.TrimSpace(trust) != "" && !pool.AppendCertsFromPEM([]byte(trust)) {
		return nil, errors.New("the CA certificates hold no PEM certificate that can be read")
	}
	return pool, nil
}

// address adds the scheme's port to a host that has none.
func address(host string, secure bool) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	port := "80"
	if secure {
		port = "443"
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}

func serverName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

// errStale is the failure of a request on a connection that had been kept and was closed by the other side meanwhile.
// It says nothing about the subscriber, so the request is sent again on another connection and no attempt is used up.
type errStale struct{ cause error }

func (e errStale) Error() string { return fmt.Sprintf("kept connection was closed: %v", e.cause) }
func (e errStale) Unwrap() error { return e.cause }

func retryStale(_ *fasthttp.Request, _ int, err error) (resetTimeout, retry bool) {
	var stale errStale
	return false, errors.As(err, &stale)
}

// RoundTrip implements fasthttp.RoundTripper: it tells the failures of kept connections from those of new ones.
func (c *client) RoundTrip(hc *fasthttp.HostClient, req *fasthttp.Request, resp *fasthttp.Response) (bool, error) {
	retry, err := fasthttp.DefaultTransport.RoundTrip(hc, req, resp)
	on, ok := resp.LocalAddr().(*conn)
	switch {
	case !ok:
		return retry, err
	case err == nil:
		on.served.Store(true)
		return retry, nil
	case on.served.Load() && noAnswer(err) && !c.isClosed():
		return true, errStale{err}
	}
	return retry, err
}

// noAnswer says whether a request failed before the first byte of its answer.
func noAnswer(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

func (c *client) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// conn remembers whether it has carried an answer. It is its own local address, which is how a response leads back to
// the connection that it came on.
type conn struct {
	net.Conn
	client *client
	served atomic.Bool
}

// LocalAddr implements net.Conn.
func (c *conn) LocalAddr() net.Addr { return c }

// Network implements net.Addr.
func (c *conn) Network() string { return c.Conn.LocalAddr().Network() }

// String implements net.Addr.
func (c *conn) String() string { return c.Conn.LocalAddr().String() }

// Close implements net.Conn.
func (c *conn) Close() error {
	c.client.mu.Lock()
	delete(c.client.conns, c)
	c.client.mu.Unlock()
	return c.Conn.Close()
}
