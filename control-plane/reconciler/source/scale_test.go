package source

import (
	"slices"
	"strings"
	"testing"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/entries"
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

func TestEverythingIsScaledWhereThatIsSwitchedOn(t *testing.T) {
	s := newScene(t)
	with := *s.kafka
	with.KEDA, s.kafka = true, &with
	s.settle()
	k := s.source()
	if members, err := entries.Members(&k.Status.Status); err != nil || members[""] != 1 {
		t.Errorf("recorded %v, %v", members, err)
	}
}
