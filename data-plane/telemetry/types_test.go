package telemetry

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"
)

func names(t *typeTable) map[string]uint64 {
	totals := map[string]uint64{}
	t.each(func(s *typeSeries) { totals[s.name] = s.total() })
	return totals
}

func TestTypesBeyondTheLimitShareOther(t *testing.T) {
	table := newTypeTable(2)
	for _, name := range []string{"a", "b", "c", "d", "a", ""} {
		table.series(name).events.Add(1)
	}
	got := names(table)
	if len(got) != 3 || got["a"] != 2 || got["b"] != 1 || got["other"] != 3 {
		t.Errorf("series are %v", got)
	}
}

func TestATypeKeepsItsNameWhenItsBufferIsUsedAgain(t *testing.T) {
	buffer := []byte("first")
	table := newTypeTable(2)
	table.series(unsafe.String(&buffer[0], len(buffer))).events.Add(1)
	copy(buffer, "XXXXX")
	table.series("first").events.Add(1)
	if got := names(table); len(got) != 1 || got["first"] != 2 {
		t.Errorf("series are %v", got)
	}
}

func TestAFrequentTypeTakesThePlaceOfAnIdleOne(t *testing.T) {
	table := newTypeTable(3)
	for _, name := range []string{"busy-1", "busy-2", "idle"} {
		table.series(name).events.Add(1)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 20_000 {
		table.series("busy-1").events.Add(1)
		table.series("busy-2").events.Add(1)
		table.series(fmt.Sprintf("id-%d", random.Uint64())).events.Add(1)
		if n%3 == 0 {
			table.series("newcomer").events.Add(1)
		}
	}
	got := names(table)
	if len(got) != 4 || got["newcomer"] == 0 || got["busy-1"] != 20_001 || got["busy-2"] != 20_001 {
		t.Errorf("series are %v", got)
	}
	if _, ok := got["idle"]; ok {
		t.Errorf("the idle type kept its place: %v", got)
	}
}

func TestTypesThatNeverComeAgainDisplaceNothing(t *testing.T) {
	table := newTypeTable(2)
	table.series("a").events.Add(1)
	table.series("b").events.Add(1)
	for n := range 100_000 {
		table.series(fmt.Sprintf("id-%d", n)).events.Add(1)
	}
	if got := names(table); len(got) != 3 || got["a"] != 1 || got["other"] != 100_000 {
		t.Errorf("series are %v", got)
	}
}

func TestEqualTypesDoNotTakeTurns(t *testing.T) {
	table := newTypeTable(2)
	for range 50_000 {
		for _, name := range []string{"a", "b", "c"} {
			table.series(name).events.Add(1)
		}
	}
	if got := names(table); got["a"] != 50_000 || got["b"] != 50_000 || got["other"] != 50_000 {
		t.Errorf("series are %v", got)
	}
}

func TestLatenciesFallIntoTheBucketThatTheirBoundCloses(t *testing.T) {
	for _, row := range []struct {
		latency time.Duration
		bucket  int
	}{
		{-time.Second, 0}, {0, 0}, {50 * time.Millisecond, 0}, {50*time.Millisecond + 1, 1}, {100 * time.Millisecond, 1},
		{500 * time.Millisecond, 2}, {time.Second, 3}, {5 * time.Second, 4}, {10 * time.Second, 5}, {10*time.Second + 1, 6},
	} {
		var h histogram
		h.observe(row.latency)
		if got := h.read(); got.buckets[row.bucket] != 1 || got.count() != 1 || got.sum != max(row.latency, 0) {
			t.Errorf("%v is counted as %+v", row.latency, got)
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	r := NewRegistry(Options{})
	b.Cleanup(func() { _ = r.Close(b.Context()) })
	in := r.Ingress("in", Labels{Kind: "broker", Namespace: "shop", Name: "orders"})
	e := r.Egress("out", Labels{Kind: "trigger", Namespace: "shop", Name: "billing"})
	full := r.Egress("full", Labels{Kind: "trigger", Namespace: "shop", Name: "full"})
	unlisted := make([]string, 4096)
	for n := range 20 {
		in.Answered(202, fmt.Sprintf("com.example.order.%d", n), 0)
		e.Dispatched(200, fmt.Sprintf("com.example.order.%d", n), 0)
	}
	for n := range unlisted {
		unlisted[n] = fmt.Sprintf("com.example.order.%d", n)
		full.Dispatched(200, unlisted[n], 0)
	}
	const known = "com.example.order.7"
	n := 0
	for name, record := range map[string]func(){
		"ingress answered":                     func() { in.Answered(202, known, 3*time.Millisecond) },
		"egress dispatched":                    func() { e.Dispatched(200, known, 3*time.Millisecond) },
		"egress processed":                     func() { e.Processed(known, 3*time.Microsecond) },
		"egress dispatched, types overflowing": func() { n++; full.Dispatched(200, unlisted[n%4096], 0) },
		"counter":                              func() { e.Delivered() },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				record()
			}
		})
	}
}

func BenchmarkScrapeOf500Egresses(b *testing.B) {
	r := NewRegistry(Options{})
	b.Cleanup(func() { _ = r.Close(b.Context()) })
	for n := range 500 {
		e := r.Egress(fmt.Sprint(n), Labels{Kind: "trigger", Namespace: "shop", Name: fmt.Sprint("t", n), Group: fmt.Sprint("g", n)})
		e.Dispatched(200, "com.example.order.created", time.Millisecond)
		e.Processed("com.example.order.created", time.Millisecond)
		e.Observe(func() EgressGauges { return EgressGauges{LagRecords: 1} })
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.exporter.gatherer.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}
