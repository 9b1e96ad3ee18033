package apiserver

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"knative.dev/eventing-kafka-go/control-plane/contractmap"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/migration/kube"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/test/apiserver/env"
)

const oldDispatcher = "kafka-ch-dispatcher"

// oldInstallation has a channel with a subscriber that the consolidated channel serves, and a ConsumerGroup of a release
// with a data plane in Java for the same subscriber.
func oldInstallation(kafka string) string {
	text := ""
	for _, name := range []string{"kafka-ch-controller", oldDispatcher, "kafka-webhook"} {
		text += workload("Deployment", name, "") + fmt.Sprintf(`---
{apiVersion: v1, kind: ServiceAccount, metadata: {namespace: knative-eventing, name: %[1]s}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: %[1]s}, rules: [{apiGroups: [""], resources: [secrets], verbs: [get]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: %[1]s},
  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: %[1]s}, subjects: [{kind: ServiceAccount, name: %[1]s, namespace: knative-eventing}]}
`, name)
	}
	text += workload("StatefulSet", "kafka-channel-dispatcher", ", serviceName: x")
	text += legacySource
	for _, kind := range []string{"Consumer", "ConsumerGroup"} {
		text += fmt.Sprintf(`---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[1]ss.internal.kafka.eventing.knative.dev}
spec:
  group: internal.kafka.eventing.knative.dev
  scope: Namespaced
  names: {kind: %[2]s, plural: %[1]ss, singular: %[1]s}
  versions: [{name: v1alpha1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
`, strings.ToLower(kind), kind)
	}
	return text + fmt.Sprintf(`---
apiVersion: v1
kind: ConfigMap
metadata: {namespace: knative-eventing, name: config-kafka}
data: {version: 1.0.0, eventing-kafka: "kafka: {brokers: '%s'}", sarama: "config: 'Version: 2.0.0'"}
---
{apiVersion: v1, kind: ConfigMap, metadata: {namespace: knative-eventing, name: kafka-channel-dispatcher-0}}
---
apiVersion: v1
kind: Service
metadata: {namespace: default, name: taken-kn-channel, labels: {messaging.knative.dev/role: kafka-channel}}
spec: {type: ExternalName, externalName: kafka-ch-dispatcher.knative-eventing.svc.cluster.local, ports: [{name: http, port: 80}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: defaulting.webhook.kafka.messaging.knative.dev}
webhooks:
- {name: defaulting.webhook.kafka.messaging.knative.dev, admissionReviewVersions: [v1], sideEffects: None, failurePolicy: Fail,
  rules: [{apiGroups: [messaging.knative.dev], apiVersions: ["*"], operations: [CREATE], resources: [kafkachannels]}],
  clientConfig: {service: {namespace: knative-eventing, name: kafka-webhook}}}
`, kafka)
}

// legacySource is what the KafkaSource of eventing-kafka has, with the adapter of a source that is gone.
const legacySource = `---
{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: knative-eventing, name: kafka-controller-manager}, spec: {replicas: 1, selector: {matchLabels: {app: m}},
  template: {metadata: {labels: {app: m}}, spec: {containers: [{name: c, image: m}]}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: default, name: kafkasource-gone-1234,
  labels: {eventing.knative.dev/source: kafka-source-controller, eventing.knative.dev/sourceName: gone}},
  spec: {replicas: 0, selector: {matchLabels: {app: a}}, template: {metadata: {labels: {app: a}}, spec: {containers: [{name: c, image: a}]}}}}
---
{apiVersion: v1, kind: Secret, metadata: {namespace: knative-eventing, name: kafka-source-webhook-certs}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: eventing-sources-kafka-controller}, rules: []}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: config.webhook.kafka.sources.knative.dev}
webhooks:
- {name: config.webhook.kafka.sources.knative.dev, admissionReviewVersions: [v1], sideEffects: None, failurePolicy: Fail,
  rules: [{apiGroups: [""], apiVersions: ["*"], operations: [CREATE], resources: [nothings]}],
  clientConfig: {service: {namespace: knative-eventing, name: kafka-source-webhook}}}
`

func workload(kind, name, more string) string {
	return fmt.Sprintf(`---
{apiVersion: apps/v1, kind: %s, metadata: {namespace: knative-eventing, name: %s}, spec: {replicas: 1, selector: {matchLabels: {app: %[2]s}}%s,
  template: {metadata: {labels: {app: %[2]s}}, spec: {containers: [{name: c, image: %[2]s}]}}}}
`, kind, name, more)
}

// machinery is what runs beside the takeover: controllers of Deployments, our controller and our pods.
type machinery struct {
	e     *env.Env
	pods  *httptest.Server
	plane dataplane.DataPlane
	uid   types.UID // of the channel
}

func (m *machinery) resource() *contract.Resource {
	return &contract.Resource{
		Uid: string(m.uid), Topics: []string{"knative-messaging-kafka.default.taken"}, Ingress: &contract.Ingress{Host: "taken"},
		Egresses: []*contract.Egress{{Uid: "subscriber-1", ConsumerGroup: "kafka.default.taken.subscriber-1"}},
	}
}

func startMachinery(t *testing.T, e *env.Env) *machinery {
	t.Helper()
	planes, err := dataplane.FromEnvironment(func(string) string { return "" }, env.SystemNamespace)
	if err != nil {
		t.Fatal(err)
	}
	m := &machinery{e: e, plane: planes[dataplane.Channel]}
	m.pods = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/entries" { // a probe
			if r.Header.Get("K-Network-Probe") != "probe" || r.Host != "taken-kn-channel.default.svc.cluster.local" {
				w.WriteHeader(http.StatusNotFound)
			}
			return
		}
		res := m.resource()
		_ = json.NewEncoder(w).Encode(rollout.Report{
			Routes: map[string]rollout.Entry{res.Uid: {Hash: contract.IngressHash(res)}},
			Groups: map[string]rollout.Entry{"subscriber-1": {Hash: contract.EgressHash(res, res.Egresses[0]), State: "running"}},
		})
	}))
	t.Cleanup(m.pods.Close)
	at, err := url.Parse(m.pods.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, app := range []string{"kafka-channel-receiver", "kafka-channel-dispatcher", "kafka-controller"} {
		e.Apply(t, workload("Deployment", app, ""))
		pod := e.Apply(t, fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {namespace: knative-eventing, name: %[1]s-abc, labels: {app: %[1]s, kafka.eventing.knative.dev/data-plane: channel}},
  spec: {automountServiceAccountToken: false, containers: [{name: c, image: %[1]s, ports: [{name: status, containerPort: %[2]s}, {name: http, containerPort: %[2]s, protocol: UDP}]}]}}`, app, at.Port()))
		if _, err := e.Patch(t, pod, "status: {podIP: 127.0.0.1, podIPs: [{ip: 127.0.0.1}], conditions: [{type: Ready, status: 'True'}]}", "status"); err != nil {
			t.Fatal(err)
		}
	}
	e.Apply(t, workload("Deployment", "kafka-webhook-eventing", "")+workload("Deployment", "kafka-source-dispatcher", ""))
	return m
}

// turn makes of Deployments what they ask for, renews our Lease, and writes the contract when nobody else leads.
func (m *machinery) turn(ctx context.Context) error {
	deployments := m.e.Kube.AppsV1().Deployments(env.SystemNamespace)
	all, err := deployments.List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	leads := true
	for i := range all.Items {
		d := &all.Items[i]
		n := *d.Spec.Replicas
		leads = leads && (d.Name != "kafka-ch-controller" || n == 0)
		if d.Status.ObservedGeneration != d.Generation || d.Status.Replicas != n {
			d.Status.ObservedGeneration, d.Status.Replicas, d.Status.UpdatedReplicas, d.Status.AvailableReplicas, d.Status.ReadyReplicas = d.Generation, n, n, n, n
			if _, err := deployments.UpdateStatus(ctx, d, metav1.UpdateOptions{}); err != nil && !apierrors.IsConflict(err) {
				return err
			}
		}
	}
	lease := fmt.Sprintf(`{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"kafka-broker-controller.contracts.00-of-01"},`+
		`"spec":{"holderIdentity":"kafka-controller-abc_1","leaseDurationSeconds":15,"renewTime":%q}}`, time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"))
	force := true
	_, err = m.e.Kube.CoordinationV1().Leases(env.SystemNamespace).Patch(ctx, "kafka-broker-controller.contracts.00-of-01", types.ApplyPatchType,
		[]byte(lease), metav1.PatchOptions{FieldManager: "machinery", Force: &force})
	if err != nil || !leads {
		return err
	}
	encoded, err := contract.Encode(&contract.Contract{Generation: 1, Resources: []*contract.Resource{m.resource()}}, contract.FormatZstd)
	if err != nil {
		return err
	}
	_, err = m.e.Kube.CoreV1().ConfigMaps(env.SystemNamespace).Create(ctx, contractmap.Make(m.plane, encoded, nil, nil), metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// The program of the Job, with the rights that the Job has, on a real API.
func TestOlderInstallationsAreTakenOver(t *testing.T) {
	e := env.Start(t)
	k := kafkatest.Start(t)
	k.CreateTopic(t, "knative-messaging-kafka.default.taken", 2)
	k.Commit(t, "kafka.default.taken.subscriber-1", "knative-messaging-kafka.default.taken", map[int32]int64{0: 0})
	for _, o := range e.Manifests(t, "config/post-install") {
		if o.GetKind() != "Job" {
			if _, err := e.TryApply(t, o); err != nil {
				t.Fatal(err)
			}
		}
	}
	m := startMachinery(t, e)
	m.uid = takenChannel(t, e)
	e.Apply(t, oldInstallation(k.Bootstrap()))
	internalObjects(t, e, m.uid)
	ourRules(t, e)
	program := e.Build(t, "control-plane/cmd/post-install")
	run := func(arguments ...string) (int, string) {
		p := e.Run(t, program, "knative-kafka-controller-post-install", "post-install", append(arguments, "TAKEOVER_SETTLE=1s", "TAKEOVER_PATIENCE=90s")...)
		for !p.Ended() {
			if err := m.turn(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond) // the pace of what turns beside it
		}
		return p.Wait(t, time.Second)
	}
	if err := m.turn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code, said := run("DRY_RUN=true"); code != 0 || !strings.Contains(said, "KafkaChannel default/taken: Pending") || strings.Contains(said, "is missing") {
		t.Fatalf("dry run: %d\n%s", code, said)
	}
	for again := range 2 {
		if code, said := run(); code != 0 {
			t.Fatalf("run %d: %d\n%s", again, code, said)
		}
	}
	isTakenOver(t, e)
	t.Run("lists are read to their last page", func(t *testing.T) {
		c := kube.Client{Dynamic: e.Dynamic, Page: 3}
		paged, err := c.List(t.Context(), kube.ClusterRoles, kube.Select{})
		whole, wholeErr := kube.Client{Dynamic: e.Dynamic}.List(t.Context(), kube.ClusterRoles, kube.Select{})
		if err != nil || wholeErr != nil || len(paged) < 20 || len(paged) != len(whole) {
			t.Errorf("%d of %d, %v, %v", len(paged), len(whole), err, wholeErr)
		}
	})
}

// takenChannel makes the channel as the old controller left it.
func takenChannel(t *testing.T, e *env.Env) types.UID {
	t.Helper()
	channel := e.Apply(t, `
apiVersion: messaging.knative.dev/v1beta1
kind: KafkaChannel
metadata: {namespace: default, name: taken}
spec: {numPartitions: 2, replicationFactor: 1, retentionDuration: PT1H, subscribers: [{uid: subscriber-1, subscriberUri: "http://subscriber"}]}`)
	if _, err := e.Patch(t, channel, "status: {conditions: [{type: Ready, status: 'True'}], subscribers: [{uid: subscriber-1, ready: 'True'}]}", "status"); err != nil {
		t.Fatal(err)
	}
	return channel.GetUID()
}

// internalObjects makes those of the release with a data plane in Java.
func internalObjects(t *testing.T, e *env.Env, uid types.UID) {
	t.Helper()
	for _, o := range env.Parse(t, fmt.Sprintf(`
apiVersion: internal.kafka.eventing.knative.dev/v1alpha1
kind: ConsumerGroup
metadata:
  namespace: default
  name: subscriber-1
  labels: {kafka.eventing.knative.dev/metadata.kind: kafkachannel}
  finalizers: [consumergroups.internal.kafka.eventing.knative.dev]
  ownerReferences: [{apiVersion: messaging.knative.dev/v1beta1, kind: KafkaChannel, name: taken, uid: %s, controller: true}]
spec: {template: {spec: {configs: {group.id: kafka.default.taken.subscriber-1}}}}
---
apiVersion: internal.kafka.eventing.knative.dev/v1alpha1
kind: Consumer
metadata: {namespace: default, name: subscriber-1-x, finalizers: [consumers.internal.kafka.eventing.knative.dev]}`, uid)) {
		env.Until(t, env.Patience, func() string { // the kinds are new
			if _, err := e.TryApply(t, o); err != nil {
				return err.Error()
			}
			return ""
		})
	}
}

// ourRules gives our webhook configurations rules, as the webhook would, which concern nothing here.
func ourRules(t *testing.T, e *env.Env) {
	t.Helper()
	for _, o := range e.Manifests(t, "config/control-plane") {
		if !strings.HasSuffix(o.GetKind(), "WebhookConfiguration") || strings.HasPrefix(o.GetName(), "pods.") {
			continue
		}
		change := fmt.Sprintf("webhooks: [{name: %s, admissionReviewVersions: [v1], sideEffects: None, rules: [{apiGroups: [example.com], apiVersions: [v1], "+
			"operations: [CREATE], resources: [nothings]}], clientConfig: {caBundle: Cg==, service: {namespace: knative-eventing, name: x}}}]", o.GetName())
		if _, err := e.Patch(t, o, change); err != nil {
			t.Fatal(err)
		}
	}
}

func isTakenOver(t *testing.T, e *env.Env) {
	t.Helper()
	service, err := e.Kube.CoreV1().Services("default").Get(t.Context(), "taken-kn-channel", metav1.GetOptions{})
	if err != nil || service.Spec.ExternalName != "kafka-channel-ingress.knative-eventing.svc.cluster.local" || len(service.Spec.Ports) != 2 {
		t.Errorf("%+v, %v", service, err)
	}
	left, err := e.Kube.AppsV1().Deployments(metav1.NamespaceAll).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range left.Items {
		if slices.Contains([]string{"kafka-ch-controller", oldDispatcher, "kafka-webhook", "kafka-controller-manager", "kafkasource-gone-1234"}, d.Name) {
			t.Errorf("Deployment %s is left", d.Name)
		}
	}
	if sets, err := e.Kube.AppsV1().StatefulSets(env.SystemNamespace).List(t.Context(), metav1.ListOptions{}); err != nil || len(sets.Items) > 0 {
		t.Errorf("StatefulSets: %v, %v", sets, err)
	}
	env.Until(t, env.Patience, func() string {
		for _, kind := range []string{"consumers", "consumergroups"} {
			_, err := e.CRDs.ApiextensionsV1().CustomResourceDefinitions().Get(t.Context(), kind+".internal.kafka.eventing.knative.dev", metav1.GetOptions{})
			if !apierrors.IsNotFound(err) {
				return fmt.Sprintf("the CRD of %s is gone: %v", kind, err)
			}
		}
		return ""
	})
	hooks, err := e.Kube.AdmissionregistrationV1().ValidatingWebhookConfigurations().List(t.Context(), metav1.ListOptions{})
	if err != nil || slices.ContainsFunc(hooks.Items, func(c admissionregistrationv1.ValidatingWebhookConfiguration) bool {
		return strings.Contains(c.Name, "sources")
	}) {
		t.Errorf("webhooks of the KafkaSource of eventing-kafka are left: %v", err)
	}
	report, err := e.Kube.CoreV1().ConfigMaps(env.SystemNamespace).Get(t.Context(), "kafka-post-install-report", metav1.GetOptions{})
	if err != nil || !strings.Contains(report.Data["consolidated-channel.state"], "finished") || !strings.Contains(report.Data["leftovers.state"], "finished") ||
		!strings.Contains(report.Data["legacy-source.state"], "finished") ||
		!strings.Contains(report.Data["consolidated-channel.log"], "services default/taken-kn-channel: lead to kafka-channel-ingress") {
		t.Errorf("%v, %v", report, err)
	}
}
