package server

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/ingress"
)

const (
	// smallBody is the size up to which a body gets its memory before it has come. What is larger gets memory as it
	// comes, so that claiming a length costs nobody but the sender.
	smallBody = 64 << 10
	// bodyRate is the number of bytes a second that a sender must reach after BodyTimeout.
	bodyRate = 64 << 10
	// maxTrailers bounds the header lines after the last chunk, which nobody reads.
	maxTrailers = 8 << 10
)

var (
	errTooLarge = errors.New("body exceeds its limit")
	errBusy     = errors.New("no memory for the body")
)

// readBody reads the body of an admitted request. When it returns false the request gets the answer, or none when the
// client is gone.
func (c *conn) readBody(x *exchange) (ingress.Answer, bool) {
	switch {
	case x.left == 0:
		return ingress.Answer{}, true
	case x.left > x.Limit:
		return x.TooLarge(), false
	}
	if x.expects && c.reader.Buffered() == 0 {
		c.now = x.Received
		c.out = append(c.out[:0], "HTTP/1.1 100 Continue\r\n\r\n"...)
		if c.flush() != nil {
			return ingress.Answer{}, false
		}
	}
	x.expects = false // the body is on its way
	if err := c.receive(x); err != nil {
		return c.server.bodyError(x.Request, err), false
	}
	x.left = 0
	return ingress.Answer{}, true
}

func (c *conn) receive(x *exchange) error {
	start := x.Received
	allow := func(received int) {
		// What is in the buffer needs no time.
		if c.reader.Buffered() > 0 {
			return
		}
		until := start.Add(c.server.bodyTime(received))
		if moved := until.Sub(c.readUntil); moved < 0 || moved >= time.Second || c.server.draining.Load() {
			c.readUntil = until
			c.peer.SetReadDeadline(until) //nolint:errcheck // reading will tell
		}
	}
	if x.left > 0 && x.left <= smallBody {
		x.Body = slices.Grow(x.Body[:0], x.left)[:x.left]
		if c.reader.Buffered() < x.left {
			c.readWithin(c.server.bodyTime(0))
		}
		_, err := io.ReadFull(c.reader, x.Body)
		return err
	}
	var err error
	if x.left > 0 {
		x.Body, err = c.server.receive(c.reader, x.Body[:0], x.left, x.left, allow)
		return err
	}
	x.Body, err = c.server.receive(httputil.NewChunkedReader(c.reader), x.Body[:0], -1, x.Limit, allow)
	if err != nil {
		return err
	}
	return c.skipTrailers()
}

// skipTrailers reads up to the empty line that ends a body of chunks.
func (c *conn) skipTrailers() error {
	for read := 0; read < maxTrailers; {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return nil
		}
		read += len(line)
	}
	return errors.New("trailers are too long")
}

// bodyTime is how long a sender may take, that has sent so much.
func (s *Server) bodyTime(received int) time.Duration {
	return s.options.BodyTimeout + time.Duration(received)*time.Second/bodyRate
}

// receive appends to body what comes from src: size bytes, or up to the end when size is -1. More than limit is an error.
// allow is called before each read with the number of bytes received.
func (s *Server) receive(src io.Reader, body []byte, size, limit int, allow func(int)) ([]byte, error) {
	var charged int64
	defer func() { s.budget.give(charged) }()
	for size < 0 || len(body) < size {
		if len(body) == cap(body) {
			room := roomFor(cap(body), size, limit)
			extra := int64(room - max(cap(body), smallBody))
			if extra > 0 && !s.budget.take(extra) {
				return body, errBusy
			}
			charged += max(extra, 0)
			body = append(make([]byte, 0, room), body...)
		}
		allow(len(body))
		space := body[len(body):cap(body)]
		if size >= 0 {
			space = space[:min(len(space), size-len(body))]
		}
		n, err := src.Read(space)
		body = body[:len(body)+n]
		switch {
		case len(body) > limit:
			return body, errTooLarge
		case err == io.EOF && size < 0:
			return body, nil
		case err == io.EOF && len(body) < size:
			return body, io.ErrUnexpectedEOF
		case err != nil && err != io.EOF:
			return body, err
		}
	}
	return body, nil
}

// roomFor is the next capacity of a body that has filled the one it has. One byte more than the limit shows who exceeds it.
func roomFor(have, size, limit int) int {
	most := limit + 1
	if size >= 0 {
		most = size
	}
	return min(max(2*have, smallBody), most)
}

// bodyError is the answer to an admitted request whose body did not come.
func (s *Server) bodyError(r *ingress.Request, err error) ingress.Answer {
	switch {
	case errors.Is(err, errTooLarge):
		return r.TooLarge()
	case errors.Is(err, errBusy):
		return r.Busy()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return r.Refuse(ingress.Answer{Status: http.StatusRequestTimeout, Reason: "the body was not complete in time"})
	case gone(err):
		return ingress.Answer{}
	}
	return r.Refuse(ingress.Answer{Status: http.StatusBadRequest, Reason: "malformed body: " + err.Error()})
}

// budget is memory that is shared by all who receive.
type budget struct {
	limit int64
	used  atomic.Int64
}

func (b *budget) take(n int64) bool {
	if b.used.Add(n) > b.limit {
		b.used.Add(-n)
		return false
	}
	return true
}

func (b *budget) give(n int64) {
	if n > 0 {
		b.used.Add(-n)
	}
}
