// Package latency counts durations in logarithmic buckets: a fixed 9 KiB of memory however many are counted, and
// quantiles that are at most 1/32 (3.2 %) above the true value. It owns counting and summing up only, no clock. All
// methods may be called from any goroutine at once.
package latency

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Every power of two is cut into 1<<subBits buckets of equal width; values below 1<<subBits nanoseconds have a bucket
// each. The last power of two counted apart is 2^maxExponent ns, about 18 minutes; longer ones share the last bucket.
const (
	subBits     = 5
	maxExponent = 40
	buckets     = (maxExponent - subBits + 1) << subBits
)

// Histogram counts durations. The zero value is empty and ready.
type Histogram struct {
	counts [buckets]atomic.Uint64
	max    atomic.Int64
}

// Summary is what a histogram tells, in whole: the number of durations counted and their quantiles in milliseconds.
type Summary struct {
	Count uint64  `json:"count"`
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p999_ms"`
	Max   float64 `json:"max_ms"`
}

// Record counts a duration; a negative one counts as zero.
func (h *Histogram) Record(d time.Duration) {
	d = max(d, 0)
	h.counts[bucketOf(uint64(d))].Add(1)
	for {
		old := h.max.Load()
		if int64(d) <= old || h.max.CompareAndSwap(old, int64(d)) {
			return
		}
	}
}

// Count is the number of durations counted.
func (h *Histogram) Count() uint64 {
	var n uint64
	for i := range h.counts {
		n += h.counts[i].Load()
	}
	return n
}

// Quantile returns a duration that at least the share q (0 to 1) of all durations do not exceed: the upper edge of
// the bucket where that is reached, never more than the longest duration. 0 when nothing was counted.
func (h *Histogram) Quantile(q float64) time.Duration {
	total := h.Count()
	if total == 0 {
		return 0
	}
	rank := max(uint64(q*float64(total)+0.5), 1)
	longest := h.max.Load()
	var seen uint64
	for i := range h.counts {
		if seen += h.counts[i].Load(); seen >= rank {
			return time.Duration(min(upperEdge(i), longest))
		}
	}
	return time.Duration(longest)
}

// Summary sums up what was counted so far.
func (h *Histogram) Summary() Summary {
	return Summary{
		Count: h.Count(),
		P50:   milliseconds(h.Quantile(0.5)),
		P90:   milliseconds(h.Quantile(0.9)),
		P99:   milliseconds(h.Quantile(0.99)),
		P999:  milliseconds(h.Quantile(0.999)),
		Max:   milliseconds(time.Duration(h.max.Load())),
	}
}

// bucketOf maps nanoseconds to a bucket: identity below 1<<subBits, then 1<<subBits buckets for each power of two.
func bucketOf(ns uint64) int {
	if ns < 1<<subBits {
		return int(ns)
	}
	shift := bits.Len64(ns) - subBits - 1
	i := shift<<subBits + int(ns>>shift)
	return min(i, buckets-1)
}

// upperEdge is the longest duration, in nanoseconds, of a bucket.
func upperEdge(i int) int64 {
	if i < 1<<subBits {
		return int64(i)
	}
	if i == buckets-1 {
		return int64(^uint64(0) >> 1)
	}
	shift := i>>subBits - 1
	first := int64(i-shift<<subBits) << shift
	return first + 1<<shift - 1
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
