package server_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"knative.dev/eventing-kafka-go/data-plane/server"
)

const upgradeHeader = "Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__"

// two is a connection that speaks HTTP/2 and of which a test decides about every frame.
type two struct {
	*http2.Framer
	w       *wire
	headers bytes.Buffer
	encoder *hpack.Encoder
}

func newTwo(t testing.TB, w *wire) *two {
	t.Helper()
	w.send(t, http2.ClientPreface)
	c := &two{Framer: http2.NewFramer(w, w.answers), w: w}
	c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.encoder = hpack.NewEncoder(&c.headers)
	if err := c.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return c
}

// event writes a request with an event that has no data.
func (c *two) event(stream uint32) error {
	c.headers.Reset()
	for _, h := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", "/ns/name"}, {":authority", "x"},
		{"ce-specversion", "1.0"}, {"ce-id", "1"}, {"ce-source", "/s"}, {"ce-type", "t"}} {
		if err := c.encoder.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]}); err != nil {
			return err
		}
	}
	return c.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: c.headers.Bytes(), EndHeaders: true, EndStream: true,
	})
}

// status reads up to the answer on a stream.
func (c *two) status(t testing.TB, stream uint32) string {
	t.Helper()
	for {
		frame, err := c.ReadFrame()
		if err != nil {
			t.Fatalf("no answer on stream %d: %v", stream, err)
		}
		if h, ok := frame.(*http2.MetaHeadersFrame); ok && h.StreamID == stream {
			return h.PseudoValue("status")
		}
	}
}

// A client of HTTP/1.1 that asks for it goes on in HTTP/2; its first request is answered there (IN-05).
func TestUpgradeToHTTP2(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 40<<10/16) + "!"
	for name, sent := range map[string]string{
		"an event with a length":  eventHeader + "Content-Length: 4\r\n\r\ndata",
		"an event without a body": eventHeader + "\r\n",
		"an event in chunks":      eventHeader + "Transfer-Encoding: chunked\r\n\r\n2\r\nda\r\n2\r\nta\r\n0\r\n\r\n",
		"a larger event":          fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", eventHeader, len(large), large),
	} {
		t.Run(name, func(t *testing.T) {
			r := startRig(t, rigOptions{})
			w := r.dial(t)
			w.send(t, strings.Replace(sent, "Host: x", upgradeHeader, 1))
			resp, err := http.ReadResponse(w.answers, nil)
			if err != nil || resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Upgrade") != "h2c" {
				t.Fatalf("answer %+v, %v", resp, err)
			}
			defer resp.Body.Close()
			c := newTwo(t, w)
			if status := c.status(t, 1); status != "202" {
				t.Fatalf("the request that asked: %s", status)
			}
			if err := c.event(3); err != nil {
				t.Fatal(err)
			}
			if status := c.status(t, 3); status != "202" {
				t.Fatalf("the next request: %s", status)
			}
			_, body, _ := strings.Cut(sent, "\r\n\r\n")
			if strings.Contains(sent, "chunked") {
				body = "data"
			}
			records := r.cluster.Records(t, "events", 2)
			if got := string(records[0].Value) + string(records[1].Value); got != body {
				t.Errorf("%d bytes arrived, want %d", len(got), len(body))
			}
		})
	}
}

func TestHTTP2WithoutTLSCanBeRefused(t *testing.T) {
	r := startRig(t, rigOptions{acquire: instant(1 << 20), server: server.Options{Settings: server.Settings{NoClearHTTP2: true}}})
	w := r.dial(t)
	w.send(t, strings.Replace(goodEvent, "Host: x", upgradeHeader, 1))
	if a := w.receive(t); a.status != 202 {
		t.Errorf("a request to upgrade: %+v", a)
	}
	w = r.dial(t)
	w.send(t, http2.ClientPreface)
	if a := w.receive(t); a.status != 505 {
		t.Errorf("the preface: %+v", a)
	}
	if err := r.Configure(server.Settings{}); err != nil {
		t.Fatal(err)
	}
	w = r.dial(t)
	c := newTwo(t, w)
	if err := c.event(1); err != nil {
		t.Fatal(err)
	}
	if status := c.status(t, 1); status != "202" {
		t.Errorf("after it was allowed: %s", status)
	}
}
