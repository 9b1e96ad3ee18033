package consolidated

import (
	"bytes"
	"maps"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"

	"knative.dev/eventing-kafka-go/control-plane/migration"
	"knative.dev/eventing-kafka-go/control-plane/migration/migrationtest"
)

func (w *world) reported(key string) string {
	text, _, _ := unstructured.NestedString(w.Get("ConfigMap", "knative-eventing", migration.ReportName).Object, "data", "consolidated-channel."+key)
	return text
}

// set changes a field of an object.
func (w *world) set(kind, namespace, name string, value any, path ...string) {
	w.t.Helper()
	o := w.Get(kind, namespace, name)
	if err := unstructured.SetNestedField(o.Object, value, path...); err != nil {
		w.t.Fatal(err)
	}
	w.Set(o)
}

// A definition of which the API server serves another version, or none yet, is not one without objects: all channels would
// lose their data plane (MIG-28: 3).
func TestChannelsThatCannotBeReadAreNotTakenForNone(t *testing.T) {
	w := newWorld(t)
	w.DieAfter(0)
	w.Refuse = func(action clienttesting.Action) error {
		if action.GetResource().Resource != "kafkachannels" {
			return nil
		}
		return apierrors.NewGenericServerResponse(404, "list", schema.GroupResource{Resource: "kafkachannels"}, "", "404 page not found", 0, true)
	}
	err := w.run(time.Minute, forth)
	if err == nil || !strings.Contains(err.Error(), "list kafkachannels.messaging.knative.dev: its definition is there") {
		t.Errorf("%v", err)
	}
	if made := changes(w.Writes()); len(made) > 0 {
		t.Errorf("it made %v", made)
	}
}

// What a user has written into kafka-channel-config stays, when Kafka can be spoken with by it (MIG-28: 5).
func TestASecretThatAUserHasNamedStays(t *testing.T) {
	w := newWorld(t)
	w.Set(secretObject(secretOf("team", "new", map[string]string{"protocol": "PLAINTEXT"})))
	w.Apply("{apiVersion: v1, kind: ConfigMap, metadata: {namespace: knative-eventing, name: kafka-channel-config}, data: {" +
		"bootstrap.servers: ' " + w.kafka.Bootstrap() + " ', auth.secret.ref.name: new, auth.secret.ref.namespace: team}}")
	w.finish()
	if w.config("auth.secret.ref.name") != "new" || w.config("auth.secret.ref.namespace") != "team" {
		t.Errorf("%v", w.Get("ConfigMap", "knative-eventing", "kafka-channel-config"))
	}
	if notes := w.reported("notes"); !strings.Contains(notes, `names Secret "new", which stays`) {
		t.Errorf("it says %q", notes)
	}
	w = newWorld(t)
	w.Apply("{apiVersion: v1, kind: ConfigMap, metadata: {namespace: knative-eventing, name: kafka-channel-config}, data: {auth.secret.ref.name: gone}}")
	w.stops("Secret knative-eventing/gone is not there")
}

func TestTheCopyOfTheSettingsIsOfTheLastOnes(t *testing.T) { // MIG-20
	w := newWorld(t)
	w.Apply("{apiVersion: v1, kind: ConfigMap, metadata: {namespace: knative-eventing, name: config-kafka-migrated}, data: {version: '0', sarama: old, gone: x}}")
	w.finish()
	data, _, _ := unstructured.NestedStringMap(w.Get("ConfigMap", "knative-eventing", copyName).Object, "data")
	if data["version"] != "1.0.0" || data["gone"] != "" || !strings.Contains(data["eventing-kafka"], "maxIdleConns") {
		t.Errorf("%v", data)
	}
}

// MIG-02: a subscriber that is not ready just now has had events all the same.
func TestGroupsOfSubscribersThatAreNotReadyKeepTheirStarts(t *testing.T) {
	w := newWorld(t)
	const topic = "knative-messaging-kafka.team.c"
	w.kafka.Commit(t, "kafka.team.c.s4", topic, map[int32]int64{1: 0})
	w.Apply(strings.ReplaceAll(channelManifest("team", "c", "kafka-ch-dispatcher.team", "s3", "s4", "s5"), "ready: 'True'", "ready: 'Unknown'"))
	w.ahead = false // as far as the old installation runs
	_ = w.run(time.Nanosecond, forth)
	for group, want := range map[string]map[int32]int64{"s3": {0: 0, 1: 0}, "s4": {0: 0, 1: 0}, "s5": nil} {
		if got := w.kafka.Committed(t, "kafka.team.c."+group, topic); !maps.Equal(got, want) {
			t.Errorf("group of %s has %v, want %v", group, got, want)
		}
	}
}

// What a step waits for is asked again by a run that finds the steps before it done (MIG-28: 9).
func TestALaterRunWaitsForOurProgramsToo(t *testing.T) {
	w := newWorld(t)
	w.DieAfter(3) // the settings are there
	_ = w.run(time.Minute, forth)
	w.DieAfter(0)
	w.Follow = func() {
		w.Deployments()
		w.set("Deployment", "knative-eventing", ourWebhook, int64(0), "status", "availableReplicas")
	}
	w.stops("stop the old controller: waits for: Deployment kafka-webhook-eventing, whose pods are not all ready")
	for _, write := range w.Writes() {
		if strings.Contains(write, "deployments") || strings.Contains(write, "webhookconfigurations") {
			t.Errorf("%s", write)
		}
	}
}

// A Deployment counts no pods that are about to end, which go on meanwhile (MIG-04).
func TestPodsThatAreAboutToEndAreWaitedFor(t *testing.T) {
	w := newWorld(t)
	w.set("Deployment", "team", oldDispatcher, map[string]any{"role": "dispatcher"}, "spec", "selector", "matchLabels")
	w.Apply("{apiVersion: v1, kind: Pod, metadata: {namespace: team, name: kafka-ch-dispatcher-1, labels: {role: dispatcher}}}")
	w.DieAfter(0)
	err := w.run(300*time.Millisecond, forth)
	if err == nil || !strings.Contains(err.Error(), "remove what is left: waits for: the end of the pods of Deployment team/kafka-ch-dispatcher") {
		t.Errorf("%v", err)
	}
	if log := w.reported("log"); !strings.Contains(log, "stop the old dispatchers: deployments.apps team/kafka-ch-dispatcher: scale from 2 to 0") {
		t.Errorf("the report says %q", log)
	}
	w.Remove("Pod", "team", "kafka-ch-dispatcher-1")
	w.finish()
}

// MIG-28 (8): what dispatchers of namespaces were given goes, although their namespaces are gone.
func TestRightsOfNamespacesThatAreGoneAreRemoved(t *testing.T) {
	w := newWorld(t)
	w.Apply(plain("RoleBinding", "knative-eventing", oldDispatcher+"-gone") + plain("RoleBinding", "knative-eventing", "mine"))
	w.finish()
	for name, there := range map[string]bool{oldDispatcher + "-gone": false, oldDispatcher + "-team": false, "mine": true} {
		if (w.Get("RoleBinding", "knative-eventing", name) != nil) != there {
			t.Errorf("RoleBinding %s: there is %v", name, !there)
		}
	}
}

func TestADryRunTellsAllThatIsInTheWay(t *testing.T) { // MIG-06
	w := newWorld(t)
	w.Apply(configKafka("knative-eventing", ""))
	w.Forbidden["delete deployments"] = true
	var out bytes.Buffer
	err := migration.DryRun(t.Context(), &out, w.takeover(t.Context()))
	for _, want := range []string{
		"IN THE WAY ConfigMap config-kafka names no brokers", "IN THE WAY the right to delete deployments.apps kafka-ch-dispatcher is missing",
		"step 2, carry the settings over: cannot be told: ConfigMap config-kafka names no brokers",
		"deployments.apps knative-eventing/kafka-ch-controller: scale from 2 to 0", "KafkaChannel default/a: Pending",
	} {
		if err == nil || !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, out.String())
		}
	}
}

func TestChannelsAreGivenBack(t *testing.T) { // MIG-08
	w := newWorld(t)
	w.FailAt(0)
	takeover := w.takeover(t.Context())
	takeover.Settle = time.Hour // the old programs are there still
	runner := &migration.Runner{Log: discard, Patience: 300 * time.Millisecond, Interval: time.Millisecond, Now: migrationtest.Looks()}
	if err := runner.Run(t.Context(), takeover); err == nil {
		t.Fatal("it went to its end")
	}
	// The Lease says who led before, as nobody has taken it since.
	const held = "{holderIdentity: kafka-ch-controller-1_x, renewTime: '2036-01-02T03:04:05.000000Z', leaseDurationSeconds: 15}"
	w.Apply("{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {namespace: knative-eventing, name: " + channelLease + "}, spec: " + held + "}")
	w.Follow = func() {
		w.Deployments()
		d := w.Get("Deployment", "knative-eventing", oldController)
		if replicas, _, _ := unstructured.NestedInt64(d.Object, "spec", "replicas"); replicas > 0 {
			w.Apply("{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {namespace: knative-eventing, name: " + channelLease + "}, spec: " + held + "}")
		}
	}
	w.FailAt(0)
	if err := w.run(time.Minute, back); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(w.Writes(), ","), "patch deployments knative-eventing/kafka-controller,") {
		t.Errorf("our controller went on meanwhile: %v", w.Writes())
	}
	for _, s := range [][3]string{{"default", "a-kn-channel", "knative-eventing"}, {"team", "c-kn-channel", "team"}} {
		if got := w.external(s[0], s[1]); got != "kafka-ch-dispatcher."+s[2]+".svc.cluster.local" {
			t.Errorf("%v leads to %s", s, got)
		}
	}
	for _, name := range []string{oldController, oldDispatcher, oldWebhook, ourController} {
		d := w.Get("Deployment", "knative-eventing", name)
		if replicas, _, _ := unstructured.NestedInt64(d.Object, "spec", "replicas"); replicas != 2 || len(d.GetAnnotations()) > 0 {
			t.Errorf("%s has %d replicas, %v", name, replicas, d.GetAnnotations())
		}
	}
	hooks, _, _ := unstructured.NestedSlice(w.Get("MutatingWebhookConfiguration", "", oldWebhooks[0].name).Object, "webhooks")
	if _, selects := hooks[0].(map[string]any)["objectSelector"]; selects {
		t.Error("the old webhook is asked of nothing")
	}
	done := newWorld(t)
	done.finish()
	err := done.run(time.Nanosecond, back)
	if err == nil || !strings.Contains(err.Error(), "Deployment kafka-ch-controller is gone: apply the old release first") {
		t.Errorf("%v", err)
	}
}

// A rollback that was broken off, and is not wanted any more, has stopped our controller.
func TestARollbackThatWasBrokenOffIsUndone(t *testing.T) {
	w := newWorld(t)
	w.DieAfter(1)
	_ = w.run(time.Minute, back)
	w.DieAfter(0)
	if replicas, _, _ := unstructured.NestedInt64(w.Get("Deployment", "knative-eventing", ourController).Object, "spec", "replicas"); replicas != 0 {
		t.Fatalf("our controller has %d replicas", replicas)
	}
	w.finish()
	d := w.Get("Deployment", "knative-eventing", ourController)
	if replicas, _, _ := unstructured.NestedInt64(d.Object, "spec", "replicas"); replicas != 2 || len(d.GetAnnotations()) > 0 {
		t.Errorf("our controller has %d replicas, %v", replicas, d.GetAnnotations())
	}
}

func TestARollbackThatCannotEndDoesNotBegin(t *testing.T) {
	w := newWorld(t)
	w.Forbidden["patch deployments"] = true
	w.set("KafkaChannel", "default", "b", "my.own.topic", "status", "annotations", "default.topic")
	w.DieAfter(0)
	err := w.run(time.Minute, back)
	for _, want := range []string{"the right to patch deployments.apps knative-eventing/kafka-ch-controller is missing",
		"KafkaChannel default/b has topic my.own.topic, and the old installation would read and write knative-messaging-kafka.default.b"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if made := changes(w.Writes()); len(made) > 0 {
		t.Errorf("it made %v", made)
	}
}
