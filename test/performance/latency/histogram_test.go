package latency

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestEveryDurationLiesWithinItsBucket(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		ns := random.Uint64N(1 << random.UintN(40))
		i := bucketOf(ns)
		if edge := upperEdge(i); int64(ns) > edge {
			t.Fatalf("%d ns lies above the edge %d of its bucket %d", ns, edge, i)
		}
		if i > 0 && int64(ns) <= upperEdge(i-1) {
			t.Fatalf("%d ns lies in bucket %d, but below the edge of the one before", ns, i)
		}
	}
}

func TestBucketsFollowEachOtherWithoutGaps(t *testing.T) {
	for i := range buckets - 2 {
		if next := bucketOf(uint64(upperEdge(i)) + 1); next != i+1 {
			t.Fatalf("after bucket %d comes bucket %d", i, next)
		}
	}
}

func TestQuantilesAreAtMostAThirtiethAboveTheTruth(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var h Histogram
	var all []time.Duration
	for range 20_000 {
		d := time.Duration(random.ExpFloat64() * float64(3*time.Millisecond))
		h.Record(d)
		all = append(all, d)
	}
	slices.Sort(all)
	for _, q := range []float64{0.5, 0.9, 0.99, 0.999, 1} {
		truth := all[max(int(q*float64(len(all))+0.5), 1)-1]
		got := h.Quantile(q)
		if got < truth || float64(got) > float64(truth)*(1+1.0/31) {
			t.Errorf("quantile %v is %v, the true one %v", q, got, truth)
		}
	}
}

func TestSummary(t *testing.T) {
	tests := map[string]struct {
		record []time.Duration
		want   Summary
	}{
		"of nothing is zero": {},
		"of one duration is that duration throughout": {
			record: []time.Duration{2 * time.Millisecond},
			want:   Summary{Count: 1, P50: 2, P90: 2, P99: 2, P999: 2, Max: 2},
		},
		"counts a negative duration as zero": {
			record: []time.Duration{-time.Second},
			want:   Summary{Count: 1},
		},
		"knows the longest although it shares the last bucket": {
			record: []time.Duration{2 * time.Hour},
			want:   Summary{Count: 1, P50: 7.2e6, P90: 7.2e6, P99: 7.2e6, P999: 7.2e6, Max: 7.2e6},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var h Histogram
			for _, d := range test.record {
				h.Record(d)
			}
			if got := h.Summary(); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func BenchmarkRecord(b *testing.B) {
	var h Histogram
	for i := range b.N {
		h.Record(time.Duration(i) * time.Microsecond)
	}
}
