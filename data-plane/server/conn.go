package server

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"time"

	"github.com/valyala/fasthttp"
	"golang.org/x/net/http2"

	"knative.dev/eventing-kafka-go/data-plane/ingress"
)

// conn is a connection that speaks HTTP/1. It uses the header parser of fasthttp, but not its server, which reads bodies
// before anybody can refuse them.
type conn struct {
	server   *Server
	settings *settings
	peer     *tracked
	upgraded *upgrade // the connection goes on as HTTP/2 with this request
	reader   *bufio.Reader
	header   fasthttp.RequestHeader
	out      []byte
	waiter   *waiter

	now time.Time // of the latest answer; time limits need no better clock
	// readUntil and writeUntil are the deadlines that the socket has. Moving one costs as much as parsing a header, so
	// they are moved only when they matter and are not good enough.
	readUntil, writeUntil time.Time
}

func newConn(s *Server, t *tracked) *conn {
	c := &conn{server: s, settings: s.settings.Load(), peer: t, now: time.Now()}
	c.reader = bufio.NewReaderSize(t, c.settings.MaxHeaderBytes+c.settings.MaxLineBytes)
	c.renewWaiter()
	// Names are compared without case everywhere, so making them canonical would be wasted.
	c.header.DisableNormalizing()
	return c
}

// serve handles requests until the connection is of no more use. When the peer turns out to speak HTTP/2, it returns the
// connection with all that was sent on it.
func (c *conn) serve() net.Conn {
	c.readWithin(c.server.options.HeaderTimeout)
	if !c.settings.NoClearHTTP2 && c.speaksHTTP2() {
		c.readWithin(0)
		return &resumed{Conn: c.peer, rest: c.reader}
	}
	for c.awaitRequest() && c.handleRequest() {
		c.keepIdle()
	}
	if c.upgraded != nil {
		c.readWithin(0)
		c.peer.SetWriteDeadline(time.Time{}) //nolint:errcheck // writing will tell
		return &resumed{Conn: c.peer, rest: c.reader}
	}
	return nil
}

// resumed is a connection of which a part was read already.
type resumed struct {
	net.Conn
	rest *bufio.Reader
}

func (r *resumed) Read(p []byte) (int, error) { return r.rest.Read(p) }

// speaksHTTP2 looks at the first bytes of a connection. No method of HTTP/1 begins like the preface.
func (c *conn) speaksHTTP2() bool {
	c.peer.idle.Store(true)
	defer c.peer.idle.Store(false)
	c.hurry()
	for _, n := range []int{1, 3, len(http2.ClientPreface)} {
		b, err := c.reader.Peek(n)
		if err != nil || string(b) != http2.ClientPreface[:n] {
			return false
		}
	}
	return true
}

// keepIdle sets how long the next request may take to come. Being late by a quarter is good enough.
func (c *conn) keepIdle() {
	if c.reader.Buffered() > 0 {
		return
	}
	idle := c.settings.IdleTimeout
	if left := c.readUntil.Sub(c.now); left < idle-idle/4 || left > idle {
		c.readWithin(idle)
	}
}

// awaitRequest waits for the first byte of a request.
func (c *conn) awaitRequest() bool {
	if c.reader.Buffered() > 0 {
		return true
	}
	c.peer.idle.Store(true)
	c.hurry()
	_, err := c.reader.Peek(1)
	c.peer.idle.Store(false)
	return err == nil
}

// hurry does for a connection that becomes idle what hurryIdle does for those that are. It must follow the store to idle:
// either it sees draining or hurryIdle sees that the connection is idle.
func (c *conn) hurry() {
	if c.server.draining.Load() {
		c.readWithin(c.server.options.DrainIdle)
	}
}

// handleRequest reads one request and answers it. It tells whether there may be another one.
func (c *conn) handleRequest() bool {
	if !bytes.Contains(c.buffered(), []byte("\r\n\r\n")) {
		c.readWithin(c.server.options.HeaderTimeout)
	}
	if err := c.header.Read(c.reader); err != nil {
		return c.reject(c.headerError(err))
	}
	x := c.newExchange()
	a, ok := x.acceptable()
	if ok {
		a, ok = c.withinLimits()
	}
	if !ok {
		x.Discard()
		return c.reject(a)
	}
	a, ok = c.server.ingress.Admit(x.Request)
	if ok {
		a, ok = c.readBody(&x)
	}
	if !ok {
		x.Discard()
		return c.finish(&x, a)
	}
	if x.upgrade {
		return c.upgradeTo2(&x)
	}
	return c.finish(&x, c.handle(&x))
}

// handle waits for the answer of a complete request.
func (c *conn) handle(x *exchange) ingress.Answer {
	c.waiter.begin(c.server.clock(x.Received))
	c.server.ingress.Handle(x.Request, c.waiter.done)
	a, ok := c.waiter.wait()
	if !ok {
		c.renewWaiter()
	}
	return a
}

func (c *conn) renewWaiter() {
	c.waiter = newWaiter()
	c.peer.waiter.Store(c.waiter)
}

// maxDiscard is how much of a body that nobody wants is read so that the connection can be kept.
const maxDiscard = 64 << 10

// finish answers a request and leaves the connection ready for the next one, or tells that there can be none.
func (c *conn) finish(x *exchange, a ingress.Answer) bool {
	if a.Status == 0 { // the client is gone
		return false
	}
	keep := !x.close && x.left >= 0 && x.left <= maxDiscard && (x.left == 0 || !x.expects) && !c.server.draining.Load()
	said := connectionKept
	switch {
	case !keep:
		said = connectionClose
	case !c.header.IsHTTP11():
		said = connectionKeepAlive
	}
	if c.header.IsHead() {
		a = withoutBody(a)
	}
	if !c.write(a, said) {
		return false
	}
	if !keep && x.left != 0 {
		c.linger()
	}
	return keep && c.discard(x.left)
}

// reject answers what cannot be understood, after which nothing else on the connection can be.
func (c *conn) reject(a ingress.Answer) bool {
	if a.Status != 0 {
		c.server.ingress.Unrouted(a.Status, time.Since(c.now))
	}
	if a.Status != 0 && c.write(a, connectionClose) {
		c.linger()
	}
	return false
}

func (c *conn) write(a ingress.Answer, said connection) bool {
	c.now = time.Now()
	c.out = appendAnswer(c.out[:0], a, c.server.date.line(c.now), said)
	return c.flush() == nil
}

// flush sends what is in out.
func (c *conn) flush() error {
	limit := c.server.options.WriteTimeout
	if c.writeUntil.Sub(c.now) < limit {
		c.writeUntil = c.now.Add(2 * limit)
		c.peer.SetWriteDeadline(c.writeUntil) //nolint:errcheck // writing will tell
	}
	_, err := c.peer.Write(c.out)
	return err
}

func (c *conn) discard(n int) bool {
	if n == 0 {
		return true
	}
	if n > c.reader.Buffered() {
		c.readWithin(c.server.options.HeaderTimeout)
	}
	_, err := c.reader.Discard(n)
	return err == nil
}

const (
	lingerTime  = time.Second
	lingerBytes = 4 << 20
)

// linger lets the peer read an answer that came before it had sent everything: closing at once would make its system
// throw the answer away, or fail the write that it is in before it reads. Who sends on and on is kept waiting instead of
// being read, for as long as it is given to look at the answer.
func (c *conn) linger() {
	if half, ok := c.peer.Conn.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		return
	}
	c.readWithin(lingerTime)
	if _, err := io.CopyN(io.Discard, c.peer, lingerBytes); err == nil && !c.server.draining.Load() {
		time.Sleep(time.Until(c.readUntil))
	}
}

// readWithin bounds how long reading may take from now on. 0 means no bound.
func (c *conn) readWithin(d time.Duration) {
	c.readUntil = time.Time{}
	if d > 0 {
		c.readUntil = time.Now().Add(d)
	}
	c.peer.SetReadDeadline(c.readUntil) //nolint:errcheck // reading will tell
}

// buffered returns what was received and not read yet.
func (c *conn) buffered() []byte {
	b, _ := c.reader.Peek(c.reader.Buffered())
	return b
}
