package egress

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// Most events of a topic are for other Triggers. Those end at once, are counted and committed past; what is wanted
// is delivered, in its order.
func TestEventsForOthersAreCommittedPast(t *testing.T) {
	for _, order := range []contract.DeliveryOrder{contract.DeliveryOrder_ORDERED, contract.DeliveryOrder_UNORDERED} {
		t.Run(order.String(), func(t *testing.T) {
			const events, every = 3000, 10 // more than a partition may hold, so that it pauses and is fetched again
			f := newFixture(t, 1)
			s := newSubscriber(t, nil)
			var records []*kgo.Record
			for i := range events {
				rec := event(f.topic, 0, fmt.Sprintf("%05d", i))
				if i%every != 0 && i < events/2 { // then all are wanted
					rec.Headers[3].Value = []byte("other.type")
				}
				records = append(records, rec)
			}
			f.kafka.Produce(t, records...)
			e := egressTo("a", s.URL)
			e.DeliveryOrder = order
			e.Filter = &contract.Filter{Attributes: map[string]string{"type": "test.type"}}
			f.set.Apply(f.contract(e), nil)
			eventually(t, "all are committed", f.committed("group-a", 0, events))
			wanted := events/2 + events/2/every
			got := map[string]bool{}
			last := ""
			for _, id := range s.received() {
				if order == contract.DeliveryOrder_ORDERED && !got[id] && id < last {
					t.Fatalf("%s came after %s", id, last)
				}
				got[id], last = true, id
			}
			report := f.set.Status()[0]
			if len(got) != wanted || report.Delivered < uint64(wanted) || report.Filtered < uint64(events-wanted) {
				t.Errorf("%d came, %d counted as delivered and %d as filtered; want %d and %d",
					len(got), report.Delivered, report.Filtered, wanted, events-wanted)
			}
		})
	}
}

// What was fetched before stands before what is screened, and a partition may come in two parts.
func TestScreeningFindsItsRecords(t *testing.T) {
	records := func(first, n int64) (list []*kgo.Record) {
		for i := range n {
			list = append(list, &kgo.Record{Offset: first + i})
		}
		return list
	}
	a, b, c := records(0, 5), records(5, 2), records(0, 3)
	s := &screening{target: &targetRef{}, parts: []screened{
		{records: from(a, 3), refused: []bool{true, false}},
		{records: from(b, 3), refused: []bool{false, true}},
		{records: from(c, 3), refused: []bool{}},
	}}
	var got []string
	for _, list := range [][]*kgo.Record{a, b, c} {
		refused := s.next(list)
		for i, rec := range list {
			if refused(i) {
				got = append(got, fmt.Sprint(rec.Offset))
			}
		}
	}
	if fmt.Sprint(got) != "[3 6]" || len(from(a, 3)) != 2 || len(from(b, 3)) != 2 || from(c, 3) != nil {
		t.Errorf("refused %v", got)
	}
}
