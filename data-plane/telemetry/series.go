package telemetry

import (
	"sync/atomic"
	"time"
)

const (
	// maxCodes bounds the distinct status codes of one event type; a subscriber chooses what it answers.
	maxCodes = 32
	// codeOther stands for the codes above that bound. Code 0 means that there was no HTTP response.
	codeOther = -1
)

// typeSeries holds the figures of one event type of one resource.
type typeSeries struct {
	name    string                        // as it came; the label is valid UTF-8
	codes   atomic.Pointer[[]*codeSeries] // replaced when a code is seen for the first time, never changed in place
	process histogram
	events  atomic.Uint64 // events that have no latency, such as discarded ones
}

type codeSeries struct {
	code    int
	latency histogram
}

func newTypeSeries(name string) *typeSeries {
	s := &typeSeries{name: name}
	s.codes.Store(new([]*codeSeries))
	return s
}

// dispatch returns the latencies of one status code.
func (s *typeSeries) dispatch(code int) *histogram {
	for {
		seen := s.codes.Load()
		for _, c := range *seen {
			if c.code == code {
				return &c.latency
			}
		}
		if len(*seen) >= maxCodes && code != codeOther {
			code = codeOther
			continue
		}
		added := make([]*codeSeries, len(*seen), len(*seen)+1)
		copy(added, *seen)
		added = append(added, &codeSeries{code: code})
		if s.codes.CompareAndSwap(seen, &added) {
			return &added[len(added)-1].latency
		}
	}
}

// total is everything that was ever counted here, whatever it was: only its growth means something.
func (s *typeSeries) total() uint64 {
	n := s.events.Load() + s.process.count()
	for _, c := range *s.codes.Load() {
		n += c.latency.count()
	}
	return n
}

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
