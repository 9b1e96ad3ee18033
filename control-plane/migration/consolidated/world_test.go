package consolidated

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/migration"
	"knative.dev/eventing-kafka-go/control-plane/migration/kube"
	"knative.dev/eventing-kafka-go/control-plane/migration/migrationtest"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/proto/contract"
)

const contractName = "kafka-channel-channels-subscriptions"

// deployment is one that has pods, as both installations have them.
func deployment(namespace, name string) string {
	return fmt.Sprintf("---\n{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: %s, name: %s, generation: 1}, spec: {replicas: 2, template: {spec: {containers: [{image: %s}]}}}}\n",
		namespace, name, name)
}

func plain(kind, namespace, name string) string {
	versions := map[string]string{
		"HorizontalPodAutoscaler": "autoscaling/v2", "PodDisruptionBudget": "policy/v1", "Lease": "coordination.k8s.io/v1",
		"ClusterRole": "rbac.authorization.k8s.io/v1", "ClusterRoleBinding": "rbac.authorization.k8s.io/v1", "RoleBinding": "rbac.authorization.k8s.io/v1",
	}
	version := versions[kind]
	if version == "" {
		version = "v1"
	}
	if namespace != "" {
		namespace = "namespace: " + namespace + ", "
	}
	return fmt.Sprintf("---\n{apiVersion: %s, kind: %s, metadata: {%sname: %s}}\n", version, kind, namespace, name)
}

func webhook(kind, name, more string) string {
	return fmt.Sprintf("---\n{apiVersion: admissionregistration.k8s.io/v1, kind: %s, metadata: {name: %s}, webhooks: [{name: %s, failurePolicy: Fail, rules: [{resources: [kafkachannels]}], clientConfig: {caBundle: cGVt}%s}]}\n",
		kind, name, name, more)
}

// ours is this installation, as its files make it.
func ours() string {
	return deployment("knative-eventing", "kafka-controller") + deployment("knative-eventing", "kafka-webhook-eventing") +
		deployment("knative-eventing", "kafka-channel-receiver") + deployment("knative-eventing", "kafka-channel-dispatcher") +
		webhook("MutatingWebhookConfiguration", "defaulting.webhook.kafka.eventing.knative.dev", "") +
		webhook("ValidatingWebhookConfiguration", "validation.webhook.kafka.eventing.knative.dev", "") + `
---
{apiVersion: v1, kind: ConfigMap, metadata: {namespace: knative-eventing, name: kafka-channel-config}, data: {bootstrap.servers: "my-cluster-kafka-bootstrap.kafka:9092"}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: kafkachannels.messaging.knative.dev}
spec: {conversion: {webhook: {clientConfig: {service: {name: kafka-webhook-eventing}}}}}
---
` + pod("kafka-channel-receiver", "10.0.0.1") + "---\n" + pod("kafka-channel-dispatcher", "10.0.0.2")
}

func pod(app, ip string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {namespace: knative-eventing, name: %s-1, labels: {app: %s, kafka.eventing.knative.dev/data-plane: channel}}
status: {podIP: %s, conditions: [{type: Ready, status: "True"}]}
`, app, app, ip)
}

// theirs is the old installation, with a dispatcher of its own in namespace team.
func theirs() string {
	text := ""
	for _, name := range []string{oldController, oldDispatcher, oldWebhook} {
		text += deployment("knative-eventing", name) + plain("ServiceAccount", "knative-eventing", name) +
			plain("ClusterRole", "", name) + plain("ClusterRoleBinding", "", name)
	}
	for _, kind := range []string{"HorizontalPodAutoscaler", "PodDisruptionBudget", "Service"} {
		text += plain(kind, "knative-eventing", oldWebhook)
	}
	text += plain("Service", "knative-eventing", oldDispatcher) + plain("Secret", "knative-eventing", "messaging-webhook-certs") +
		plain("ClusterRole", "", "kafka-addressable-resolver") + plain("ClusterRole", "", "kafka-channelable-manipulator") +
		plain("ConfigMap", "knative-eventing", "config-leader-election-kafkachannel") +
		plain("Lease", "knative-eventing", "kafkachannel-dispatcher.knative.dev.eventing-kafka.pkg.channel.consolidated.reconciler.dispatcher.reconciler.00-of-01") +
		webhook("MutatingWebhookConfiguration", oldWebhooks[0].name, "") + webhook("ValidatingWebhookConfiguration", oldWebhooks[1].name, "")
	return text + deployment("team", oldDispatcher) + plain("Service", "team", oldDispatcher) + plain("ServiceAccount", "team", oldDispatcher) +
		plain("RoleBinding", "team", oldDispatcher) + plain("RoleBinding", "knative-eventing", oldDispatcher+"-team")
}

// users is what stays whatever happens: objects of users, and some that have nothing to do with it all.
func users() string {
	return plain("Secret", "knative-eventing", "kafka-secret") + plain("ConfigMap", "other", "config-kafka") + plain("ServiceAccount", "team", "default") +
		deployment("knative-eventing", "kafka-broker-receiver")
}

func channelManifest(namespace, name, dispatcher string, subscribers ...string) string {
	spec, status := "", ""
	for _, uid := range subscribers {
		spec += "{uid: " + uid + ", subscriberUri: 'http://s'},"
		status += "{uid: " + uid + ", ready: 'True'},"
	}
	return fmt.Sprintf(`---
apiVersion: messaging.knative.dev/v1beta1
kind: KafkaChannel
metadata: {namespace: %[1]s, name: %[2]s, uid: uid-%[2]s}
spec: {subscribers: [%[4]s]}
status: {conditions: [{type: Ready, status: "True"}], subscribers: [%[5]s]}
---
apiVersion: v1
kind: Service
metadata: {namespace: %[1]s, name: %[2]s-kn-channel, labels: {messaging.knative.dev/role: kafka-channel}}
spec: {type: ExternalName, externalName: %[3]s.svc.cluster.local}
`, namespace, name, dispatcher, spec, status)
}

func configKafka(namespace, servers string) string {
	return fmt.Sprintf(`---
apiVersion: v1
kind: ConfigMap
metadata: {namespace: %s, name: config-kafka}
data:
  version: 1.0.0
  sarama: |
    enableLogging: false
    config: |
      Version: 2.0.0
      Net: {TLS: {Enable: false}}
      Producer: {RequiredAcks: 1}
  eventing-kafka: |
    cloudevents: {maxIdleConns: 1000}
    kafka: {brokers: "%s", authSecretName: "", authSecretNamespace: ""}
`, namespace, servers)
}

// world is a cluster in which both installations are, with a Kafka.
type world struct {
	*migrationtest.Cluster
	t     *testing.T
	kafka *kafkatest.Cluster
	// ahead says whether our controller does what it does.
	ahead bool
}

// newWorld is one with three channels and four subscribers.
func newWorld(t *testing.T) *world {
	t.Helper()
	k := kafkatest.Start(t)
	w := &world{Cluster: migrationtest.New(t, ours()+theirs()+users()), t: t, kafka: k, ahead: true}
	w.Apply(configKafka("knative-eventing", k.Bootstrap()) + configKafka("team", k.Bootstrap()))
	w.Apply(channelManifest("default", "a", "kafka-ch-dispatcher.knative-eventing", "s1", "s2") +
		channelManifest("default", "b", "kafka-ch-dispatcher.knative-eventing") +
		channelManifest("team", "c", "kafka-ch-dispatcher.team", "s3"))
	for _, topic := range []string{"default.a", "default.b", "team.c"} {
		k.CreateTopic(t, "knative-messaging-kafka."+topic, 2)
	}
	k.Commit(t, "kafka.default.a.s1", "knative-messaging-kafka.default.a", map[int32]int64{0: 0, 1: 0})
	k.Commit(t, "kafka.default.a.s2", "knative-messaging-kafka.default.a", map[int32]int64{0: 0})
	k.Commit(t, "kafka.team.c.s3", "knative-messaging-kafka.team.c", map[int32]int64{0: 0, 1: 0})
	w.Follow = w.follow
	return w
}

// follow is what the controllers do: ours has channels served when nobody else leads, from what their status names.
func (w *world) follow() {
	w.Deployments()
	old := w.Get("Deployment", "knative-eventing", oldController)
	stopped := old == nil
	if old != nil {
		replicas, _, _ := unstructured.NestedInt64(old.Object, "spec", "replicas")
		stopped = replicas == 0
	}
	if !w.ahead || !stopped {
		return
	}
	var resources []*contract.Resource
	for _, o := range w.Objects("KafkaChannel") {
		topic, _, _ := unstructured.NestedString(o.Object, "status", "annotations", "default.topic")
		if topic == "" {
			w.t.Errorf("our controller leads, and %s/%s names no topic", o.GetNamespace(), o.GetName())
			continue
		}
		r := &contract.Resource{Uid: string(o.GetUID()), Topics: []string{topic}, Ingress: &contract.Ingress{Host: o.GetName()}}
		for _, s := range (&Takeover{}).channel(o).subscribers {
			r.Egresses = append(r.Egresses, &contract.Egress{Uid: s.uid, ConsumerGroup: s.group})
		}
		resources = append(resources, r)
	}
	w.WriteContract(contractName, resources...)
}

// takeover is a new run of the program.
func (w *world) takeover(ctx context.Context) *Takeover {
	admins := kafkaadmin.NewPool(slog.New(slog.DiscardHandler))
	context.AfterFunc(ctx, admins.Close)
	return &Takeover{
		Kube: kube.Client{Dynamic: w.Client}, Served: w.Checker(ctx), Admins: admins, Namespace: "knative-eventing",
		ConfigName: "kafka-channel-config", Domain: "cluster.local", Settle: time.Second, Now: w.Now,
	}
}

// run runs the program once.
func (w *world) run(patience time.Duration, of func(*Takeover) migration.Takeover) error {
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	runner := &migration.Runner{
		Report:   &migration.Report{Kube: kube.Client{Dynamic: w.Client}, Namespace: "knative-eventing", Now: w.Now},
		Log:      slog.New(slog.DiscardHandler),
		Patience: patience, Interval: time.Millisecond, Now: migrationtest.Looks(),
	}
	return runner.Run(ctx, of(w.takeover(ctx)))
}

func forth(t *Takeover) migration.Takeover { return t }

func back(t *Takeover) migration.Takeover { return t.Rollback() }

// finish runs the program to its end.
func (w *world) finish() {
	w.t.Helper()
	if err := w.run(time.Minute, forth); err != nil {
		w.t.Fatal(err)
	}
}

// stops expects a run to end at a step, for a reason.
func (w *world) stops(want ...string) {
	w.t.Helper()
	err := w.run(time.Nanosecond, forth)
	for _, text := range want {
		if err == nil || !strings.Contains(err.Error(), text) {
			w.t.Errorf("error %v\nwant %s", err, text)
		}
	}
	var blocked *migration.BlockedError
	if errors.As(err, &blocked) && len(changes(w.Writes())) > 0 {
		w.t.Errorf("it was blocked and changed %v", w.Writes())
	}
}

// changes are the writes but those of the report.
func changes(writes []string) (made []string) {
	for _, w := range writes {
		if !strings.Contains(w, migration.ReportName) {
			made = append(made, w)
		}
	}
	return made
}

func (w *world) external(namespace, service string) string {
	external, _, _ := unstructured.NestedString(w.Get("Service", namespace, service).Object, "spec", "externalName")
	return external
}

func (w *world) config(key string) string {
	value, _, _ := unstructured.NestedString(w.Get("ConfigMap", "knative-eventing", "kafka-channel-config").Object, "data", key)
	return value
}

var discard = slog.New(slog.DiscardHandler)

func secretOf(namespace, name string, data map[string]string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: map[string][]byte{}}
	for key, value := range data {
		s.Data[key] = []byte(value)
	}
	return s
}

func with(data map[string]string, key, value string) map[string]string {
	data = maps.Clone(data)
	data[key] = value
	return data
}

// quoted is a text as YAML in one line.
func quoted(text string) string { return strconv.Quote(strings.TrimSpace(text)) }
