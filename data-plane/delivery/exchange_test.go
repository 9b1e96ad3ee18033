package delivery

import (
	"bytes"
	"encoding/pem"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/proto/contract"
)

func TestBodiesOfEverySizeArriveByteForByte(t *testing.T) {
	var got []byte
	var length int64
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got, _ = io.ReadAll(r.Body)
		length = r.ContentLength
	}))
	t.Cleanup(s.Close)
	target := newTarget(t, NewClients(), s.URL, nil)
	t.Cleanup(target.Release)
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, 1023, inlineBody - 1, inlineBody, inlineBody + 1, 1 << 20, 20 << 20} {
		j := job()
		j.Record.Value = make([]byte, size)
		for i := range j.Record.Value {
			j.Record.Value[i] = byte(random.Uint32())
		}
		if next := target.Attempt(j); next.Outcome != Delivered {
			t.Fatalf("%d bytes: %+v", size, next)
		}
		if !bytes.Equal(got, j.Record.Value) || length != int64(size) {
			t.Errorf("%d bytes: %d arrived, content-length %d", size, len(got), length)
		}
	}
}

func TestHTTPSNeedsTrustFromTheContract(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	t.Cleanup(s.Close)
	authority := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	for name, test := range map[string]struct {
		authority string
		want      Outcome
	}{
		"trusted by its own CA certificates (EG-22)": {authority, Delivered},
		"not trusted": {"", Lost},
	} {
		t.Run(name, func(t *testing.T) {
			target := newTarget(t, NewClients(), s.URL, func(e *contract.Egress) { e.DestinationCACerts = test.authority })
			t.Cleanup(target.Release)
			for range 3 { // on a connection that was kept, too
				if next := target.Attempt(job()); next.Outcome != test.want {
					t.Errorf("%+v", next)
				}
			}
		})
	}
}

func TestCredentialsOfTheURLAreSent(t *testing.T) {
	var user, password string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { user, password, _ = r.BasicAuth() }))
	t.Cleanup(s.Close)
	target := newTarget(t, NewClients(), "http://me:secret@"+s.Listener.Addr().String()+"/x", nil)
	t.Cleanup(target.Release)
	if next := target.Attempt(job()); next.Outcome != Delivered || user != "me" || password != "secret" {
		t.Errorf("%+v; %q, %q", next, user, password)
	}
}

// Whatever a subscriber sends, an attempt ends, with an outcome, and the connection that it was sent on is not used
// again unless the answer was whole and alone.
func TestAnswersThatAreNoHTTPEndTheAttempt(t *testing.T) {
	for name, answer := range map[string]string{
		"nothing":              "",
		"not HTTP":             "SSH-2.0-OpenSSH_9\r\n\r\n",
		"half a header":        "HTTP/1.1 200 OK\r\nContent-Le",
		"half a body":          "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
		"a body without end":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"a negative length":    "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
		"two answers to one":   "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\nHTTP/1.1 500 Internal\r\nContent-Length: 0\r\n\r\n",
		"an interim answer":    "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
		"one that says close":  "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok",
		"one without a length": "HTTP/1.0 200 OK\r\n\r\nok",
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = listener.Close() })
			go func() {
				for {
					c, err := listener.Accept()
					if err != nil {
						return
					}
					buffer := make([]byte, 4096)
					_, _ = c.Read(buffer)
					_, _ = io.WriteString(c, answer)
					_ = c.Close()
				}
			}()
			clients := NewClients()
			target := newTarget(t, clients, "http://"+listener.Addr().String(), func(e *contract.Egress) {
				e.EgressConfig = &contract.EgressConfig{Timeout: 120_000}
			})
			t.Cleanup(target.Release)
			began := time.Now()
			next := target.Attempt(job())
			if next.Outcome == Pending || time.Since(began) > time.Minute {
				t.Errorf("%+v after %v", next, time.Since(began))
			}
			if name == "two answers to one" && len(target.subscriber.client.idle) != 0 {
				t.Error("a connection with an answer too many was kept")
			}
		})
	}
}

func TestConnectionsThatRestAreClosed(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(s.Close)
	target := newTarget(t, NewClients(), s.URL, nil)
	t.Cleanup(target.Release)
	if next := target.Attempt(job()); next.Outcome != Delivered {
		t.Fatalf("%+v", next)
	}
	c := target.subscriber.client
	c.sweep()
	if len(c.idle) != 1 {
		t.Fatal("a connection that was just used was closed")
	}
	c.mu.Lock()
	c.idle[0].since = time.Now().Add(-2 * idleConnection)
	c.mu.Unlock()
	c.sweep()
	if len(c.idle) != 0 || len(c.open) != 0 {
		t.Errorf("%d idle, %d open", len(c.idle), len(c.open))
	}
}
