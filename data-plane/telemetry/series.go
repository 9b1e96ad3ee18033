package telemetry

import "sync/atomic"

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
