package telemetry

import (
	"sync/atomic"
	"time"
)

// latencyBounds are the upper bounds, inclusive and in milliseconds, of the buckets of every latency (OBS-02). A bucket
// without bound follows the last.
var latencyBounds = [...]int64{50, 100, 500, 1000, 5000, 10000}

// histogram is a latency distribution. Its zero value is ready for use.
type histogram struct {
	buckets [len(latencyBounds) + 1]atomic.Uint64
	sum     atomic.Int64 // nanoseconds: 292 years of latency until it wraps
}

func (h *histogram) observe(d time.Duration) {
	d = max(d, 0)
	i := 0
	for i < len(latencyBounds) && d > time.Duration(latencyBounds[i])*time.Millisecond {
		i++
	}
	h.buckets[i].Add(1)
	h.sum.Add(int64(d))
}

// count is the number of observations so far.
func (h *histogram) count() uint64 {
	var n uint64
	for i := range h.buckets {
		n += h.buckets[i].Load()
	}
	return n
}

// distribution is what a histogram held when it was read; several of one label set are added up in it. Its count is the
// sum of its buckets, so that the two agree whatever was recorded while they were read.
type distribution struct {
	buckets [len(latencyBounds) + 1]uint64
	sum     time.Duration
}

func (d *distribution) add(h *histogram) {
	for i := range h.buckets {
		d.buckets[i] += h.buckets[i].Load()
	}
	d.sum += time.Duration(h.sum.Load())
}
