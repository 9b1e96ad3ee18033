package delivery

import (
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// typed is a record of an event of a type; without one it is no event.
func typed(name string) *kgo.Record {
	rec := job().Record
	rec.Headers = slices.DeleteFunc(slices.Clone(rec.Headers), func(h kgo.RecordHeader) bool { return h.Key == "ce_type" })
	if name != "" {
		rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: "ce_type", Value: []byte(name)})
	}
	return rec
}

func TestScreeningEndsWhatTheFilterRefusesAndNothingElse(t *testing.T) {
	target := newTarget(t, NewClients(), "http://127.0.0.1:1/", func(e *contract.Egress) {
		e.Filter = &contract.Filter{Attributes: map[string]string{"type": "wanted"}}
	})
	t.Cleanup(target.Release)
	if !target.Selective() {
		t.Error("a filter that nobody sees")
	}
	records := []*kgo.Record{typed("other"), typed("wanted"), typed(""), typed("other")}
	refused := make([]bool, len(records))
	target.Screen(records, time.Now(), time.Hour, refused)
	if want := []bool{true, false, false, true}; !slices.Equal(refused, want) {
		t.Errorf("refused %v, want %v", refused, want)
	}
	if c := target.stats.Counts(); c.Filtered != 2 || c.Discarded != 0 {
		t.Errorf("%d filtered, %d discarded", c.Filtered, c.Discarded)
	}
}

func TestScreeningStopsAtItsLimit(t *testing.T) {
	target := newTarget(t, NewClients(), "http://127.0.0.1:1/", func(e *contract.Egress) {
		e.Filter = &contract.Filter{Attributes: map[string]string{"type": "wanted"}}
	})
	t.Cleanup(target.Release)
	records := slices.Repeat([]*kgo.Record{typed("other")}, 10*screenCheck)
	refused := make([]bool, len(records))
	target.Screen(records, time.Now(), -time.Second, refused)
	if n := slices.Index(refused, false); n < 1 || n >= screenCheck {
		t.Errorf("%d were screened after the time was over", n)
	}
	if all := newTarget(t, NewClients(), "http://127.0.0.1:1/", nil); all.Selective() {
		t.Error("no filter, and yet there is something to screen")
	} else {
		all.Release()
	}
}
