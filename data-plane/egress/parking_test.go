package egress

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/proto/contract"
)

const parkingTopic = "parked"

func headersOf(rec *kgo.Record) map[string]string {
	all := map[string]string{}
	for _, h := range rec.Headers {
		all[h.Key] = string(h.Value)
	}
	return all
}

func refuse(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }

// failing is a contract whose subscriber and dead letter sink fail, and that has a parking topic.
func (f *fixture) failing(subscriber, dead *subscriber, order contract.DeliveryOrder) *contract.Contract {
	e := egressTo("a", subscriber.URL)
	e.DeliveryOrder = order
	e.EgressConfig = &contract.EgressConfig{Retry: 1, BackoffDelay: 1, DeadLetter: dead.URL}
	c := f.contract(e)
	c.Resources[0].ParkingTopic = parkingTopic
	return c
}

func TestWhenTheDeadLetterSinkFailsEventsAreParkedAndCommitted(t *testing.T) { // EG-45
	for _, order := range []contract.DeliveryOrder{contract.DeliveryOrder_ORDERED, contract.DeliveryOrder_UNORDERED} {
		t.Run(order.String(), func(t *testing.T) {
			f := newFixture(t, 1)
			f.kafka.CreateTopic(t, parkingTopic, 1)
			s, dead := newSubscriber(t, refuse), newSubscriber(t, refuse)
			f.produce(0, 0, 20)
			f.set.Apply(f.failing(s, dead, order), nil)
			eventually(t, "all committed", f.committed("group-a", 0, 20))
			seen := map[string]bool{}
			for _, rec := range f.kafka.Records(t, parkingTopic, 20) {
				h := headersOf(rec)
				seen[h["ce_id"]] = true
				if string(rec.Value) != `{"id":"`+h["ce_id"]+`"}` || h["kn-parked-attempts"] != "2" || h["kn-parked-topic"] != f.topic ||
					h["kn-parked-last-status"] != "503" || h["kn-parked-group"] != "group-a" {
					t.Errorf("%s, %v", rec.Value, h)
				}
			}
			if len(seen) != 20 {
				t.Errorf("%d events are parked", len(seen))
			}
			status := f.set.Status()[0]
			if status.Parked != 20 || status.Lost != 0 || status.DeadLettered != 0 {
				t.Errorf("parked %d, lost %d, dead-lettered %d", status.Parked, status.Lost, status.DeadLettered)
			}
			if n := len(s.received()); n != 40 {
				t.Errorf("the subscriber was called %d times, want 1 + retry for each (EG-27)", n)
			}
		})
	}
}

func TestWithoutTheParkingTopicTheEventIsHeldUntilItIsThere(t *testing.T) {
	f := newFixture(t, 1)
	s, dead := newSubscriber(t, refuse), newSubscriber(t, refuse)
	f.produce(0, 0, 1)
	f.set.Apply(f.failing(s, dead, contract.DeliveryOrder_ORDERED), nil)
	eventually(t, "the dead letter sink is tried again after parking has failed", func() bool { return len(dead.received()) >= 3 })
	if at, ok := f.offsets("group-a")[0]; ok && at > 0 {
		t.Fatalf("committed %d", at)
	}
	if text := f.set.Status()[0].LastError; !strings.Contains(text, "UNKNOWN_TOPIC") && !strings.Contains(text, "503") {
		t.Errorf("last error %q", text)
	}
	f.kafka.CreateTopic(t, parkingTopic, 1)
	eventually(t, "committed", f.committed("group-a", 0, 1))
	f.kafka.Records(t, parkingTopic, 1)
	if n := len(s.received()); n != 2 {
		t.Errorf("the subscriber was called %d times", n)
	}
}

func TestADeadLetterSinkThatComesBackTakesWhatCouldNotBeParked(t *testing.T) {
	f := newFixture(t, 1)
	var open atomic.Bool
	s := newSubscriber(t, refuse)
	dead := newSubscriber(t, func(w http.ResponseWriter, r *http.Request) {
		if !open.Load() {
			refuse(w, r)
		}
	})
	f.produce(0, 0, 1)
	f.set.Apply(f.failing(s, dead, contract.DeliveryOrder_UNORDERED), nil)
	eventually(t, "held", func() bool { return len(dead.received()) >= 3 })
	open.Store(true)
	eventually(t, "committed", f.committed("group-a", 0, 1))
	if status := f.set.Status()[0]; status.DeadLettered != 1 || status.Parked != 0 {
		t.Errorf("dead-lettered %d, parked %d", status.DeadLettered, status.Parked)
	}
}

func TestRecordsThatAreNoEventsObeyTheirPolicy(t *testing.T) { // EG-59
	for policy, want := range map[contract.InvalidRecords]map[string]uint64{
		contract.InvalidRecords_DISCARD: {"discarded": 2, "delivered": 1},
		contract.InvalidRecords_WRAP:    {"delivered": 3},
		contract.InvalidRecords_PARK:    {"parked": 2, "delivered": 1},
	} {
		t.Run(policy.String(), func(t *testing.T) {
			f := newFixture(t, 1)
			f.kafka.CreateTopic(t, parkingTopic, 1)
			s := newSubscriber(t, nil)
			f.kafka.Produce(t, &kgo.Record{Topic: f.topic, Value: []byte("plain")},
				event(f.topic, 0, "good"),
				&kgo.Record{Topic: f.topic, Value: []byte("half"), Headers: []kgo.RecordHeader{{Key: "ce_specversion", Value: []byte("1.0")}}})
			e := egressTo("a", s.URL)
			e.DeliveryOrder = contract.DeliveryOrder_ORDERED // so that they are parked in their order
			c := f.contract(e)
			c.Resources[0].InvalidRecords, c.Resources[0].ParkingTopic = policy, parkingTopic
			f.set.Apply(c, nil)
			eventually(t, "committed", f.committed("group-a", 0, 3))
			status := f.set.Status()[0]
			got := map[string]uint64{"delivered": status.Delivered, "discarded": status.Discarded, "parked": status.Parked}
			maps.DeleteFunc(got, func(_ string, n uint64) bool { return n == 0 })
			if !maps.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			if policy != contract.InvalidRecords_PARK {
				return
			}
			for i, rec := range f.kafka.Records(t, parkingTopic, 2) {
				h := headersOf(rec)
				if string(rec.Value) != []string{"plain", "half"}[i] || h["kn-parked-reason"] == "" || h["kn-parked-offset"] != fmt.Sprint(2*i) {
					t.Errorf("%q, %v", rec.Value, h)
				}
			}
		})
	}
}
