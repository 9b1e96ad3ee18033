package legacysource

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clienttesting "k8s.io/client-go/testing"

	"knative.dev/eventing-kafka-go/control-plane/migration"
	"knative.dev/eventing-kafka-go/control-plane/migration/kube"
	"knative.dev/eventing-kafka-go/control-plane/migration/migrationtest"
	"knative.dev/eventing-kafka-go/proto/contract"
)

const contractName = "kafka-source-sources"

func object(version, kind, namespace, name, more string) string {
	if namespace != "" {
		namespace = "namespace: " + namespace + ", "
	}
	return fmt.Sprintf("---\n{apiVersion: %s, kind: %s, metadata: {%sname: %s%s}}\n", version, kind, namespace, name, more)
}

func deployment(namespace, name, labels string) string {
	return fmt.Sprintf("---\n{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: %s, name: %s, generation: 1, labels: {%s}}, "+
		"spec: {replicas: 1, template: {spec: {containers: [{image: %s}]}}}}\n", namespace, name, labels, name)
}

func webhook(kind, name string) string {
	return fmt.Sprintf("---\n{apiVersion: admissionregistration.k8s.io/v1, kind: %s, metadata: {name: %s}, webhooks: [{name: %s, "+
		"failurePolicy: Fail, rules: [{resources: [kafkasources]}], clientConfig: {caBundle: cGVt}}]}\n", kind, name, name)
}

func ours() string {
	text := webhook("MutatingWebhookConfiguration", "defaulting.webhook.kafka.eventing.knative.dev") +
		webhook("ValidatingWebhookConfiguration", "validation.webhook.kafka.eventing.knative.dev") + `---
{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {namespace: knative-eventing, name: kafka-broker-controller.contracts.00-of-01},
  spec: {holderIdentity: kafka-controller-1_x, renewTime: "2036-01-02T03:04:05.000000Z", leaseDurationSeconds: 15}}
---
{apiVersion: v1, kind: Pod, metadata: {namespace: knative-eventing, name: kafka-controller-1, labels: {app: kafka-controller}}, spec: {containers: [{image: kafka-controller}]}}
---
{apiVersion: v1, kind: Pod, metadata: {namespace: knative-eventing, name: kafka-source-dispatcher-1, labels: {app: kafka-source-dispatcher, kafka.eventing.knative.dev/data-plane: source}},
  status: {podIP: 10.0.0.1, conditions: [{type: Ready, status: "True"}]}}
`
	for _, name := range []string{"kafka-controller", "kafka-webhook-eventing", "kafka-source-dispatcher"} {
		text += deployment("knative-eventing", name, "")
	}
	return text
}

func theirs() string {
	text := object("sources.knative.dev/v1", "KafkaSource", "team", "a", ", uid: uid-a") + object("sources.knative.dev/v1", "KafkaSource", "team", "b", ", uid: uid-b") +
		deployment("knative-eventing", manager, "") + object("apps/v1", "StatefulSet", "knative-eventing", multiTenant, "") +
		object("v1", "ConfigMap", "knative-eventing", multiTenant+"-0", "") + object("v1", "ServiceAccount", "knative-eventing", manager, "") +
		object("v1", "Service", "knative-eventing", "kafka-source-webhook", "") + object("v1", "Service", "knative-eventing", "kafka-controller", "") +
		object("v1", "Secret", "knative-eventing", "kafka-source-webhook-certs", "") +
		webhook("MutatingWebhookConfiguration", "defaulting.webhook.kafka.sources.knative.dev") +
		webhook("ValidatingWebhookConfiguration", "validation.webhook.kafka.sources.knative.dev") +
		webhook("ValidatingWebhookConfiguration", "config.webhook.kafka.sources.knative.dev")
	for _, suffix := range []string{"", "-addressable-resolver"} {
		text += object("rbac.authorization.k8s.io/v1", "ClusterRole", "", rolePrefix+suffix, "") +
			object("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "", rolePrefix+suffix, "")
	}
	for _, source := range []string{"a", "b", "gone"} {
		text += deployment("team", "kafkasource-"+source+"-1234", "eventing.knative.dev/source: kafka-source-controller, eventing.knative.dev/sourceName: "+source)
	}
	return text + deployment("team", "mine", "") + object("v1", "ConfigMap", "knative-eventing", "config-kafka-source-defaults", "")
}

type world struct {
	*migrationtest.Cluster
	t *testing.T
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{migrationtest.New(t, ours()+theirs()), t}
	w.serve("a", "b")
	w.Follow = w.Deployments
	w.Refuse = func(action clienttesting.Action) error {
		d := w.Get("Deployment", "knative-eventing", manager)
		runs := false
		if d != nil {
			replicas, _, _ := unstructured.NestedInt64(d.Object, "spec", "replicas")
			runs = replicas > 0
		}
		if action.GetVerb() == "delete" && (runs || action.GetResource().Resource == "kafkasources") {
			t.Errorf("%s: the old controller runs: %v (MIG-48)", migrationtest.Describe(action), runs)
		}
		return nil
	}
	return w
}

// serve has our pods serve sources.
func (w *world) serve(sources ...string) {
	var resources []*contract.Resource
	for _, s := range sources {
		resources = append(resources, &contract.Resource{Uid: "uid-" + s, Topics: []string{s}, Egresses: []*contract.Egress{{Uid: "uid-" + s, ConsumerGroup: s}}})
	}
	w.WriteContract(contractName, resources...)
}

func (w *world) run(patience time.Duration) error {
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	client := kube.Client{Dynamic: w.Client}
	runner := &migration.Runner{
		Log: slog.New(slog.DiscardHandler), Patience: patience, Interval: time.Millisecond,
		Report: &migration.Report{Kube: client, Namespace: "knative-eventing", Now: w.Now},
	}
	return runner.Run(ctx, &Takeover{Kube: client, Served: w.Checker(ctx), Namespace: "knative-eventing"})
}

func (w *world) finish() {
	w.t.Helper()
	if err := w.run(time.Minute); err != nil {
		w.t.Fatal(err)
	}
}

func TestSourcesAreTakenOver(t *testing.T) { // MIG-24, MIG-48
	w := newWorld(t)
	w.finish()
	left := map[string]int{"KafkaSource": 2, "Deployment": 4, "MutatingWebhookConfiguration": 1, "ValidatingWebhookConfiguration": 1, "ConfigMap": 3}
	for _, kind := range []string{"KafkaSource", "Deployment", "StatefulSet", "ConfigMap", "Service", "ServiceAccount", "Secret", "ClusterRole",
		"ClusterRoleBinding", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"} {
		if all := w.Objects(kind); len(all) != left[kind] {
			t.Errorf("%d objects of kind %s are left, not %d", len(all), kind, left[kind])
		}
	}
	w.DieAfter(0)
	w.finish()
	if len(w.Writes()) > 0 {
		t.Errorf("with nothing to do it made %v", w.Writes())
	}
}

func TestARunThatIsKilledAnywhereIsSimplyRunAgain(t *testing.T) {
	reference := newWorld(t)
	reference.DieAfter(0)
	reference.finish()
	want, all := reference.State(), reference.Writes()
	for n := 1; n < len(all); n++ {
		w := newWorld(t)
		w.DieAfter(n)
		if err := w.run(time.Minute); !errors.Is(err, migrationtest.ErrKilled) {
			t.Fatalf("after %d writes: %v", n, err)
		}
		w.DieAfter(0)
		w.finish()
		if got := w.State(); got != want {
			t.Fatalf("killed after %s:\n%s\nwant\n%s", all[n-1], got, want)
		}
	}
}

func TestNothingIsRemovedThatIsStillNeeded(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(*world)
		want string
		left []string // as "Kind namespace name"
	}{
		{"the source data plane is not installed", func(w *world) { w.Remove("Deployment", "knative-eventing", "kafka-source-dispatcher") }, "",
			[]string{"Deployment team kafkasource-gone-1234", "Deployment knative-eventing " + manager}},
		{"a right is missing", func(w *world) { w.Forbidden["delete statefulsets"] = true }, "the right to delete statefulsets.apps knative-eventing/kafkasource-mt-adapter is missing",
			[]string{"Deployment team kafkasource-gone-1234"}},
		{"our webhook asks nothing", func(w *world) {
			w.Apply(object("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "", "defaulting.webhook.kafka.eventing.knative.dev", ""))
		}, "stop the old controller: waits for: the webhook to give", []string{"Deployment team kafkasource-gone-1234"}},
		{"a source is in no contract", func(w *world) { w.serve("a") }, "remove the adapters of sources: waits for: KafkaSource team/b: its entry in the contract",
			[]string{"Deployment team kafkasource-b-1234", "StatefulSet knative-eventing " + multiTenant, "Deployment knative-eventing " + manager}},
		{"our pods serve nothing", func(w *world) { w.Serve(false) }, "remove the adapters of sources: waits for: KafkaSource",
			[]string{"Deployment team kafkasource-a-1234", "Deployment team kafkasource-b-1234"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			tc.do(w)
			err := w.run(300 * time.Millisecond)
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v\nwant %s", err, tc.want)
			}
			for _, left := range tc.left {
				of := strings.Fields(left)
				if w.Get(of[0], of[1], of[2]) == nil {
					t.Errorf("%s is gone", left)
				}
			}
		})
	}
}
