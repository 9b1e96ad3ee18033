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

// one returns a function that handles an event of 1 KiB as a server would.
func one(tb testing.TB) func() {
	i := start(tb, &cluster{})
	i.acquire = instantly
	i.Apply(contractOf(resource("a")), nil)
	headers := event("ce-time", "2026-01-02T15:04:05.123456789Z", "ce-subject", "subject", "User-Agent", "x", "Accept-Encoding", "gzip")
	body := []byte(strings.Repeat("x", 1024))
	var status int
	done := func(a Answer) { status = a.Status }
	return func() {
		r := i.NewRequest()
		r.Received = time.Now()
		r.Method, r.Target, r.Host, r.ContentType = "POST", "/ns/a", "broker-ingress", "application/json"
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
	handle := one(b)
	b.ReportAllocs()
	for b.Loop() {
		handle()
	}
}

func TestHandlingAllocatesNextToNothing(t *testing.T) {
	handle := one(t)
	for range 100 {
		handle()
	}
	// None, but for requests that a pool has lost: to the garbage collector, or to the race detector, which drops some.
	if n := testing.AllocsPerRun(1000, handle); n > 3 {
		t.Errorf("%.1f allocations for an event, want none", n)
	}
}
