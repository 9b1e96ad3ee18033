package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/valyala/fasthttp"

	"knative.dev/eventing-kafka-go/data-plane/ingress"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/data-plane/server"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// Sixty-four connections that send events of 1 KiB as fast as they are answered. The process is client and server at
// once, so only differences between the benchmarks of one run mean something: floor is the least that a Go program can
// do (fasthttp, a bare producer, no validation), ours is everything.
const benchConnections = 64

func BenchmarkServerWithoutKafka(b *testing.B) {
	acks := make(chan func(), 4096)
	done := make(chan struct{})
	go func() { // as a producer does: one goroutine calls all promises
		defer close(done)
		for f := range acks {
			f()
		}
	}()
	b.Cleanup(func() { close(acks); <-done })
	produce := func(r *kgo.Record, promise func(*kgo.Record, error)) {
		acks <- func() { promise(r, nil) }
	}
	b.Run("floor", func(b *testing.B) { load(b, floor(b, produce)) })
	b.Run("ours", func(b *testing.B) {
		load(b, ours(b, "loopback:9092", ingress.Options{Acquire: func(kafka.Connection) (ingress.Sink, error) {
			return ingress.Sink{Produce: produce, MaxRecordBytes: 1 << 20, Release: func() {}}, nil
		}}))
	})
}

func BenchmarkServerWithKafka(b *testing.B) {
	cluster := kafkatest.Start(b)
	cluster.CreateTopic(b, "events", 10)
	b.Run("floor", func(b *testing.B) {
		client, err := kgo.NewClient(kgo.SeedBrokers(cluster.Addrs()...), kgo.ProducerLinger(0))
		if err != nil {
			b.Fatal(err)
		}
		defer client.Close()
		load(b, floor(b, func(r *kgo.Record, promise func(*kgo.Record, error)) {
			client.TryProduce(context.Background(), r, promise)
		}))
	})
	b.Run("ours", func(b *testing.B) {
		producers := kafka.NewProducers(kafka.DefaultProducerConfig(), quiet())
		b.Cleanup(func() { producers.Close(context.Background()) }) //nolint:errcheck // the benchmark is over
		load(b, ours(b, cluster.Bootstrap(), ingress.Options{Producers: producers}))
	})
}

// ours starts a server on one route and returns its address.
func ours(b *testing.B, bootstrap string, o ingress.Options) string {
	o.Telemetry, o.Log = telemetry.NewRegistry(telemetry.Options{}), quiet()
	i := ingress.New(o)
	i.Apply(&contract.Contract{Resources: []*contract.Resource{{
		Uid: "u", Topics: []string{"events"}, BootstrapServers: bootstrap,
		Ingress:   &contract.Ingress{Path: "/ns/name"},
		Reference: &contract.Reference{Namespace: "ns", Name: "name", Kind: "Broker"},
	}}}, nil)
	s, err := server.Listen(server.Options{Ingress: i, Addr: "127.0.0.1:0", Log: quiet()})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	b.Cleanup(func() { cancel(); <-ended; i.Close() })
	return s.Addr().String()
}

// floor is a server that takes any request for an event.
func floor(b *testing.B, produce func(*kgo.Record, func(*kgo.Record, error))) string {
	waiters := sync.Pool{New: func() any { return make(chan error, 1) }}
	s := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
		value := append([]byte(nil), ctx.PostBody()...)
		r := &kgo.Record{Topic: "events", Value: value, Headers: make([]kgo.RecordHeader, 0, 8)}
		for k, v := range ctx.Request.Header.All() {
			if len(k) > 3 && string(k[:3]) == "Ce-" {
				r.Headers = append(r.Headers, kgo.RecordHeader{Key: "ce_" + strings.ToLower(string(k[3:])), Value: append([]byte(nil), v...)})
			}
		}
		acked := waiters.Get().(chan error)
		produce(r, func(_ *kgo.Record, err error) { acked <- err })
		if <-acked != nil {
			ctx.SetStatusCode(503)
		} else {
			ctx.SetStatusCode(202)
		}
		waiters.Put(acked)
	}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	b.Cleanup(func() { s.Shutdown(); <-ended }) //nolint:errcheck // the benchmark is over
	return l.Addr().String()
}

const benchRequest = "POST /ns/name HTTP/1.1\r\nHost: broker-ingress.knative-eventing.svc.cluster.local\r\n" +
	"User-Agent: Go-http-client/1.1\r\nContent-Length: 1024\r\nContent-Type: application/json\r\n" +
	"Ce-Id: 8b1cbd5a-9d61-4c3e-8c33-0c6a8e8d1b9e\r\nCe-Source: /apis/v1/namespaces/default/pingsources/ping\r\n" +
	"Ce-Specversion: 1.0\r\nCe-Time: 2026-01-02T15:04:05.123456789Z\r\nCe-Type: dev.knative.sources.ping\r\n" +
	"Ce-Subject: subject\r\nAccept-Encoding: gzip\r\n\r\n"

// load sends b.N events.
func load(b *testing.B, address string) {
	request := []byte(benchRequest + strings.Repeat("x", 1024))
	var left atomic.Int64
	left.Store(int64(b.N))
	var clients sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range benchConnections {
		clients.Go(func() {
			if err := send(address, request, &left); err != nil {
				b.Error(err)
			}
		})
	}
	clients.Wait()
}

func send(address string, request []byte, left *atomic.Int64) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for left.Add(-1) >= 0 {
		if _, err := conn.Write(request); err != nil {
			return err
		}
		if err := expectAccepted(answers); err != nil {
			return err
		}
	}
	return nil
}

// expectAccepted reads an answer without body.
func expectAccepted(answers *bufio.Reader) error {
	for first := true; ; first = false {
		line, err := answers.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		if first && !strings.HasPrefix(string(line[:min(len(line), 12)]), "HTTP/1.1 202") {
			rest, _ := io.ReadAll(answers)
			return fmt.Errorf("answer %q %q", line, rest)
		}
		if len(line) == 2 {
			return nil
		}
	}
}
