package apiserver

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/apiserver/system"
)

// namespaced: a Broker of class KafkaNamespaced gets a data plane of its own, made after the installed one (BR-16 to BR-27).
func namespaced(t *testing.T, s *system.System) {
	const ns = "own"
	s.Namespace(t, ns)
	for _, o := range s.Manifests(t, "config/broker") { // what is installed; nothing runs it here
		if _, err := s.TryApply(t, o); err != nil {
			t.Fatalf("apply %s %s: %v", o.GetKind(), o.GetName(), err)
		}
		defer s.Delete(t, o)
	}
	s.Apply(t, brokerConfig(s, ns))
	b := s.Apply(t, strings.Replace(brokerOf(ns, "events", ""), "broker.class: Kafka}", "broker.class: KafkaNamespaced}", 1))
	d := s.Planes[dataplane.Broker].In(ns)
	for _, c := range []struct{ group, kind, name string }{
		{"apps", "Deployment", d.Receiver}, {"apps", "Deployment", d.Dispatcher}, {"", "Service", d.Ingress}, {"", "ConfigMap", d.SettingsName},
		{"", "ConfigMap", "config-features"}, {"", "ServiceAccount", "knative-kafka-broker-data-plane"}, {"", "ConfigMap", d.ContractName},
	} {
		isCopied(t, s, b, c.group, c.kind, c.name)
	}
	receiver := s.StartPod(t, d, d.Receiver, d.Receiver+"-1", "ingress")
	s.StartPod(t, d, d.Dispatcher, d.Dispatcher+"-1", "egress")
	b = s.AwaitReady(t, b)
	if url := field(t, b, "status.address.url"); url != "http://"+d.Ingress+"."+ns+".svc.cluster.local/"+ns+"/events" { // BR-14
		t.Errorf("the address is %v", url)
	}
	trigger := s.Ready(t, triggerOf(s, ns, "one", "events", "a", "/own", ""))
	if code, text := s.SendTo(t, receiver, b, system.Event{ID: "own-1", Type: "a"}); code != http.StatusAccepted {
		t.Errorf("it is answered %d %s", code, text)
	}
	s.AwaitDelivery(t, "/own", "own-1")

	// What is installed is followed (BR-22), and so is what comes on top of it (BR-19).
	settings := s.Get(t, configMapKind, env.SystemNamespace, d.SettingsName)
	if _, err := s.Patch(t, settings, "data: {followed: 'yes'}"); err != nil {
		t.Fatal(err)
	}
	env.Until(t, env.Patience, func() string {
		if field(t, s.Get(t, configMapKind, ns, d.SettingsName), "data.followed") != "yes" {
			return "the settings are not followed"
		}
		return ""
	})
	extras := s.Apply(t, `
apiVersion: v1
kind: ConfigMap
metadata: {name: config-namespaced-broker-resources, namespace: knative-eventing}
data:
  resources: |
    - {apiVersion: v1, kind: ServiceAccount, metadata: {name: added, namespace: "{{.Namespace}}"}}`)
	isCopied(t, s, b, "", "ServiceAccount", "added")
	if _, err := s.Patch(t, extras, "data: {resources: '[]'}"); err != nil {
		t.Fatal(err)
	}
	env.Until(t, env.Patience, func() string {
		if _, err := s.Kube.CoreV1().ServiceAccounts(ns).Get(t.Context(), "added", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return fmt.Sprintf("what is added no more is still there: %v", err)
		}
		return ""
	})
	s.Delete(t, extras)
	s.AwaitFinished(t, annotation(t, trigger, translate.GroupStatusAnnotation), annotation(t, b, translate.TopicStatusAnnotation))
	s.Gone(t, trigger)
	s.Gone(t, b)
}

// isCopied waits until an object is in the namespace of a Broker, and belongs to it (BR-20, BR-21).
func isCopied(t *testing.T, s *system.System, b *env.Object, group, kindOf, name string) {
	t.Helper()
	env.Until(t, env.Patience, func() string {
		o, err := s.Of(kind(group, "v1", kindOf), b.GetNamespace()).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			now := s.Get(t, brokerKind, b.GetNamespace(), b.GetName())
			return fmt.Sprintf("%v; %s", err, system.LacksCondition(now, "DataPlaneAvailable"))
		}
		if owners := o.GetOwnerReferences(); len(owners) != 1 || owners[0].UID != b.GetUID() || owners[0].Controller != nil && *owners[0].Controller {
			return fmt.Sprintf("%s %s belongs to %v", kindOf, name, owners)
		}
		return ""
	})
}
