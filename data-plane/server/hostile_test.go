package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/net/http2"

	"knative.dev/eventing-kafka-go/data-plane/ingress"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/server"
)

// Each case sends less than a request and then nothing; the server must not wait for more than its limits.
func TestSlowClientsAreGivenUp(t *testing.T) {
	const limit = 3 * time.Second // long enough to send within it however busy the machine is
	r := startRig(t, rigOptions{acquire: instant(1 << 20), server: server.Options{
		HeaderTimeout: limit, BodyTimeout: limit, Settings: server.Settings{IdleTimeout: limit}}})
	type slow struct {
		sent   string
		status int // 0 = closed without an answer
	}
	rows := map[string]slow{
		"nothing":                         {"", 0},
		"a part of the preface of HTTP/2": {"PRI * HT", 408},
		"half a request line":             {"POST /ns", 408},
		"half a header":                   {eventHeader, 408},
		"half a small body":               {eventHeader + "Content-Length: 4\r\n\r\nda", 408},
		"a large body that does not come": {eventHeader + "Content-Length: 900000\r\n\r\n", 408},
		"half a large body":               {eventHeader + "Content-Length: 900000\r\n\r\n" + strings.Repeat("x", 40000), 408},
		"chunks that do not come":         {eventHeader + "Transfer-Encoding: chunked\r\n\r\n", 408},
		"half a chunk":                    {eventHeader + "Transfer-Encoding: chunked\r\n\r\n4\r\nda", 408},
		"trailers without end":            {eventHeader + "Transfer-Encoding: chunked\r\n\r\n4\r\ndata\r\n0\r\nA:", 408},
		"a body that nobody wants":        {strings.Replace(eventHeader, "/ns/name", "/no", 1) + "Content-Length: 4\r\n\r\nda", 404},
		"no second request":               {goodEvent, 202},
		"half a second request":           {goodEvent + "POST", 202},
	}
	clients := map[string]*wire{}
	for name, row := range rows { // all at once, as each of them waits
		clients[name] = r.dial(t)
		clients[name].send(t, row.sent)
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			w := clients[name]
			if row.status != 0 {
				if a := w.receive(t); a.status != row.status {
					t.Fatalf("answer %+v, want %d", a, row.status)
				}
			}
			if strings.HasSuffix(row.sent, "dataPOST") {
				if a := w.receive(t); a.status != 408 {
					t.Fatalf("answer %+v, want 408", a)
				}
			}
			w.receiveEnd(t)
		})
	}
}

// A sender that is slow but moves gets the time that its bytes have earned.
func TestASteadySenderMayTakeLongerThanTheTimeout(t *testing.T) {
	const limit = 2 * time.Second
	r := startRig(t, rigOptions{acquire: instant(8 << 20), server: server.Options{BodyTimeout: limit}})
	w := r.dial(t)
	const pieces, piece = 40, 128 << 10 // each earns two seconds
	w.send(t, eventHeader, fmt.Sprintf("Content-Length: %d\r\n\r\n", pieces*piece))
	begin := time.Now()
	for range pieces {
		w.send(t, strings.Repeat("x", piece))
		for next := time.Now().Add(limit / (pieces - 5)); time.Now().Before(next); {
			time.Sleep(time.Millisecond) // the slowness that is tested
		}
	}
	if a := w.receive(t); a.status != 202 {
		t.Fatalf("answer %+v after %v", a, time.Since(begin))
	}
	if took := time.Since(begin); took < limit {
		t.Fatalf("only %v, the test shows nothing", took)
	}
}

func TestClientsThatGoAwayLeaveNothingBehind(t *testing.T) {
	hold := newHolding()
	r := startRig(t, rigOptions{acquire: hold.acquire})
	for name, sent := range map[string]string{
		"in the middle of a header": "POST /ns/na",
		"in the middle of a body":   eventHeader + "Content-Length: 400000\r\n\r\nda",
		"in the middle of a chunk":  eventHeader + "Transfer-Encoding: chunked\r\n\r\n4\r\nda",
	} {
		t.Run(name, func(t *testing.T) {
			w := r.dial(t)
			w.send(t, sent)
			w.Conn.(*net.TCPConn).CloseWrite() //nolint:errcheck // receiveEnd tells
			w.receiveEnd(t)
		})
	}
	t.Run("after the request, reading on", func(t *testing.T) {
		w := r.dial(t)
		w.send(t, goodEvent)
		w.Conn.(*net.TCPConn).CloseWrite() //nolint:errcheck // the answer tells
		hold.next(t)(nil)
		if a := w.receive(t); a.status != 202 {
			t.Fatalf("answer %+v", a)
		}
		w.receiveEnd(t)
	})
	t.Run("after the request, for good (IN-44)", func(t *testing.T) {
		w := r.dial(t)
		w.send(t, goodEvent)
		written := hold.next(t)
		w.Close()
		written(nil) // nobody may trip over the answer that nobody reads
		w = r.dial(t)
		w.send(t, goodEvent)
		hold.next(t)(nil)
		if a := w.receive(t); a.status != 202 {
			t.Fatalf("answer %+v", a)
		}
	})
}

// Whatever bytes come, each connection ends by itself, nothing panics, and the server goes on.
func TestMangledRequestsHarmNobody(t *testing.T) {
	var panics atomic.Int64
	log := slog.New(counting{slog.DiscardHandler, &panics})
	r := startRig(t, rigOptions{acquire: instant(1 << 20), log: log, server: server.Options{
		HeaderTimeout: 20 * time.Millisecond, BodyTimeout: 20 * time.Millisecond, Settings: server.Settings{IdleTimeout: 20 * time.Millisecond}}})
	random := rand.New(rand.NewPCG(3, 3))
	seeds := []string{
		goodEvent, eventHeader + "Transfer-Encoding: chunked\r\n\r\n2\r\nda\r\n2\r\nta\r\n0\r\nA: b\r\n\r\n",
		"POST /ns/name HTTP/1.1\r\nHost: x\r\nContent-Type: application/cloudevents+json\r\nContent-Length: 52\r\n\r\n" +
			`{"specversion":"1.0","id":"1","source":"s","type":"t"}`,
		"OPTIONS * HTTP/1.1\r\nHost: name-kn-channel.ns:80\r\n\r\n", http2.ClientPreface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00",
		eventHeader + "Expect: 100-continue\r\nContent-Length: 4\r\n\r\ndata",
	}
	var clients sync.WaitGroup
	for range 60 {
		conns := make([]string, 8)
		for n := range conns {
			conns[n] = mangle(random, seeds[random.IntN(len(seeds))]+seeds[random.IntN(len(seeds))])
		}
		clients.Go(func() {
			for _, sent := range conns {
				w := r.dial(t)
				io.WriteString(w, sent) //nolint:errcheck // it may be refused halfway
				if _, err := io.Copy(io.Discard, w.answers); errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("never ended: %q", sent)
				}
				w.Close()
			}
		})
	}
	clients.Wait()
	if n := panics.Load(); n > 0 {
		t.Errorf("%d errors logged", n)
	}
	until(t, "a request that comes in time is served afterwards", func() bool {
		w := r.dial(t)
		defer w.Close()
		io.WriteString(w, goodEvent) //nolint:errcheck // the answer tells
		resp, err := http.ReadResponse(w.answers, nil)
		return err == nil && resp.StatusCode == http.StatusAccepted
	})
}

// mangle changes, drops, repeats and cuts a few bytes.
func mangle(random *rand.Rand, s string) string {
	const interesting = "\r\n\x00 :;,0123456789-"
	b := []byte(s)
	for range 1 + random.IntN(4) {
		if len(b) == 0 {
			break
		}
		n := random.IntN(len(b))
		switch random.IntN(5) {
		case 0:
			b[n] = byte(random.IntN(256))
		case 1:
			b[n] = interesting[random.IntN(len(interesting))]
		case 2:
			b = slices.Delete(b, n, min(len(b), n+1+random.IntN(8)))
		case 3:
			b = slices.Insert(b, n, b[n:min(len(b), n+1+random.IntN(40))]...)
		case 4:
			b = b[:n]
		}
	}
	return string(b)
}

// counting counts what is logged as an error.
type counting struct {
	slog.Handler
	errors *atomic.Int64
}

func (c counting) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }
func (c counting) Handle(context.Context, slog.Record) error        { c.errors.Add(1); return nil }

func TestMoreConnectionsThanAllowedGet503(t *testing.T) {
	r := startRig(t, rigOptions{acquire: instant(1 << 20), server: server.Options{MaxConnections: 2}})
	one, two := r.dial(t), r.dial(t)
	for _, w := range []*wire{one, two} {
		w.send(t, goodEvent)
		if a := w.receive(t); a.status != 202 {
			t.Fatalf("answer %+v", a)
		}
	}
	three := r.dial(t)
	if a := three.receive(t); a.status != 503 || a.header.Get("Connection") != "close" {
		t.Fatalf("answer %+v, want 503", a)
	}
	three.receiveEnd(t)
	one.Close()
	for deadline := time.Now().Add(patience); ; {
		w := r.dial(t)
		w.send(t, goodEvent)
		// Who is refused while it sends may see the end of the connection instead of the answer.
		resp, err := http.ReadResponse(w.answers, nil)
		if w.Close(); err == nil && resp.StatusCode == 202 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("a place became free, but: %+v, %v", resp, err)
		}
	}
}

// A mistake in what handles requests costs the request that meets it, and is told.
func TestAPanicEndsItsConnectionAlone(t *testing.T) {
	var panics atomic.Int64
	var broken atomic.Bool
	broken.Store(true)
	r := startRig(t, rigOptions{log: slog.New(counting{slog.DiscardHandler, &panics}), acquire: func(c kafka.Connection) (ingress.Sink, error) {
		sink, err := instant(1 << 20)(c)
		produce := sink.Produce
		sink.Produce = func(r *kgo.Record, promise func(*kgo.Record, error)) {
			if broken.Load() {
				panic("a mistake")
			}
			produce(r, promise)
		}
		return sink, err
	}})
	clients := protocols(t)
	for protocol, client := range clients {
		if a, err := post(client, r.url(), strings.NewReader("x")); err == nil {
			t.Errorf("%s: answered %+v", protocol, a)
		}
	}
	if n := panics.Load(); n < int64(len(clients)) { // clients may try again
		t.Errorf("%d panics logged", n)
	}
	broken.Store(false)
	for protocol, client := range clients {
		if a, err := post(client, r.url(), strings.NewReader("x")); err != nil || a.status != 202 {
			t.Errorf("%s: %+v, %v", protocol, a, err)
		}
	}
}
