package main

import (
	"bytes"
	"os"
	"reflect"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/leaderelection"
	"sigs.k8s.io/yaml"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/environment"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/broker"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/channel"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/namespacedbroker"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/sink"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/source"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/trigger"
)

func read(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile("../../../config/control-plane/" + file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(bytes.TrimPrefix(text, []byte("---\n")), into); err != nil {
		t.Fatal(err)
	}
}

func TestLeasesAreThoseOfEarlierControllers(t *testing.T) { // CFG-38 to CFG-40
	var cm corev1.ConfigMap
	read(t, "300-leader-election.yaml", &cm)
	c, err := leaderelection.NewConfigFromConfigMap(&cm)
	if err != nil || cm.Name != "config-kafka-leader-election" || c.Buckets != 1 ||
		c.LeaseDuration.Seconds() != 15 || c.RenewDeadline.Seconds() != 10 || c.RetryPeriod.Seconds() != 2 {
		t.Fatalf("%s: %+v, %v", cm.Name, c, err)
	}
	const ours, incumbent = component + ".knative.dev.eventing-kafka-go.control-plane.reconciler.", component + ".knative.dev.eventing-kafka-broker.control-plane.pkg.reconciler."
	want := map[string]string{
		ours + "source.Reconciler":            "kafka-controller.knative.dev.eventing-kafka.pkg.source.reconciler.source.reconciler",
		ours + "channel.Reconciler":           "kafkachannel-controller.knative.dev.eventing-kafka.pkg.channel.consolidated.reconciler.controller.reconciler",
		ours + "broker.Reconciler":            incumbent + "broker.reconciler",
		ours + "namespacedbroker.Reconciler":  incumbent + "broker.namespacedreconciler",
		ours + "trigger.Reconciler":           incumbent + "trigger.v2.reconciler",
		ours + "trigger.NamespacedReconciler": incumbent + "trigger.namespacedreconciler",
		ours + "sink.Reconciler":              incumbent + "sink.reconciler",
	}
	if !reflect.DeepEqual(c.LeaseNamesPrefixMapping, want) {
		t.Errorf("leases %v", c.LeaseNamesPrefixMapping)
	}
	// ResetOffsets are reconciled by none of them, so their Lease may have any name.
	for _, of := range []reflect.Type{ // as generated controllers name their queues
		reflect.TypeFor[broker.Reconciler](), reflect.TypeFor[namespacedbroker.Reconciler](),
		reflect.TypeFor[trigger.Reconciler](), reflect.TypeFor[trigger.NamespacedReconciler](),
		reflect.TypeFor[channel.Reconciler](), reflect.TypeFor[sink.Reconciler](), reflect.TypeFor[source.Reconciler](),
	} {
		if name := component + "." + strings.ReplaceAll(of.PkgPath(), "/", ".") + "." + of.Name(); c.LeaseNamesPrefixMapping[name] == "" {
			t.Errorf("%s has a lease that earlier controllers do not know", name)
		}
	}
}

func TestTheDeploymentStartsTheProgram(t *testing.T) { // REL-14, REL-17, SEC-50
	var d appsv1.Deployment
	read(t, "500-controller.yaml", &d)
	pod := d.Spec.Template
	if d.Name != "kafka-controller" || d.Spec.Replicas != nil || pod.Spec.ServiceAccountName != "kafka-controller" ||
		!reflect.DeepEqual(d.Labels, pod.Labels) || pod.Labels["app"] != d.Name || pod.Labels["app.kubernetes.io/component"] != d.Name {
		t.Errorf("%+v", d)
	}
	set := map[string]string{}
	for _, v := range pod.Spec.Containers[0].Env {
		set[v.Name] = v.Value
	}
	if names := environment.Meaningless(func(name string) string { return set[name] }); len(names) > 0 {
		t.Errorf("what is shipped has no meaning: %v", names)
	}
	if _, err := dataplane.FromEnvironment(func(name string) string { return set[name] }, "knative-eventing"); err != nil {
		t.Error(err)
	}
	security := pod.Spec.Containers[0].SecurityContext
	if !*pod.Spec.SecurityContext.RunAsNonRoot || !*security.ReadOnlyRootFilesystem || *security.AllowPrivilegeEscalation {
		t.Errorf("%+v %+v", pod.Spec.SecurityContext, security)
	}
}
