package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/test/integration/cluster"
	"knative.dev/eventing-kafka-go/test/integration/poll"
	"knative.dev/eventing-kafka-go/test/integration/process"
)

// Where brokers assign partitions (group.protocol=consumer), those that do not move do not pause when a process comes, leaves
// or dies; what one that leaves has finished is not delivered again, and what one that dies held is served when its session
// has ended.
func TestBrokersMayAssignPartitions(t *testing.T) {
	const partitions, session = 6, 10 * time.Second
	stalls := poll.WatchStalls(t)
	k := cluster.Start(t)
	g := newGroup(t, k, "assigned", partitions)
	members := k.BrokersAssign(t, g.id, session)
	stop := pump(t, k, g.topic, partitions)

	settings := filepath.Join(t.TempDir(), "consumer.properties")
	if err := os.WriteFile(settings, []byte("group.protocol=consumer\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	start := func() *process.Plane {
		p := process.New(t, "egress", g.mount, 10*time.Second, "CONSUMER_CONFIG_FILE_PATH="+settings)
		p.Start(t)
		return p
	}
	stays, dies := start(), start()
	g.awaitShares(t, stays, dies)
	if n := members(); n != 2 {
		t.Fatalf("brokers know %d members, so it is not they who assign", n)
	}

	var pauses []string
	during := func(what string, do func()) (took time.Duration) {
		began, done := time.Now().Add(500*time.Millisecond), make(chan struct{}) // what is held before is seen by then
		go func() {
			defer close(done)
			time.Sleep(time.Until(began))
			do()
			took = time.Since(began)
		}()
		held := observe(t, stays, g.uid, func() bool {
			select {
			case <-done:
				return true
			default:
				return false
			}
		})
		<-done
		if took == 0 {
			t.FailNow() // do has failed, which ends its own goroutine alone
		}
		for _, pause := range g.pausesAfter(held, []time.Time{began, time.Now()}) {
			pauses = append(pauses, fmt.Sprintf("%s: %v", what, pause))
			if pause > session/2+2*stalls.Longest() {
				t.Errorf("%s: partitions that did not move were without delivery for %v", what, pause)
			}
		}
		return took
	}
	var leaves *process.Plane
	during("a process comes", func() { leaves = start(); g.awaitShares(t, stays, dies, leaves) })
	before := g.subscriber.Repeated()
	leaving := during("it leaves", func() {
		if _, err := leaves.Terminate(t); err != nil {
			t.Errorf("a process that was asked to end: %v", err)
		}
		g.awaitShares(t, stays, dies)
	})
	if n := g.subscriber.Repeated() - before; n > 0 {
		t.Errorf("%d events were delivered again when a process left", n)
	}
	takeover := during("another one dies", func() { dies.Kill(t); g.awaitServed(t, time.Now().Add(50*time.Millisecond), stays) })
	if limit := session + 7*time.Second; takeover > late*limit+2*stalls.Longest() {
		t.Errorf("the partitions of a killed process were served after %v, want %v", takeover, limit)
	}
	stop()
	poll.Until(t, patience, func() string {
		if n := k.Unfinished(t, g.id, g.topic); n > 0 {
			return fmt.Sprintf("all is committed, %d events are not", n)
		}
		return ""
	})
	ids := k.IDs(t, g.topic)
	if n := g.subscriber.Distinct(); n != len(ids) {
		t.Errorf("%d of %d events were delivered", n, len(ids))
	}
	t.Logf("%s: longest pauses of partitions that did not move: %v", k.Kind(), pauses)
	t.Logf("all served after a process left: %v, after one was killed: %v; %d of %d events delivered again", leaving.Round(time.Millisecond),
		takeover.Round(time.Millisecond), g.subscriber.Repeated(), len(ids))
}
