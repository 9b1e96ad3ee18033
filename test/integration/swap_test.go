package integration

import (
	"fmt"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/test/integration/cluster"
	"knative.dev/eventing-kafka-go/test/integration/poll"
	"knative.dev/eventing-kafka-go/test/integration/process"
	"knative.dev/eventing-kafka-go/test/integration/traffic"
)

// swaps is how often the contract is exchanged.
const swaps = 100

// scenery is what the contracts of one test are made of.
type scenery struct {
	k                      *cluster.Cluster
	topic, otherTopic      string
	steady, changing, pass string // uids of egresses
	other                  string
	subscriber, moving     *traffic.Subscriber
	passing                *traffic.Subscriber
}

// contract returns the n-th contract. The egress steady is always the same; changing has another path each time, pass
// another filter, which lets everything through; every few contracts another resource comes or goes.
func (s *scenery) contract(n int) *contract.Contract {
	changing := egress(s.changing, fmt.Sprintf("%s/%d", s.moving.URL, n%2), contract.DeliveryOrder_UNORDERED)
	pass := egress(s.pass, s.passing.URL, contract.DeliveryOrder_ORDERED)
	if n%2 == 1 {
		pass.DialectedFilter = []*contract.DialectedFilter{{Filter: &contract.DialectedFilter_Exact{
			Exact: &contract.Exact{Attributes: map[string]string{"type": traffic.Type}},
		}}}
		pass.EgressConfig = &contract.EgressConfig{Retry: uint32(n), Timeout: 10_000}
	}
	c := contractOf(uint64(n+1), resource(s.k, "steady", s.topic,
		egress(s.steady, s.subscriber.URL, contract.DeliveryOrder_ORDERED), changing, pass))
	if n%10 < 5 {
		c.Resources = append(c.Resources, resource(s.k, "other", s.otherTopic,
			egress(s.other, s.moving.URL+"/other", contract.DeliveryOrder_UNORDERED)))
	}
	for i := range n % 3 {
		c.Resources = append(c.Resources, resource(s.k, fmt.Sprintf("extra-%d", i), s.otherTopic))
	}
	return c
}

// A contract is exchanged under load: senders notice nothing, and groups whose entry is the same, or has only another
// target or filter, stay as they are at the broker.
func TestNobodyNoticesThatTheContractIsExchanged(t *testing.T) {
	stalls := poll.WatchStalls(t)
	k := cluster.Start(t)
	s := &scenery{
		k: k, topic: k.Topic(t, "swap", 4, nil), otherTopic: k.Topic(t, "other", 1, nil),
		steady: cluster.Name("steady"), changing: cluster.Name("changing"), pass: cluster.Name("pass"), other: cluster.Name("other"),
		subscriber: traffic.NewSubscriber(t, nil), moving: traffic.NewSubscriber(t, nil), passing: traffic.NewSubscriber(t, nil),
	}
	mount := process.NewMount(t, s.contract(0))
	p := process.New(t, "all", mount, 10*time.Second)
	p.Start(t)
	kept := []string{s.steady, s.changing, s.pass}
	awaitAssigned(t, p, kept...)
	before := map[string]cluster.Membership{}
	for _, uid := range kept {
		poll.Until(t, patience, func() string {
			before[uid] = k.Membership(t, "group-"+uid)
			if before[uid].Generation == 0 || len(before[uid].Members) != 1 {
				return fmt.Sprintf("the group of %s is settled: %v", uid, before[uid])
			}
			return ""
		})
	}

	load := traffic.NewLoad(t, "e", 8, 20*time.Millisecond, at(p, "steady"))
	var longest time.Duration
	for n := 1; n <= swaps; n++ {
		mount.Swap(t, s.contract(n))
		swapped, accepted := time.Now(), load.Accepted()
		poll.Until(t, patience, func() string {
			switch report := p.Report(t); {
			case report.Contract.Generation != uint64(n+1):
				return fmt.Sprintf("contract %d is loaded, it is %d", n+1, report.Contract.Generation)
			case load.Accepted() < accepted+5: // each contract meets events
				return "events are taken"
			case n%10 == 4 && p.Assigned(t, s.other) == 0: // what comes and goes works in between
				return "the group that comes and goes has its partition"
			}
			return ""
		})
		longest = max(longest, time.Since(swapped))
	}
	load.Stop()
	if refused := load.Refused(); len(refused) > 0 {
		t.Errorf("while the contract was exchanged events were refused: %v", refused)
	}
	assertNothingLost(t, k, s.topic, load.Ledger(), s.subscriber, s.moving, s.passing)
	for _, uid := range kept {
		if after := k.Membership(t, "group-"+uid); !after.Equal(before[uid]) {
			unlessStalled(t, stalls)("group of %s: %v before, %v after", uid, before[uid], after)
		}
	}
	for _, path := range []string{"/0", "/1"} {
		if s.moving.AtPath(path) == 0 {
			t.Errorf("nothing was delivered to %s, so its target did not change", path)
		}
	}
	t.Logf("%d exchanges, each loaded within %v; delivered again: %d, %d, %d", swaps, longest.Round(time.Millisecond),
		s.subscriber.Repeated(), s.moving.Repeated(), s.passing.Repeated())
}
