package features

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/system"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
)

func TestTheAutoscalersDefaults(t *testing.T) { // CFG-36, CFG-37, CFG-46
	t.Setenv("SYSTEM_NAMESPACE", "knative-eventing")
	var log said
	s := NewAutoscalerStore(&log)
	for _, row := range []struct {
		name string
		data map[string]string
		want annotation.Autoscaling
		said string
	}{
		{"as it is shipped", map[string]string{
			"class": "keda.autoscaling.knative.dev", "min-scale": "0", "max-scale": "50", "polling-interval": "10", "cooldown-period": "30", "lag-threshold": "100",
		}, annotation.DefaultAutoscaling(), ""},
		{"others, and an example that is no number", map[string]string{"_example": "x", "min-scale": "1", "max-scale": "2", "polling-interval": "5"},
			annotation.Autoscaling{Class: annotation.AutoscalingKEDA, Min: 1, Max: 2, Polling: 5 * time.Second, Cooldown: 30 * time.Second, LagThreshold: 100}, ""},
		{"one that is wrong changes nothing", map[string]string{"max-scale": "x"},
			annotation.Autoscaling{Class: annotation.AutoscalingKEDA, Min: 1, Max: 2, Polling: 5 * time.Second, Cooldown: 30 * time.Second, LagThreshold: 100},
			"ConfigMap config-kafka-autoscaler: max-scale: expected a number"},
		{"disabled, and the rest means nothing", map[string]string{"class": "disabled", "max-scale": "x"},
			func() annotation.Autoscaling {
				a := annotation.DefaultAutoscaling()
				a.Class = annotation.AutoscalingDisabled
				return a
			}(), ""},
	} {
		log = nil
		s.OnConfigChanged(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: system.Namespace(), Name: AutoscalerName}, Data: row.data})
		if got := AutoscalingFrom(s.ToContext(t.Context())); got != row.want || !strings.Contains(strings.Join(log, ""), row.said) || (row.said == "") != (len(log) == 0) {
			t.Errorf("%s: %+v, %q", row.name, got, log)
		}
	}
	if AutoscalingFrom(t.Context()) != annotation.DefaultAutoscaling() {
		t.Error("a context without any has the defaults")
	}
}
