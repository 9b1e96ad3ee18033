package server_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/server"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// until polls.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long until %s", what)
		}
	}
}

func TestDrainAnswersWhatIsInFlight(t *testing.T) {
	hold := newHolding()
	r := startRig(t, rigOptions{acquire: hold.acquire})
	w := r.dial(t)
	w.send(t, goodEvent)
	written := hold.next(t)
	two := protocols(t)["HTTP/2 with prior knowledge"]
	answers := make(chan answer, 1)
	go func() {
		a, _ := post(two, r.url(), strings.NewReader("x"))
		answers <- a
	}()
	writtenTwo := hold.next(t)

	r.stop()
	until(t, "no connection is taken any more", func() bool {
		c, err := net.Dial("tcp", r.Addr().String())
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	select {
	case err := <-r.ended:
		t.Fatalf("Run ended (%v) while requests were waiting", err)
	default:
	}
	written(nil)
	if a := w.receive(t); a.status != 202 || a.header.Get("Connection") != "close" {
		t.Fatalf("answer %+v, want 202 and the connection closed", a)
	}
	w.receiveEnd(t)
	writtenTwo(nil)
	if a := <-answers; a.status != 202 {
		t.Fatalf("HTTP/2: %+v", a)
	}
	r.wait(t)
}

func TestDrainClosesIdleConnectionsSoonAndTakesTheirLastRequest(t *testing.T) {
	r := startRig(t, rigOptions{acquire: instant(1 << 20), server: server.Options{DrainIdle: 3 * time.Second}})
	silent, idle, last := r.dial(t), r.dial(t), r.dial(t)
	for _, w := range []*wire{idle, last} {
		w.send(t, goodEvent)
		w.receive(t)
	}
	r.stop()
	last.send(t, goodEvent)
	if a := last.receive(t); a.status != 202 {
		t.Fatalf("the last request: %+v", a)
	}
	silent.receiveEnd(t)
	idle.receiveEnd(t)
	r.wait(t) // much less than idle connections are kept
}

func TestDrainIsBounded(t *testing.T) {
	hold := newHolding()
	r := startRig(t, rigOptions{acquire: hold.acquire, server: server.Options{DrainTimeout: time.Second}})
	w, half := r.dial(t), r.dial(t)
	half.send(t, eventHeader, "Content-Length: 4\r\n\r\nda")
	w.send(t, goodEvent)
	written := []func(error){hold.next(t)}
	refused := make(chan answer, 1)
	go func() {
		a, _ := post(protocols(t)["HTTP/2 with prior knowledge"], r.url(), strings.NewReader("x"))
		refused <- a
	}()
	written = append(written, hold.next(t))
	r.stop()
	r.wait(t) // much less than a request may wait for Kafka
	for _, f := range written {
		f(nil) // nobody waits any more
	}
	if a := w.receive(t); a.status != 503 || !strings.Contains(a.body, "may be written") {
		t.Errorf("without acknowledgement: %+v, want 503", a)
	}
	if b, err := half.answers.ReadByte(); err == nil {
		t.Errorf("an answer to half a request: %q", b)
	}
	if a := <-refused; a.status != 503 {
		t.Errorf("HTTP/2 without acknowledgement: %+v, want 503", a)
	}
}

// The contract is exchanged again and again under load, over both protocols: no request is refused (IN-25).
func TestApplyUnderLoadIsNotNoticed(t *testing.T) {
	r := startRig(t, rigOptions{})
	var stop atomic.Bool
	var senders sync.WaitGroup
	var accepted atomic.Int64
	for protocol, client := range protocols(t) {
		for range 4 {
			senders.Go(func() {
				for !stop.Load() {
					a, err := post(client, r.url(), strings.NewReader("data"))
					if err != nil || a.status != 202 {
						t.Errorf("%s: %+v, %v", protocol, a, err)
						return
					}
					accepted.Add(1)
				}
			})
		}
	}
	servers := r.cluster.Bootstrap()
	for n := 0; n < 100 || accepted.Load() < 2000 && !t.Failed(); n++ {
		c := r.contract(&contract.Resource{Uid: fmt.Sprint("other", n), Topics: []string{"events"}, BootstrapServers: servers,
			Ingress: &contract.Ingress{Path: fmt.Sprintf("/ns/other%d", n)}})
		if n%2 == 1 { // another list of servers is another producer, so the old one is closed each time
			c.Resources[0].BootstrapServers += "," + strings.Replace(servers, "127.0.0.1", "localhost", 1)
		}
		r.ingress.Apply(c, nil)
		if a, err := request(http.DefaultClient, "GET", fmt.Sprintf("http://%s/ns/other%d", r.Addr(), n), nil, "K-Network-Probe", "probe"); err != nil || a.status != 200 {
			t.Errorf("the new route: %+v, %v", a, err)
		}
	}
	stop.Store(true)
	senders.Wait()
	r.cluster.Records(t, "events", int(accepted.Load())) // IN-58
}

// A stop under load loses no event that was accepted, and every connection sees a clean end.
func TestStopUnderLoadLosesNothing(t *testing.T) {
	r := startRig(t, rigOptions{})
	var senders sync.WaitGroup
	var accepted atomic.Int64
	for range 16 {
		senders.Go(func() {
			w := r.dial(t)
			for {
				if _, err := io.WriteString(w, goodEvent); err != nil {
					return
				}
				resp, err := http.ReadResponse(w.answers, nil)
				if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
					return // the request came too late
				}
				if err != nil || resp.StatusCode != 202 {
					t.Errorf("answer %+v, %v", resp, err)
					return
				}
				accepted.Add(1)
				if resp.Close {
					return
				}
			}
		})
	}
	until(t, "there is load", func() bool { return accepted.Load() > 200 })
	r.stop()
	r.wait(t)
	senders.Wait()
	r.cluster.Records(t, "events", int(accepted.Load()))
}
