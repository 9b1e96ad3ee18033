package source

import (
	"errors"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgotesting "k8s.io/client-go/testing"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/features"
)

// scaled sets annotations that have the source scaled.
func (s *scene) scaled(annotations map[string]string) {
	k := s.source()
	k.Annotations = annotations
	s.put(k) // annotations are not part of a generation
}

func TestConsumersFollowWhatWaits(t *testing.T) {
	s := newScene(t)
	s.settle()
	for _, step := range []struct {
		name        string
		annotations map[string]string
		recorded    map[string]int32 // by a scaler of before, which this one begins with
		consumers   int32
	}{
		{"at least two", map[string]string{annotation.MinScale: "2"}, nil, 2},
		{"no more than partitions", map[string]string{annotation.MinScale: "5"}, nil, 2},
		{"at most one", map[string]string{annotation.MaxScale: "1"}, nil, 1},
		{"none while nothing waits (EG-96)", map[string]string{annotation.MinScale: "0"}, map[string]int32{"": 0}, 0},
		{"what cannot be read changes nothing", map[string]string{annotation.MinScale: "x"}, nil, 0},
		{"disabled", map[string]string{annotation.AutoscalingClass: "disabled"}, nil, 1},
		{"nothing is said any more", nil, nil, 1},
	} {
		if step.recorded != nil {
			s.In.Scaler.Forget("k-uid")
			k := s.source()
			entries.SetMembers(&k.Status.Status, step.recorded)
			s.put(k)
		}
		s.scaled(step.annotations)
		if s.step(); step.consumers > 0 && step.annotations[annotation.AutoscalingClass] == "" && len(step.annotations) > 0 {
			s.says("Ready=True") // before pods have taken it up
		}
		s.settle()
		s.says("Ready=True")
		k := s.source()
		members, err := entries.Members(&k.Status.Status)
		if k.Status.Consumers != step.consumers || err != nil || s.err != nil {
			t.Errorf("%s: %+v", step.name, k.Status)
		}
		if is := len(members) > 0; is != (step.annotations[annotation.MinScale]+step.annotations[annotation.MaxScale] != "") {
			t.Errorf("%s: recorded %v", step.name, members)
		}
	}
	if !slices.ContainsFunc(s.events, func(e string) bool {
		return strings.HasPrefix(e, "Warning AutoscalingInvalid Consumer group group is not scaled: metadata.annotations[autoscaling.eventing.knative.dev/min-scale]: expected a number")
	}) {
		t.Errorf("%q", s.events)
	}
}

func TestASourceWithoutConsumersRestsWhateverWaits(t *testing.T) {
	s, none := newScene(t), int32(0)
	s.scaled(map[string]string{annotation.MinScale: "2"})
	s.spec(func(k *sourcesv1beta1.KafkaSourceSpec) { k.Consumers = &none })
	s.settle()
	s.says("Ready=True")
	if k := s.source(); k.Status.Consumers != 0 {
		t.Errorf("%+v", k.Status)
	}
	if e := s.written[0].GetEgresses()[0]; !e.GetPaused() {
		t.Errorf("%v", e)
	}
}

// switchedOn has everything scaled, by KEDA where that is installed.
func (s *scene) switchedOn(installed bool) {
	with := *s.kafka
	with.KEDA, s.kafka = true, &with
	s.dynamic.PrependReactor("list", "scaledobjects", func(clientgotesting.Action) (bool, runtime.Object, error) {
		if installed {
			return false, nil, nil
		}
		return true, nil, apierrors.NewNotFound(schema.GroupResource{}, "")
	})
}

// scaledObject is what KEDA has been told.
func (s *scene) scaledObject() map[string]any {
	o, err := s.dynamic.Resource(schema.GroupVersionResource{Group: "keda.sh", Version: "v1alpha1", Resource: "scaledobjects"}).
		Namespace("ns").Get(s.Ctx, "so-k-uid", metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return o.Object
}

func (s *scene) members() map[string]int32 {
	s.t.Helper()
	members, err := entries.Members(&s.source().Status.Status)
	if err != nil {
		s.t.Fatal(err)
	}
	return members
}

func TestWithoutKEDAASourceIsScaledAllTheSame(t *testing.T) {
	s := newScene(t)
	s.switchedOn(false)
	s.settle()
	if got := s.members(); got[""] != 1 || s.scaledObject() != nil {
		t.Errorf("recorded %v, %v", got, s.scaledObject())
	}
}

func TestKEDAScalesASource(t *testing.T) { // EG-98, EG-104, EG-105
	s, none := newScene(t), int32(0)
	s.switchedOn(true)
	s.settle()
	s.says("Ready=True")
	if len(s.members()) > 0 || s.scaledObject() == nil {
		t.Fatalf("recorded %v, %v", s.members(), s.scaledObject())
	}
	s.spec(func(k *sourcesv1beta1.KafkaSourceSpec) { k.Consumers = &none }) // as KEDA does it
	s.settle()
	s.says("Ready=True")
	s.dynamic.ClearActions()
	s.Client.ClearActions()
	s.step()
	for _, a := range append(s.dynamic.Actions(), s.Client.Actions()...) {
		if a.GetVerb() != "get" && a.GetVerb() != "list" {
			t.Errorf("%s %s with nothing to do", a.GetVerb(), a.GetResource().Resource)
		}
	}
	s.scaled(map[string]string{annotation.MinScale: "x"})
	s.settle()
	if s.scaledObject() == nil || len(s.events) == 0 || !strings.HasPrefix(s.events[len(s.events)-1], "Warning AutoscalingInvalid") {
		t.Errorf("an annotation that cannot be read: %v %q", s.scaledObject(), s.events)
	}
	s.scaled(map[string]string{annotation.AutoscalingClass: "disabled"})
	s.settle()
	if k := s.source(); s.scaledObject() != nil || k.Status.Annotations[kedaStatusAnnotation] != "" || len(s.members()) > 0 {
		t.Errorf("disabled: %v, %+v", s.scaledObject(), k.Status)
	}
}

func TestWhatKEDACannotConnectToIsScaledAllTheSame(t *testing.T) { // EG-103
	s := newScene(t)
	s.authenticate(map[string]string{"user": "u", "password": "p", "type": "OAUTHBEARER"})
	s.switchedOn(true)
	x := s.bare().run(s.Ctx, s.source())
	x.flags.Kafka = s.kafka
	byKEDA, err := x.scaleByKEDA(features.WithConfig(s.Ctx, s.kafka))
	if byKEDA || err != nil || s.scaledObject() != nil {
		t.Errorf("%v, %v, %v", byKEDA, err, s.scaledObject())
	}
	if events := s.Events(); len(events) != 1 || !strings.Contains(events[0], `not by KEDA: SASL type value "OAUTHBEARER" is not supported`) {
		t.Errorf("%q", events)
	}
}

func TestWhenKEDARefusesTheSourceGoesOn(t *testing.T) {
	s := newScene(t)
	s.switchedOn(true)
	s.dynamic.PrependReactor("create", "scaledobjects", func(clientgotesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("no quota")
	})
	s.settle()
	s.says("Ready=True")
	if s.err == nil || !strings.Contains(s.err.Error(), "scaled by KEDA: ScaledObject ns/so-k-uid: no quota") {
		t.Errorf("error %v", s.err)
	}
}
