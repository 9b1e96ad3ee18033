package server

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"

	"knative.dev/eventing-kafka-go/data-plane/ingress"
)

// upgrade is the request with which a client of HTTP/1.1 asked to go on in HTTP/2 without TLS (IN-05). It is answered as
// the first stream of the new protocol.
type upgrade struct {
	request  *http.Request
	settings []byte // of the client, as a frame SETTINGS has them
}

// mayUpgrade tells whether a connection may change its protocol. Over TLS the handshake has agreed on one.
func (c *conn) mayUpgrade() bool {
	_, secure := c.peer.Conn.(*tls.Conn)
	return !secure && !c.settings.NoClearHTTP2 && !c.server.draining.Load()
}

// upgradeTo2 agrees to go on in HTTP/2, once the body is read. It tells whether there may be another request of HTTP/1.
func (c *conn) upgradeTo2(x *exchange) bool {
	settings, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(x.settings, "="))
	target, invalid := url.ParseRequestURI(x.Target)
	if err != nil || len(settings)%6 != 0 || invalid != nil {
		a := x.Refuse(ingress.Answer{Status: http.StatusBadRequest, Reason: "malformed HTTP2-Settings or request target"})
		x.Discard()
		return c.finish(x, a)
	}
	c.out = append(c.out[:0], "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"...)
	c.now = x.Received
	if c.flush() != nil {
		x.Discard()
		return false
	}
	c.upgraded = &upgrade{request: x.asHTTP(target), settings: settings}
	x.Forget()
	return false
}

// asHTTP copies a request for net/http.
func (x *exchange) asHTTP(target *url.URL) *http.Request {
	header := make(http.Header, len(x.Headers)+1)
	for _, h := range x.Headers {
		switch name := http.CanonicalHeaderKey(h.Name); name {
		case "Connection", "Upgrade", "Http2-Settings", "Host", "Transfer-Encoding", "Content-Length":
		default:
			header.Add(strings.Clone(name), strings.Clone(h.Value))
		}
	}
	body := bytes.Clone(x.Body)
	return &http.Request{
		Method: strings.Clone(x.Method), URL: target, RequestURI: strings.Clone(x.Target), Host: strings.Clone(x.Host),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}
