package server

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"github.com/valyala/fasthttp"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/data-plane/ingress"
)

// exchange is a request and what its connection has to know about it.
type exchange struct {
	*ingress.Request
	header *fasthttp.RequestHeader
	// left is how many bytes of the body were not read yet; -1 with chunks, whose end is unknown.
	left int
	// expects: the client waits for 100 Continue before it sends the body.
	expects bool
	// expectation is the header Expect when it is something else.
	expectation string
	// close: the client sends no other request on this connection.
	close bool
	// upgrade: the client wants to go on in HTTP/2, with the settings that it sends along.
	upgrade  bool
	settings string
}

// newExchange makes the request of the header that was read. Its strings are valid until the next header is read.
func (c *conn) newExchange() exchange {
	h := &c.header
	x := exchange{Request: c.server.ingress.NewRequest(), header: h, left: h.ContentLength(), close: h.ConnectionClose()}
	if x.left < -1 { // no body
		x.left = 0
	}
	x.Received = time.Now()
	x.Method, x.Target, x.Host = text(h.Method()), text(h.RequestURI()), text(h.Host())
	x.ContentType = text(h.ContentType())
	asked := false
	for name, value := range h.All() {
		switch len(name) {
		case len("Expect"):
			x.expect(name, value)
		case len("Connection"):
			asked = asked || strings.EqualFold(text(name), "Connection") && hasToken(text(value), "Upgrade")
			x.close = x.close || strings.EqualFold(text(name), "Connection") && hasToken(text(value), "close")
		case len("Upgrade"):
			x.upgrade = x.upgrade || strings.EqualFold(text(name), "Upgrade") && hasToken(text(value), "h2c")
		case len("HTTP2-Settings"):
			if strings.EqualFold(text(name), "HTTP2-Settings") {
				x.settings = text(value)
			}
		}
		x.Headers = append(x.Headers, cloudevent.Header{Name: text(name), Value: text(value)})
	}
	x.upgrade = asked && x.upgrade && x.settings != "" && h.IsHTTP11() && c.mayUpgrade()
	return x
}

func (x *exchange) expect(name, value []byte) {
	switch {
	case !strings.EqualFold(text(name), "Expect"):
	case strings.EqualFold(text(value), "100-continue"):
		// Who sends nothing has nothing to wait for, and HTTP/1.0 does not know the answer.
		x.expects = x.left != 0 && x.header.IsHTTP11()
	default:
		x.expectation = text(value)
	}
}

// acceptable refuses what the protocol does not allow or this server does not do, before anybody looks at the request.
func (x *exchange) acceptable() (ingress.Answer, bool) {
	switch {
	case !bytes.HasPrefix(x.header.Protocol(), []byte("HTTP/1.")):
		return ingress.Answer{Status: http.StatusHTTPVersionNotSupported, Reason: "HTTP/1.1 or HTTP/2 is spoken here"}, false
	case x.expectation != "":
		return ingress.Answer{Status: http.StatusExpectationFailed, Reason: "only 100-continue can be expected"}, false
	case x.left < 0 && ambiguousLength(x.header.RawHeaders()):
		// Somebody on the way may have believed the length, and taken what follows for another request.
		return ingress.Answer{Status: http.StatusBadRequest, Reason: "both Content-Length and Transfer-Encoding"}, false
	}
	return ingress.Answer{}, true
}

// ambiguousLength tells whether a header with chunks has a length as well, which the parser then does not show.
func ambiguousLength(header []byte) bool {
	const name = "content-length:"
	for line := range bytes.Lines(header) {
		if len(line) >= len(name) && strings.EqualFold(text(line[:len(name)]), name) {
			return true
		}
	}
	return false
}

// withinLimits refuses a header or a first line that is too long, though both fit into the buffer.
func (c *conn) withinLimits() (ingress.Answer, bool) {
	h := &c.header
	switch line := len(h.Method()) + len(h.RequestURI()) + len(h.Protocol()) + len("  \r\n"); {
	case line > c.settings.MaxLineBytes:
		return c.lineTooLong(), false
	case len(h.RawHeaders()) > c.settings.MaxHeaderBytes:
		return c.headerTooLarge(), false
	}
	return ingress.Answer{}, true
}

func (c *conn) lineTooLong() ingress.Answer {
	return ingress.Answer{Status: http.StatusRequestURITooLong,
		Reason: "the first line is longer than " + strconv.Itoa(c.settings.MaxLineBytes) + " bytes"}
}

func (c *conn) headerTooLarge() ingress.Answer {
	return ingress.Answer{Status: http.StatusRequestHeaderFieldsTooLarge,
		Reason: "the header is larger than " + strconv.Itoa(c.settings.MaxHeaderBytes) + " bytes"}
}

// headerError is the answer to a header that could not be read; no status means that nobody is there to be answered.
func (c *conn) headerError(err error) ingress.Answer {
	var small *fasthttp.ErrSmallBuffer
	var nothing fasthttp.ErrNothingRead
	switch {
	case errors.As(err, &nothing), gone(err):
		return ingress.Answer{}
	case errors.As(err, &small):
		if line := bytes.IndexByte(c.buffered(), '\n'); line < 0 || line > c.settings.MaxLineBytes {
			return c.lineTooLong()
		}
		return c.headerTooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ingress.Answer{Status: http.StatusRequestTimeout, Reason: "the header was not complete in time"}
	}
	return ingress.Answer{Status: http.StatusBadRequest, Reason: "malformed HTTP request"}
}

// gone tells whether an error means that the peer will not read an answer.
func gone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET)
}

// hasToken tells whether a list of tokens separated by commas has one, in any case.
func hasToken(list, token string) bool {
	for item := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(item), token) {
			return true
		}
	}
	return false
}

// text returns bytes as a string without copying them.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
