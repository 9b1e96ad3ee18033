package upgrade

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/test/integration/cluster"
	"knative.dev/eventing-kafka-go/test/integration/poll"
	"knative.dev/eventing-kafka-go/test/integration/process"
	"knative.dev/eventing-kafka-go/test/integration/traffic"
)

const (
	patience = 2 * time.Minute // machines are shared; nothing waits for it when what is waited for happens
	grace    = 10 * time.Second
	path     = "/upgrade/b"
)

// world is a broker with an ordered and an unordered subscriber.
type world struct {
	t                 *testing.T
	kafka             *cluster.Cluster
	topic             string
	mount             *process.Mount
	ordered, anyhow   *traffic.Subscriber
	uids              []string
	entrance          atomic.Pointer[process.Plane]
	ingress, delivers *process.Plane
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, kafka: cluster.Start(t), ordered: traffic.NewSubscriber(t, nil), anyhow: traffic.NewSubscriber(t, nil)}
	w.topic = w.kafka.Topic(t, "upgrade", 4, nil)
	r := &contract.Resource{
		Uid: "b", Topics: []string{w.topic}, BootstrapServers: w.kafka.Servers, Ingress: &contract.Ingress{Path: path},
		Reference: &contract.Reference{Namespace: "upgrade", Name: "b", Kind: "Broker"},
	}
	for order, s := range map[contract.DeliveryOrder]*traffic.Subscriber{contract.DeliveryOrder_ORDERED: w.ordered, contract.DeliveryOrder_UNORDERED: w.anyhow} {
		uid := cluster.Name(order.String())
		w.uids = append(w.uids, uid)
		r.Egresses = append(r.Egresses, &contract.Egress{
			Uid: uid, ConsumerGroup: "group-" + uid, Destination: s.URL, DeliveryOrder: order,
			ReplyStrategy: &contract.Egress_DiscardReply{DiscardReply: &contract.Empty{}},
			EgressConfig:  &contract.EgressConfig{Retry: 5, BackoffDelay: 20, BackoffPolicy: contract.BackoffPolicy_Linear},
			Reference:     &contract.Reference{Namespace: "upgrade", Name: uid, Kind: "Trigger"},
		})
	}
	w.mount = process.NewMount(t, &contract.Contract{Generation: 1, Resources: []*contract.Resource{r}})
	return w
}

// replace starts processes of a program beside those that run, sends events to the new one, and then has the old ones end:
// what a rolling update does with one pod of each kind.
func (w *world) replace(program string) {
	w.t.Helper()
	before, deliveredBefore := w.ingress, w.delivers
	w.ingress, w.delivers = process.New(w.t, "ingress", w.mount, grace), process.New(w.t, "egress", w.mount, grace)
	for _, p := range []*process.Plane{w.ingress, w.delivers} {
		p.Use(program)
		p.Start(w.t)
	}
	w.entrance.Store(w.ingress)
	for _, uid := range w.uids {
		poll.Until(w.t, patience, func() string {
			if w.delivers.Assigned(w.t, uid) > 0 {
				return ""
			}
			return "egress " + uid + " has partitions at the new process"
		})
	}
	for _, p := range []*process.Plane{before, deliveredBefore} {
		if p == nil {
			continue
		}
		if _, err := p.Terminate(w.t); err != nil {
			w.t.Errorf("a process ended with %v", err)
		}
	}
	w.flows(300)
}

// flows waits until so many more events are delivered.
func (w *world) flows(events int) {
	w.t.Helper()
	before := w.ordered.Distinct()
	poll.Until(w.t, patience, func() string {
		if n := w.ordered.Distinct() - before; n < events {
			return fmt.Sprintf("%d events are delivered, they are %d", events, n)
		}
		return ""
	})
}

// The release before and this one share groups, read each other's commits and the same contract: nothing is lost, and
// nothing that was finished is delivered again, on the way there and back.
func TestOneReleaseReplacesTheOtherUnderLoad(t *testing.T) {
	t.Logf("the older release is %s", older.from)
	w := newWorld(t)
	w.ingress, w.delivers = process.New(t, "ingress", w.mount, grace), process.New(t, "egress", w.mount, grace)
	for _, p := range []*process.Plane{w.ingress, w.delivers} {
		p.Use(older.program)
		p.Start(t)
	}
	w.entrance.Store(w.ingress)
	load := traffic.NewLoad(t, "e", 8, 20*time.Millisecond, func() string { return "http://" + w.entrance.Load().Ingress() + path })
	w.flows(300)
	for _, program := range []string{"", older.program, ""} { // there, back, there
		w.replace(program)
	}
	load.Stop()
	ledger := load.Ledger()
	if len(ledger) == 0 {
		t.Fatal("nothing was answered 202, so nothing was shown")
	}
	inKafka := w.kafka.IDs(t, w.topic)
	for id := range ledger {
		if inKafka[id] == 0 {
			t.Errorf("%s was answered 202 and is not in Kafka", id)
		}
	}
	for name, s := range map[string]*traffic.Subscriber{"ordered": w.ordered, "unordered": w.anyhow} {
		poll.Until(t, patience, func() string {
			if missing := s.Missing(ledger); len(missing) > 0 {
				return fmt.Sprintf("the %s subscriber has got all events, %d of %d are missing, one is %s", name, len(missing), len(ledger), missing[0])
			}
			return ""
		})
		if s.Repeated() > 0 {
			t.Errorf("%s: %d events were delivered again after they had been answered 2xx (REL-23)", name, s.Repeated())
		}
	}
	if refused := load.Refused(); len(refused) > 0 {
		t.Errorf("sends failed: %v", refused)
	}
	t.Logf("%s: %d events answered 202", w.kafka.Kind(), len(ledger))
}
