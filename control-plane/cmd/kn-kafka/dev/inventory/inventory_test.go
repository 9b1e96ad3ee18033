package inventory

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"

	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/manifest"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

func channel(name string, spec ...string) string {
	return "apiVersion: messaging.knative.dev/v1beta1\nkind: KafkaChannel\nmetadata: {name: " + name + "}\nspec: {" + strings.Join(spec, ", ") + "}\n---\n"
}

// world is an inventory and the files that it is fed with.
type world struct {
	t     *testing.T
	dir   string
	inv   *Inventory
	clock time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), clock: time.Unix(0, 0)}
	w.restart()
	return w
}

func (w *world) state() string { return filepath.Join(w.dir, ".state.json") }

func (w *world) restart() {
	w.t.Helper()
	var err error
	if w.inv, err = Open(w.state(), manifest.Supported()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) write(name, content string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) remove(name string) {
	w.t.Helper()
	if err := os.Remove(filepath.Join(w.dir, name)); err != nil {
		w.t.Fatal(err)
	}
}

// update reads after some time and returns what it changed in one line.
func (w *world) update(later time.Duration) string {
	w.t.Helper()
	w.clock = w.clock.Add(later)
	set := manifest.Read([]string{w.dir}, manifest.Options{Kinds: manifest.Supported()})
	return w.describe(w.inv.Update(context.Background(), set, w.clock))
}

func (w *world) describe(r Report) string {
	var parts []string
	for _, group := range []struct {
		sign string
		ids  []manifest.ID
	}{{"+", r.Added}, {"~", r.Changed}, {"-", r.Removed}} {
		slices.SortFunc(group.ids, compareIDs)
		for _, id := range group.ids {
			parts = append(parts, group.sign+id.Kind+"/"+id.Name)
		}
	}
	for _, p := range r.Problems {
		parts = append(parts, "!"+strings.TrimPrefix(p.Error(), w.dir+"/"))
	}
	if r.Again > 0 {
		parts = append(parts, "again in "+r.Again.String())
	}
	return strings.Join(parts, " ")
}

func (w *world) expect(later time.Duration, want string) {
	w.t.Helper()
	if got := w.update(later); got != want {
		w.t.Errorf("got\n  %s\nwant\n  %s", got, want)
	}
}

func TestObjectsComeChangeAndGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("a.yaml", channel("a")+channel("b"))
	w.expect(0, "+KafkaChannel/a +KafkaChannel/b")
	w.expect(0, "")
	w.write("a.yaml", channel("a", "delivery: {retry: 1}")+channel("b"))
	w.expect(0, "~KafkaChannel/a")
	w.write("a.yaml", channel("a", "delivery: {retry: 1}"))
	w.expect(time.Second, "again in 250ms")
	w.expect(100*time.Millisecond, "again in 150ms")
	w.expect(150*time.Millisecond, "-KafkaChannel/b")
	w.expect(time.Second, "")
}

func TestAnObjectThatComesBackInTimeIsNotRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("a.yaml", channel("a"))
	w.expect(0, "+KafkaChannel/a")
	w.remove("a.yaml")
	w.expect(0, "again in 250ms")
	w.write("b.yaml", channel("a")) // renamed
	w.expect(200*time.Millisecond, "")
	w.remove("b.yaml")
	w.expect(time.Hour, "again in 250ms") // the time begins anew
	w.expect(249*time.Millisecond, "again in 1ms")
}

func TestAWrongEditLeavesWhatRan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("a.yaml", channel("a", "numPartitions: 2")+channel("b"))
	w.expect(0, "+KafkaChannel/a +KafkaChannel/b")
	const goesOn = " (what was accepted before goes on)"
	for _, step := range []struct{ name, text, want string }{
		{"a value that is refused", channel("a", "numPartitions: -2") + channel("b"),
			"!a.yaml:4: KafkaChannel default/a: spec: Immutable fields changed (-old +new): {v1beta1.KafkaChannelSpec}.NumPartitions: -: \"2\" +: \"-2\"" + goesOn +
				" !a.yaml:4: KafkaChannel default/a: spec.numPartitions: invalid value: -2" + goesOn},
		{"an immutable field", channel("a", "numPartitions: 3") + channel("b"),
			"!a.yaml:4: KafkaChannel default/a: spec: Immutable fields changed (-old +new): {v1beta1.KafkaChannelSpec}.NumPartitions: -: \"2\" +: \"3\"" + goesOn},
		{"an unknown field", channel("a", "numPartitions: 2", "x: 1") + channel("b"),
			"!a.yaml:4: KafkaChannel default/a: spec.x: unknown field" + goesOn},
		{"no YAML at all", "a: [\n", "!a.yaml:1: is not YAML: did not find expected node content"},
		{"a kind with a typing error", strings.Replace(channel("a"), "KafkaChannel", "KafkaChanel", 1) + channel("b"),
			"!a.yaml:2: KafkaChanel a: kind: messaging.knative.dev/v1beta1 has no kind of this name"},
	} {
		w.write("a.yaml", step.text)
		if got := w.update(time.Hour); got != step.want {
			t.Errorf("%s: got\n  %q\nwant\n  %q", step.name, got, step.want)
		}
	}
	if c, ok := w.inv.Get(manifest.ID{Group: "messaging.knative.dev", Kind: "KafkaChannel", Namespace: "default", Name: "a"}).Value.(*messagingv1beta1.KafkaChannel); !ok ||
		c.Spec.NumPartitions != 2 || c.Generation != 1 {
		t.Errorf("the channel is %+v", c)
	}
	w.write("a.yaml", channel("a", "numPartitions: 2")+channel("b"))
	w.expect(0, "")
}

func TestUIDsGenerationsAndWhatIsRecordedSurviveARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	trigger := "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {name: t}\nspec: {broker: b, subscriber: {uri: 'http://x'}}\n"
	w.write("a.yaml", channel("a", "numPartitions: 2")+trigger)
	w.expect(0, "+KafkaChannel/a +Trigger/t")
	w.write("a.yaml", channel("a", "numPartitions: 2", "delivery: {retry: 1}")+trigger)
	w.expect(0, "~KafkaChannel/a")
	id := manifest.ID{Group: "messaging.knative.dev", Kind: "KafkaChannel", Namespace: "default", Name: "a"}
	triggerID := manifest.ID{Group: "eventing.knative.dev", Kind: "Trigger", Namespace: "default", Name: "t"}
	w.inv.Record(id).Topic = "recorded"
	w.inv.Record(triggerID).Group = "group"
	w.inv.SetContractGeneration(7)
	before := w.inv.Get(id).Value
	if err := w.inv.Save(w.state()); err != nil {
		t.Fatal(err)
	}

	w.restart()
	w.expect(0, "+KafkaChannel/a +Trigger/t")
	after, ok := w.inv.Get(id).Value.(*messagingv1beta1.KafkaChannel)
	if !ok || after.UID != before.GetUID() || after.UID == "" || after.Generation != 2 || after.Status.Annotations[translate.TopicStatusAnnotation] != "recorded" {
		t.Errorf("after the restart: %+v", after)
	}
	if tr, ok := w.inv.Get(triggerID).Value.(*eventingv1.Trigger); !ok || tr.Status.Annotations[translate.GroupStatusAnnotation] != "group" {
		t.Errorf("after the restart: %+v", tr)
	}
	if got := w.inv.ContractGeneration(); got != 7 {
		t.Errorf("contract generation %d", got)
	}
	w.write("a.yaml", channel("a", "numPartitions: 3"))
	if got := w.update(0); !strings.Contains(got, "Immutable fields changed") {
		t.Errorf("an immutable field is changed over a restart: %s", got)
	}
}

func TestWhatWasRemovedIsKnownAfterARestartAndWhatIsAbsentIsNotRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("a.yaml", channel("a"))
	w.write("b.yaml", channel("b"))
	w.update(0)
	for _, name := range []string{"a", "b"} {
		w.inv.Record(manifest.ID{Group: "messaging.knative.dev", Kind: "KafkaChannel", Namespace: "default", Name: name}).Topic = name
	}
	w.remove("a.yaml")
	w.update(0)
	w.expect(time.Second, "-KafkaChannel/a")
	if err := w.inv.Save(w.state()); err != nil {
		t.Fatal(err)
	}
	w.remove("b.yaml")
	w.restart()
	w.expect(0, "")
	w.expect(time.Hour, "")
	var removed []string
	for _, r := range w.inv.Removed() {
		removed = append(removed, r.Name+" "+r.Record.Topic)
	}
	if got := fmt.Sprint(removed, w.inv.Absent()); got != "[KafkaChannel.messaging.knative.dev/default/a a] [KafkaChannel.messaging.knative.dev/default/b]" {
		t.Errorf("removed and absent are %s", got)
	}
	w.write("a.yaml", channel("a"))
	w.expect(0, "+KafkaChannel/a")
	if removed := w.inv.Removed(); len(removed) > 0 {
		t.Errorf("an object that came back is still removed: %v", removed)
	}
}

func TestCoreChannelsBecomeKafkaChannels(t *testing.T) {
	t.Parallel()
	core := func(template string) string {
		return "apiVersion: messaging.knative.dev/v1\nkind: Channel\nmetadata: {name: c}\nspec: {" + template + "}\n"
	}
	id := manifest.ID{Group: "messaging.knative.dev", Kind: "KafkaChannel", Namespace: "default", Name: "c"}
	tests := []struct {
		name, yaml, want string
		partitions       int32
	}{
		{"by their template", core("channelTemplate: {apiVersion: messaging.knative.dev/v1beta1, kind: KafkaChannel, spec: {numPartitions: 4}}, delivery: {retry: 2}"),
			"+Channel/c +KafkaChannel/c", 4},
		{"by the default of the installation", core("") + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: default-ch-webhook, namespace: knative-eventing}\n" +
			"data:\n  default-ch-config: |\n    clusterDefault: {apiVersion: messaging.knative.dev/v1beta1, kind: KafkaChannel, spec: {numPartitions: 5}}\n",
			"+Channel/c +ConfigMap/default-ch-webhook +KafkaChannel/c", 5},
		{"not without a template", core(""), "!a.yaml:4: Channel default/c: spec.channelTemplate: missing field(s)", 0},
		{"not of another kind", core("channelTemplate: {apiVersion: messaging.knative.dev/v1, kind: InMemoryChannel}"),
			"+Channel/c !a.yaml:4: Channel default/c: spec.channelTemplate.kind: InMemoryChannel is not run here, only KafkaChannel", 0},
		{"not with a wrong value, which is placed", core("channelTemplate:\n    {apiVersion: messaging.knative.dev/v1beta1, kind: KafkaChannel, spec:\n      {numPartitions: -4}}"),
			"+Channel/c !a.yaml:6: KafkaChannel default/c: spec.numPartitions: invalid value: -4", 0},
		{"not when one of the name is declared", channel("c", "numPartitions: 6") + core("channelTemplate: {apiVersion: messaging.knative.dev/v1beta1, kind: KafkaChannel}"),
			"+Channel/c +KafkaChannel/c !a.yaml:6: KafkaChannel default/c: is declared by itself too, which is used", 6},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.write("a.yaml", test.yaml)
			w.expect(0, test.want)
			made := w.inv.Get(id)
			if (made != nil) != (test.partitions > 0) {
				t.Fatalf("made %v", made)
			}
			if made != nil && made.Value.(*messagingv1beta1.KafkaChannel).Spec.NumPartitions != test.partitions { //nolint:forcetypeassert // of this kind
				t.Errorf("made %+v", made.Value)
			}
		})
	}
}

func TestFeaturesAndDefaultsComeFromTheInstallation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	broker := "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {name: b}\nspec: {delivery: {retryAfterMax: PT1S}}\n---\n"
	system := func(name, data string) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + ", namespace: knative-eventing}\ndata: {" + data + "}\n---\n"
	}
	w.write("a.yaml", broker)
	w.expect(0, "!a.yaml:3: Broker default/b: metadata.annotations: the class is missing: add the annotation eventing.knative.dev/broker.class: Kafka,"+
		" or the ConfigMap knative-eventing/config-br-defaults that makes it the default"+
		" !a.yaml:4: Broker default/b: spec.delivery.retryAfterMax: must not set the field(s)")
	w.write("a.yaml", broker+system("config-features", "delivery-retryafter: enabled")+
		system("config-br-defaults", "default-br-config: 'clusterDefault: {brokerClass: Kafka, apiVersion: v1, kind: ConfigMap, name: kafka-broker-config, namespace: knative-eventing}'"))
	w.expect(0, "+Broker/b +ConfigMap/config-br-defaults +ConfigMap/config-features")
	b, ok := w.inv.Get(manifest.ID{Group: "eventing.knative.dev", Kind: "Broker", Namespace: "default", Name: "b"}).Value.(*eventingv1.Broker)
	if !ok || b.Annotations[classField] != "Kafka" || b.Spec.Config.Name != "kafka-broker-config" {
		t.Errorf("the broker is %+v", b)
	}
}

func TestADamagedStateIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, content := range []string{"{", `{"version": 99}`} {
		w.write(".state.json", content)
		if _, err := Open(w.state(), manifest.Supported()); err == nil {
			t.Errorf("%s is accepted", content)
		}
	}
}
