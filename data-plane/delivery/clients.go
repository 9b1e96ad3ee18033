package delivery

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// idleConnection is how long a connection without requests is kept.
	idleConnection = 10 * time.Second
	// connectTimeout limits the making of a connection; the time limit of the attempt holds as well.
	connectTimeout = 10 * time.Second
)

// Clients shares HTTP connections among the targets of a process: one client for each scheme, host and trust.
type Clients struct {
	mu      sync.Mutex
	clients map[clientKey]*client

	idle, connect, size atomic.Int64 // of Configure; times in nanoseconds
}

// Limits are what users may set for all connections.
type Limits struct {
	// Idle is how long a connection without requests is kept, Connect how long making one may take beside the limit of
	// the attempt. 0: 10 s.
	Idle, Connect time.Duration
	// PerHost is how many connections to one scheme, host and trust there may be. 0: as many as requests.
	PerHost int
}

// Configure sets the limits. Connections that are there obey too.
func (cs *Clients) Configure(l Limits) {
	cs.idle.Store(int64(cmp.Or(l.Idle, idleConnection)))
	cs.connect.Store(int64(cmp.Or(l.Connect, connectTimeout)))
	cs.size.Store(int64(l.PerHost))
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, c := range cs.clients {
		c.mu.Lock()
		c.admit()
		c.mu.Unlock()
	}
}

type clientKey struct {
	tls   bool
	host  string
	trust [sha256.Size]byte
}

// client is a pool of HTTP/1.1 connections to one host. How many there are is for those who send to
// decide, up to a limit. It exists
// beside fasthttp's HostClient, which costs an event about as much again as all else that is done for it in this
// process, and cannot tell a failed subscriber from a kept connection that was closed.
type client struct {
	owner   *Clients
	key     clientKey
	refs    int // guarded by Clients.mu
	address string
	secure  *tls.Config // nil: plain

	mu     sync.Mutex
	idle   []*conn // those used last at the end
	open   map[*conn]struct{}
	sweeps bool // a timer is armed that closes what was idle for too long
	closed bool
	pool   pool
}

// conn is one connection. It belongs to whoever got it until it is put back.
type conn struct {
	net.Conn
	raw   *patient // closing it wakes whoever waits on it, also during a handshake
	used  bool     // it carried an answer before
	since time.Time
}

// limit says until when a request may take.
func (c *conn) limit(until time.Time) error { return c.raw.limit(until) }

// NewClients makes an empty pool.
func NewClients() *Clients {
	cs := &Clients{clients: map[clientKey]*client{}}
	cs.Configure(Limits{})
	return cs
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
	c := &client{owner: cs, key: key, refs: 1, address: address(host, secure), open: map[*conn]struct{}{}}
	if secure {
		pool, err := roots(trust)
		if err != nil {
			return nil, err
		}
		c.secure = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, ServerName: serverName(host)}
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
	defer c.mu.Unlock()
	c.closed, c.idle = true, nil
	c.admit()
	for held := range c.open {
		_ = held.raw.Close() // the requests on it report what happened
	}
}

var errClosed = errors.New("the target is closed")

// get returns a connection, one that was used last if there is one.
func (c *client) get(deadline time.Time) (*conn, error) {
	c.mu.Lock()
	kept := c.last()
	c.mu.Unlock()
	if kept != nil {
		return kept, nil
	}
	return c.dial(deadline)
}

// last takes the connection that was used last, nil if there is none. The mutex is held.
func (c *client) last() *conn {
	n := len(c.idle)
	if n == 0 || c.closed {
		return nil
	}
	kept := c.idle[n-1]
	c.idle = c.idle[:n-1]
	return kept
}

func (c *client) dial(deadline time.Time) (*conn, error) {
	if limit := time.Now().Add(time.Duration(c.owner.connect.Load())); deadline.After(limit) {
		deadline = limit
	}
	dialed, err := (&net.Dialer{Deadline: deadline}).Dial("tcp", c.address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnreachable, err)
	}
	raw := &patient{Conn: dialed}
	made := &conn{Conn: raw, raw: raw}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, errors.Join(errClosed, raw.Close())
	}
	c.open[made] = struct{}{}
	c.mu.Unlock()
	if c.secure == nil {
		return made, nil
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline) // the attempt's limit is all that bounds it
	defer cancel()
	secured := tls.Client(raw, c.secure)
	if err := secured.HandshakeContext(ctx); err != nil {
		c.drop(made)
		return nil, err
	}
	made.Conn = secured
	return made, nil
}

// put keeps a connection for the next request. The mutex is held.
func (c *client) put(back *conn, now time.Time) {
	back.used, back.since = true, now
	if c.closed {
		return // closed already
	}
	c.idle = append(c.idle, back)
	if !c.sweeps {
		c.sweeps = true
		time.AfterFunc(c.sweepAfter(), c.sweep)
	}
}

// sweepAfter is when to look for idle connections again. A limit that was lowered holds within a minute.
func (c *client) sweepAfter() time.Duration {
	return min(time.Duration(c.owner.idle.Load()), time.Minute)
}

// drop closes a connection that cannot be used again.
func (c *client) drop(broken *conn) {
	c.mu.Lock()
	delete(c.open, broken)
	c.mu.Unlock()
	_ = broken.raw.Close() // whatever there was to report has been
}

// sweep closes connections that were idle for too long.
func (c *client) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	limit := time.Now().Add(-time.Duration(c.owner.idle.Load()))
	old := 0
	for old < len(c.idle) && c.idle[old].since.Before(limit) {
		delete(c.open, c.idle[old])
		_ = c.idle[old].raw.Close() // nothing is under way on it
		old++
	}
	c.idle = append(c.idle[:0], c.idle[old:]...)
	if c.sweeps = len(c.idle) > 0; c.sweeps {
		time.AfterFunc(c.sweepAfter(), c.sweep)
	}
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
