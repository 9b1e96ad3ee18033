package v1

import (
	"reflect"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
)

func full() *KafkaChannel {
	return &KafkaChannel{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "c", UID: "u", Generation: 3, Annotations: map[string]string{"a": "b"}},
		Spec: v1beta1.KafkaChannelSpec{NumPartitions: 3, ReplicationFactor: 2, RetentionDuration: "P1D",
			ChannelableSpec: eventingduck.ChannelableSpec{SubscribableSpec: eventingduck.SubscribableSpec{
				Subscribers: []eventingduck.SubscriberSpec{{UID: "s", SubscriberURI: apis.HTTP("a")}}}}},
		Status: v1beta1.KafkaChannelStatus{ChannelableStatus: eventingduck.ChannelableStatus{Status: duckv1.Status{ObservedGeneration: 3}}},
	}
}

func TestConversionCopiesUnchanged(t *testing.T) {
	stored := &v1beta1.KafkaChannel{}
	if err := full().ConvertTo(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
	back := &KafkaChannel{}
	if err := back.ConvertFrom(t.Context(), stored); err != nil || !reflect.DeepEqual(back, full()) {
		t.Errorf("got %+v, %v (CH-05)", back, err)
	}
	stored.Spec.Subscribers[0].UID = "changed"
	if back.Spec.Subscribers[0].UID != "s" {
		t.Error("the copies share memory")
	}
}

func TestConversionRefusesOtherTypes(t *testing.T) {
	if err := full().ConvertTo(t.Context(), &KafkaChannel{}); err == nil {
		t.Error("converted to v1")
	}
	if err := full().ConvertFrom(t.Context(), &KafkaChannel{}); err == nil {
		t.Error("converted from v1")
	}
	hub := &v1beta1.KafkaChannel{}
	if hub.ConvertTo(t.Context(), hub) == nil || hub.ConvertFrom(t.Context(), hub) == nil {
		t.Error("the hub converted itself")
	}
}

// The webhook knows the hub alone: it asks that for both directions.
func TestTheHubConverts(t *testing.T) {
	stored, back := &v1beta1.KafkaChannel{}, &KafkaChannel{}
	if err := stored.ConvertFrom(t.Context(), full()); err != nil || stored.Spec.NumPartitions != 3 {
		t.Fatalf("got %+v, %v (CH-05)", stored, err)
	}
	if err := stored.ConvertTo(t.Context(), back); err != nil || !reflect.DeepEqual(back, full()) {
		t.Errorf("got %+v, %v (CH-05)", back, err)
	}
}

func TestAdmissionIsThatOfV1beta1(t *testing.T) {
	c := &KafkaChannel{}
	c.SetDefaults(t.Context())
	if c.Spec.NumPartitions != 1 || c.Annotations["messaging.knative.dev/subscribable"] != "v1" {
		t.Errorf("defaults %+v (CH-08, CH-18)", c)
	}
	if err := c.Validate(t.Context()); err != nil {
		t.Errorf("defaults are invalid: %v", err)
	}
	changed := c.DeepCopy()
	changed.Spec.NumPartitions = 2
	if err := changed.Validate(apis.WithinUpdate(t.Context(), c)); err == nil || !strings.Contains(err.Error(), "Immutable fields changed") {
		t.Errorf("update: %v (CH-11)", err)
	}
	wrong := changed.DeepCopy()
	wrong.Annotations["eventing.knative.dev/scope"] = "x"
	if err := wrong.Validate(apis.WithinUpdate(t.Context(), wrong.DeepCopy())); err != nil {
		t.Errorf("what was wrong before: %v", err)
	}
	changed.Annotations["eventing.knative.dev/scope"] = "x"
	changed.Spec.ReplicationFactor = 0
	err := changed.Validate(t.Context())
	for _, path := range []string{"spec.replicationFactor", "metadata.annotations[eventing.knative.dev/scope]"} {
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%v lacks %s (CH-09, CH-16)", err, path)
		}
	}
	if !reflect.DeepEqual(c.GetConditionSet(), (&v1beta1.KafkaChannel{}).GetConditionSet()) {
		t.Error("other conditions than v1beta1 (CH-20)")
	}
}
