package telemetry

import (
	"sync/atomic"
	"time"
)

// latencyBounds are the upper bounds, inclusive and in milliseconds, of the buckets of every latency (OBS-02). A bucket
// without bound follows the last.
var latencyBounds = [...]float64{50, 100, 500, 1000, 5000, 10000}

// histogram is a latency distribution. Its zero value is ready for use.
type histogram struct {
	buckets [len(latencyBounds) + 1]atomic.Uint64
	sum     atomic.Int64 // nanoseconds: 292 years of latency until it wraps
}

func (h *histogram) observe(d time.Duration) {
	d = max(d, 0)
	i := 0
	for i < len(latencyBounds) && d > bucketEnd(i) {
		i++
	}
	h.buckets[i].Add(1)
	h.sum.Add(int64(d))
}

// count is the number of observations so far.
func (h *histogram) count() uint64 { return h.read().count() }

func bucketEnd(i int) time.Duration { return time.Duration(latencyBounds[i]) * time.Millisecond }

// distribution is what a histogram held when it was read. Its count is the sum of its buckets, so that the two agree
// whatever was recorded meanwhile.
type distribution struct {
	buckets [len(latencyBounds) + 1]uint64
	sum     time.Duration
}

func (h *histogram) read() distribution {
	d := distribution{sum: time.Duration(h.sum.Load())}
	for i := range h.buckets {
		d.buckets[i] = h.buckets[i].Load()
	}
	return d
}

func (d distribution) count() uint64 {
	var n uint64
	for _, b := range d.buckets {
		n += b
	}
	return n
}
