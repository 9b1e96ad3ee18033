package server_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/server"
)

// Bodies of any size, with a length and in chunks of any size, over both protocols and over connections that are used
// again, reach Kafka byte for byte (IN-59).
func TestBodiesReachKafkaByteForByte(t *testing.T) {
	const most = 20 << 20
	r := startRig(t, rigOptions{
		brokers:  []kfake.Opt{kfake.BrokerConfigs(map[string]string{"message.max.bytes": fmt.Sprint(most + 64<<10)})},
		producer: func(c *kafka.ProducerConfig) { c.MaxRequestSize, c.BufferMemory = most+32<<10, 4*most },
		server:   server.Options{MaxBodyBytes: 4 * most},
	})
	random := rand.New(rand.NewPCG(7, 7))
	sizes := []int{0, 1, 2, 1023, 8191, 8192, 8193, 64<<10 - 1, 64 << 10, 64<<10 + 1, 256 << 10, 1 << 20, most}
	for range 40 {
		sizes = append(sizes, random.IntN(1<<random.IntN(20)+1))
	}
	sent := map[string][sha256.Size]byte{}
	for protocol, client := range protocols(t) {
		for n, size := range sizes {
			body := make([]byte, size)
			rand.NewChaCha8([32]byte{byte(n)}).Read(body) //nolint:errcheck // never fails
			for _, framing := range []string{"length", "chunks"} {
				id := fmt.Sprintf("%s, %d bytes, %s, %d", protocol, size, framing, n)
				sent[id] = sha256.Sum256(body)
				var reader io.Reader = bytes.NewReader(body)
				if framing == "chunks" {
					reader = &ragged{bytes.NewReader(body), random}
				}
				a, err := post(client, r.url(), reader, "Ce-Id", id)
				if err != nil || a.status != 202 {
					t.Fatalf("%s: %+v, %v", id, a, err)
				}
			}
		}
	}
	for _, record := range r.cluster.Records(t, "events", len(sent)) {
		var id string
		for _, h := range record.Headers {
			if h.Key == "ce_id" {
				id = string(h.Value)
			}
		}
		want, ok := sent[id]
		if !ok || sha256.Sum256(record.Value) != want || (record.Value == nil) != strings.Contains(id, " 0 bytes") {
			t.Errorf("%s: known %v, %d bytes arrived", id, ok, len(record.Value))
		}
		delete(sent, id)
	}
	if len(sent) > 0 {
		t.Errorf("%d bodies are missing: %v", len(sent), sent)
	}
}

// ragged reads in pieces of any size, each of which becomes a chunk.
type ragged struct {
	io.Reader
	random *rand.Rand
}

func (r *ragged) Read(p []byte) (int, error) {
	return r.Reader.Read(p[:1+r.random.IntN(len(p))])
}

func TestLargeBodiesShareABudget(t *testing.T) {
	const size = 1 << 20
	hold := newHolding()
	r := startRig(t, rigOptions{acquire: hold.acquire, server: server.Options{MaxBodyBytes: 2 * size}})
	head := eventHeader + fmt.Sprintf("Content-Length: %d\r\n\r\n", size-1000)
	almost := strings.Repeat("x", size-1001)

	// Two bodies that have come but for a byte hold nearly everything.
	var waiting []*wire
	for range 2 {
		w := r.dial(t)
		w.send(t, head, almost)
		waiting = append(waiting, w)
	}
	until(t, "both have come", func() bool { return r.ReceivingBytes() == 2*(size-1000-64<<10) })
	for protocol, client := range protocols(t) {
		a, err := post(client, r.url(), strings.NewReader(almost))
		if err != nil || a.status != 429 || a.header.Get("Retry-After") != "1" {
			t.Fatalf("%s: %+v, %v; want 429 (IN-17)", protocol, a, err)
		}
		go func() { hold.next(t)(nil) }()
		if a, err := post(client, r.url(), strings.NewReader("small")); err != nil || a.status != 202 {
			t.Fatalf("%s: a small body: %+v, %v", protocol, a, err)
		}
	}
	for _, w := range waiting {
		w.send(t, "x")
		hold.next(t)(nil)
		if a := w.receive(t); a.status != 202 {
			t.Fatalf("answer %+v", a)
		}
	}
	if n := r.ReceivingBytes(); n != 0 {
		t.Fatalf("%d bytes are still held", n)
	}
	go func() { hold.next(t)(nil) }()
	if a, err := post(http.DefaultClient, r.url(), strings.NewReader(almost)); err != nil || a.status != 202 {
		t.Fatalf("afterwards: %+v, %v", a, err)
	}
}

func TestConnectionsDoNotMixTheirEvents(t *testing.T) {
	r := startRig(t, rigOptions{})
	var senders sync.WaitGroup
	const each = 100
	clients := protocols(t)
	for protocol, client := range clients {
		for s := range 8 {
			senders.Go(func() {
				random := rand.New(rand.NewPCG(uint64(s), 1))
				for n := range each {
					id := fmt.Sprintf("%s/%d/%d", protocol, s, n)
					body := strings.Repeat(id, 1+random.IntN(100))
					a, err := post(client, r.url(), strings.NewReader(body), "Ce-Id", id, "Ce-Copy", id, "Ce-Type", id)
					if err != nil || a.status != 202 {
						t.Errorf("%s: %+v, %v", id, a, err)
						return
					}
				}
			})
		}
	}
	senders.Wait()
	if t.Failed() {
		return
	}
	seen := map[string]bool{}
	for _, record := range r.cluster.Records(t, "events", len(clients)*8*each) {
		headers := map[string]string{}
		for _, h := range record.Headers {
			headers[h.Key] = string(h.Value)
		}
		id := headers["ce_id"]
		if headers["ce_copy"] != id || headers["ce_type"] != id || strings.ReplaceAll(string(record.Value), id, "") != "" || seen[id] {
			t.Fatalf("record %v %s", headers, record.Value)
		}
		seen[id] = true
	}
}
