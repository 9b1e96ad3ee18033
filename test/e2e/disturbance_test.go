//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/e2e/witness"
	"knative.dev/eventing-kafka-go/test/e2e/world"
)

// load is what a Space sends under the name l to an address, and where that is delivered.
type load struct {
	address, to string
	began       time.Time
}

// begin sends: so many events a second as senders have at an interval each.
func begin(t *testing.T, s *world.Space, address, to string, senders int, interval time.Duration) load {
	t.Helper()
	l := load{address: address, to: to, began: time.Now()}
	s.Begin(t, "l", witness.Load{URL: address, Senders: senders, Interval: interval})
	s.Await(t, to, 10)
	return l
}

// loaded is a Broker with a Trigger under load: two senders, each an event every interval.
func loaded(t *testing.T, s *world.Space, interval time.Duration) load {
	t.Helper()
	s.Make(t, broker("b", "Kafka")+trigger("t", "b", s.To("t"), ""))
	s.Ready(t, kindTrigger, "t")
	return begin(t, s, world.Address(t, s.Ready(t, kindBroker, "b")), "t", 2, interval)
}

// account ends the load and checks that every event that was accepted was delivered, and once.
func (l load) account(t *testing.T, s *world.Space) {
	t.Helper()
	if again := l.delivered(t, s); again > 0 {
		t.Errorf("%d deliveries of events that were finished", again)
	}
}

// delivered ends the load and checks that every event was accepted at once, and delivered. It returns how many were so again.
func (l load) delivered(t *testing.T, s *world.Space) (again int) {
	t.Helper()
	ledger := s.End(t, "l")
	took := time.Since(l.began)
	want := map[string]bool{}
	for sender, accepted := range ledger.Accepted {
		for n := range accepted {
			want[fmt.Sprintf("l-%d-%d", sender, n)] = true
		}
	}
	var times map[string]int
	env.Until(t, world.Patience, func() string {
		times = s.Count(t, l.to)
		lost := len(want)
		for id := range want {
			if times[id] > 0 {
				lost--
			}
		}
		if lost > 0 {
			return fmt.Sprintf("%d of %d events were not delivered", lost, len(want))
		}
		return ""
	})
	for _, n := range times {
		again += n - 1
	}
	t.Logf("FIGURE %d events under load, %.0f/s: refused %v, lost 0, delivered again %d, longest answer %.2f s",
		len(want), float64(len(want))/took.Seconds(), ledger.Refused, again, ledger.Longest.Seconds())
	if len(ledger.Refused) > 0 {
		t.Errorf("sends that failed: %v", ledger.Refused)
	}
	return again
}

// Every Deployment of a data plane begins anew while some 400 events a second go through it.
func TestRollingUpdateUnderLoad(t *testing.T) {
	w := world.Start(t)
	for name, kind := range map[string]struct {
		deployments []string
		make        func(*testing.T, *world.Space) (address string)
	}{
		"Broker": {[]string{"kafka-broker-receiver", "kafka-broker-dispatcher"}, func(t *testing.T, s *world.Space) string {
			s.Make(t, broker("b", "Kafka")+trigger("t", "b", s.To("t"), ""))
			s.Ready(t, kindTrigger, "t")
			return world.Address(t, s.Ready(t, kindBroker, "b"))
		}},
		"KafkaChannel": {[]string{"kafka-channel-receiver", "kafka-channel-dispatcher"}, func(t *testing.T, s *world.Space) string {
			s.Make(t, kafkaChannel("c", "")+subscription("t", kindKafkaChannel, "c", s.To("t"), ""))
			s.Ready(t, kindSubscription, "t")
			return world.Address(t, s.Ready(t, kindKafkaChannel, "c"))
		}},
		"KafkaSink and KafkaSource": {[]string{"kafka-sink-receiver", "kafka-source-dispatcher"}, func(t *testing.T, s *world.Space) string {
			topic := w.Kafka.Topic(t, "rolling", 3, nil)
			s.Make(t, sinkAndSource("k", topic, s.To("t")))
			s.Ready(t, kindSource, "k")
			return world.Address(t, s.Ready(t, kindSink, "k"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := w.Space(t, "rolling")
			l := begin(t, s, kind.make(t, s), "t", 20, 50*time.Millisecond)
			for _, deployment := range kind.deployments {
				began := time.Now()
				w.Rollout(t, deployment)
				world.Since(t, "rolling update of "+deployment, began)
			}
			l.account(t, s)
		})
	}
}

func TestEvictionUnderLoad(t *testing.T) {
	w := world.Start(t)
	s := w.Space(t, "eviction")
	l := loaded(t, s, 20*time.Millisecond)
	for _, deployment := range []string{"kafka-broker-receiver", "kafka-broker-dispatcher"} {
		before := pods(t, w, deployment)
		// A budget that allows no disruption of one pod refuses; two pods are what users who drain nodes run.
		w.Scale(t, deployment, 2)
		err := w.Kube.PolicyV1().Evictions(world.System).Evict(t.Context(),
			&policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Namespace: world.System, Name: before[0].Name}})
		if err != nil {
			t.Fatalf("evict %s: %v", before[0].Name, err)
		}
		w.Settled(t)
		w.Scale(t, deployment, 1)
	}
	l.account(t, s)
}

// A kubelet ends pods by itself, without asking a budget and without a mark of deletion that would take them out of Services
// first. Here it is because of a deadline; a node under pressure does the same, but kubelets do not know the disks of every
// machine that this runs on.
func TestPodsEndedByTheKubeletUnderLoad(t *testing.T) {
	w := world.Start(t)
	s := w.Space(t, "kubelet")
	deployments := []string{"kafka-broker-receiver", "kafka-broker-dispatcher"}
	t.Cleanup(func() {
		for _, deployment := range deployments {
			w.Scale(t, deployment, 1)
		}
	})
	for _, deployment := range deployments {
		w.Scale(t, deployment, 2)
	}
	s.Make(t, broker("b", "Kafka")+trigger("t", "b", s.To("t"), ""))
	s.Ready(t, kindTrigger, "t")
	l := begin(t, s, world.Address(t, s.Ready(t, kindBroker, "b")), "t", 20, 200*time.Millisecond) // many connections
	for _, deployment := range deployments {
		pod := pods(t, w, deployment)[0].Name
		began := time.Now()
		w.Kubectl(t, "-n", world.System, "patch", "pod", pod, "-p", `{"spec":{"activeDeadlineSeconds":1}}`)
		env.Until(t, world.Patience, func() string {
			p, err := w.Kube.CoreV1().Pods(world.System).Get(t.Context(), pod, metav1.GetOptions{})
			if err != nil {
				return err.Error()
			}
			if p.Status.Phase != corev1.PodFailed {
				return fmt.Sprintf("pod %s is %s %s", pod, p.Status.Phase, p.Status.Reason)
			}
			return ""
		})
		w.Settled(t)
		world.Since(t, "pod of "+deployment+" ended by the kubelet to another one ready", began)
		w.Kubectl(t, "-n", world.System, "delete", "pod", pod)
	}
	l.account(t, s)
}

func pods(t *testing.T, w *world.World, app string) []corev1.Pod {
	t.Helper()
	list, err := w.Kube.CoreV1().Pods(world.System).List(t.Context(), metav1.ListOptions{LabelSelector: "app=" + app})
	if err != nil || len(list.Items) == 0 {
		t.Fatalf("pods of %s: %v %v", app, list, err)
	}
	return list.Items
}

func TestDataPlaneWorksOnWithoutAPIServerAndController(t *testing.T) {
	w := world.Start(t)
	s := w.Space(t, "outage")
	l := loaded(t, s, 50*time.Millisecond)
	w.Cluster(t, "stop", "kube-apiserver", "kube-controller-manager")
	t.Cleanup(func() { w.Cluster(t, "start", "kube-apiserver", "kube-controller-manager") })
	time.Sleep(time.Minute) // an outage that long is what the test is about
	began := time.Now()
	w.Cluster(t, "start", "kube-apiserver", "kube-controller-manager")
	world.Since(t, "API server started to ready", began)
	w.Settled(t)
	world.Since(t, "API server started to all pods ready", began)
	l.account(t, s)
	// A kubelet that was refused while the API server was not there yet looks for ConfigMaps again after up to a minute or two.
	s.Make(t, trigger("later", "b", s.To("later"), ""))
	s.Ready(t, kindTrigger, "later")
	world.Since(t, "API server started to the next Trigger Ready", began)
}

// Without our controller everything works on as it was. What users did meanwhile is followed when it is back.
func TestDataPlaneWorksOnWithoutOurController(t *testing.T) {
	const controller = "kafka-controller"
	w := world.Start(t)
	s := w.Space(t, "away")
	l := loaded(t, s, 50*time.Millisecond)
	s.Make(t, trigger("changed", "b", s.To("before"), ", filters: [{exact: {type: x}}]")+trigger("removed", "b", s.To("removed"), ""))
	s.Ready(t, kindTrigger, "changed")
	s.Ready(t, kindTrigger, "removed")
	w.Scale(t, controller, 0)
	t.Cleanup(func() { w.Scale(t, controller, 1) })
	s.Make(t, trigger("made", "b", s.To("made"), ", filters: [{exact: {type: x}}]")+
		trigger("changed", "b", s.To("after"), ", filters: [{exact: {type: x}}]"))
	w.Kubectl(t, "-n", s.Name, "delete", "trigger", "removed", "--wait=false")
	time.Sleep(time.Minute) // an absence that long is what the test is about
	s.Send(t, l.address, events("x", "1")...)
	wantIDs(t, "who was changed meanwhile", s.Await(t, "before", 1), "1")
	began := time.Now()
	w.Scale(t, controller, 1)
	world.Since(t, "controller started to its pod ready", began)
	s.Ready(t, kindTrigger, "made")
	s.Ready(t, kindTrigger, "changed")
	world.Since(t, "controller started to what was made and changed meanwhile Ready", began)
	s.Gone(t, kindTrigger, "removed")
	world.Since(t, "controller started to what was deleted meanwhile gone", began)
	s.Send(t, l.address, events("x", "2")...)
	wantIDs(t, "who was changed", s.Await(t, "after", 1), "2")
	wantIDs(t, "who was made", s.Await(t, "made", 1), "2")
	l.account(t, s)
}

func TestContractThatIsDeletedComesBack(t *testing.T) {
	w := world.Start(t)
	s := w.Space(t, "contract")
	l := loaded(t, s, 20*time.Millisecond)
	const name = "kafka-broker-brokers-triggers"
	maps := w.Kube.CoreV1().ConfigMaps(world.System)
	before, err := maps.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := maps.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	env.Until(t, world.Patience, func() string {
		now, err := maps.Get(t.Context(), name, metav1.GetOptions{})
		switch {
		case err != nil:
			return err.Error()
		case now.UID == before.UID || len(now.BinaryData) == 0:
			return "the ConfigMap is not new"
		}
		return ""
	})
	world.Since(t, "contract deleted to there again", began)
	sent := s.Sent(t, "l")
	env.Until(t, world.Patience, func() string {
		if s.Sent(t, "l") < sent+50 {
			return "events are not taken"
		}
		return ""
	})
	l.account(t, s)
}
