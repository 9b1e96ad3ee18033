package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/test/integration/cluster"
	"knative.dev/eventing-kafka-go/test/integration/poll"
	"knative.dev/eventing-kafka-go/test/integration/process"
	"knative.dev/eventing-kafka-go/test/integration/traffic"
)

// Where brokers assign partitions (group.protocol=consumer), those that do not move do not pause when a process comes, leaves
// or dies; what one that leaves has finished is not delivered again, and what one that dies held is served when its session
// has ended.
func TestBrokersMayAssignPartitions(t *testing.T) {
	const partitions, session = 6, 10 * time.Second
	stalls := poll.WatchStalls(t)
	k := cluster.Start(t)
	topic := k.Topic(t, "assigned", partitions, nil)
	beats := &pulse{beats: map[int32][]time.Time{}}
	subscriber := traffic.NewSubscriber(t, beats.answer)
	e := egress(cluster.Name("assigned"), subscriber.URL, contract.DeliveryOrder_ORDERED)
	mount := process.NewMount(t, contractOf(1, resource(k, "b", topic, e)))
	members := k.BrokersAssign(t, e.GetConsumerGroup(), session)
	stop := pump(t, k, topic, partitions)

	settings := filepath.Join(t.TempDir(), "consumer.properties")
	if err := os.WriteFile(settings, []byte("group.protocol=consumer\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	start := func() *process.Plane {
		p := process.New(t, "egress", mount, 10*time.Second, "CONSUMER_CONFIG_FILE_PATH="+settings)
		p.Start(t)
		return p
	}
	g := groupOf{uid: e.GetUid(), partitions: partitions, beats: beats}
	stays, dies := start(), start()
	g.awaitShares(t, stays, dies)
	if n := members(); n != 2 {
		t.Fatalf("brokers know %d members, so it is not they who assign", n)
	}

	var pauses []string
	during := func(what string, do func()) {
		began, done := time.Now().Add(500*time.Millisecond), make(chan struct{}) // what is held before is seen by then
		go func() { defer close(done); time.Sleep(time.Until(began)); do() }()
		held := observe(t, stays, g.uid, func() bool {
			select {
			case <-done:
				return true
			default:
				return false
			}
		})
		<-done
		for _, pause := range g.pausesAfter(held, []time.Time{began, time.Now()}) {
			pauses = append(pauses, fmt.Sprintf("%s: %v", what, pause))
			if pause > session/2+2*stalls.Longest() {
				t.Errorf("%s: partitions that did not move were without delivery for %v", what, pause)
			}
		}
	}
	var leaves *process.Plane
	during("a process comes", func() { leaves = start(); g.awaitShares(t, stays, dies, leaves) })
	before := subscriber.Repeated()
	var left time.Time
	during("it leaves", func() {
		left = time.Now()
		if _, err := leaves.Terminate(t); err != nil {
			t.Errorf("a process that was asked to end: %v", err)
		}
		g.awaitShares(t, stays, dies)
	})
	leaving := time.Since(left)
	if n := subscriber.Repeated() - before; n > 0 {
		t.Errorf("%d events were delivered again when a process left", n)
	}
	var died time.Time
	during("another one dies", func() { died = time.Now(); dies.Kill(t); g.awaitServed(t, died.Add(50*time.Millisecond), stays) })
	takeover := time.Since(died)
	if limit := session + 7*time.Second; takeover > late*limit+2*stalls.Longest() {
		t.Errorf("the partitions of a killed process were served after %v, want %v", takeover, limit)
	}
	stop()
	poll.Until(t, patience, func() string {
		if n := k.Unfinished(t, e.GetConsumerGroup(), topic); n > 0 {
			return fmt.Sprintf("all is committed, %d events are not", n)
		}
		return ""
	})
	ids := k.IDs(t, topic)
	if n := subscriber.Distinct(); n != len(ids) {
		t.Errorf("%d of %d events were delivered", n, len(ids))
	}
	t.Logf("%s: longest pauses of partitions that did not move: %v", k.Kind(), pauses)
	t.Logf("all served after a process left: %v, after one was killed: %v; %d of %d events delivered again", leaving.Round(time.Millisecond),
		takeover.Round(time.Millisecond), subscriber.Repeated(), len(ids))
}
