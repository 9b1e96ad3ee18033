package filter

import (
	"testing"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// BenchmarkMatch gives the cost of one event at one filter; every one of these passes or fails at its last part.
func BenchmarkMatch(b *testing.B) {
	five := allOf(
		exact(m{"type": "com.example.order.created"}), prefix(m{"source": "/orders"}), suffix(m{"subject": "4711"}),
		oneOf(exact(m{"tenant": "red"}), exact(m{"tenant": "blue"})), not(exact(m{"priority": "8"})),
	)
	for _, c := range []struct {
		name   string
		filter *contract.DialectedFilter
	}{
		{"none", nil},
		{"exact type", exact(m{"type": "com.example.order.created"})},
		{"exact type that differs", exact(m{"type": "com.example.order.deleted"})},
		{"exact type and extension", exact(m{"type": "com.example.order.created", "tenant": "blue"})},
		{"exact time", exact(m{"time": "2026-01-02T03:04:05.600Z"})},
		{"prefix", prefix(m{"type": "com.example."})},
		{"suffix", suffix(m{"type": ".created"})},
		{"not", not(exact(m{"type": "x"}))},
		{"all five together", five},
		{"cesql simple", sql("type = 'com.example.order.created'")},
		{"cesql extension", sql("tenant = 'blue'")},
		{"cesql complex", sql("EXISTS tenant AND (source LIKE '/orders/%' OR type IN ('a', 'b')) AND priority > 6 AND NOT (LOWER(subject) = 'x')")},
	} {
		b.Run(c.name, func(b *testing.B) {
			match, e := mustCompile(b, nil, c.filter), sample()
			passed := 0
			b.ReportAllocs()
			for b.Loop() {
				if match(e) {
					passed++
				}
			}
			if passed != 0 && passed != b.N {
				b.Fatalf("passed %d of %d", passed, b.N)
			}
		})
	}
}

// BenchmarkThousandTriggers is one event at 1,000 Triggers of one topic, of which one wants it.
func BenchmarkThousandTriggers(b *testing.B) {
	var matches []Match
	for i := range 1000 {
		name := "com.example.order.created"
		if i != 500 {
			name += string(rune('a' + i%26))
		}
		matches = append(matches, mustCompile(b, &contract.Filter{Attributes: m{"type": name}}))
	}
	e := sample()
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, match := range matches {
			if match(e) {
				n++
			}
		}
		if n != 1 {
			b.Fatal(n)
		}
	}
}

func BenchmarkCompileSQL(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (compiler{}).expression("type = 'com.example.order.created' AND tenant IN ('blue', 'red')"); err != nil {
			b.Fatal(err)
		}
	}
}
