package server_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/net/http2"

	"knative.dev/eventing-kafka-go/data-plane/ingress"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/data-plane/server"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// patience bounds what a test waits for. Only failing tests reach it.
const patience = time.Minute

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// rig is a server with one route, /ns/name, in front of a fake Kafka with the topic events.
type rig struct {
	*server.Server
	ingress *ingress.Ingress
	cluster *kafkatest.Cluster
	stop    context.CancelFunc
	ended   chan error
}

type rigOptions struct {
	server   server.Options
	producer func(*kafka.ProducerConfig)
	acquire  func(kafka.Connection) (ingress.Sink, error) // instead of Kafka
	brokers  []kfake.Opt
	log      *slog.Logger // of the server; nil = none
}

func startRig(t testing.TB, o rigOptions) *rig {
	t.Helper()
	r := &rig{ended: make(chan error, 1)}
	registry := telemetry.NewRegistry(telemetry.Options{Log: quiet()})
	t.Cleanup(func() { registry.Close(context.Background()) }) //nolint:errcheck // nothing is exported
	options := ingress.Options{Acquire: o.acquire, Telemetry: registry, Log: quiet()}
	if o.acquire == nil {
		r.cluster = kafkatest.Start(t, o.brokers...)
		r.cluster.CreateTopic(t, "events", 3)
		config := kafka.DefaultProducerConfig()
		if o.producer != nil {
			o.producer(&config)
		}
		options.Producers = kafka.NewProducers(config, quiet())
		t.Cleanup(func() { options.Producers.Close(context.Background()) }) //nolint:errcheck // the test is over
	}
	r.ingress = ingress.New(options)
	t.Cleanup(r.ingress.Close)
	r.ingress.Apply(r.contract(), nil)

	o.server.Ingress, o.server.Addr, o.server.Log = r.ingress, "127.0.0.1:0", o.log
	if o.log == nil {
		o.server.Log = quiet()
	}
	s, err := server.Listen(o.server)
	if err != nil {
		t.Fatal(err)
	}
	r.Server = s
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	go func() { r.ended <- s.Run(ctx); close(r.ended) }()
	t.Cleanup(func() { cancel(); r.wait(t) })
	return r
}

func (r *rig) contract(more ...*contract.Resource) *contract.Contract {
	servers := "kafka:9092"
	if r.cluster != nil {
		servers = r.cluster.Bootstrap()
	}
	return &contract.Contract{Resources: append([]*contract.Resource{{
		Uid: "uid", Topics: []string{"events"}, BootstrapServers: servers,
		Ingress:   &contract.Ingress{Path: "/ns/name", Host: "name-kn-channel.ns.svc.cluster.local"},
		Reference: &contract.Reference{Kind: "KafkaChannel", Namespace: "ns", Name: "name"},
	}}, more...)}
}

func (r *rig) wait(t testing.TB) {
	t.Helper()
	select {
	case err := <-r.ended:
		if err != nil {
			t.Errorf("Run: %v", err)
		}
	case <-time.After(patience):
		t.Error("Run did not end")
	}
}

// url is that of the route.
func (r *rig) url() string { return "http://" + r.Addr().String() + "/ns/name" }

// protocols are the ways to talk to the plain port.
func protocols(t testing.TB) map[string]*http.Client {
	one := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64, ExpectContinueTimeout: patience}
	two := &http2.Transport{AllowHTTP: true, DialTLSContext: func(ctx context.Context, network, addr string, _ *tls.Config) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	t.Cleanup(one.CloseIdleConnections)
	t.Cleanup(two.CloseIdleConnections)
	return map[string]*http.Client{
		"HTTP/1.1":                    {Transport: one, Timeout: patience},
		"HTTP/2 with prior knowledge": {Transport: two, Timeout: patience},
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// post sends an event, with its attributes unless others are given. Chunks are used when the body is no *strings.Reader.
func post(client *http.Client, url string, body io.Reader, headers ...string) (answer, error) {
	return request(client, http.MethodPost, url, body, append([]string{
		"Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "/source", "Ce-Type", "type"}, headers...)...)
}

func request(client *http.Client, method, url string, body io.Reader, headers ...string) (answer, error) {
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(text)}, err
}

// chunked hides the length of what it reads.
type chunked struct{ io.Reader }

// wire is a connection on which a test decides about every byte.
type wire struct {
	net.Conn
	answers *bufio.Reader
}

func (r *rig) dial(t testing.TB) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", r.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience)) //nolint:errcheck // a test that hangs fails
	return &wire{conn, bufio.NewReader(conn)}
}

func (w *wire) send(t testing.TB, parts ...string) {
	t.Helper()
	if _, err := io.WriteString(w, strings.Join(parts, "")); err != nil {
		t.Fatalf("send: %v", err)
	}
}

// receive reads one answer.
func (w *wire) receive(t testing.TB) answer {
	t.Helper()
	resp, err := http.ReadResponse(w.answers, nil)
	if err != nil {
		t.Fatalf("read answer: %v", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read answer's body: %v", err)
	}
	if resp.Close {
		resp.Header.Set("Connection", "close") // net/http moves it
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// receiveEnd fails unless the server has closed the connection without another byte.
func (w *wire) receiveEnd(t testing.TB) {
	t.Helper()
	if b, err := w.answers.ReadByte(); err != io.EOF {
		t.Fatalf("got %q, %v; want the end of the connection", b, err)
	}
}

// eventHeader is a request up to the framing of its body.
const eventHeader = "POST /ns/name HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n" +
	"ce-specversion: 1.0\r\nce-id: 1\r\nce-source: /source\r\nce-type: type\r\n"

const goodEvent = eventHeader + "Content-Length: 4\r\n\r\ndata"

// holding is a producer that answers when the test says so.
type holding struct {
	records chan func(error)
}

func newHolding() *holding { return &holding{make(chan func(error), 1024)} }

func (h *holding) acquire(kafka.Connection) (ingress.Sink, error) {
	return ingress.Sink{
		Produce: func(r *kgo.Record, promise func(*kgo.Record, error)) {
			h.records <- func(err error) { promise(r, err) }
		},
		MaxRecordBytes: 1 << 20,
		Release:        func() {},
	}, nil
}

func (h *holding) next(t testing.TB) func(error) {
	t.Helper()
	select {
	case f := <-h.records:
		return f
	case <-time.After(patience):
		t.Fatal("no record came")
		return nil
	}
}

// instant is a producer that has written everything at once.
func instant(limit int) func(kafka.Connection) (ingress.Sink, error) {
	return func(kafka.Connection) (ingress.Sink, error) {
		return ingress.Sink{
			Produce:        func(r *kgo.Record, promise func(*kgo.Record, error)) { promise(r, nil) },
			MaxRecordBytes: limit,
			Release:        func() {},
		}, nil
	}
}
