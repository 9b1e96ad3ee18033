package admission

import (
	"maps"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/logging"

	sourcesv1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1"
	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
)

func TestSourcesAreScaledAsTheInstallationSays(t *testing.T) { // CFG-44
	const prefix = "autoscaling.eventing.knative.dev/"
	keda := map[string]string{prefix + "class": "keda.autoscaling.knative.dev", prefix + "min-scale": "1", prefix + "max-scale": "5",
		prefix + "polling-interval": "30", prefix + "cooldown-period": "300", prefix + "lag-threshold": "10"}
	f := &flags{log: logging.FromContext(t.Context())}
	for _, step := range []struct {
		name  string
		data  map[string]string
		given map[string]string
		want  map[string]string
	}{
		{"no class is nothing", map[string]string{"maxScale": "5"}, nil, nil},
		{"a class", map[string]string{"autoscalingClass": "keda.autoscaling.knative.dev", "maxScale": "5"}, nil, keda},
		{"a source that says it itself", map[string]string{"autoscalingClass": "keda.autoscaling.knative.dev"},
			map[string]string{prefix + "class": "disabled"}, map[string]string{prefix + "class": "disabled"}},
		{"a number that is none: what was in force stays", map[string]string{"autoscalingClass": "keda.autoscaling.knative.dev", "minScale": "x"},
			map[string]string{"a": "b"}, map[string]string{"a": "b", prefix + "max-scale": "1"}},
		{"another class: what was in force stays", map[string]string{"autoscalingClass": "hpa"}, nil, map[string]string{prefix + "max-scale": "1"}},
		{"the ConfigMap is as it is shipped", map[string]string{"_example": "autoscalingClass: x"}, nil, nil},
	} {
		f.updateSources(&corev1.ConfigMap{Data: step.data})
		for kind, source := range map[string]apis.Defaultable{"v1beta1": &sourcesv1beta1.KafkaSource{}, "v1": &sourcesv1.KafkaSource{}} {
			got := map[string]string{}
			switch s := source.(type) {
			case *sourcesv1beta1.KafkaSource:
				s.Annotations = maps.Clone(step.given)
				s.SetDefaults(f.sources(t.Context()))
				got = s.Annotations
			case *sourcesv1.KafkaSource:
				s.Annotations = maps.Clone(step.given)
				s.SetDefaults(f.sources(t.Context()))
				got = s.Annotations
			}
			for key, value := range step.want {
				if got[key] != value {
					t.Errorf("%s, %s: %v", step.name, kind, got)
				}
			}
			if len(step.want) == 0 && len(got) > 0 || len(step.given) > 0 && step.want[prefix+"class"] == "disabled" && len(got) > 1 {
				t.Errorf("%s, %s: %v", step.name, kind, got)
			}
		}
	}
}
