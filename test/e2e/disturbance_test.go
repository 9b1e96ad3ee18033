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

// loaded is a Broker with a Trigger under load: two senders, each an event every interval.
func loaded(t *testing.T, s *world.Space, interval time.Duration) (address string) {
	t.Helper()
	s.Make(t, broker("b", "Kafka")+trigger("t", "b", s.To("t"), ""))
	s.Ready(t, kindTrigger, "t")
	address = world.Address(t, s.Ready(t, kindBroker, "b"))
	s.Begin(t, "l", witness.Load{URL: address, Senders: 2, Interval: interval})
	s.Await(t, "t", 10)
	return address
}

// account ends the load and checks that every event that was accepted was delivered, and how often.
func account(t *testing.T, s *world.Space) {
	t.Helper()
	ledger := s.End(t, "l")
	want := map[string]bool{}
	for sender, accepted := range ledger.Accepted {
		for n := range accepted {
			want[fmt.Sprintf("l-%d-%d", sender, n)] = true
		}
	}
	var times map[string]int
	env.Until(t, world.Patience, func() string {
		times = map[string]int{}
		for _, d := range s.Seen(t, "t") {
			times[d.ID()]++
		}
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
	again := 0
	for _, n := range times {
		again += n - 1
	}
	t.Logf("FIGURE %d events under load: refused %v, lost 0, delivered again %d, longest answer %.2f s",
		len(want), ledger.Refused, again, ledger.Longest.Seconds())
	if len(ledger.Refused) > 0 {
		t.Errorf("sends that failed: %v", ledger.Refused)
	}
	if again > 0 {
		t.Errorf("%d deliveries of events that were finished", again)
	}
}

func TestRollingUpdateUnderLoad(t *testing.T) {
	w := world.Start(t)
	s := w.Space(t, "rolling")
	loaded(t, s, 20*time.Millisecond)
	for _, deployment := range []string{"kafka-broker-receiver", "kafka-broker-dispatcher"} {
		began := time.Now()
		w.Rollout(t, deployment)
		world.Since(t, "rolling update of "+deployment, began)
	}
	account(t, s)
}

func TestEvictionUnderLoad(t *testing.T) {
	w := world.Start(t)
	s := w.Space(t, "eviction")
	loaded(t, s, 20*time.Millisecond)
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
	account(t, s)
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
	loaded(t, s, 50*time.Millisecond)
	w.Cluster(t, "stop", "kube-apiserver", "kube-controller-manager")
	t.Cleanup(func() { w.Cluster(t, "start", "kube-apiserver", "kube-controller-manager") })
	time.Sleep(time.Minute) // an outage that long is what the test is about
	began := time.Now()
	w.Cluster(t, "start", "kube-apiserver", "kube-controller-manager")
	world.Since(t, "API server started to ready", began)
	w.Settled(t)
	world.Since(t, "API server started to all pods ready", began)
	account(t, s)
	// A kubelet that was refused while the API server was not there yet looks for ConfigMaps again after up to a minute or two.
	s.Make(t, trigger("later", "b", s.To("later"), ""))
	s.Ready(t, kindTrigger, "later")
	world.Since(t, "API server started to the next Trigger Ready", began)
}

func TestContractThatIsDeletedComesBack(t *testing.T) {
	w := world.Start(t)
	s := w.Space(t, "contract")
	loaded(t, s, 20*time.Millisecond)
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
	account(t, s)
}
