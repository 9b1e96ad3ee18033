package leftovers

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

const ours = `
{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: knative-eventing, name: kafka-controller}, spec: {replicas: 1, template: {spec: {containers: [{image: ours}]}}}}
---
{apiVersion: v1, kind: Pod, metadata: {namespace: knative-eventing, name: kafka-controller-1, labels: {app: kafka-controller}}, spec: {containers: [{image: ours}]}}
---
{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {namespace: knative-eventing, name: kafka-broker-controller.contracts.00-of-01},
  spec: {holderIdentity: kafka-controller-1_x, renewTime: "2026-01-02T03:04:05.000000Z", leaseDurationSeconds: 15}}
`

// theirs is what an earlier release has made, for a Trigger, a channel with a subscriber and a source, and what it left.
func theirs() string {
	text := `
{apiVersion: eventing.knative.dev/v1, kind: Trigger, metadata: {namespace: default, name: t, uid: uid-t}}
---
{apiVersion: messaging.knative.dev/v1beta1, kind: KafkaChannel, metadata: {namespace: default, name: c, uid: uid-c}, spec: {subscribers: [{uid: sub-1}]}}
---
{apiVersion: sources.knative.dev/v1, kind: KafkaSource, metadata: {namespace: default, name: s, uid: uid-s}}
---
{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: {name: pods.defaulting.webhook.kafka.eventing.knative.dev},
  webhooks: [{name: pods.defaulting.webhook.kafka.eventing.knative.dev, failurePolicy: Fail}]}
---
{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: {namespace: default, name: so-1},
  spec: {scaleTargetRef: {apiVersion: internal.kafka.eventing.knative.dev/v1alpha1, kind: ConsumerGroup, name: g}}}
---
{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: {namespace: default, name: theirs}, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: g}}}
---
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: consumers.internal.kafka.eventing.knative.dev}}
---
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: consumergroups.internal.kafka.eventing.knative.dev}}
---
{apiVersion: bindings.knative.dev/v1beta1, kind: KafkaBinding, metadata: {namespace: default, name: b}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {namespace: team, name: knative-kafka-broker-data-plane}}
`
	for _, kind := range []string{"broker", "channel", "source"} {
		text += fmt.Sprintf(`---
{apiVersion: apps/v1, kind: StatefulSet, metadata: {namespace: knative-eventing, name: kafka-%[1]s-dispatcher}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {namespace: knative-eventing, name: kafka-%[1]s-dispatcher-0}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: knative-kafka-%[1]s-data-plane}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: knative-kafka-%[1]s-data-plane}}
`, kind)
	}
	return text + group("trigger", "g", "g", "eventing.knative.dev/v1", "Trigger", "t") +
		group("kafkachannel", "sub-1", "kafka.default.c.sub-1", "messaging.knative.dev/v1beta1", "KafkaChannel", "c") +
		group("kafkachannel", "sub-gone", "kafka.default.c.sub-gone", "messaging.knative.dev/v1beta1", "KafkaChannel", "c") +
		group("kafkasource", "uid-s", "source-group", "sources.knative.dev/v1", "KafkaSource", "s") +
		group("trigger", "orphan", "orphan", "eventing.knative.dev/v1", "Trigger", "gone")
}

func group(kind, name, id, version, owner, ownerName string) string {
	return fmt.Sprintf(`---
apiVersion: internal.kafka.eventing.knative.dev/v1alpha1
kind: ConsumerGroup
metadata:
  namespace: default
  name: %[2]s
  labels: {kafka.eventing.knative.dev/metadata.kind: %[1]s}
  finalizers: [consumergroups.internal.kafka.eventing.knative.dev, example.com/mine]
  ownerReferences: [{apiVersion: %[4]s, kind: %[5]s, name: %[6]s, uid: uid-%[6]s, controller: true}]
spec: {template: {spec: {configs: {group.id: %[3]s, bootstrap.servers: "kafka:9092"}}}}
---
apiVersion: internal.kafka.eventing.knative.dev/v1alpha1
kind: Consumer
metadata:
  namespace: default
  name: %[2]s-x
  finalizers: [consumers.internal.kafka.eventing.knative.dev]
  ownerReferences: [{apiVersion: internal.kafka.eventing.knative.dev/v1alpha1, kind: ConsumerGroup, name: %[2]s, uid: u, controller: true}]
`, kind, name, id, version, owner, ownerName)
}

func pod(app, kind string, more string) string {
	return fmt.Sprintf("---\n{apiVersion: v1, kind: Pod, metadata: {namespace: knative-eventing, name: %s%s, labels: {app: %s%s}}, status: {podIP: 10.0.0.1, conditions: [{type: Ready, status: 'True'}]}}\n",
		app, more, app, kind)
}

type world struct {
	*migrationtest.Cluster
	t *testing.T
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{migrationtest.New(t, ours+"---"+theirs()), t}
	for _, kind := range []string{"broker", "channel", "source"} {
		w.Apply(pod("kafka-"+kind+"-dispatcher", ", kafka.eventing.knative.dev/data-plane: "+kind, "-abc"))
		if kind != "source" {
			w.Apply(pod("kafka-"+kind+"-receiver", ", kafka.eventing.knative.dev/data-plane: "+kind, "-abc"))
		}
	}
	w.WriteContract("kafka-broker-brokers-triggers", &contract.Resource{Uid: "b", Topics: []string{"t"}, Ingress: &contract.Ingress{Path: "/b"},
		Egresses: []*contract.Egress{{Uid: "uid-t", ConsumerGroup: "g"}}})
	w.WriteContract("kafka-channel-channels-subscriptions", &contract.Resource{Uid: "uid-c", Topics: []string{"c"}, Ingress: &contract.Ingress{Host: "c"},
		Egresses: []*contract.Egress{{Uid: "sub-1", ConsumerGroup: "kafka.default.c.sub-1"}}})
	w.WriteContract("kafka-source-sources", &contract.Resource{Uid: "uid-s", Topics: []string{"s"}, Egresses: []*contract.Egress{{Uid: "uid-s", ConsumerGroup: "source-group"}}})
	w.watch()
	return w
}

// watch sees to what must hold whenever something is removed.
func (w *world) watch() {
	w.Refuse = func(action clienttesting.Action) error {
		if action.GetVerb() != "delete" {
			return nil
		}
		what := migrationtest.Describe(action)
		name := action.(clienttesting.DeleteAction).GetName()
		switch action.GetResource().Resource {
		case "consumergroups":
			o := w.Get("ConsumerGroup", action.GetNamespace(), name)
			if o != nil && strings.Contains(strings.Join(o.GetFinalizers(), ","), finalizers) {
				w.t.Errorf("%s: its finalizer is there, which deletes the group in Kafka (MIG-41)", what)
			}
			if len(w.Objects("StatefulSet")) > 0 {
				w.t.Errorf("%s: before the dispatchers", what)
			}
		case "customresourcedefinitions":
			kind := map[string]string{"consumers": "Consumer", "consumergroups": "ConsumerGroup"}[strings.Split(name, ".")[0]]
			if left := len(w.Objects(kind)); left > 0 {
				w.t.Errorf("%s: there are %d objects, which it would take along", what, left)
			}
		case "triggers", "kafkachannels", "kafkasources", "pods":
			w.t.Errorf("%s", what)
		}
		return nil
	}
}

func (w *world) run(patience time.Duration) error {
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	client := kube.Client{Dynamic: w.Client, Page: 2}
	runner := &migration.Runner{
		Log: slog.New(slog.DiscardHandler), Patience: patience, Interval: time.Millisecond, Now: migrationtest.Looks(),
		Report: &migration.Report{Kube: client, Namespace: "knative-eventing", Now: w.Now},
	}
	checker := w.Checker(ctx)
	checker.Now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 10, 0, time.UTC) }
	return runner.Run(ctx, &Takeover{Kube: client, Served: checker, Namespace: "knative-eventing"})
}

func (w *world) finish() {
	w.t.Helper()
	if err := w.run(time.Minute); err != nil {
		w.t.Fatal(err)
	}
}

func TestWhatAnEarlierReleaseLeavesIsRemoved(t *testing.T) {
	w := newWorld(t)
	w.DieAfter(0)
	w.finish()
	for _, kind := range []string{"StatefulSet", "Consumer", "CustomResourceDefinition", "MutatingWebhookConfiguration", "ClusterRole", "ClusterRoleBinding", "RoleBinding"} {
		for _, o := range w.Objects(kind) {
			t.Errorf("%s %s is left", kind, o.GetName())
		}
	}
	for _, o := range w.Objects("ConfigMap") {
		if podConfig.MatchString(o.GetName()) {
			t.Errorf("ConfigMap %s is left", o.GetName())
		}
	}
	if all := w.Objects("ScaledObject"); len(all) != 1 || all[0].GetName() != "theirs" {
		t.Errorf("%d ScaledObjects (MIG-46)", len(all))
	}
	for _, kind := range []string{"Trigger", "KafkaChannel", "KafkaSource", "KafkaBinding"} {
		if len(w.Objects(kind)) != 1 {
			t.Errorf("the %s is gone", kind)
		}
	}
	data, _, _ := unstructured.NestedStringMap(w.Get("ConfigMap", "knative-eventing", migration.ReportName).Object, "data")
	if !strings.Contains(data["leftovers.notes"], "KafkaBinding default/b is served by nobody") || !strings.Contains(data["leftovers.log"], "delete statefulsets.apps knative-eventing/kafka-source-dispatcher") {
		t.Errorf("the report says %v (KB-03)", data)
	}
	w.DieAfter(0)
	w.finish()
	for _, write := range w.Writes() {
		if !strings.Contains(write, migration.ReportName) {
			t.Errorf("with nothing to do it made %s", write)
		}
	}
}

func TestARunThatIsKilledAnywhereIsSimplyRunAgain(t *testing.T) {
	reference := newWorld(t)
	reference.DieAfter(0)
	reference.finish()
	want := reference.State()
	all := reference.Writes()
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

func TestARequestThatFailsRemovesNothingMore(t *testing.T) {
	reference := newWorld(t)
	reference.FailAt(0)
	reference.finish()
	want := reference.State()
	for n := 1; n < reference.Requests(); n += max(1, reference.Requests()/60) {
		w := newWorld(t)
		w.FailAt(n)
		_ = w.run(time.Minute)
		w.FailAt(0)
		w.finish()
		if w.State() != want {
			t.Fatalf("request %d failed:\n%s", n, w.State())
		}
	}
}

func TestNothingIsRemovedThatIsStillNeeded(t *testing.T) {
	edit := func(w *world, kind, namespace, name string, value any, path ...string) {
		o := w.Get(kind, namespace, name)
		if err := unstructured.SetNestedField(o.Object, value, path...); err != nil {
			w.t.Fatal(err)
		}
		w.Set(o)
	}
	for _, tc := range []struct {
		name string
		do   func(*world)
		want string
		// left must be there afterwards, as "Kind name".
		left []string
	}{
		{"our controller is not installed", func(w *world) {
			w.Remove("Lease", "knative-eventing", "kafka-broker-controller.contracts.00-of-01")
		}, "waits for: our controller, which has not made the Lease", []string{"MutatingWebhookConfiguration " + podWebhook, "StatefulSet kafka-broker-dispatcher"}},
		{"a right is missing (MIG-06)", func(w *world) { w.Forbidden["patch consumergroups"] = true },
			"nothing was changed:\n  the right to patch consumergroups.internal.kafka.eventing.knative.dev is missing",
			[]string{"MutatingWebhookConfiguration " + podWebhook, "StatefulSet kafka-broker-dispatcher"}},
		{"our controller is down", func(w *world) {
			edit(w, "Lease", "knative-eventing", "kafka-broker-controller.contracts.00-of-01", "2026-01-02T02:00:00.000000Z", "spec", "renewTime")
		}, "waits for: our controller, which does not renew the Lease", []string{"MutatingWebhookConfiguration " + podWebhook, "StatefulSet kafka-broker-dispatcher"}},
		{"an earlier controller runs (MIG-41)", func(w *world) {
			w.Apply("{apiVersion: v1, kind: Pod, metadata: {namespace: knative-eventing, name: kafka-controller-0, labels: {app: kafka-controller}}, spec: {containers: [{image: theirs}]}}")
		}, "waits for: the end of pod kafka-controller-0, which runs an earlier controller", []string{"StatefulSet kafka-broker-dispatcher", "ConsumerGroup g"}},
		{"our pods serve nothing", func(w *world) { w.Serve(false) },
			"remove dispatchers that are StatefulSets: waits for: ", []string{"StatefulSet kafka-broker-dispatcher", "ConsumerGroup g", "Consumer g-x"}},
		{"no dispatcher of ours is there", func(w *world) {
			w.Remove("Pod", "knative-eventing", "kafka-source-dispatcher-abc")
		}, "no pod with label app=kafka-source-dispatcher is ready", []string{"StatefulSet kafka-source-dispatcher", "ConsumerGroup uid-s"}},
		{"a group is in no contract", func(w *world) { w.WriteContract("kafka-source-sources") },
			"ConsumerGroup default/uid-s: an entry for group source-group in the contract knative-eventing/kafka-source-sources", []string{"StatefulSet kafka-source-dispatcher", "ConsumerGroup uid-s"}},
		{"the contract is not written", func(w *world) { w.Remove("ConfigMap", "knative-eventing", "kafka-broker-brokers-triggers") },
			"the contract in ConfigMap knative-eventing/kafka-broker-brokers-triggers", []string{"StatefulSet kafka-broker-dispatcher"}},
		{"a dispatcher pod has not ended", func(w *world) {
			w.Apply(pod("kafka-broker-dispatcher", "", "-0"))
		}, "remove contracts of single pods: waits for: the end of pod kafka-broker-dispatcher-0", []string{"ConfigMap kafka-broker-dispatcher-0", "ClusterRole knative-kafka-broker-data-plane"}},
		{"an earlier receiver runs (SEC-47)", func(w *world) { w.Apply(pod("kafka-broker-receiver", "", "-0")) },
			"remove rights of the data planes: waits for: the end of pod", []string{"ClusterRole knative-kafka-broker-data-plane"}},
		{"a namespace has dispatchers of its own, which ours does not serve", func(w *world) {
			w.Apply("{apiVersion: apps/v1, kind: StatefulSet, metadata: {namespace: team, name: kafka-broker-dispatcher}}")
		}, "the contract in ConfigMap team/kafka-broker-brokers-triggers", []string{"StatefulSet kafka-broker-dispatcher"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			tc.do(w)
			err := w.run(300 * time.Millisecond)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v\nwant %s", err, tc.want)
			}
			for _, left := range tc.left {
				kind, name, _ := strings.Cut(left, " ")
				found := false
				for _, o := range w.Objects(kind) {
					found = found || o.GetName() == name
				}
				if !found {
					t.Errorf("%s is gone", left)
				}
			}
		})
	}
}

// The webhook for pods that this release ships fails nothing, and stays for those who wait for it.
func TestTheWebhookThatIsShippedStays(t *testing.T) {
	w := newWorld(t)
	w.Apply("{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: {name: " + podWebhook + "}, webhooks: [{name: x, failurePolicy: Ignore}]}")
	w.finish()
	if w.Get("MutatingWebhookConfiguration", "", podWebhook) == nil {
		t.Error("it is gone")
	}
}

func TestWithoutAnEarlierReleaseNothingHappens(t *testing.T) {
	w := &world{migrationtest.New(t, "{apiVersion: v1, kind: ConfigMap, metadata: {namespace: knative-eventing, name: kafka-broker-dispatcher-config}}"), t}
	w.DieAfter(0)
	w.finish()
	if len(w.Writes()) > 0 {
		t.Errorf("it made %v", w.Writes())
	}
}
