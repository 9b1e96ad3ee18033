package eventing

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
)

func check(t *testing.T, got *apis.FieldError, want string) {
	t.Helper()
	if want == "" && got != nil || want != "" && (got == nil || !strings.Contains(got.Error(), want)) {
		t.Errorf("got %v, want %q", got, want)
	}
}

func TestValidateBroker(t *testing.T) {
	tests := []struct {
		name, class string
		config      *duckv1.KReference
		fallback    string
		want        string
	}{
		{"no configuration is core's matter (BR-02)", "Kafka", nil, "", ""},
		{"a ConfigMap (BR-02)", "Kafka", &duckv1.KReference{Kind: "ConfigMap", Namespace: "other", Name: "c"}, "", ""},
		{"in any case (BR-02)", "KafkaNamespaced", &duckv1.KReference{Kind: "configmap", Name: "c"}, "", ""},
		{"no kind (BR-02)", "Kafka", &duckv1.KReference{Name: "c"}, "", ""},
		{"a Secret (BR-02)", "Kafka", &duckv1.KReference{Kind: "Secret", Name: "c"}, "", "invalid value: Secret: spec.config.kind"},
		{"a Secret of another class is not ours (BR-02)", "MTChannelBasedBroker", &duckv1.KReference{Kind: "Secret"}, "x", ""},
		{"no class is not ours (BR-01)", "", &duckv1.KReference{Kind: "Secret"}, "", ""},
		{"the class is case-sensitive (BR-01)", "kafka", &duckv1.KReference{Kind: "Secret"}, "", ""},
		{"namespaced, in its namespace (BR-02)", "KafkaNamespaced", &duckv1.KReference{Kind: "ConfigMap", Namespace: "ns"}, "", ""},
		{"namespaced, in another one (BR-02)", "KafkaNamespaced", &duckv1.KReference{Kind: "ConfigMap", Namespace: "other"}, "", "invalid value: other: spec.config.namespace"},
		{"namespaced, both wrong (BR-02)", "KafkaNamespaced", &duckv1.KReference{Kind: "Secret", Namespace: "other"}, "", "spec.config.kind"},
		{"key fallback (IN-38)", "Kafka", nil, "subject", ""},
		{"another key fallback (IN-38)", "Kafka", nil, "source", "metadata.annotations[" + annotation.KeyFallback + "]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &eventingv1.Broker{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Annotations: map[string]string{}},
				Spec: eventingv1.BrokerSpec{Config: tt.config}}
			if tt.class != "" {
				b.Annotations[BrokerClassAnnotation] = tt.class
			}
			if tt.fallback != "" {
				b.Annotations[annotation.KeyFallback] = tt.fallback
			}
			check(t, ValidateBroker(b), tt.want)
		})
	}
}

func TestValidateTrigger(t *testing.T) {
	const order, scope = annotation.DeliveryOrder, annotation.DeliveryOrderScope
	tests := []struct {
		name        string
		annotations map[string]string
		want        string
		warning     bool
	}{
		{"nothing said (TR-03)", nil, "", false},
		{"ordered (TR-03)", map[string]string{order: "ORDERED"}, "", false},
		{"ordered by key (TR-04)", map[string]string{order: "ordered", scope: "key"}, "", false},
		{"another order (TR-03)", map[string]string{order: "fifo"}, "invalid value: fifo: metadata.annotations[" + order + "]", false},
		{"key is a scope and no order (TR-04)", map[string]string{order: "key"}, "metadata.annotations[" + order + "]", false},
		{"another scope (TR-04)", map[string]string{order: "ordered", scope: "x"}, "invalid value: x: metadata.annotations[" + scope + "]", false},
		{"a pace", map[string]string{annotation.RateLimit: "10", annotation.Breaker: "true"}, "", false},
		{"a pace that is none", map[string]string{annotation.RateLimit: "fast"}, "invalid value: fast: metadata.annotations[" + annotation.RateLimit + "]", false},
		{"strict replies that are neither", map[string]string{annotation.StrictReplies: "1"}, "metadata.annotations[" + annotation.StrictReplies + "]", false},
		{"both wrong", map[string]string{order: "x", scope: "y"}, "metadata.annotations[" + scope + "]", false},
		{"by key without an order (TR-04)", map[string]string{scope: "key"}, "has no effect without", true},
		{"by partition without an order (TR-04)", map[string]string{scope: "partition"}, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := ValidateTrigger(&eventingv1.Trigger{ObjectMeta: metav1.ObjectMeta{Annotations: tt.annotations}})
			check(t, err, tt.want)
			if tt.warning && (err.Filter(apis.ErrorLevel) != nil || err.Filter(apis.WarningLevel) == nil) {
				t.Errorf("%v is no warning", err)
			}
		})
	}
}
