package chaos

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/test/chaos/account"
	"knative.dev/eventing-kafka-go/test/integration/cluster"
	"knative.dev/eventing-kafka-go/test/integration/poll"
	"knative.dev/eventing-kafka-go/test/integration/process"
	"knative.dev/eventing-kafka-go/test/integration/traffic"
)

const (
	partitions = 12
	// work is how long a subscriber takes for an event, slowWork when it is slow: less than a rebalance waits for.
	work     = 20 * time.Millisecond
	slowWork = 400 * time.Millisecond
	grace    = 10 * time.Second
	// leastMembers and mostMembers are how many data planes run at a time.
	leastMembers, mostMembers = 2, 4
	ingressName               = "in"
)

// egress is one of the egresses that every data plane runs.
type egress struct {
	name    string
	order   contract.DeliveryOrder
	scope   contract.OrderScope
	keeps   account.Scope
	backoff uint64 // milliseconds
	group   string
	*account.Account
}

// world is what one run is made of.
type world struct {
	kafka       *cluster.Cluster
	topic       string
	egresses    []*egress
	subscriber  *traffic.Subscriber
	slow        atomic.Bool
	env         []string
	receiver    *process.Plane
	members     []*member
	named       int
	disruptions []disruption
	deeds       []done
	stalls      *poll.Stalls
}

// done is a deed that was done, and how long that took at most.
type done struct {
	deed deed
	at   time.Time
	took time.Duration
}

// member is one data plane. Each of its processes is told from the others by the path of the URLs that its contract has;
// nothing in that contract changes while it runs.
type member struct {
	name    string
	plane   *process.Plane
	mount   *process.Mount
	started int
}

// process is the name of the process that runs.
func (m *member) process() string { return fmt.Sprintf("%s.%d", m.name, m.started) }

func newWorld(t *testing.T, k *cluster.Cluster, env []string) *world {
	w := &world{kafka: k, topic: k.Topic(t, "chaos", partitions, nil), stalls: poll.WatchStalls(t)}
	w.env = append(w.env, env...)
	w.env = append(w.env, "CONSUMER_CONFIG_FILE_PATH="+consumerFile(t))
	for _, e := range []egress{
		{name: "unordered", keeps: account.Nothing, backoff: 1000},
		{name: "ordered", keeps: account.Partition, order: contract.DeliveryOrder_ORDERED, backoff: 50},
		{name: "key", keeps: account.Key, order: contract.DeliveryOrder_ORDERED, scope: contract.OrderScope_KEY_SCOPE, backoff: 1000},
	} {
		e.group, e.Account = cluster.Name(e.name), account.New()
		w.egresses = append(w.egresses, &e)
	}
	w.subscriber = traffic.NewSubscriber(t, w.answer)
	w.receiver = process.New(t, "ingress", process.NewMount(t, w.ingress()), grace)
	w.receiver.Start(t)
	for range leastMembers + 1 {
		w.join(t)
	}
	return w
}

func consumerFile(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "consumer.properties")
	content := fmt.Sprintf("session.timeout.ms=%d\nheartbeat.interval.ms=1000\n", session.Milliseconds())
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// answer is the subscriber and the dead letter sink of every egress, at paths /EGRESS/KIND/PROCESS.
func (w *world) answer(d traffic.Delivery) int {
	path := strings.Split(strings.Trim(d.Path, "/"), "/")
	at, letter := account.Position{Partition: d.Partition, Offset: d.Offset}, path[1] == letterKind
	e := w.egress(path[0])
	attempt, n := e.Begin(at, d.ID, keyOf(d.ID), path[2], letter, time.Now())
	if w.slow.Load() {
		time.Sleep(slowWork)
	} else {
		time.Sleep(work)
	}
	status := http.StatusAccepted
	if !letter && n <= failures(d.ID) {
		status = http.StatusServiceUnavailable
	}
	e.End(at, attempt, status, time.Now())
	return status
}

func (w *world) egress(name string) *egress {
	for _, e := range w.egresses {
		if e.name == name {
			return e
		}
	}
	return nil
}

const (
	eventKind  = "event"
	letterKind = "letter"
)

func (w *world) url(e *egress, kind, process string) string {
	return w.subscriber.URL + "/" + e.name + "/" + kind + "/" + process
}

func (w *world) ingress() *contract.Contract {
	return &contract.Contract{Generation: 1, Resources: []*contract.Resource{{
		Uid: "in", Topics: []string{w.topic}, BootstrapServers: w.kafka.Servers,
		Ingress: &contract.Ingress{Path: "/" + ingressName},
	}}}
}

// contract is what a process runs: the same egresses as every other one.
func (w *world) contract(process string) *contract.Contract {
	r := &contract.Resource{
		Uid: "out", Topics: []string{w.topic}, BootstrapServers: w.kafka.Servers,
		Reference: &contract.Reference{Namespace: "chaos", Name: "out", Kind: "Broker"},
	}
	for _, e := range w.egresses {
		r.Egresses = append(r.Egresses, &contract.Egress{
			Uid: e.name, ConsumerGroup: e.group, Destination: w.url(e, eventKind, process),
			DeliveryOrder: e.order, OrderScope: e.scope,
			ReplyStrategy: &contract.Egress_DiscardReply{DiscardReply: &contract.Empty{}},
			EgressConfig: &contract.EgressConfig{
				Retry: retries, BackoffPolicy: contract.BackoffPolicy_Linear, BackoffDelay: e.backoff,
				DeadLetter: w.url(e, letterKind, process),
			},
			Reference: &contract.Reference{Namespace: "chaos", Name: e.name, Kind: "Trigger"},
		})
	}
	return &contract.Contract{Generation: 1, Resources: []*contract.Resource{r}}
}

// join adds a data plane with a name of its own.
func (w *world) join(t *testing.T) *member {
	w.named++
	m := &member{name: fmt.Sprintf("p%d", w.named)}
	m.mount = process.NewMount(t, w.contract(m.process()))
	m.plane = process.New(t, "egress", m.mount, grace, append(w.env, nameVariable+"="+m.name)...)
	w.start(t, m)
	w.members = append(w.members, m)
	return m
}

// nameVariable is how a process is told its name.
const nameVariable = "POD_NAME"

// start starts another process of a member.
func (w *world) start(t *testing.T, m *member) {
	m.started++
	m.mount.Swap(t, w.contract(m.process()))
	m.plane.Start(t)
}
