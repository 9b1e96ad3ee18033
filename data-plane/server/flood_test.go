package server_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"knative.dev/eventing-kafka-go/data-plane/server"
)

// serves fails unless the server goes on for others.
func (r *rig) serves(t *testing.T) {
	t.Helper()
	w := r.dial(t)
	w.send(t, goodEvent)
	if a := w.receive(t); a.status != 202 {
		t.Errorf("somebody else's request: %+v", a)
	}
}

// drainFrames reads whatever comes, so that a flood is not held up by its own answers.
func (c *two) drainFrames() <-chan error {
	ended := make(chan error, 1)
	go func() {
		for {
			if _, err := c.ReadFrame(); err != nil {
				ended <- err
				return
			}
		}
	}()
	return ended
}

// Streams that are opened and reset at once must not cost more than streams that are used.
func TestARapidResetFloodIsBounded(t *testing.T) {
	hold := newHolding()
	r := startRig(t, rigOptions{acquire: hold.acquire})
	go func() { // Kafka takes what comes
		for f := range hold.records {
			f(nil)
		}
	}()
	t.Cleanup(func() { r.stop(); r.wait(t); close(hold.records) })
	before := runtime.NumGoroutine()
	c := newTwo(t, r.dial(t))
	ended := c.drainFrames()
	most := 0
	for n := range uint32(20_000) {
		if c.event(2*n+1) != nil || c.WriteRSTStream(2*n+1, http2.ErrCodeCancel) != nil {
			break // the server has had enough, which is as good
		}
		most = max(most, runtime.NumGoroutine())
	}
	if most > before+2000 {
		t.Errorf("%d goroutines, %d before", most, before)
	}
	c.w.Close()
	<-ended
	r.serves(t)
	until(t, "the handlers have ended", func() bool { return runtime.NumGoroutine() < before+50 })
}

// A header that never ends is given up, and not kept in memory.
func TestAContinuationFloodEnds(t *testing.T) {
	r := startRig(t, rigOptions{acquire: instant(1 << 20)})
	c := newTwo(t, r.dial(t))
	ended := c.drainFrames()
	if err := c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82}}); err != nil {
		t.Fatal(err)
	}
	// A literal header field, again and again: "a: <8 KiB>".
	field := append([]byte{0x00, 0x01, 'a', 0x7f, 0x81, 0x3f}, strings.Repeat("x", 127+0x1f80+1)...)
	for sent := 0; ; sent += len(field) {
		if err := c.WriteContinuation(1, false, field); err != nil {
			break
		}
		if sent > 256<<20 {
			t.Fatal("the server goes on reading")
		}
	}
	if err := <-ended; errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection was not closed")
	}
	r.serves(t)
}

// Frames that ask for answers which nobody reads must not pile up.
func TestAPingFloodEnds(t *testing.T) {
	r := startRig(t, rigOptions{acquire: instant(1 << 20), server: server.Options{WriteTimeout: 200 * time.Millisecond}})
	c := newTwo(t, r.dial(t))
	for sent := 0; ; sent++ {
		if err := c.WritePing(false, [8]byte{}); err != nil {
			break
		}
		if sent > 10_000_000 {
			t.Fatal("the server goes on answering")
		}
	}
	r.serves(t)
}

// Who sends requests and reads no answers is given up when nothing fits into its connection any more.
func TestAPipeliningFloodEnds(t *testing.T) {
	r := startRig(t, rigOptions{acquire: instant(1 << 20), server: server.Options{WriteTimeout: 200 * time.Millisecond, MaxConnections: 1}})
	w := r.dial(t)
	w.send(t, goodEvent)
	w.receive(t)
	flood := strings.Repeat("POST /"+strings.Repeat("a", 256)+" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 256)
	var flooding sync.WaitGroup
	flooding.Go(func() {
		for { // each answer repeats the path, so that few requests fill the connection
			if _, err := io.WriteString(w, flood); err != nil {
				return
			}
		}
	})
	until(t, "its place is free", func() bool {
		other := r.dial(t)
		defer other.Close()
		other.SetReadDeadline(time.Now().Add(time.Second)) //nolint:errcheck // the answer tells
		io.WriteString(other, goodEvent)                   //nolint:errcheck // who is refused may not be able to
		resp, err := http.ReadResponse(other.answers, nil)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusAccepted
	})
	w.Close()
	flooding.Wait()
}
