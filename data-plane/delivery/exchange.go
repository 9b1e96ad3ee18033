package delivery

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/data-plane/tracing"
)

const (
	// maxResponse bounds the body of an answer: a reply is never cut (EG-56), so a larger one is a failure.
	maxResponse = 64 << 20
	// staleRetries is how often a request is sent again at once because a kept connection turned out to be closed.
	staleRetries = 16
	// inlineBody is up to where a body is copied behind its header, to be sent in one piece.
	inlineBody = 32 << 10
)

// appendRequest writes the request of an event without its body (EG-16 to EG-18, EG-25), and returns the body. The
// trace that the record belongs to goes on in it (OBS-33).
func (t *Target) appendRequest(dst []byte, to *endpoint, rec *kgo.Record, span tracing.Span, e *cloudevent.Event, s *scratch) (header, body []byte) {
	dst = append(dst, to.prologue...)
	dst = append(dst, t.headers...)
	dst = to.appendAuthorization(dst, s.token)
	body = e.Data
	if t.structured || !e.FitsBinary() {
		s.body = e.AppendJSON(s.body[:0])
		body = s.body
		dst = append(dst, "content-type: application/cloudevents+json\r\n"...)
	} else {
		e.VisitHTTPHeaders(func(name, value string) { dst = appendHeader(dst, name, value) }) // without control characters
	}
	dst = appendTrace(dst, span)
	for i := range rec.Headers {
		h := &rec.Headers[i]
		if key := cloudevent.TraceKey(h.Key); key != "" && fieldValue(h.Value) && !replaces(span, key) {
			dst = appendHeader(dst, h.Key, string(h.Value))
		}
	}
	dst = append(dst, "content-length: "...)
	dst = strconv.AppendInt(dst, int64(len(body)), 10)
	return append(dst, "\r\n\r\n"...), body
}

func appendHeader(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

// fieldValue says whether bytes from a record may stand in an HTTP header.
func fieldValue(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// exchange sends a request and reads its answer into s.response. A connection that had been kept and was closed by the
// other side meanwhile says nothing about the subscriber: the request is sent again on another one.
func (c *client) exchange(header, body []byte, deadline time.Time, s *scratch) (err error) {
	on, err := c.enter(deadline)
	if err != nil {
		s.ended = time.Now()
		return err
	}
	var back *conn // what is kept
	defer func() {
		s.ended = time.Now()
		c.leave(back, s.ended)
	}()
	for tries := 1; ; tries++ {
		if on == nil {
			if on, err = c.get(deadline); err != nil {
				return err
			}
		}
		kept := on.used
		err = s.roundTrip(on, header, body, deadline)
		if err == nil && !s.response.ConnectionClose() && s.reader.Buffered() == 0 {
			back = on
			return nil
		}
		c.drop(on)
		on = nil
		if err == nil || !kept || !noAnswer(err) || tries > staleRetries || c.isClosed() {
			return err
		}
	}
}

func (c *client) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// roundTrip makes one request on a connection.
func (s *scratch) roundTrip(on *conn, header, body []byte, deadline time.Time) error {
	if err := on.limit(deadline); err != nil {
		return err
	}
	if err := write(on, header, body); err != nil {
		return err
	}
	s.reader.Reset(on)
	return s.response.ReadLimitBody(s.reader, maxResponse) // forgets the answer before
}

// write sends header and body, in one piece where the body was appended to the header.
func write(on *conn, header, body []byte) error {
	if _, err := on.Write(header); err != nil || len(body) == 0 {
		return err
	}
	_, err := on.Write(body)
	return err
}

// noAnswer says whether a request failed before the first byte of its answer.
func noAnswer(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// newReader is sized for the answers that subscribers give.
func newReader() *bufio.Reader { return bufio.NewReaderSize(nil, 4<<10) }

// patient is a connection whose deadline costs nothing most of the time. To tell the poller of another deadline for each
// request is a good part of what a request costs; so the one it was told before is left as it is while it is earlier, and
// whoever it interrupts goes on if the true deadline has not come. It belongs to one goroutine at a time, as a conn does.
type patient struct {
	net.Conn
	until time.Time // when reads and writes fail
	armed time.Time // what the poller was told: never after until; zero for nothing
}

// limit sets the deadline of reads and writes.
func (p *patient) limit(until time.Time) error {
	p.until = until
	if !p.armed.IsZero() && !p.armed.After(until) {
		return nil
	}
	return p.arm()
}

func (p *patient) arm() error {
	p.armed = p.until
	return p.SetDeadline(p.until)
}

// Read implements net.Conn.
func (p *patient) Read(b []byte) (int, error) {
	for {
		n, err := p.Conn.Read(b)
		if err == nil || n > 0 || !p.early(err) {
			return n, err
		}
	}
}

// Write implements net.Conn. A write that was interrupted goes on where it was.
func (p *patient) Write(b []byte) (int, error) {
	for sent := 0; ; {
		n, err := p.Conn.Write(b[sent:])
		sent += n
		if err == nil || !p.early(err) {
			return sent, err
		}
	}
}

// early says whether a read or write failed for a deadline that was not the true one, which is set then.
func (p *patient) early(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) && p.armed.Before(p.until) && time.Now().Before(p.until) && p.arm() == nil
}
