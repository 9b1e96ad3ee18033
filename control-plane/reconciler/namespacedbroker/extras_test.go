package namespacedbroker

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"knative.dev/eventing-kafka-go/control-plane/reconcilertest"
)

var clusterRoles = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}

func added(resources string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: reconcilertest.SystemNamespace, Name: extrasName}, Data: map[string]string{extrasKey: resources},
	}
}

const threeExtras = `
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: inside, namespace: "{{.Namespace}}", labels: {app: x}}
  data: {a: "1", b: "2"}
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: "of-{{.Namespace}}", namespace: elsewhere}
- apiVersion: rbac.authorization.k8s.io/v1
  kind: ClusterRole
  metadata: {name: "role-of-{{.Namespace}}"}
`

func TestWhatTheInstallationAdds(t *testing.T) { // BR-19, BR-21, CFG-43
	w, b := installed(t, added(threeExtras)), aBroker("b")
	w.add(b)
	writes := w.prepared(b)
	for _, want := range []string{"create configmaps ns/inside", "create configmaps elsewhere/of-ns", "create clusterroles role-of-ns"} {
		if !slices.Contains(writes, want) {
			t.Errorf("%s is missing in %v", want, writes)
		}
	}
	same(t, w.prepared(b))
	owner := func(o *unstructured.Unstructured) string {
		if len(o.GetOwnerReferences()) == 0 {
			return ""
		}
		return string(o.GetOwnerReferences()[0].UID)
	}
	role, err := w.client.Resource(clusterRoles).Get(t.Context(), "role-of-ns", metav1.GetOptions{})
	if err != nil || owner(role) != "ns-uid" || !*role.GetOwnerReferences()[0].Controller {
		t.Errorf("%v belongs to %v, %v", role, role.GetOwnerReferences(), err)
	}
	if got := owner(w.get(configMaps, namespace, "inside")); got != "b-uid" {
		t.Errorf("what is inside belongs to %q", got)
	}
	if got := owner(w.get(configMaps, "elsewhere", "of-ns")); got != "" {
		t.Errorf("what is elsewhere belongs to %q, which it cannot", got)
	}

	w.change(configMaps, namespace, "inside", "mine", "data", "c")
	same(t, w.prepared(b))
	w.change(configMaps, reconcilertest.SystemNamespace, extrasName, strings.Replace(threeExtras, `"1"`, `"3"`, 1), "data", extrasKey)
	same(t, w.prepared(b), "patch configmaps ns/inside")
	if got := nested[map[string]any](t, w.get(configMaps, namespace, "inside"), "data"); got["a"] != "3" || got["c"] != "mine" {
		t.Errorf("what others have added is gone: %v", got)
	}
}

func TestWhatTheInstallationAddsNoMoreGoes(t *testing.T) {
	w, b := installed(t, added(threeExtras)), aBroker("b")
	w.add(b)
	w.prepared(b)
	w.change(configMaps, reconcilertest.SystemNamespace, extrasName, "- {apiVersion: v1, kind: ConfigMap, metadata: {name: other, namespace: '{{.Namespace}}'}}", "data", extrasKey)
	same(t, w.prepared(b), "create configmaps ns/other", "delete clusterroles role-of-ns", "delete configmaps elsewhere/of-ns", "delete configmaps ns/inside")
	same(t, w.prepared(b))
	if got, want := b.Status.Annotations[extrasStatusAnnotation], `[{"apiVersion":"v1","kind":"ConfigMap","namespace":"ns","name":"other"}]`; got != want {
		t.Errorf("recorded %s", got)
	}
	o := w.get(configMaps, namespace, "other") // somebody takes it over
	o.SetLabels(nil)
	if _, err := w.client.Resource(configMaps).Namespace(namespace).Update(t.Context(), o, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	w.change(configMaps, reconcilertest.SystemNamespace, extrasName, "[]", "data", extrasKey)
	same(t, w.prepared(b))
	if b.Status.Annotations[extrasStatusAnnotation] != "" {
		t.Errorf("recorded %v", b.Status.Annotations)
	}
}

func TestWhatIsOutsideOfANamespaceGoesWithItsLastBroker(t *testing.T) { // BR-23
	w, first, last := installed(t, added(threeExtras)), aBroker("a"), aBroker("b")
	w.add(first, last)
	w.prepared(first)
	end := func(name string) {
		b := aBroker(name)
		b.DeletionTimestamp = &metav1.Time{}
		w.add(b)
		w.client.ClearActions()
		if err := w.release(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	end("a")
	same(t, w.writes())
	end("b")
	same(t, w.writes(), "delete clusterroles role-of-ns", "delete configmaps elsewhere/of-ns")
	end("b")
	same(t, w.writes())
}

func TestWhatIsAddedWrongly(t *testing.T) {
	for _, tc := range []struct{ name, resources, want string }{
		{"no list", "a: b", "ConfigMap knative-eventing/config-namespaced-broker-resources: key resources: not a list of objects"},
		{"no template", "{{", "key resources: template: resources:1: unclosed action"},
		{"another name in the template", "- {{.Name}}", "can't evaluate field Name"},
		{"no kind", "- {apiVersion: v1, metadata: {name: x}}", "object 1: Object 'Kind' is missing"},
		{"no name", "- {apiVersion: v1, kind: ConfigMap}", "object 1, a ConfigMap, has no name"},
		{"no namespace", "- {apiVersion: v1, kind: ConfigMap, metadata: {name: x}}", `ConfigMap x: no namespace: write "namespace: {{.Namespace}}"`},
		{"a kind that is not installed", "- {apiVersion: x/v1, kind: X, metadata: {name: x}}", `X x: no matches for kind "X" in version "x/v1"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, b := installed(t, added(tc.resources)), aBroker("b")
			w.add(b)
			writes, says, err := w.try(b)
			if err == nil || !strings.HasPrefix(says, "DataPlaneAvailable=False DataPlaneNotCreated: ") || !strings.Contains(says, tc.want) {
				t.Errorf("%s, %v", says, err)
			}
			if len(writes) != 7 {
				t.Errorf("the rest is not made: %v", writes)
			}
			if err := w.deleteExtras(t.Context(), namespace); err != nil {
				t.Errorf("the last Broker is kept: %v", err)
			}
		})
	}
	t.Run("nothing", func(t *testing.T) {
		w, b := installed(t, added("[]")), aBroker("b")
		w.add(b)
		if got := w.prepared(b); len(got) != 7 {
			t.Errorf("written %v", got)
		}
	})
}
