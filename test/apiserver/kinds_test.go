package apiserver

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"knative.dev/eventing-kafka-go/test/apiserver/env"
)

// kinds are what the API server and the webhook make of objects, while no controller runs. Each has names of its own.
func kinds(t *testing.T, e *env.Env) {
	for name, test := range map[string]func(*testing.T, *env.Env){
		"objects are defaulted, in every version":              defaulted,
		"objects are refused with what is wrong":               refused,
		"objects are read and written in both versions":        converted,
		"what must not change is refused":                      immutable,
		"subscribers belong to core's Subscription controller": subscribers,
		"a KafkaSource is scaled":                              scaled,
		"kubectl get has its columns":                          columns,
		"what the webhook writes about itself":                 configurations,
		"a delivery with unknown fields":                       unknown,
		"flags are followed":                                   flags,
		"what belongs to the webhook alone":                    rights,
		"pods see what is mounted":                             pods,
		"a webhook without its namespace ends":                 needsItsNamespace,
	} {
		t.Run(name, func(t *testing.T) { test(t, e) })
	}
}

const (
	sourceSpec  = "spec: {bootstrapServers: [kafka:9092], topics: [t], sink: {uri: http://sink}}"
	channelKind = "KafkaChannel"
	// coreController is who writes the subscribers of channels.
	coreController = "system:serviceaccount:knative-eventing:eventing-controller"
)

func kind(group, version, name string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: group, Version: version, Kind: name}
}

// field returns what an object has at a path of names, nil for nothing.
func field(t *testing.T, o *env.Object, path string) any {
	t.Helper()
	value, _, err := unstructured.NestedFieldNoCopy(o.Object, strings.Split(path, ".")...)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func defaulted(t *testing.T, e *env.Env) {
	for _, tt := range []struct {
		manifest string
		want     map[string]any
	}{
		{"{apiVersion: messaging.knative.dev/v1beta1, kind: KafkaChannel, metadata: {name: defaulted-a, namespace: default}}",
			map[string]any{"spec.numPartitions": int64(1), "spec.replicationFactor": int64(1), "spec.retentionDuration": "PT168H"}},
		{"{apiVersion: messaging.knative.dev/v1, kind: KafkaChannel, metadata: {name: defaulted-b, namespace: default}, spec: {numPartitions: 3}}",
			map[string]any{"spec.numPartitions": int64(3), "spec.replicationFactor": int64(1), "spec.retentionDuration": "PT168H"}},
		{"{apiVersion: sources.knative.dev/v1beta1, kind: KafkaSource, metadata: {name: defaulted-a, namespace: default}, " + sourceSpec + "}",
			map[string]any{"spec.consumers": int64(1), "spec.initialOffset": "latest", "spec.ordering": "ordered"}},
		{"{apiVersion: sources.knative.dev/v1, kind: KafkaSource, metadata: {name: defaulted-b, namespace: default}, " + sourceSpec + "}",
			map[string]any{"spec.consumers": int64(1), "spec.initialOffset": "latest", "spec.ordering": "ordered"}},
		{"{apiVersion: eventing.knative.dev/v1alpha1, kind: KafkaSink, metadata: {name: defaulted, namespace: default}, " +
			"spec: {topic: t, bootstrapServers: [kafka:9092]}}", map[string]any{"spec.contentMode": "binary"}},
		{"{apiVersion: kafka.eventing.knative.dev/v1alpha1, kind: ResetOffset, metadata: {name: defaulted, namespace: default}, " +
			"spec: {offset: {time: earliest}, ref: {apiVersion: eventing.knative.dev/v1, kind: Trigger, name: x}}}",
			map[string]any{"spec.ref.namespace": "default"}},
	} {
		o := e.Apply(t, tt.manifest)
		for path, want := range tt.want {
			if got := field(t, o, path); got != want {
				t.Errorf("%s %s: %s is %v, not %v", o.GetAPIVersion(), o.GetKind(), path, got, want)
			}
		}
		if group, ok := field(t, o, "spec.consumerGroup").(string); o.GetKind() == "KafkaSource" && (!ok || !strings.HasPrefix(group, "knative-kafka-source-")) {
			t.Errorf("consumer group %q (SRC-06)", group)
		}
		if o.GetKind() == channelKind && o.GetAnnotations()["messaging.knative.dev/subscribable"] != "v1" {
			t.Errorf("annotations %v (CH-18)", o.GetAnnotations())
		}
	}
}

func refused(t *testing.T, e *env.Env) {
	for _, tt := range []struct{ manifest, want string }{
		{"{apiVersion: messaging.knative.dev/v1beta1, kind: KafkaChannel, metadata: {name: refused, namespace: default}, spec: {numPartitions: -1}}",
			`admission webhook "validation.webhook.kafka.eventing.knative.dev" denied the request: validation failed: ` +
				"invalid value: -1: spec.numPartitions"},
		{"{apiVersion: messaging.knative.dev/v1, kind: KafkaChannel, metadata: {name: refused, namespace: default}, spec: {delivery: {backoffDelay: '-'}}}",
			"invalid value: -: spec.delivery.backoffDelay"},
		{"{apiVersion: messaging.knative.dev/v1, kind: KafkaChannel, metadata: {name: refused, namespace: default}, spec: {replicationFactor: 32768}}",
			"spec.replicationFactor"},
		{"{apiVersion: sources.knative.dev/v1, kind: KafkaSource, metadata: {name: refused, namespace: default}, spec: {bootstrapServers: [], topics: [], sink: {uri: http://sink}}}",
			"missing field(s): spec.bootstrapServers, spec.topics"},
		{"{apiVersion: eventing.knative.dev/v1alpha1, kind: KafkaSink, metadata: {name: refused, namespace: default}, spec: {topic: t, bootstrapServers: [], contentMode: binary}}",
			"invalid value: []: spec.bootstrapServers"},
		{"{apiVersion: eventing.knative.dev/v1alpha1, kind: KafkaSink, metadata: {name: refused, namespace: default}, spec: {topic: t, bootstrapServers: [k], contentMode: x}}",
			"spec.contentMode: Unsupported value"},
		{"{apiVersion: kafka.eventing.knative.dev/v1alpha1, kind: ResetOffset, metadata: {name: refused, namespace: default}, " +
			"spec: {offset: {time: '9999-01-01T00:00:00Z'}, ref: {apiVersion: eventing.knative.dev/v1, kind: Trigger, name: x}}}",
			"expected a time that is not in the future"},
		{"{apiVersion: eventing.knative.dev/v1, kind: Broker, metadata: {name: refused, namespace: default, annotations: {eventing.knative.dev/broker.class: Kafka}}, " +
			"spec: {config: {apiVersion: v1, kind: Secret, name: s}}}", "invalid value: Secret: spec.config.kind"},
	} {
		o := env.Parse(t, tt.manifest)[0]
		if _, err := e.TryApply(t, o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.manifest, err, tt.want)
		}
	}
	// Of other classes, and with what core alone judges, Brokers are not ours.
	e.Apply(t, "{apiVersion: eventing.knative.dev/v1, kind: Broker, metadata: {name: taken, namespace: default, "+
		"annotations: {eventing.knative.dev/broker.class: Kafka}}, spec: {delivery: {backoffDelay: '-'}}}")
}

func converted(t *testing.T, e *env.Env) {
	e.Apply(t, `
{apiVersion: messaging.knative.dev/v1, kind: KafkaChannel, metadata: {name: converted, namespace: default}, spec: {numPartitions: 5}}
---
apiVersion: sources.knative.dev/v1
kind: KafkaSource
metadata: {name: converted, namespace: default}
spec:
  bootstrapServers: [kafka:9092]
  topics: [t]
  sink: {uri: http://sink}
  net: {sasl: {enable: true, tokenProvider: {secretKeyRef: {name: s, key: provider}}, roleARN: {secretKeyRef: {name: s, key: role}}}}`)
	for _, group := range []struct{ group, kind, path string }{
		{"messaging.knative.dev", channelKind, "spec.numPartitions"},
		{"sources.knative.dev", "KafkaSource", "spec.net.sasl.tokenProvider.secretKeyRef.key"}, // SRC-12
	} {
		v1 := e.Get(t, kind(group.group, "v1", group.kind), "default", "converted")
		v1beta1 := e.Get(t, kind(group.group, "v1beta1", group.kind), "default", "converted")
		a, b := field(t, v1, group.path), field(t, v1beta1, group.path)
		if a == nil || a != b || v1.GetUID() != v1beta1.GetUID() || v1.GetAPIVersion() == v1beta1.GetAPIVersion() {
			t.Errorf("%s is %v in v1 and %v in v1beta1 (CH-05, SRC-02)", group.kind, a, b)
		}
		changed, err := e.Patch(t, v1beta1, "metadata: {labels: {by: v1beta1}}")
		if err != nil || e.Get(t, v1.GroupVersionKind(), "default", "converted").GetLabels()["by"] != "v1beta1" {
			t.Errorf("a change in v1beta1 is not in v1: %v, %v", changed, err)
		}
	}
}

func immutable(t *testing.T, e *env.Env) {
	for _, tt := range []struct{ manifest, change, want string }{
		{"{apiVersion: messaging.knative.dev/v1beta1, kind: KafkaChannel, metadata: {name: immutable, namespace: default}}",
			"spec: {numPartitions: 2}", "Immutable fields changed (-old +new): spec"},
		{"{apiVersion: messaging.knative.dev/v1, kind: KafkaChannel, metadata: {name: immutable, namespace: default}}",
			"spec: {retentionDuration: PT1H}", "Immutable fields changed (-old +new): spec"},
		{"{apiVersion: sources.knative.dev/v1, kind: KafkaSource, metadata: {name: immutable, namespace: default}, " + sourceSpec + "}",
			"spec: {consumerGroup: other}", "Immutable fields changed (-old +new): spec"},
		{"{apiVersion: eventing.knative.dev/v1alpha1, kind: KafkaSink, metadata: {name: immutable, namespace: default}, spec: {topic: t, bootstrapServers: [k]}}",
			"spec: {topic: u}", "Immutable field updated: spec.topic"},
		{"{apiVersion: kafka.eventing.knative.dev/v1alpha1, kind: ResetOffset, metadata: {name: immutable, namespace: default}, " +
			"spec: {offset: {time: earliest}, ref: {apiVersion: eventing.knative.dev/v1, kind: Trigger, name: x}}}",
			"spec: {offset: {time: latest}}", "Immutable fields changed (-old +new): spec"},
	} {
		o := e.Apply(t, tt.manifest)
		if _, err := e.Patch(t, o, tt.change); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s, %s: got %v", o.GetKind(), tt.change, err)
		}
		// A status is written whatever the rest is.
		if changed, err := e.Patch(t, o, "status: {observedGeneration: 7}", "status"); err != nil || field(t, changed, "status.observedGeneration") != int64(7) {
			t.Errorf("%s: the status: %v", o.GetKind(), err)
		}
	}
}

func subscribers(t *testing.T, e *env.Env) {
	o := e.Apply(t, "{apiVersion: messaging.knative.dev/v1, kind: KafkaChannel, metadata: {name: subscribers, namespace: default}}")
	change := "spec: {subscribers: [{uid: u, subscriberUri: http://a}]}"
	_, err := e.Patch(t, o, change)
	want := "Channel.Spec.Subscribers changed by user admin which was not the system:serviceaccount:knative-eventing:eventing-controller service account"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v (CH-13)", err)
	}
	if _, err := e.Acting(t, coreController, "system:masters").Patch(t, o, change); err != nil {
		t.Errorf("core's controller: %v (CH-13)", err)
	}
}

func scaled(t *testing.T, e *env.Env) {
	o := e.Apply(t, "{apiVersion: sources.knative.dev/v1, kind: KafkaSource, metadata: {name: scaled, namespace: default}, "+sourceSpec+"}")
	if _, err := e.Patch(t, o, "status: {consumers: 2, selector: a=b}", "status"); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Patch(t, o, "spec: {replicas: 4}", "scale"); err != nil {
		t.Fatalf("scale: %v (SRC-04)", err)
	}
	scale, err := e.Of(o.GroupVersionKind(), "default").Get(t.Context(), "scaled", metav1.GetOptions{}, "scale")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]any{"spec.replicas": int64(4), "status.replicas": int64(2), "status.selector": "a=b"} {
		if got := field(t, scale, path); got != want {
			t.Errorf("%s of the scale is %v (SRC-04)", path, got)
		}
	}
	if got := field(t, e.Get(t, o.GroupVersionKind(), "default", "scaled"), "spec.consumers"); got != int64(4) {
		t.Errorf("spec.consumers is %v (SRC-04)", got)
	}
}
