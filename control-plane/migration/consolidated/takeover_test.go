package consolidated

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clienttesting "k8s.io/client-go/testing"

	"knative.dev/eventing-kafka-go/control-plane/migration"
	"knative.dev/eventing-kafka-go/control-plane/migration/migrationtest"
)

const ingress = "kafka-channel-ingress.knative-eventing.svc.cluster.local"

func TestChannelsAreTakenOver(t *testing.T) {
	w := newWorld(t)
	w.DieAfter(0)
	w.finish()
	for _, s := range [][2]string{{"default", "a-kn-channel"}, {"default", "b-kn-channel"}, {"team", "c-kn-channel"}} {
		if got := w.external(s[0], s[1]); got != ingress {
			t.Errorf("%v leads to %s", s, got)
		}
	}
	if w.config("bootstrap.servers") != w.kafka.Bootstrap() || w.config("auth.secret.ref.name") != "" {
		t.Errorf("%v", w.Get("ConfigMap", "knative-eventing", "kafka-channel-config"))
	}
	for _, kind := range []string{"Deployment", "Service", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "RoleBinding", "Lease", "HorizontalPodAutoscaler", "PodDisruptionBudget"} {
		for _, o := range w.Objects(kind) {
			if strings.HasPrefix(o.GetName(), "kafka-ch-") || o.GetName() == oldWebhook || strings.Contains(o.GetName(), "consolidated") ||
				o.GetName() == "kafka-addressable-resolver" {
				t.Errorf("%s %s/%s is left (MIG-25, MIG-27, MIG-28)", kind, o.GetNamespace(), o.GetName())
			}
		}
	}
	for _, name := range []string{configName, "config-leader-election-kafkachannel"} {
		if w.Get("ConfigMap", "knative-eventing", name) != nil {
			t.Errorf("ConfigMap %s is left", name)
		}
	}
	if w.Get("ConfigMap", "team", configName) != nil {
		t.Error("the copy of config-kafka in namespace team is left")
	}
	if text, _, _ := unstructured.NestedString(w.Get("ConfigMap", "knative-eventing", copyName).Object, "data", "eventing-kafka"); !strings.Contains(text, "maxIdleConns") {
		t.Error("the copy of config-kafka is not one (MIG-20)")
	}
	if w.Get("ConfigMap", "other", configName) == nil || w.Get("Secret", "knative-eventing", "kafka-secret") == nil {
		t.Error("something of a user is gone")
	}
	if got := w.kafka.Committed(t, "kafka.default.a.s2", "knative-messaging-kafka.default.a"); !maps.Equal(got, map[int32]int64{0: 0, 1: 0}) {
		t.Errorf("committed %v: each partition needs a start (MIG-02)", got)
	}
	report := w.Get("ConfigMap", "knative-eventing", migration.ReportName)
	data, _, _ := unstructured.NestedStringMap(report.Object, "data")
	for key, want := range map[string]string{
		"consolidated-channel.state":   "finished",
		"consolidated-channel.log":     "services default/a-kn-channel: lead to " + ingress,
		"consolidated-channel.notes":   "sarama.config.Producer.RequiredAcks",
		"consolidated-channel.objects": `{"name":"KafkaChannel default/a","phase":"Done"`,
	} {
		if !strings.Contains(data[key], want) {
			t.Errorf("report: %s is %q, want %q", key, data[key], want)
		}
	}
	before := w.State()
	w.DieAfter(0)
	w.finish()
	if w.State() != before || len(w.Writes()) > 0 {
		t.Errorf("a run with nothing to do made %v", w.Writes())
	}
}

// The order that events and settings depend on, whatever fails or dies.
func (w *world) watch() {
	w.Refuse = func(action clienttesting.Action) error {
		what := migrationtest.Describe(action)
		demand := func(ok bool, why string) {
			if !ok {
				w.t.Errorf("%s: %s", what, why)
			}
		}
		configured := w.config("bootstrap.servers") == w.kafka.Bootstrap()
		leading := 0
		for _, s := range w.Objects("Service") {
			if external, _, _ := unstructured.NestedString(s.Object, "spec", "externalName"); isOld(external) {
				leading++
			}
		}
		running := false
		for _, name := range []string{oldDispatcher} {
			for _, d := range w.Objects("Deployment") {
				replicas, _, _ := unstructured.NestedInt64(d.Object, "spec", "replicas")
				running = running || d.GetName() == name && replicas > 0
			}
		}
		verb, rest, _ := strings.Cut(what, " ")
		switch {
		case verb == "get" || verb == "list" || action.GetResource().Resource == "selfsubjectaccessreviews":
		case verb == "delete":
			demand(leading == 0 && !running && configured, "deleted while something depends on the old installation (MIG-04)")
			demand(action.GetResource().Resource != "kafkachannels", "a channel is deleted (MIG-09)")
		case strings.HasPrefix(rest, "services "):
			demand(configured, "switched before the settings are there (MIG-28)")
			demand(w.Get("ConfigMap", "knative-eventing", contractName) != nil, "switched before anything is served (MIG-28)")
			demand(w.Get("Deployment", "knative-eventing", oldController) != nil, "switched after the old controller is gone")
		case strings.HasPrefix(rest, "deployments knative-eventing/"+oldController):
			demand(configured, "our controller leads before the settings are there")
		}
		return nil
	}
}

func TestARunThatIsKilledAnywhereIsSimplyRunAgain(t *testing.T) {
	reference := newWorld(t)
	reference.DieAfter(0)
	reference.finish()
	want, writes := reference.State(), len(reference.Writes())
	want = strings.ReplaceAll(want, reference.kafka.Bootstrap(), "KAFKA")
	if writes < 30 {
		t.Fatalf("%d writes: %v", writes, reference.Writes())
	}
	for n := 1; n < writes; n++ {
		w := newWorld(t)
		w.watch()
		w.DieAfter(n)
		if err := w.run(time.Minute, forth); !errors.Is(err, migrationtest.ErrKilled) {
			t.Fatalf("after %d writes: %v", n, err)
		}
		w.DieAfter(0)
		w.finish()
		if got := strings.ReplaceAll(w.State(), w.kafka.Bootstrap(), "KAFKA"); got != want {
			t.Fatalf("killed after %d writes (%s):\n%s", n, reference.Writes()[n-1], difference(got, want))
		}
		if state := w.reported("state"); !strings.HasSuffix(state, " finished") {
			t.Errorf("killed after %d writes (%s): the report says %q", n, reference.Writes()[n-1], state)
		}
	}
}

func difference(got, want string) string {
	var out []string
	w := strings.Split(want, "\n")
	for _, line := range strings.Split(got, "\n") {
		if !slices.Contains(w, line) {
			out = append(out, "+"+line)
		}
	}
	g := strings.Split(got, "\n")
	for _, line := range w {
		if !slices.Contains(g, line) {
			out = append(out, "-"+line)
		}
	}
	return strings.Join(out, "\n")
}

// MIG-28 (3): what cannot be read is not taken for what is not there.
func TestARequestThatFailsStopsTheRunAndTheNextOneGoesOn(t *testing.T) {
	reference := newWorld(t)
	reference.FailAt(0)
	reference.finish()
	want := strings.ReplaceAll(reference.State(), reference.kafka.Bootstrap(), "KAFKA")
	stride := max(1, reference.Requests()/40) // a world for each would take minutes; which ones varies with the run
	for n := 1; n < reference.Requests(); n += stride {
		w := newWorld(t)
		w.watch()
		w.FailAt(n)
		_ = w.run(time.Minute, forth) // it may have been a request that is made again anyway
		w.FailAt(0)
		w.finish()
		if got := strings.ReplaceAll(w.State(), w.kafka.Bootstrap(), "KAFKA"); got != want {
			t.Fatalf("request %d failed:\n%s", n, difference(got, want))
		}
	}
}

func TestADryRunChangesNothingAndTellsAll(t *testing.T) { // MIG-06, MIG-28 (7)
	w := newWorld(t)
	before := w.State()
	var out bytes.Buffer
	w.DieAfter(0)
	if err := migration.DryRun(t.Context(), &out, w.takeover(t.Context())); err != nil {
		t.Fatal(err)
	}
	if len(w.Writes()) > 0 || before != w.State() && !strings.Contains(w.State(), "observedGeneration") {
		t.Errorf("it made %v", w.Writes())
	}
	for _, want := range []string{
		"KafkaChannel default/a: Pending: Service a-kn-channel: kafka-ch-dispatcher.knative-eventing.svc.cluster.local → " + ingress +
			", topic knative-messaging-kafka.default.a stays, group kafka.default.a.s1 stays (lag 0, 0 members)",
		"NOTE keys move to other partitions",
		"NOTE the setting eventing-kafka.cloudevents.maxIdleConns of ConfigMap config-kafka is not carried over",
		"step 2, carry the settings over\n", "create configmaps knative-eventing/config-kafka-migrated",
		"configmaps knative-eventing/kafka-channel-config: bootstrap.servers: " + w.kafka.Bootstrap(),
		"commit a start for partitions [1] of topic knative-messaging-kafka.default.a in group kafka.default.a.s2",
		"deployments.apps knative-eventing/kafka-ch-controller: scale from 2 to 0",
		"step 5, lead Services to the new ingress (waits for: the end of the pods of Deployment knative-eventing/kafka-ch-controller)",
		"delete rolebindings.rbac.authorization.k8s.io knative-eventing/kafka-ch-dispatcher-team",
		"step 7, remove what is left (waits for: Service default/a-kn-channel, which leads to the old dispatcher)",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, out.String())
		}
	}
}

func TestEachStepWaitsForWhatItDependsOn(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(*world)
		want string
		// never are parts of writes that must not happen.
		never []string
	}{
		{"only Brokers are installed (MIG-28: 1, 10)", func(w *world) { w.Remove("Deployment", "knative-eventing", "kafka-channel-receiver") }, "", []string{" "}},
		{"our receivers do not come up", func(w *world) {
			w.ahead = false
			w.Follow = func() {
				w.Deployments()
				d := w.Get("Deployment", "knative-eventing", "kafka-channel-receiver")
				_ = unstructured.SetNestedField(d.Object, int64(0), "status", "availableReplicas")
				w.Set(d)
			}
		}, "carry the settings over: waits for: Deployment kafka-channel-receiver, whose pods are not all ready", []string{" "}},
		{"our webhook has no rules yet (MIG-28: 9)", func(w *world) {
			w.Apply("{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: validation.webhook.kafka.eventing.knative.dev}, webhooks: [{name: x}]}")
		}, "stop the old controller: waits for: the webhook to give validation.webhook.kafka.eventing.knative.dev its rules", []string{"delete", "deployments", "services", "webhookconfigurations"}},
		{"our webhook has nothing that it is asked for", func(w *world) {
			w.Apply("{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: {name: defaulting.webhook.kafka.eventing.knative.dev}}")
		}, "stop the old controller: waits for: the webhook to give defaulting.webhook.kafka.eventing.knative.dev its rules", []string{"delete", "deployments", "services", "webhookconfigurations"}},
		{"nothing is written for our pods", func(w *world) { w.ahead = false },
			"lead Services to the new ingress: waits for: KafkaChannel", []string{"delete", "services", oldDispatcher}},
		{"our pods do not serve what is written (MIG-28: 6)", func(w *world) { w.Serve(false) },
			"lead Services to the new ingress: waits for: KafkaChannel", []string{"delete", "services", oldDispatcher}},
		{"a Service of the old installation that no channel has", func(w *world) {
			w.Apply("{apiVersion: v1, kind: Service, metadata: {namespace: default, name: lost, labels: {messaging.knative.dev/role: kafka-channel}}, spec: {externalName: kafka-ch-dispatcher.knative-eventing.svc.cluster.local}}")
		}, "stop the old dispatchers: waits for: Service default/lost, which leads to the old dispatcher", []string{"delete", oldDispatcher}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.watch()
			tc.do(w)
			w.DieAfter(0)
			err := w.run(300*time.Millisecond, forth)
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v\nwant %s", err, tc.want)
			}
			var waits *migration.NotYetError
			if err != nil && !errors.As(err, &waits) {
				t.Errorf("%T", err)
			}
			for _, write := range changes(w.Writes()) {
				for _, never := range tc.never {
					if strings.Contains(write, never) {
						t.Errorf("%s", write)
					}
				}
			}
		})
	}
}

func TestTheOldIngressGoesOnUntilNamesAreForgotten(t *testing.T) {
	w := newWorld(t)
	w.Follow = func() { w.follow() }
	takeover := w.takeover(t.Context())
	takeover.Settle = time.Hour
	runner := &migration.Runner{Log: discard, Patience: 300 * time.Millisecond, Interval: time.Millisecond, Now: migrationtest.Looks()}
	err := runner.Run(t.Context(), takeover)
	if err == nil || !strings.Contains(err.Error(), "stop the old dispatchers: waits for: clients to forget where the Services led") {
		t.Fatal(err)
	}
	if w.external("default", "a-kn-channel") != ingress || w.Get("Deployment", "team", oldDispatcher) == nil {
		t.Error("Services are not switched, or dispatchers are gone")
	}
}

func TestWhatIsWrongIsSaidAndNothingIsChanged(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(*world)
		want []string
	}{
		{"the CRD is an old one (MIG-28: 13)", func(w *world) {
			w.Apply("{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: kafkachannels.messaging.knative.dev}, spec: {conversion: {webhook: {clientConfig: {service: {name: kafka-webhook}}}}}}")
		}, []string{`the conversion of kafkachannels.messaging.knative.dev leads to "kafka-webhook": apply the CRDs of this release first`}},
		{"the CRD is gone, and all channels seem to be", func(w *world) {
			w.Remove("CustomResourceDefinition", "", channelCRD)
		}, []string{"apply the CRDs of this release first"}},
		{"a right is missing (MIG-06)", func(w *world) { w.Forbidden["delete deployments"] = true },
			[]string{"the right to delete deployments.apps kafka-ch-dispatcher is missing", "the right to delete deployments.apps knative-eventing/kafka-ch-controller is missing"}},
		{"both ConfigMaps were written", func(w *world) {
			w.Apply("{apiVersion: v1, kind: ConfigMap, metadata: {namespace: knative-eventing, name: kafka-channel-config}, data: {bootstrap.servers: 'other:9092'}}")
		}, []string{`ConfigMap kafka-channel-config says bootstrap.servers "other:9092" and ConfigMap config-kafka says`}},
		{"Kafka does not answer", func(w *world) { w.Apply(configKafka("knative-eventing", "127.0.0.1:1")) }, []string{"Kafka at 127.0.0.1:1 cannot be spoken with"}},
		{"config-kafka names no brokers (MIG-28: 5)", func(w *world) { w.Apply(configKafka("knative-eventing", "")) }, []string{"ConfigMap config-kafka names no brokers"}},
		{"config-kafka cannot be read", func(w *world) {
			w.Apply("{apiVersion: v1, kind: ConfigMap, metadata: {namespace: knative-eventing, name: config-kafka}, data: {eventing-kafka: '{'}}")
		}, []string{`ConfigMap config-kafka: key "eventing-kafka"`}},
		{"the Secret is gone", func(w *world) {
			w.Apply("{apiVersion: v1, kind: ConfigMap, metadata: {namespace: knative-eventing, name: config-kafka}, data: {bootstrapServers: '" + w.kafka.Bootstrap() + "', authSecretName: gone, authSecretNamespace: kafka}}")
		}, []string{"Secret kafka/gone, which ConfigMap config-kafka names, is not there"}},
		{"it is another Kafka", func(w *world) { w.kafka.DeleteTopic(w.t, "knative-messaging-kafka.default.b") },
			[]string{"KafkaChannel default/b is Ready, and its topic knative-messaging-kafka.default.b is not in the Kafka at"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			tc.do(w)
			w.DieAfter(0)
			w.stops(append(tc.want, "nothing was changed")...)
			if made := changes(w.Writes()); len(made) > 0 {
				t.Errorf("it made %v", made)
			}
			if state := w.reported("state"); !strings.Contains(state, tc.want[0]) {
				t.Errorf("the report says %q", state)
			}
		})
	}
}

func TestWithoutAConsolidatedChannelNothingHappens(t *testing.T) {
	w := newWorld(t)
	w.Follow = nil
	fresh := migrationtest.New(t, ours()+users()+configKafka("knative-eventing", "somebody:9092"))
	w.Cluster = fresh
	w.DieAfter(0)
	w.finish()
	if len(w.Writes()) > 0 {
		t.Errorf("it made %v", w.Writes())
	}
}

// MIG-28 (12): what a distributed channel uses stays, and its channels are left alone.
func TestWhatADistributedChannelUsesStays(t *testing.T) {
	w := newWorld(t)
	w.Apply(deployment("knative-eventing", distributed) + channelManifest("default", "d", "kafka-cluster-32603413-receiver.knative-eventing"))
	channel := w.Get("KafkaChannel", "default", "d")
	_ = unstructured.SetNestedField(channel.Object, "default.d", "status", "annotations", "default.topic")
	w.Set(channel)
	w.finish()
	for kind, names := range map[string][]string{
		"ClusterRole": {"kafka-addressable-resolver", "kafka-channelable-manipulator", oldWebhook}, "Deployment": {distributed, oldWebhook},
		"MutatingWebhookConfiguration": {oldWebhooks[0].name},
	} {
		for _, name := range names {
			namespace := ""
			if kind == "Deployment" {
				namespace = "knative-eventing"
			}
			if w.Get(kind, namespace, name) == nil {
				t.Errorf("%s %s is gone", kind, name)
			}
		}
	}
	if w.external("default", "d-kn-channel") != "kafka-cluster-32603413-receiver.knative-eventing.svc.cluster.local" {
		t.Error("a Service of the distributed channel was switched")
	}
	if w.Get("Deployment", "knative-eventing", oldDispatcher) != nil {
		t.Error("the consolidated dispatcher is left")
	}
}

// MIG-28 (15), (4): ConfigMaps without data, and values that would break text.
func TestSettingsAreWrittenAsData(t *testing.T) {
	w := newWorld(t)
	w.Apply("{apiVersion: v1, kind: ConfigMap, metadata: {namespace: knative-eventing, name: kafka-channel-config}}")
	w.finish()
	if w.config("bootstrap.servers") != w.kafka.Bootstrap() {
		t.Errorf("%q", w.config("bootstrap.servers"))
	}
	w = newWorld(t)
	w.Apply("{apiVersion: v1, kind: ConfigMap, metadata: {namespace: knative-eventing, name: config-kafka}, data: {bootstrapServers: 'x\"}:1', authSecretName: 'a\"b'}}")
	w.stops(`Secret knative-eventing/a"b, which ConfigMap config-kafka names, is not there`)
}
