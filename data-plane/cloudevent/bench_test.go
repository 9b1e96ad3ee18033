package cloudevent

import (
	"bytes"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The event of the benchmarks: six attributes, one extension that is not well known, 1 KiB of JSON.
func sampleHeaders() []Header {
	return []Header{
		{"Host", "ingress.example"}, {"User-Agent", "bench"}, {"Content-Type", "application/json"}, {"Content-Length", "1024"},
		{"Ce-Specversion", "1.0"}, {"Ce-Id", "4d1ad0f4-4a7b-4a8e-9e4c-7a1ce1a8f3d2"}, {"Ce-Source", "/apis/v1/namespaces/default/pingsources/ping"},
		{"Ce-Type", "dev.knative.sources.ping"}, {"Ce-Subject", "orders/4711"}, {"Ce-Time", "2026-03-01T12:34:56.789Z"}, {"Ce-Tenant", "blue"},
	}
}

func sampleBody() []byte {
	return []byte(`{"text":"` + string(bytes.Repeat([]byte("x"), 1013)) + `"}`)
}

func sampleRecord(tb testing.TB) *kgo.Record {
	events, _, err := FromHTTP("application/json", sampleHeaders(), sampleBody(), nil)
	if err != nil {
		tb.Fatal(err)
	}
	rec := new(kgo.Record)
	events[0].ToRecord(Binary, rec)
	return rec
}

func BenchmarkHTTPToRecord(b *testing.B) {
	headers, body := sampleHeaders(), sampleBody()
	events := make([]Event, 0, 1)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if events, _, err = FromHTTP("application/json", headers, body, events); err != nil {
			b.Fatal(err)
		}
		var rec kgo.Record
		events[0].ToRecord(Binary, &rec)
	}
}

func BenchmarkRecordToHTTP(b *testing.B) {
	rec := sampleRecord(b)
	var e Event
	n := 0
	yield := func(name, value string) { n += len(name) + len(value) }
	b.ReportAllocs()
	for b.Loop() {
		if err := FromRecord(rec, &e); err != nil {
			b.Fatal(err)
		}
		e.VisitHTTPHeaders(yield)
	}
}

func BenchmarkParseJSON(b *testing.B) {
	var e Event
	if err := FromRecord(sampleRecord(b), &e); err != nil {
		b.Fatal(err)
	}
	doc := e.AppendJSON(nil)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if err := ParseJSON(doc, &e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	var e Event
	if err := FromRecord(sampleRecord(b), &e); err != nil {
		b.Fatal(err)
	}
	buf := e.AppendJSON(nil)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = e.AppendJSON(buf[:0])
	}
}
