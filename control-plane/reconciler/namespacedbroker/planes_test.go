package namespacedbroker

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/scheme"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/broker"
	"knative.dev/eventing-kafka-go/control-plane/reconcilertest"
)

const namespace = "ns"

// world is what planes work on: an API server whose cache is never late.
type world struct {
	*testing.T
	*planes
	world  *reconcilertest.World
	client *dynamicfake.FakeDynamicClient
}

func newWorld(t *testing.T, objects ...runtime.Object) *world {
	t.Helper()
	w := &world{T: t, world: reconcilertest.New(t), client: dynamicfake.NewSimpleDynamicClient(scheme.Scheme, objects...)}
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}, meta.RESTScopeNamespace)
	mapper.Add(rbacv1.SchemeGroupVersion.WithKind("ClusterRole"), meta.RESTScopeRoot)
	w.planes = &planes{
		system: reconcilertest.SystemNamespace, shared: w.world.DataPlanes[dataplane.Broker], brokers: w.world.Brokers(),
		cached: func(resource schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
			return w.client.Resource(resource).Namespace(namespace).Get(t.Context(), name, metav1.GetOptions{})
		},
		ready: func() bool { return true }, client: w.client, mapper: mapper,
	}
	return w
}

// installed is a world with what is shipped for Brokers, and a namespace.
func installed(t *testing.T, more ...runtime.Object) *world {
	t.Helper()
	files, err := filepath.Glob("../../../config/broker/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	objects := append([]runtime.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace, UID: "ns-uid"}}}, more...)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, decode(t, text)...)
	}
	return newWorld(t, objects...)
}

func decode(t *testing.T, text []byte) (objects []runtime.Object) {
	t.Helper()
	d := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		o := &unstructured.Unstructured{}
		err := d.Decode(o)
		switch {
		case errors.Is(err, io.EOF):
			return objects
		case err != nil:
			t.Fatal(err)
		case len(o.Object) > 0:
			objects = append(objects, o)
		}
	}
}

func aBroker(name string) *eventingv1.Broker {
	return &eventingv1.Broker{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: types.UID(name + "-uid"), Generation: 1,
		Annotations: map[string]string{eventing.BrokerClassAnnotation: eventing.NamespacedKafkaBrokerClass},
	}}
}

func (w *world) add(brokers ...*eventingv1.Broker) {
	w.Helper()
	for _, b := range brokers {
		if err := w.world.Indexer(b).Add(b); err != nil {
			w.Fatal(err)
		}
	}
}

// try prepares for a Broker, and returns what was written, e.g. "create services ns/kafka-broker-ingress", and the
// condition.
func (w *world) try(b *eventingv1.Broker) (writes []string, condition string, err error) {
	w.Helper()
	w.client.ClearActions()
	m := broker.Conditions().Manage(&b.Status)
	m.InitializeConditions()
	err = w.prepare(w.Context(), b, m)
	return w.writes(), reconcilertest.Says(&b.Status, conditions.DataPlaneAvailable), err
}

func (w *world) writes() (writes []string) {
	for _, a := range w.client.Actions() {
		name := ""
		switch a := a.(type) {
		case interface{ GetObject() runtime.Object }:
			o, _ := a.GetObject().(*unstructured.Unstructured)
			name = o.GetName()
		case interface{ GetName() string }:
			name = a.GetName()
		}
		if verb := a.GetVerb(); verb != "get" && verb != "list" && verb != "watch" {
			writes = append(writes, strings.TrimSpace(verb+" "+a.GetResource().Resource+" "+strings.TrimPrefix(a.GetNamespace()+"/"+name, "/")))
		}
	}
	slices.Sort(writes)
	return writes
}

// prepared is try without an error.
func (w *world) prepared(b *eventingv1.Broker) []string {
	w.Helper()
	writes, says, err := w.try(b)
	if err != nil {
		w.Fatal(err, says)
	}
	return writes
}

func (w *world) get(resource schema.GroupVersionResource, namespace, name string) *unstructured.Unstructured {
	w.Helper()
	o, err := w.client.Resource(resource).Namespace(namespace).Get(w.Context(), name, metav1.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	return o
}

// change writes another value into an object.
func (w *world) change(resource schema.GroupVersionResource, namespace, name string, value any, path ...string) {
	w.Helper()
	o := w.get(resource, namespace, name)
	err := unstructured.SetNestedField(o.Object, value, path...)
	if value == nil {
		unstructured.RemoveNestedField(o.Object, path...)
	}
	if err != nil {
		w.Fatal(err)
	}
	if _, err := w.client.Resource(resource).Namespace(namespace).Update(w.Context(), o, metav1.UpdateOptions{}); err != nil {
		w.Fatal(err)
	}
}

func nested[T any](t *testing.T, o *unstructured.Unstructured, path ...string) T {
	t.Helper()
	value, _, err := unstructured.NestedFieldNoCopy(o.Object, path...)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := value.(T)
	return v
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("written\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTheDataPlaneIsMadeAfterTheInstalledOne(t *testing.T) { // BR-17, BR-18
	observability := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: reconcilertest.SystemNamespace, Name: "config-observability",
		Labels:      map[string]string{"app": "a", "some-cert": "c", "app.kubernetes.io/name": "knative-eventing", "my-monitoring": "m"},
		Annotations: map[string]string{"knative.dev/example-checksum": "e", "kubectl.kubernetes.io/last-applied-configuration": "{}"}},
		Data: map[string]string{"metrics-protocol": "none"}}
	w, b := installed(t, observability), aBroker("b")
	w.add(b)
	want := []string{
		"create configmaps ns/config-kafka-broker-data-plane", "create configmaps ns/config-observability",
		"create deployments ns/kafka-broker-dispatcher", "create deployments ns/kafka-broker-receiver",
		"create poddisruptionbudgets ns/kafka-broker-dispatcher", "create poddisruptionbudgets ns/kafka-broker-receiver",
		"create serviceaccounts ns/knative-kafka-broker-data-plane", "create services ns/kafka-broker-ingress",
	}
	same(t, w.prepared(b), want...)
	same(t, w.prepared(b))
	receiver := w.get(deployments, namespace, "kafka-broker-receiver")
	owners := receiver.GetOwnerReferences()
	if len(owners) != 1 || owners[0].UID != "b-uid" || *owners[0].Controller || !*owners[0].BlockOwnerDeletion { // BR-21
		t.Errorf("it belongs to %+v", owners)
	}
	pod := nested[map[string]any](t, receiver, "spec", "template", "metadata", "labels")
	if pod["app"] != "kafka-broker-receiver" || pod["kafka.eventing.knative.dev/data-plane"] != "broker" {
		t.Errorf("its pods are not found by %v", pod)
	}
	if nested[bool](t, receiver, "spec", "template", "spec", "automountServiceAccountToken") ||
		nested[bool](t, w.get(serviceAccounts, namespace, "knative-kafka-broker-data-plane"), "automountServiceAccountToken") {
		t.Error("pods get a token of the API server")
	}
	cm := w.get(configMaps, namespace, "config-observability") // BR-20
	if got := cm.GetLabels(); !maps.Equal(got, map[string]string{"app": "a", "some-cert": "c", "my-monitoring": "m", namespacedLabel: "true"}) {
		t.Errorf("labels %v", got)
	}
	if got := slices.Sorted(maps.Keys(cm.GetAnnotations())); !slices.Equal(got, []string{contentAnnotation, "knative.dev/example-checksum"}) {
		t.Errorf("annotations %v", got)
	}
}

func TestTheDataPlaneFollowsTheInstalledOne(t *testing.T) { // BR-22
	system, features := reconcilertest.SystemNamespace, "config-features"
	w, b := installed(t, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: features}, Data: map[string]string{"one": "1", "two": "2"},
	}), aBroker("b")
	w.add(b)
	w.prepared(b)
	t.Run("a key that is removed there is removed here", func(t *testing.T) {
		w.change(configMaps, system, features, map[string]any{"two": "3"}, "data")
		same(t, w.prepared(b), "update configmaps ns/config-features")
		if got := nested[map[string]any](t, w.get(configMaps, namespace, features), "data"); len(got) != 1 || got["two"] != "3" {
			t.Errorf("it holds %v", got)
		}
	})
	t.Run("how many pods there are is the namespace's matter", func(t *testing.T) {
		w.change(deployments, system, "kafka-broker-receiver", int64(7), "spec", "replicas")
		w.change(deployments, namespace, "kafka-broker-receiver", int64(2), "spec", "replicas")
		same(t, w.prepared(b))
		w.change(deployments, system, "kafka-broker-receiver", int64(3), "spec", "minReadySeconds")
		same(t, w.prepared(b), "update deployments ns/kafka-broker-receiver")
		copied := w.get(deployments, namespace, "kafka-broker-receiver")
		if nested[int64](t, copied, "spec", "replicas") != 2 || nested[int64](t, copied, "spec", "minReadySeconds") != 3 {
			t.Errorf("it is %v", copied.Object["spec"])
		}
	})
	t.Run("what the API server has given to a Service stays its own", func(t *testing.T) {
		w.change(services, system, "kafka-broker-ingress", "10.0.0.1", "spec", "clusterIP")
		same(t, w.prepared(b))
		w.change(services, namespace, "kafka-broker-ingress", "10.0.0.2", "spec", "clusterIP")
		w.change(services, system, "kafka-broker-ingress", "None", "spec", "sessionAffinity")
		same(t, w.prepared(b), "update services ns/kafka-broker-ingress")
		if got := nested[string](t, w.get(services, namespace, "kafka-broker-ingress"), "spec", "clusterIP"); got != "10.0.0.2" {
			t.Errorf("its address is %s", got)
		}
	})
	t.Run("what somebody changes in a copy is put right", func(t *testing.T) {
		w.change(configMaps, namespace, features, "4", "data", "two")
		same(t, w.prepared(b), "update configmaps ns/config-features")
	})
	t.Run("another Broker owns it too", func(t *testing.T) {
		second := aBroker("a")
		w.add(second)
		if got := w.prepared(second); len(got) != 8 {
			t.Errorf("written %v", got)
		}
		if got := w.get(services, namespace, "kafka-broker-ingress").GetOwnerReferences(); len(got) != 2 || got[0].Name != "a" {
			t.Errorf("it belongs to %v", got)
		}
		same(t, w.prepared(b))
	})
}

func TestWhatEarlierControllersHaveLeft(t *testing.T) {
	left := func(kind, name string, labels map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "apps/v1", "kind": kind,
			"metadata": map[string]any{"namespace": namespace, "name": name, "labels": labels, "uid": name},
			"spec": map[string]any{"selector": map[string]any{"matchLabels": map[string]any{"app": "old"}},
				"template": map[string]any{"spec": map[string]any{}}},
		}}
	}
	ours := map[string]any{namespacedLabel: "true"}
	t.Run("a StatefulSet in place of a Deployment goes", func(t *testing.T) {
		w, b := installed(t, left("StatefulSet", "kafka-broker-dispatcher", ours)), aBroker("b")
		w.add(b)
		if got := w.prepared(b); !slices.Contains(got, "delete statefulsets ns/kafka-broker-dispatcher") {
			t.Errorf("written %v", got)
		}
	})
	t.Run("that of somebody else stays", func(t *testing.T) {
		w, b := installed(t, left("StatefulSet", "kafka-broker-dispatcher", nil)), aBroker("b")
		w.add(b)
		if got := w.prepared(b); slices.Contains(got, "delete statefulsets ns/kafka-broker-dispatcher") {
			t.Errorf("written %v", got)
		}
	})
	t.Run("a Deployment that selects other pods is made anew", func(t *testing.T) {
		w, b := installed(t, left("Deployment", "kafka-broker-receiver", ours)), aBroker("b")
		w.add(b)
		writes, _, err := w.try(b)
		if err == nil || !slices.Contains(writes, "delete deployments ns/kafka-broker-receiver") || len(writes) != 7 {
			t.Errorf("written %v, %v", writes, err)
		}
		same(t, w.prepared(b), "create deployments ns/kafka-broker-receiver")
	})
}

func TestWhatKeepsADataPlaneFromBeingMade(t *testing.T) {
	t.Run("nothing is installed", func(t *testing.T) {
		w, b := newWorld(t), aBroker("b")
		w.add(b)
		_, says, err := w.try(b)
		want := "DataPlaneAvailable=False DataPlaneNotInstalled: neither Deployment nor StatefulSet knative-eventing/kafka-broker-receiver exists"
		if err == nil || says != want {
			t.Errorf("%s, %v", says, err)
		}
	})
	t.Run("the controller has only just started", func(t *testing.T) {
		w, b := installed(t), aBroker("b")
		w.ready = func() bool { return false }
		writes, says, err := w.try(b)
		if err == nil || len(writes) > 0 || !strings.HasPrefix(says, "DataPlaneAvailable=Unknown DataPlaneStarting") {
			t.Errorf("%v, %s, %v", writes, says, err)
		}
	})
	t.Run("somebody has an object of that name, and keeps it", func(t *testing.T) {
		w, b := installed(t, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "knative-kafka-broker-data-plane"}}), aBroker("b")
		w.add(b)
		writes, says, err := w.try(b)
		want := "DataPlaneAvailable=False DataPlaneNotCreated: ServiceAccount ns/knative-kafka-broker-data-plane exists, and was not made for " +
			"a Broker of class KafkaNamespaced (label eventing.knative.dev/namespaced)"
		if err == nil || says != want || len(writes) != 6 { // the others are made
			t.Errorf("%v, %s, %v", writes, says, err)
		}
	})
	t.Run("the Broker has just been deleted", func(t *testing.T) {
		w, b := installed(t), aBroker("b")
		ending := b.DeepCopy()
		ending.DeletionTimestamp = &metav1.Time{}
		w.add(ending)
		same(t, w.prepared(b))
	})
	t.Run("the Broker is in the namespace of the installation, whose data plane serves it", func(t *testing.T) {
		w, b := installed(t), aBroker("b")
		b.Namespace = reconcilertest.SystemNamespace
		w.add(b)
		same(t, w.prepared(b))
	})
}
