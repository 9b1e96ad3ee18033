package env

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// settings are the ConfigMaps of Knative Eventing that programs do not start without. What is logged is logged as a whole,
// so that tests can count it, and profiles are there for whoever looks.
const settings = `
apiVersion: v1
kind: ConfigMap
metadata: {name: config-features, namespace: knative-eventing}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: config-logging, namespace: knative-eventing}
data:
  zap-logger-config: |
    {"level": "info", "sampling": null, "outputPaths": ["stdout"], "errorOutputPaths": ["stderr"], "encoding": "json", "encoderConfig": {"timeKey": "timestamp",
     "levelKey": "severity", "nameKey": "logger", "callerKey": "caller", "messageKey": "message", "stacktraceKey": "stacktrace",
     "levelEncoder": "", "timeEncoder": "iso8601", "durationEncoder": "string", "callerEncoder": ""}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: config-observability, namespace: knative-eventing}
data: {runtime-profiling: enabled}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: config-leader-election, namespace: knative-eventing}
data: {lease-duration: 15s, renew-deadline: 10s, retry-period: 1s}
`

// install makes the namespace, the CRDs and the objects of config/control-plane.
func (e *Env) install(tb testing.TB) {
	tb.Helper()
	e.Namespace(tb, SystemNamespace)
	e.Apply(tb, settings)
	for _, o := range append(e.Manifests(tb, "third_party/eventing/crds"), e.Manifests(tb, "config/crds")...) {
		e.InstallCRD(tb, o)
	}
	for _, o := range e.Manifests(tb, "config/control-plane") {
		if slices.Contains([]string{"Deployment", "PodDisruptionBudget", "HorizontalPodAutoscaler"}, o.GetKind()) {
			continue // nothing would run them
		}
		if _, err := e.TryApply(tb, o); err != nil {
			tb.Fatalf("apply %s %s: %v", o.GetKind(), o.GetName(), err)
		}
	}
}

// Namespace makes a namespace, if there is none of that name. It stays: nothing ends namespaces here.
func (e *Env) Namespace(tb testing.TB, name string) {
	tb.Helper()
	e.Apply(tb, "{apiVersion: v1, kind: Namespace, metadata: {name: "+name+"}}")
}

// Manifests reads the objects of a folder of the repository, file by file in the order of their names.
func (e *Env) Manifests(tb testing.TB, folder string) []*Object {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(e.root, folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no manifests in %s: %v", folder, err)
	}
	var objects []*Object
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		objects = append(objects, Parse(tb, string(text))...)
	}
	return objects
}

// InstallCRD makes a CRD and waits until it is served. The conversion of core's is left out, as core's webhook does not
// run: what is not converted is stored in the version that all use.
func (e *Env) InstallCRD(tb testing.TB, o *Object) {
	tb.Helper()
	if service, _, _ := unstructured.NestedString(o.Object, "spec", "conversion", "webhook", "clientConfig", "service", "name"); service != webhookName {
		unstructured.RemoveNestedField(o.Object, "spec", "conversion")
	}
	if _, err := e.TryApply(tb, o); err != nil {
		tb.Fatalf("install %s: %v", o.GetName(), err)
	}
	Until(tb, Patience, func() string {
		crd, err := e.CRDs.ApiextensionsV1().CustomResourceDefinitions().Get(tb.Context(), o.GetName(), metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		for _, c := range crd.Status.Conditions {
			if c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue {
				return ""
			}
		}
		return o.GetName() + " is not established"
	})
}
