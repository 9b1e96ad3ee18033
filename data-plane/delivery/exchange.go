package delivery

import (
	"bufio"
	"errors"
	"io"
	"net"
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
	if s.token != "" {
		dst = append(append(append(dst, "authorization: Bearer "...), s.token...), "\r\n"...)
	}
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
func (c *client) exchange(header, body []byte, timeout time.Duration, s *scratch) error {
	deadline := time.Now().Add(timeout)
	if err := c.enter(deadline); err != nil {
		return err
	}
	defer c.leave()
	for tries := 1; ; tries++ {
		on, err := c.get(deadline)
		if err != nil {
			return err
		}
		kept := on.used
		err = s.roundTrip(on, header, body, deadline)
		if err == nil && !s.response.ConnectionClose() && s.reader.Buffered() == 0 {
			c.put(on)
			return nil
		}
		c.drop(on)
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
	if err := on.SetDeadline(deadline); err != nil {
		return err
	}
	if err := write(on, header, body); err != nil {
		return err
	}
	s.reader.Reset(on)
	s.response.Reset()
	return s.response.ReadLimitBody(s.reader, maxResponse)
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
