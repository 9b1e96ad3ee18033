package integration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/test/integration/cluster"
	"knative.dev/eventing-kafka-go/test/integration/poll"
	"knative.dev/eventing-kafka-go/test/integration/process"
	"knative.dev/eventing-kafka-go/test/integration/traffic"
)

// patience is how long a case waits for what must happen; nothing waits for it when it happens. It is generous because
// machines are shared.
const patience = 90 * time.Second

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "integration-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = process.Build(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// unlessStalled is how a test says that something happened which ends memberships explain: as an error, unless the machine
// stood still for so long that members may have lost theirs.
func unlessStalled(t *testing.T, stalls *poll.Stalls) func(format string, args ...any) {
	t.Helper()
	if longest := stalls.Longest(); longest > kafka.DefaultConsumerConfig().SessionTimeout/2 {
		t.Logf("the machine stood still for %v, which may end memberships", longest.Round(time.Millisecond))
		return t.Logf
	}
	return t.Errorf
}

// rest is what a pod has beyond its grace, and as much again for a machine that runs other things.
const rest = 10 * time.Second

// random returns the random choices of a test, the same in every run unless SEED says otherwise.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(1)
	if s := os.Getenv("SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("SEED: %v", err)
		}
	}
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// resource is an entry of a contract whose events go in at /integration/NAME.
func resource(k *cluster.Cluster, name, topic string, egresses ...*contract.Egress) *contract.Resource {
	return &contract.Resource{
		Uid: "resource-" + name, Topics: []string{topic}, BootstrapServers: k.Servers,
		Ingress:   &contract.Ingress{Path: "/integration/" + name},
		Egresses:  egresses,
		Reference: &contract.Reference{Namespace: "integration", Name: name, Kind: "Broker"},
	}
}

// egress delivers to a URL without retries. Its consumer group is named after its uid.
func egress(uid, url string, order contract.DeliveryOrder) *contract.Egress {
	return &contract.Egress{
		Uid: uid, ConsumerGroup: "group-" + uid, Destination: url, DeliveryOrder: order,
		ReplyStrategy: &contract.Egress_DiscardReply{DiscardReply: &contract.Empty{}},
		Reference:     &contract.Reference{Namespace: "integration", Name: uid, Kind: "Trigger"},
	}
}

func contractOf(generation uint64, resources ...*contract.Resource) *contract.Contract {
	return &contract.Contract{Generation: generation, Resources: resources}
}

// at is where the events of a resource go in, at the process of a plane that was started last.
func at(p *process.Plane, name string) func() string {
	return func() string { return "http://" + p.Ingress() + "/integration/" + name }
}

// assertNothingLost waits until every event of a ledger has reached every subscriber, and fails if one of them is not in
// Kafka.
func assertNothingLost(t *testing.T, k *cluster.Cluster, topic string, ledger map[string]time.Time, to ...*traffic.Subscriber) {
	t.Helper()
	if len(ledger) == 0 {
		t.Fatal("nothing was answered 202, so nothing was shown")
	}
	inKafka := k.IDs(t, topic)
	lost := 0
	for id := range ledger {
		if inKafka[id] == 0 {
			lost++
			t.Errorf("%s was answered 202 and is not in Kafka", id)
		}
	}
	for i, s := range to {
		poll.Until(t, patience, func() string {
			missing := s.Missing(ledger)
			if len(missing) == 0 {
				return ""
			}
			return fmt.Sprintf("subscriber %d of %d has not got %d of %d events, one is %s", i+1, len(to), len(missing), len(ledger), missing[0])
		})
	}
	t.Logf("%s: %d events answered 202, %d lost", k.Kind(), len(ledger), lost)
}

// awaitAssigned waits until an egress has partitions.
func awaitAssigned(t *testing.T, p *process.Plane, uids ...string) {
	t.Helper()
	for _, uid := range uids {
		poll.Until(t, patience, func() string {
			if p.Assigned(t, uid) > 0 {
				return ""
			}
			return "egress " + uid + " has partitions"
		})
	}
}
