//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/e2e/world"
)

// kinds of the cluster that journeys of users do not meet.
var (
	definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	webhooks    = schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingwebhookconfigurations"}
)

// internalKind is a definition of a kind that releases with a data plane in Java have for themselves.
func internalKind(kind, plural string) string {
	return fmt.Sprintf(`
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[2]s.internal.kafka.eventing.knative.dev}
spec:
  group: internal.kafka.eventing.knative.dev
  scope: Namespaced
  names: {kind: %[1]s, plural: %[2]s, singular: %[3]s}
  versions:
  - {name: v1alpha1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}`,
		kind, plural, strings.ToLower(kind))
}

// earlier is what such a release leaves when ours is applied over it, for a Trigger of a Broker.
func earlier(s *world.Space, trigger *env.Object) string {
	manifests := ""
	for _, dispatcher := range []string{"kafka-broker-dispatcher", "kafka-channel-dispatcher", "kafka-source-dispatcher"} {
		manifests += fmt.Sprintf(`
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: %[1]s, namespace: knative-eventing, labels: {app: %[1]s}}
spec:
  serviceName: %[1]s
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s, app.kubernetes.io/kind: kafka-dispatcher}}
    spec: {terminationGracePeriodSeconds: 1, automountServiceAccountToken: false, containers: [{name: dispatcher, image: "%[2]s"}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: %[1]s-0, namespace: knative-eventing}
binaryData: {data: ""}`, dispatcher, os.Getenv("E2E_WITNESS"))
	}
	return manifests + fmt.Sprintf(`
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: knative-kafka-broker-data-plane}
rules: [{apiGroups: [""], resources: [secrets], verbs: [get, list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: knative-kafka-broker-data-plane}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: knative-kafka-broker-data-plane}
subjects: [{kind: ServiceAccount, name: knative-kafka-broker-data-plane, namespace: knative-eventing}]
---
apiVersion: internal.kafka.eventing.knative.dev/v1alpha1
kind: ConsumerGroup
metadata:
  name: %[1]s
  namespace: %[2]s
  labels: {kafka.eventing.knative.dev/metadata.kind: trigger}
  finalizers: [consumergroups.internal.kafka.eventing.knative.dev]
  ownerReferences: [{apiVersion: eventing.knative.dev/v1, kind: Trigger, name: %[3]s, uid: %[1]s, controller: true}]
spec: {template: {spec: {configs: {configs: {group.id: "%[4]s"}}}}}
---
apiVersion: internal.kafka.eventing.knative.dev/v1alpha1
kind: Consumer
metadata: {name: %[1]s-x, namespace: %[2]s, finalizers: [consumers.internal.kafka.eventing.knative.dev]}
spec: {configs: {configs: {group.id: "%[4]s"}}}`,
		trigger.GetUID(), s.Name, trigger.GetName(), text(trigger, "status", "annotations", "group.id"))
}

// ofUsers are objects that look like those, and are not.
const ofUsers = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: dispatcher, labels: {app: kafka-broker-dispatcher-of-mine}}
spec: {serviceName: dispatcher, replicas: 0, selector: {matchLabels: {app: mine}}, template: {metadata: {labels: {app: mine}}, spec: {containers: [{name: c, image: none}]}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: kafka-broker-dispatcher-0}
data: {mine: "yes"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: kafka-broker-dispatcher-settings, namespace: knative-eventing}
data: {mine: "yes"}`

// podWebhook makes the webhook for pods what the earlier release had: one that fails what it is not asked about.
func podWebhook(t *testing.T, w *world.World) {
	t.Helper()
	const name = "pods.defaulting.webhook.kafka.eventing.knative.dev"
	patch := `[{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Fail"}]`
	if _, err := w.Dynamic.Resource(webhooks).Patch(t.Context(), name, types.JSONPatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// storedAlso has a definition say that objects are stored in another version too, as after an upgrade.
func storedAlso(t *testing.T, w *world.World, name string) (storage string) {
	t.Helper()
	o, err := w.Dynamic.Resource(definitions).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	versions, _, _ := unstructured.NestedSlice(o.Object, "spec", "versions")
	for _, v := range versions {
		version, _ := v.(map[string]any)
		all = append(all, fmt.Sprint(version["name"]))
		if version["storage"] == true {
			storage = fmt.Sprint(version["name"])
		}
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"storedVersions": all}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Dynamic.Resource(definitions).Patch(t.Context(), name, types.MergePatchType, patch, metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
	return storage
}

// ran waits until a Job is complete and returns what its pods said.
func ran(t *testing.T, w *world.World, name string) string {
	t.Helper()
	env.Until(t, world.Patience, func() string {
		job, err := w.Kube.BatchV1().Jobs(world.System).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		for _, c := range job.Status.Conditions {
			if c.Type == batchv1.JobComplete && c.Status == corev1.ConditionTrue {
				return ""
			}
		}
		return fmt.Sprintf("Job %s: %+v", name, job.Status)
	})
	var said strings.Builder
	for _, pod := range pods(t, w, name) {
		log, err := w.Kube.CoreV1().Pods(world.System).GetLogs(pod.Name, &corev1.PodLogOptions{}).DoRaw(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		said.Write(log)
	}
	return said.String()
}

// What a release with a data plane in Java leaves is removed when users apply the post-install file, under load, and what is
// theirs stays as it is. It can be run again.
func TestPostInstall(t *testing.T) {
	w := world.Start(t)
	s := w.Space(t, "postinstall")
	l := loaded(t, s, 50*time.Millisecond)
	mine := env.Parse(t, ofUsers)
	s.Make(t, ofUsers)
	left := env.Parse(t, internalKind("ConsumerGroup", "consumergroups")+internalKind("Consumer", "consumers")+earlier(s, s.Ready(t, kindTrigger, "t")))
	for _, o := range left {
		env.Until(t, world.Patience, func() string { // a kind that was just defined is served a moment later
			if _, err := w.TryApply(t, o); err != nil {
				return err.Error()
			}
			return ""
		})
	}
	podWebhook(t, w)
	const sources = "kafkasources.sources.knative.dev"
	storage := storedAlso(t, w, sources)
	before := versions(t, s, mine)

	const file = "eventing-kafka-post-install.yaml"
	t.Cleanup(func() {
		w.Kubectl(t, "delete", "--ignore-not-found", "-f", world.File(file))
		w.Kubectl(t, "-n", world.System, "delete", "configmap", "kafka-broker-dispatcher-settings")
		w.Files(t, world.File("eventing-kafka-controller.yaml")) // the webhook for pods that the release ships
	})
	began := time.Now()
	w.Kubectl(t, "apply", "-f", world.File(file))
	ran(t, w, "knative-kafka-storage-version-migrator")
	said := ran(t, w, "kafka-controller-post-install")
	world.Since(t, "post-install: apply to both Jobs complete", began)
	for _, o := range left {
		_, err := w.Of(o.GroupVersionKind(), o.GetNamespace()).Get(t.Context(), o.GetName(), metav1.GetOptions{})
		if !apierrors.IsNotFound(err) {
			t.Errorf("%s %s: %v", o.GetKind(), o.GetName(), err)
		}
		if !strings.Contains(said, o.GetName()) {
			t.Errorf("nothing is said about %s %s", o.GetKind(), o.GetName())
		}
	}
	if _, err := w.Dynamic.Resource(webhooks).Get(t.Context(), "pods.defaulting.webhook.kafka.eventing.knative.dev", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the webhook for pods: %v", err)
	}
	if after := versions(t, s, mine); !slices.Equal(after, before) {
		t.Errorf("what is the users' was changed: %v, before %v", after, before)
	}
	definition, err := w.Dynamic.Resource(definitions).Get(t.Context(), sources, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if stored, _, _ := unstructured.NestedStringSlice(definition.Object, "status", "storedVersions"); !slices.Equal(stored, []string{storage}) {
		t.Errorf("KafkaSources are stored in %v, not in %s alone", stored, storage)
	}
	report, err := w.Kube.CoreV1().ConfigMaps(world.System).Get(t.Context(), "kafka-post-install-report", metav1.GetOptions{})
	if err != nil || len(report.Data) == 0 {
		t.Errorf("the report: %v %v", err, report)
	}

	began = time.Now()
	w.Kubectl(t, "replace", "--force", "-f", world.File(file))
	ran(t, w, "knative-kafka-storage-version-migrator")
	if again := ran(t, w, "kafka-controller-post-install"); strings.Contains(again, "delete ") || again == "" {
		t.Errorf("when it ran again it said:\n%s", again)
	}
	world.Since(t, "post-install again: replace to both Jobs complete", began)
	l.account(t, s)
}

// versions are the versions of objects in the space, or where they are.
func versions(t *testing.T, s *world.Space, objects []*env.Object) (all []string) {
	t.Helper()
	for _, o := range objects {
		in := o.GetNamespace()
		if in == "" {
			in = s.Name
		}
		have := s.Get(t, o.GroupVersionKind(), in, o.GetName())
		all = append(all, fmt.Sprintf("%s %s %s", o.GetName(), have.GetUID(), have.GetResourceVersion()))
	}
	return all
}
