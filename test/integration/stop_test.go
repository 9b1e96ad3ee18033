package integration

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/test/integration/cluster"
	"knative.dev/eventing-kafka-go/test/integration/poll"
	"knative.dev/eventing-kafka-go/test/integration/process"
	"knative.dev/eventing-kafka-go/test/integration/traffic"
)

// A subscriber that takes a connection and never answers holds up its own egress alone. It does not keep the process
// from ending in time, and what it was given belongs to whoever runs next.
func TestASubscriberThatHangsHarmsNobodyElse(t *testing.T) {
	for _, order := range []contract.DeliveryOrder{contract.DeliveryOrder_ORDERED, contract.DeliveryOrder_UNORDERED} {
		t.Run(order.String(), func(t *testing.T) {
			const (
				events = 200
				grace  = 5 * time.Second
			)
			stalls := poll.WatchStalls(t)
			k := cluster.Start(t)
			topic := k.Topic(t, "hang", 2, nil)
			well := make(chan struct{})
			var hanging atomic.Int64
			hangs := traffic.NewSubscriber(t, func(d traffic.Delivery) int {
				hanging.Add(1)
				defer hanging.Add(-1)
				select {
				case <-well:
					return http.StatusAccepted
				case <-d.Gone:
					return http.StatusServiceUnavailable // nobody reads it
				}
			})
			fine := traffic.NewSubscriber(t, nil)
			bad, good := cluster.Name("hangs"), cluster.Name("fine")
			mount := process.NewMount(t, contractOf(1, resource(k, "b", topic,
				egress(bad, hangs.URL, order), egress(good, fine.URL, order))))
			p := process.New(t, "all", mount, grace)
			p.Start(t)
			client, ledger := traffic.NewClient(t, 1), map[string]time.Time{}
			for i := range events {
				id := fmt.Sprintf("e-%d", i)
				code, reason, err := client.Send(t.Context(), at(p, "b")(), traffic.Text(id, id))
				if err != nil || code != http.StatusAccepted {
					t.Fatalf("%s: %d %s %v", id, code, reason, err)
				}
				ledger[id] = time.Now()
			}
			assertNothingLost(t, k, topic, ledger, fine)
			poll.Until(t, patience, func() string {
				switch {
				case hangs.Deliveries() == 0:
					return "the other subscriber hangs"
				case k.Unfinished(t, "group-"+good, topic) > 0:
					return "what was delivered is committed"
				}
				return ""
			})

			took, err := p.Terminate(t)
			if took > grace+rest+2*stalls.Longest() || err != nil {
				t.Errorf("the process took %v to end, its grace is %v; %v", took, grace, err)
			}
			hung := hangs.Deliveries()
			if m := k.Membership(t, "group-"+bad); len(m.Members) > 0 {
				unlessStalled(t, stalls)("the process has not left the group of the subscriber that hangs: %v", m)
			}
			poll.Until(t, patience, func() string {
				if hanging.Load() > 0 {
					return "the subscriber has noticed that nobody waits for its answers"
				}
				return ""
			})
			close(well)
			p.Start(t)
			restarted := time.Now()
			assertNothingLost(t, k, topic, ledger, hangs)
			if fine.Repeated() > 0 {
				t.Errorf("%d events were delivered again to the subscriber that answers", fine.Repeated())
			}
			t.Logf("%d deliveries hung, SIGTERM took %v, all were delivered %v after the next start", hung,
				took.Round(time.Millisecond), time.Since(restarted).Round(time.Millisecond))
		})
	}
}

// A process that is asked to end finishes what it has begun, commits and leaves. So the next one begins at once, with
// events that no subscriber has answered yet, and with all of those. The exception are unordered egresses with events
// that wait for a retry: what was finished beyond such an event is delivered again, as only a prefix is committed.
func TestAProcessThatIsAskedToEndLosesAndRepeatsNothing(t *testing.T) {
	const stops = 5
	stalls := poll.WatchStalls(t)
	k := cluster.Start(t)
	topic := k.Topic(t, "stop", 4, nil)
	quick := traffic.NewSubscriber(t, nil)
	slow := traffic.NewSubscriber(t, func(traffic.Delivery) int {
		time.Sleep(20 * time.Millisecond) // the work of the subscriber
		return http.StatusAccepted
	})
	failsFirst := func(d traffic.Delivery) int {
		if d.Attempt == 1 && d.Offset%5 == 0 {
			return http.StatusServiceUnavailable
		}
		return http.StatusAccepted
	}
	retrying, anyhow := traffic.NewSubscriber(t, failsFirst), traffic.NewSubscriber(t, failsFirst)
	egresses := []*contract.Egress{
		egress(cluster.Name("quick"), quick.URL, contract.DeliveryOrder_ORDERED),
		egress(cluster.Name("slow"), slow.URL, contract.DeliveryOrder_UNORDERED),
		egress(cluster.Name("retrying"), retrying.URL, contract.DeliveryOrder_ORDERED),
		egress(cluster.Name("anyhow"), anyhow.URL, contract.DeliveryOrder_UNORDERED),
	}
	var uids []string
	for _, e := range egresses {
		e.EgressConfig = &contract.EgressConfig{Retry: 10, BackoffDelay: 20, BackoffPolicy: contract.BackoffPolicy_Linear}
		uids = append(uids, e.GetUid())
	}
	mount := process.NewMount(t, contractOf(1, resource(k, "b", topic, egresses...)))
	p := process.New(t, "all", mount, 10*time.Second)
	p.Start(t)
	load := traffic.NewLoad(t, "e", 8, 20*time.Millisecond, at(p, "b"))
	var longest time.Duration
	for range stops {
		awaitAssigned(t, p, uids...)
		before := quick.Distinct()
		poll.Until(t, patience, func() string {
			if n := quick.Distinct() - before; n < 300 {
				return fmt.Sprintf("300 events are delivered, they are %d", n)
			}
			return ""
		})
		took, err := p.Terminate(t)
		if err != nil {
			t.Errorf("the process ended with %v", err)
		}
		longest = max(longest, took)
		p.Start(t)
	}
	load.Stop()
	assertNothingLost(t, k, topic, load.Ledger(), quick, slow, retrying, anyhow)
	for i, s := range []*traffic.Subscriber{quick, slow, retrying} {
		if s.Repeated() > 0 {
			unlessStalled(t, stalls)("%s: %d events were delivered again after they had been answered 2xx", uids[i], s.Repeated())
		}
	}
	t.Logf("%d delivered again where events waited for a retry in no order", anyhow.Repeated())
	t.Logf("asked to end %d times, the longest took %v; without an answer or refused meanwhile: %v", stops,
		longest.Round(time.Millisecond), load.Refused())
}
