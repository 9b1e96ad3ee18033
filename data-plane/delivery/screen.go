package delivery

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Selective says whether there is a filter, so that Screen is worth calling.
func (t *Target) Selective() bool { return t.selective }

// screenCheck is how many records are screened between two looks at the clock.
const screenCheck = 64

// Screen ends the events that the filter refuses, without what a delivery needs: it counts them and sets refused at
// their place. Where Triggers are many, most events end here. All others are left to Attempt, which asks the filter
// again: it may be another one by then. Screen stops at the limit of time and leaves the rest to Attempt as well.
func (t *Target) Screen(records []*kgo.Record, received time.Time, limit time.Duration, refused []bool) {
	s := t.scratch.get()
	defer t.scratch.put(s)
	began := time.Now()
	for i, rec := range records {
		if i%screenCheck == screenCheck-1 && time.Since(began) > limit {
			return
		}
		if t.decode(rec, s) != nil || t.match(&s.event) {
			continue
		}
		refused[i] = true
		t.stats.Processed(s.event.Type, began.Sub(received))
		t.stats.Filtered()
	}
}
