package integration

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/test/integration/cluster"
	"knative.dev/eventing-kafka-go/test/integration/poll"
	"knative.dev/eventing-kafka-go/test/integration/process"
	"knative.dev/eventing-kafka-go/test/integration/traffic"
)

// victim is a data plane that is killed while it works.
type victim struct {
	name     string
	plane    *process.Plane
	progress func() int // what it has done so far, of all its processes
	most     int        // work after which a process has certainly been killed
	kills    int        // left
	killed   int
	at       int // progress at which the running process is killed
}

// aim chooses when the running process is killed.
func (v *victim) aim(r *rand.Rand) { v.at = v.progress() + 1 + r.IntN(v.most) }

// hunt kills each victim at random points of its work and starts it again, until all have been killed often enough.
func hunt(t *testing.T, r *rand.Rand, victims []*victim) {
	t.Helper()
	for _, v := range victims {
		v.aim(r)
	}
	poll.Until(t, 2*patience, func() string {
		var left string
		for _, v := range victims {
			if v.kills > 0 && v.progress() >= v.at {
				v.plane.Kill(t)
				v.plane.Start(t)
				v.kills--
				v.killed++
				v.aim(r)
			}
			if v.kills > 0 {
				left = fmt.Sprintf("%s is to be killed %d times more, at %d, now at %d", v.name, v.kills, v.at, v.progress())
			}
		}
		return left
	})
}

// dispatcher is a victim that delivers.
func dispatcher(t *testing.T, k *cluster.Cluster, topic, name, role string, order contract.DeliveryOrder, delay time.Duration) (*victim, *traffic.Subscriber) {
	t.Helper()
	subscriber := traffic.NewSubscriber(t, func(traffic.Delivery) int {
		time.Sleep(delay) // the work of the subscriber
		return 202
	})
	uid := cluster.Name(name)
	mount := process.NewMount(t, contractOf(1, resource(k, name, topic, egress(uid, subscriber.URL, order))))
	plane := process.New(t, role, mount, 10*time.Second)
	plane.Start(t)
	return &victim{name: name, plane: plane, progress: subscriber.Deliveries, most: 1000, kills: 2}, subscriber
}

// A process may be killed at any moment. What was answered 202 before is in Kafka and is delivered. What was delivered
// and not committed yet is delivered again, which is counted here and allowed.
func TestNothingAnswered202IsLostWhenProcessesAreKilled(t *testing.T) {
	r := random(t)
	k := cluster.Start(t)
	topic := k.Topic(t, "kill", 4, nil)

	ordered, first := dispatcher(t, k, topic, "ordered", "egress", contract.DeliveryOrder_ORDERED, 0)
	slow, second := dispatcher(t, k, topic, "ordered-slow", "egress", contract.DeliveryOrder_ORDERED, 2*time.Millisecond)
	unordered, third := dispatcher(t, k, topic, "unordered", "egress", contract.DeliveryOrder_UNORDERED, 5*time.Millisecond)
	both, fourth := dispatcher(t, k, topic, "both", "all", contract.DeliveryOrder_UNORDERED, 0)
	receiver := process.New(t, "ingress", process.NewMount(t, contractOf(1, resource(k, "in", topic))), 10*time.Second)
	receiver.Start(t)
	toBoth := traffic.NewLoad(t, "b", 4, 20*time.Millisecond, at(both.plane, "both"))
	load := traffic.NewLoad(t, "a", 4, 20*time.Millisecond, at(receiver, "in"))
	in := &victim{name: "receiver", plane: receiver, progress: load.Accepted, most: 500, kills: 6}

	victims := []*victim{in, ordered, slow, unordered, both}
	hunt(t, r, victims)
	load.Stop()
	toBoth.Stop()
	ledger := load.Ledger()
	maps.Copy(ledger, toBoth.Ledger())
	assertNothingLost(t, k, topic, ledger, first, second, third, fourth)

	t.Logf("refused or without an answer: %v %v; the longest answers took %v and %v", load.Refused(), toBoth.Refused(),
		load.Longest().Round(time.Millisecond), toBoth.Longest().Round(time.Millisecond))
	for _, v := range victims {
		t.Logf("%s: killed %d times", v.name, v.killed)
	}
	for i, s := range []*traffic.Subscriber{first, second, third, fourth} {
		v := victims[i+1]
		t.Logf("%s: %d events, %d delivered again, %.1f for each kill", v.name, s.Distinct(), s.Repeated(), float64(s.Repeated())/float64(v.killed))
	}
}
