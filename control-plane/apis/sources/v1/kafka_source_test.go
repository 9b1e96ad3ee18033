package v1

import (
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	bindings "knative.dev/eventing-kafka-go/control-plane/apis/bindings/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
)

func full() *KafkaSource {
	s := &KafkaSource{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "s", UID: "u"}}
	s.Spec.BootstrapServers, s.Spec.Topics, s.Spec.ConsumerGroup = []string{"kafka:9092"}, []string{"t"}, "g"
	s.Spec.Net.SASL = bindings.KafkaSASLSpec{Enable: true,
		TokenProvider: bindings.SecretValueFromSource{SecretKeyRef: &corev1.SecretKeySelector{Key: "provider"}},
		RoleARN:       bindings.SecretValueFromSource{SecretKeyRef: &corev1.SecretKeySelector{Key: "role"}}}
	s.Spec.Sink = duckv1.Destination{URI: apis.HTTP("sink")}
	s.Status.Consumers = 3
	return s
}

func TestConversionKeepsEverything(t *testing.T) {
	stored, back := &v1beta1.KafkaSource{}, &KafkaSource{}
	if err := full().ConvertTo(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
	if err := back.ConvertFrom(t.Context(), stored); err != nil || !reflect.DeepEqual(back, full()) {
		t.Errorf("got %+v, %v (SRC-02, SRC-12)", back, err)
	}
	if full().ConvertTo(t.Context(), back) == nil || full().ConvertFrom(t.Context(), back) == nil ||
		stored.ConvertTo(t.Context(), stored) == nil || stored.ConvertFrom(t.Context(), stored) == nil {
		t.Error("a conversion between the wrong types")
	}
}

// The webhook knows the hub alone: it asks that for both directions.
func TestTheHubConverts(t *testing.T) {
	stored, back := &v1beta1.KafkaSource{}, &KafkaSource{}
	if err := stored.ConvertFrom(t.Context(), full()); err != nil || stored.Spec.ConsumerGroup != "g" {
		t.Fatalf("got %+v, %v (SRC-02)", stored, err)
	}
	if err := stored.ConvertTo(t.Context(), back); err != nil || !reflect.DeepEqual(back, full()) {
		t.Errorf("got %+v, %v (SRC-02, SRC-12)", back, err)
	}
}

func TestAdmissionIsThatOfV1beta1(t *testing.T) {
	s := full()
	s.SetDefaults(t.Context())
	if s.Spec.InitialOffset != v1beta1.OffsetLatest {
		t.Errorf("defaults %+v (SRC-08)", s.Spec)
	}
	if err := s.Validate(t.Context()); err != nil {
		t.Errorf("defaults are invalid: %v", err)
	}
	changed := s.DeepCopy()
	changed.Spec.ConsumerGroup = "h"
	if err := changed.Validate(apis.WithinUpdate(t.Context(), s)); err == nil || !strings.Contains(err.Error(), "Immutable fields changed") {
		t.Errorf("update: %v (SRC-06)", err)
	}
	wrong := s.DeepCopy()
	wrong.Spec.InitialOffset = "middle"
	if err := wrong.Validate(apis.WithinUpdate(t.Context(), wrong.DeepCopy())); err != nil {
		t.Errorf("what was wrong before: %v", err)
	}
	if !reflect.DeepEqual(s.GetConditionSet(), (&v1beta1.KafkaSource{}).GetConditionSet()) {
		t.Error("other conditions than v1beta1 (SRC-18)")
	}
}
