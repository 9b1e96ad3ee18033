package channel

import (
	"maps"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	messagingv1 "knative.dev/eventing/pkg/apis/messaging/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	bench "knative.dev/eventing-kafka-go/control-plane/reconcilertest"
)

func TestEachSubscriptionSaysHowItIsScaled(t *testing.T) { // ST-11
	s := newScene(t)
	annotations := map[string]map[string]string{"one": {annotation.MinScale: "2"}, "two": nil}
	s.In.Entries.Subscription = func(_, name string, _ types.UID) *messagingv1.Subscription {
		return &messagingv1.Subscription{ObjectMeta: metav1.ObjectMeta{Namespace: bench.Namespace, Annotations: annotations[name]}}
	}
	s.subscribe("s1", "s2")
	s.edit(func(c *messagingv1beta1.KafkaChannel) {
		one, two := "one", "two"
		c.Spec.Subscribers[0].Name, c.Spec.Subscribers[1].Name = &one, &two
	})
	members := func(want map[string]int32) {
		t.Helper()
		s.settle()
		s.says("Ready=True")
		c := s.channel()
		if got, err := entries.Members(&c.Status.Status); err != nil || !maps.Equal(got, want) {
			t.Errorf("members %v, %v; want %v", got, err, want)
		}
	}
	members(map[string]int32{"s1": 2})
	annotations["two"] = map[string]string{annotation.MinScale: "3"}
	members(map[string]int32{"s1": 2, "s2": 3})
	for _, e := range s.written[0].GetEgresses() {
		if want := map[string]int32{"s1": 2, "s2": 3}[e.GetUid()]; e.GetVReplicas() != want {
			t.Errorf("%s has %d members", e.GetUid(), e.GetVReplicas())
		}
	}
	s.edit(func(c *messagingv1beta1.KafkaChannel) { c.Spec.Subscribers = c.Spec.Subscribers[1:] })
	members(map[string]int32{"s2": 3})
	annotations["two"] = nil
	members(nil)
}
