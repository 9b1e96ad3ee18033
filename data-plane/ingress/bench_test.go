package ingress

import (
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

// alias returns a string that changes with b, as those of servers do.
func alias(b []byte) string { return unsafe.String(&b[0], len(b)) }

func instantly(kafka.Connection) (Sink, error) {
	return Sink{
		Produce:        func(r *kgo.Record, promise func(*kgo.Record, error)) { promise(r, nil) },
		MaxRecordBytes: 1 << 20,
		Release:        func() {},
	}, nil
}

// one returns a function that handles an event of 1 KiB, sent to this place, as a server would.
func one(tb testing.TB, target, host string) func() {
	i := start(tb, &cluster{})
	i.acquire = instantly
	i.Apply(contractOf(resource("a", at("/ns/a", "a-kn-channel.ns.svc.cluster.local"))), nil)
	headers := event("ce-time", "2026-01-02T15:04:05.123456789Z", "ce-subject", "subject", "User-Agent", "x", "Accept-Encoding", "gzip")
	body := []byte(strings.Repeat("x", 1024))
	var status int
	done := func(a Answer) { status = a.Status }
	return func() {
		r := i.NewRequest()
		r.Received = time.Now()
		r.Method, r.Target, r.Host, r.ContentType = "POST", target, host, "application/json"
		r.Headers = append(r.Headers, headers...)
		if _, ok := i.Admit(r); !ok {
			tb.Fatal("not admitted")
		}
		r.Body = append(r.Body, body...)
		i.Handle(r, done)
		if status != 202 {
			tb.Fatal(status)
		}
	}
}

func BenchmarkHandle(b *testing.B) {
	handle := one(b, "/ns/a", "broker-ingress")
	b.ReportAllocs()
	for b.Loop() {
		handle()
	}
}

func TestHandlingAllocatesNextToNothing(t *testing.T) {
	for name, handle := range map[string]func(){
		"found by path": one(t, "/ns/a", "broker-ingress"),
		"found by host": one(t, "/", "A-kn-channel.ns.svc:80"),
	} {
		for range 100 {
			handle()
		}
		// None, but for requests that a pool has lost: to the garbage collector, or to the race detector, which drops some.
		if n := testing.AllocsPerRun(1000, handle); n > 3 {
			t.Errorf("%s: %.1f allocations for an event, want none", name, n)
		}
	}
}
