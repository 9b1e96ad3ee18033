package conformance

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/oidc/oidctest"
	"knative.dev/eventing-kafka-go/data-plane/status"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// TestConformance runs every case against one data plane and one Kafka, over real sockets.
func TestConformance(t *testing.T) {
	destinations := newEndpoints(t)
	in, out := loadIngress(t), loadEgress(t, destinations)
	topics := map[string]int32{}
	for _, c := range in {
		topics[ingressTopic(c.number)] = partitions
	}
	for _, c := range out {
		if c.Parked != nil {
			topics[egressParking(c.number)] = 1
		}
		for n := range c.Topics {
			topics[c.topic(n)] = c.Partitions
		}
	}
	w := newWorld(t, topics)
	all := &contract.Contract{Generation: 1, TokenIssuers: []*contract.TokenIssuer{oidctest.Contract(tokenIssuer())}}
	for _, c := range in {
		all.Resources = append(all.Resources, c.resource(t, w.kafka.Bootstrap()))
	}
	var records []*kgo.Record
	for _, c := range out {
		all.Resources = append(all.Resources, c.entry(t, w.kafka.Bootstrap(), destinations.URL))
		records = append(records, c.inputs(t)...)
		if c.Start != nil {
			w.kafka.Commit(t, "group-"+egressName(c.number), c.topic(0), map[int32]int64{0: *c.Start})
		}
	}
	w.kafka.Produce(t, records...)
	w.observe()
	w.run(t, all)
	t.Logf("%d cases: %d of ingress, %d of egress", len(in)+len(out), len(in), len(out))
	t.Run("ingress", func(t *testing.T) { runIngress(t, w, in) })
	t.Run("egress", func(t *testing.T) { runEgress(t, w, out, destinations) })
	w.stop(t)
	t.Run("after the end", func(t *testing.T) {
		for _, c := range out {
			at := w.committed(t, "group-"+egressName(c.number), c.topic(0), 0)
			if !c.isCommitted(at) && c.Known == "" {
				t.Errorf("%s: %d is committed now, want %d (EG-37)", c.Name, at, *c.Committed)
			}
		}
	})
	t.Run("groups", func(t *testing.T) { w.seen.judge(t, out) })
}

func runIngress(t *testing.T, w *world, cases []*ingressCase) {
	var senders sync.WaitGroup
	work := make(chan *ingressCase)
	for range 8 {
		senders.Go(func() {
			for c := range work {
				c.send(w.plane.IngressAddr().String())
			}
		})
	}
	for _, c := range cases {
		work <- c
	}
	close(work)
	senders.Wait()
	for _, c := range cases {
		if c.Request.Leave {
			eventually(func() bool { return w.records(t, ingressTopic(c.number)) > 0 })
		}
	}
	records := w.read(t, "in-")
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			v := c.judge(records[ingressTopic(c.number)], w.started)
			c.compareWithSDK(&v, records[ingressTopic(c.number)])
			v.report(t, c.rule)
		})
	}
}

func runEgress(t *testing.T, w *world, cases []*egressCase, e *endpoints) {
	groups := func() map[string]status.Group {
		byUID := map[string]status.Group{}
		for _, g := range w.plane.Report().Groups {
			byUID[g.UID] = g
		}
		return byUID
	}
	committed := func(c *egressCase) int64 { return w.committed(t, "group-"+egressName(c.number), c.topic(0), 0) }
	end := time.Now().Add(deadline) // for all together
	for _, c := range cases {
		name := egressName(c.number)
		if c.Known == "" { // one that is known to fail may never get there
			until(end, func() bool { return c.finished(committed(c), e.requests(name), groups()["uid-"+name]) })
		}
	}
	final, records := groups(), w.read(t, "eg-")
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			name := egressName(c.number)
			var produced []*kgo.Record
			before := map[int32]int64{}
			for _, r := range c.Records {
				if r.Topic == 0 {
					before[r.Partition]++
				}
			}
			for _, r := range records[c.topic(0)] {
				if r.Offset >= before[r.Partition] {
					produced = append(produced, r)
				}
			}
			v := c.judge(committed(c), e.requests(name), final["uid-"+name], produced)
			c.judgeParked(&v, records[egressParking(c.number)])
			c.compareWithSDK(&v, e.requests(name))
			c.compareWithKnative(t, &v, e.requests(name))
			v.report(t, c.rule)
		})
	}
}

// wholeRun are the rules that are held against everything that happened, besides those of the cases.
var wholeRun = []string{"IN-40", "IN-42", "EG-16", "EG-37", "OF-11", "OF-15", "OF-19", "OF-20"}

// judge holds every commit and every join of the whole run against the rules that have no case of their own.
func (o *observed) judge(t *testing.T, cases []*egressCase) {
	o.mu.Lock()
	defer o.mu.Unlock()
	last := map[string]int64{}
	for _, c := range o.commits {
		key := fmt.Sprintf("%s of %s/%d", c.group, c.topic, c.partition)
		if c.offset < last[key] {
			t.Errorf("the commit of %s went from %d back to %d (OF-15)", key, last[key], c.offset)
		}
		if strings.Contains(c.metadata, "kgo") {
			t.Errorf("the commit of %s carries %q, not ours (OF-11)", key, c.metadata)
		}
		last[key] = c.offset
	}
	if len(o.commits) == 0 || len(o.strategies) < len(cases)/2 {
		t.Fatalf("%d commits and %d groups seen: too few to show anything", len(o.commits), len(o.strategies))
	}
	for group, names := range o.strategies {
		// What every member supports is chosen: older ones have only one of the eager two.
		if !slices.Contains(names, "sticky") || !slices.Contains(names, "range") {
			t.Errorf("%s offers %v, and lacks what older members know (OF-20)", group, names)
		}
	}
	if len(o.acks) != 1 || o.acks[-1] == 0 {
		t.Errorf("records were produced with acks %v, want -1 alone (IN-42)", o.acks)
	}
	if o.next > 0 {
		t.Errorf("%d heartbeats of the newer group protocol (OF-19)", o.next)
	}
}
