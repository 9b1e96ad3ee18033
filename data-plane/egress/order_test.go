package egress

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// produceKeyed writes events of some keys, numbered within each.
func (f *fixture) produceKeyed(from, n, keys int) {
	f.t.Helper()
	for i := from; i < from+n; i++ {
		rec := event(f.topic, 0, fmt.Sprintf("k%d-%d", i%keys, i/keys))
		if i%keys > 0 {
			rec.Key = []byte(fmt.Sprintf("k%d", i%keys)) // k0 has none
		}
		f.kafka.Produce(f.t, rec)
	}
}

func TestOnlyTheKeyOfAnEventInRetryWaits(t *testing.T) { // TR-04, EG-72
	f := newFixture(t, 1)
	var mu sync.Mutex
	finished, failed := map[string][]int{}, map[string]bool{}
	s := newSubscriber(t, func(w http.ResponseWriter, r *http.Request) {
		key, number, _ := strings.Cut(r.Header.Get("ce-id"), "-")
		var n int
		if _, err := fmt.Sscan(number, &n); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if n%5 == 1 && !failed[key+number] {
			failed[key+number] = true
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		finished[key] = append(finished[key], n)
	})
	e := egressTo("a", s.URL)
	e.DeliveryOrder, e.OrderScope = contract.DeliveryOrder_ORDERED, contract.OrderScope_KEY_SCOPE
	e.EgressConfig = &contract.EgressConfig{Retry: 3, BackoffDelay: 20, BackoffPolicy: contract.BackoffPolicy_Linear}
	f.produceKeyed(0, 200, 8)
	f.set.Apply(f.contract(e), nil)
	eventually(t, "all committed", f.committed("group-a", 0, 200))
	mu.Lock()
	defer mu.Unlock()
	for key, numbers := range finished {
		if key != "k0" && !slices.IsSorted(numbers) || len(numbers) != 25 {
			t.Errorf("%s: %v", key, numbers)
		}
	}
	g := f.set.members["a"].group
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.partitions {
		if len(p.keys) > 0 || p.oldest != nil {
			t.Errorf("%d lanes are left", len(p.keys))
		}
	}
}

func TestAnotherOrderNeedsNoRejoin(t *testing.T) {
	f := newFixture(t, 1)
	var open atomic.Bool
	s := newSubscriber(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("ce-id") == "k1-0" && !open.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	ordered := func(o contract.DeliveryOrder, scope contract.OrderScope) *contract.Contract {
		e := egressTo("a", s.URL)
		e.DeliveryOrder, e.OrderScope = o, scope
		e.EgressConfig = &contract.EgressConfig{Retry: 9, BackoffDelay: 1000, BackoffPolicy: contract.BackoffPolicy_Linear}
		return f.contract(e)
	}
	f.produceKeyed(1, 12, 4) // k1-0 first
	f.set.Apply(ordered(contract.DeliveryOrder_ORDERED, contract.OrderScope_PARTITION_SCOPE), nil)
	eventually(t, "the first waits", func() bool { return f.set.Status()[0].Waiting == 1 })
	client := f.set.members["a"].group.client
	f.set.Apply(ordered(contract.DeliveryOrder_ORDERED, contract.OrderScope_KEY_SCOPE), nil)
	eventually(t, "all other keys", func() bool { return len(s.received()) >= 10 })
	if s.calls("k1-1") > 0 {
		t.Error("an event overtook another one of its key")
	}
	f.set.Apply(ordered(contract.DeliveryOrder_UNORDERED, contract.OrderScope_PARTITION_SCOPE), nil)
	eventually(t, "all", func() bool { return s.calls("k1-1") == 1 && s.calls("k1-2") == 1 })
	open.Store(true)
	eventually(t, "committed", f.committed("group-a", 0, 12))
	if f.set.members["a"].group.client != client {
		t.Error("the group was started again")
	}
}
