package cluster

import (
	"context"
	"net"
	"sync"
	"time"
)

// linger is how long a connection that the other side has closed looks open to a fake Kafka, longer than any session.
// Brokers end memberships by their sessions alone. The fake begins the session of a member that waits in a join when it
// has answered; to one whose connection is closed by then it does not, and the member stays for ever.
const linger = time.Minute

// gate stands between a fake Kafka and its clients. Shut, it lets the fake look like one whose process was stopped: its
// connections stay open, new ones are made, and nothing is read or written.
type gate struct {
	mu   sync.Mutex
	shut chan struct{} // closed when the gate opens again; nil while it is open
}

// freeze shuts the gate.
func (g *gate) freeze() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut == nil {
		g.shut = make(chan struct{})
	}
}

// thaw opens the gate.
func (g *gate) thaw() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut != nil {
		close(g.shut)
		g.shut = nil
	}
}

// pass waits until the gate is open.
func (g *gate) pass() {
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut != nil {
		<-shut
	}
}

// listen listens with the gate in all connections.
func (g *gate) listen(ctx context.Context, network, address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &gatedListener{l, g}, nil
}

type gatedListener struct {
	net.Listener
	gate *gate
}

func (l *gatedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &gatedConn{Conn: conn, gate: l.gate, closed: make(chan struct{})}, nil
}

type gatedConn struct {
	net.Conn
	gate   *gate
	end    sync.Once
	closed chan struct{} // closed by Close
}

// Read holds back also what came while the gate was being shut, and the end for as long as connections linger.
func (c *gatedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil {
		select {
		case <-c.closed:
		case <-time.After(linger):
		}
	}
	c.gate.pass()
	return n, err
}

// Close is the fake's own end of the connection.
func (c *gatedConn) Close() error {
	c.end.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

func (c *gatedConn) Write(b []byte) (int, error) {
	c.gate.pass()
	return c.Conn.Write(b)
}
