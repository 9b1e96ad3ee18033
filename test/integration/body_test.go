package integration

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/plane"
	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/test/integration/cluster"
	"knative.dev/eventing-kafka-go/test/integration/poll"
	"knative.dev/eventing-kafka-go/test/integration/process"
	"knative.dev/eventing-kafka-go/test/integration/traffic"
)

const (
	mib = 1 << 20
	// shippedLimit is the largest request that the command takes.
	shippedLimit = mib
)

// oversized sends an event that is far too large over a connection of its own, and returns the status code of the answer
// and how many bytes of the body were sent before it came.
func oversized(ctx context.Context, address, header string, body func(io.Writer) error) (code, sent int, err error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, 0, err
	}
	_, err = fmt.Fprintf(conn, "POST /integration/b HTTP/1.1\r\nHost: b\r\nContent-Type: text/plain\r\n"+
		"ce-specversion: 1.0\r\nce-id: large\r\nce-source: /large\r\nce-type: large\r\n%s\r\n\r\n", header)
	if err != nil {
		return 0, 0, err
	}
	count := &counter{to: conn}
	written := make(chan struct{})
	go func() {
		defer close(written)
		if body != nil {
			_ = body(count) // it ends when the server has closed the connection
		}
	}()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, 0, fmt.Errorf("no answer: %w", err)
	}
	response.Body.Close()
	conn.Close()
	<-written
	return response.StatusCode, count.n, nil
}

// counter counts what could be written.
type counter struct {
	to io.Writer
	n  int
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.to.Write(b)
	c.n += n
	return n, err
}

// chunks writes a body in chunks.
func chunks(size int) func(io.Writer) error {
	const chunk = 64 << 10
	piece := []byte(fmt.Sprintf("%x\r\n%s\r\n", chunk, strings.Repeat("x", chunk)))
	return func(w io.Writer) error {
		for range size / chunk {
			if _, err := w.Write(piece); err != nil {
				return err
			}
		}
		_, err := io.WriteString(w, "0\r\n\r\n")
		return err
	}
}

// An event above the limit is refused while it is being received, or before: senders need not send what nobody wants,
// and cannot make the process hold it.
func TestAnEventAboveTheLimitIsRefusedWithoutBeingRead(t *testing.T) {
	const (
		size    = 256 * mib
		clients = 8
	)
	for _, test := range []struct {
		name, header string
		body         func(io.Writer) error
		// sent is the most that a client may have got rid of: what is read up to the limit, what systems buffer, and
		// what the server throws away so that the answer is not lost.
		sent int
		// grown is the most that the memory of the process may grow by, for all clients together.
		grown int64
	}{
		{"with its length", "Content-Length: " + strconv.Itoa(size), nil, 0, 16 * mib},
		{"with its length, waiting to be asked", "Expect: 100-continue\r\nContent-Length: " + strconv.Itoa(size), nil, 0, 16 * mib},
		{"in chunks", "Transfer-Encoding: chunked", chunks(size), 32 * mib, 96 * mib},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := cluster.Start(t)
			topic := k.Topic(t, "large", 1, nil)
			p := process.New(t, "ingress", process.NewMount(t, contractOf(1, resource(k, "b", topic))), 10*time.Second)
			p.Start(t)
			client := traffic.NewClient(t, 1)
			fits := bytes.Repeat([]byte("x"), shippedLimit-4096)
			if code, reason, err := client.Send(t.Context(), at(p, "b")(), traffic.Bytes("fits", fits, false)); code != http.StatusAccepted {
				t.Fatalf("an event below the limit: %d %s %v", code, reason, err)
			}
			before := p.PeakMemory(t)
			var all sync.WaitGroup
			for range clients {
				all.Go(func() {
					code, sent, err := oversized(t.Context(), p.Ingress(), test.header, test.body)
					if err != nil || code != http.StatusRequestEntityTooLarge {
						t.Errorf("answered %d, %v; want 413", code, err)
					}
					if sent > test.sent {
						t.Errorf("%d MiB were sent before the answer came, want at most %d", sent/mib, test.sent/mib)
					}
				})
			}
			all.Wait()
			grown := p.PeakMemory(t) - before
			if grown > test.grown {
				t.Errorf("the process grew by %d MiB, want at most %d", grown/mib, test.grown/mib)
			}
			t.Logf("%d clients with %d MiB each: the process grew by %.1f MiB", clients, size/mib, float64(grown)/mib)
			usual := traffic.Bytes("large", make([]byte, 16*mib), test.body != nil)
			if code, reason, err := client.Send(t.Context(), at(p, "b")(), usual); err != nil || code != http.StatusRequestEntityTooLarge {
				t.Errorf("a client that sends first and reads then: %d %s, %v; want 413", code, reason, err)
			}
			if code, reason, err := client.Send(t.Context(), at(p, "b")(), traffic.Text("after", "after")); code != http.StatusAccepted {
				t.Errorf("an event afterwards: %d %s %v", code, reason, err)
			}
			if ids := k.IDs(t, topic); len(ids) != 2 || ids["large"] != 0 {
				t.Errorf("Kafka has %v", ids)
			}
		})
	}
}

// Bodies arrive as they were sent, of every size up to what producer and topic allow, however they are sent.
func TestBodiesArriveByteForByte(t *testing.T) {
	const largest = 20 * mib
	r := random(t)
	k := cluster.Start(t)
	topic := k.Topic(t, "bodies", 2, map[string]string{"max.message.bytes": strconv.Itoa(largest + mib)})
	var mu sync.Mutex
	got := map[string][sha256.Size]byte{}
	subscriber := traffic.NewSubscriber(t, func(d traffic.Delivery) int {
		mu.Lock()
		defer mu.Unlock()
		got[d.ID] = sha256.Sum256(d.Body)
		return http.StatusAccepted
	})
	p := startPlane(t, contractOf(1, resource(k, "b", topic, egress(cluster.Name("bodies"), subscriber.URL, contract.DeliveryOrder_ORDERED))),
		func(c *plane.Config) {
			c.Producer.MaxRequestSize = largest + mib
			c.Producer.BufferMemory = 4 * largest
		})
	url := "http://" + p.IngressAddr().String() + "/integration/b"
	client := traffic.NewClient(t, 1)
	want := map[string][sha256.Size]byte{}
	ledger := map[string]time.Time{}
	for _, size := range []int{0, 1, 2, 255, 4096, 64<<10 - 1, 64 << 10, 64<<10 + 1, mib - 1024, mib, mib + 1, 5*mib + 7, largest} {
		body := make([]byte, size)
		for i := range body {
			body[i] = byte(r.Uint32())
		}
		for _, chunked := range []bool{false, true} {
			id := fmt.Sprintf("%d-bytes-chunked-%t", size, chunked)
			began := time.Now()
			code, reason, err := client.Send(t.Context(), url, traffic.Bytes(id, body, chunked))
			if err != nil || code != http.StatusAccepted {
				t.Errorf("%s: %d %s %v", id, code, reason, err)
				continue
			}
			want[id], ledger[id] = sha256.Sum256(body), began
		}
	}
	if code, _, err := client.Send(t.Context(), url, traffic.Bytes("too-large", make([]byte, largest+mib), false)); code != http.StatusRequestEntityTooLarge {
		t.Errorf("an event above the limit that was set: %d, %v; want 413", code, err)
	}
	assertNothingLost(t, k, topic, ledger, subscriber)
	mu.Lock()
	defer mu.Unlock()
	for id, sum := range want {
		if got[id] != sum {
			t.Errorf("%s: other bytes arrived than were sent", id)
		}
	}
	poll.Until(t, patience, func() string {
		if g := p.Report().Groups; len(g) == 1 && g[0].LagRecords == 0 {
			return ""
		}
		return "no lag"
	})
}
