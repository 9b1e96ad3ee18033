package manifest

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/apis/feature"

	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
)

const channel = `apiVersion: messaging.knative.dev/v1beta1
kind: KafkaChannel
metadata:
  name: orders
spec:
  numPartitions: 3
`

const trigger = `apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata:
  name: big
  namespace: shop
spec:
  broker: default
  subscriber:
    ref: {apiVersion: v1, kind: Service, name: audit}
`

// read reads files given as name, content, name, content from a folder and admits what was decoded.
func read(t *testing.T, nameAndContent ...string) (*Set, string) {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(nameAndContent); i += 2 {
		write(t, filepath.Join(dir, nameAndContent[i]), nameAndContent[i+1])
	}
	return Read([]string{dir}, Options{Kinds: Supported()}), dir
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// complaints are all problems of reading and admitting, without the folder.
func complaints(set *Set, dir string) []string {
	problems := slices.Clone(set.Problems)
	ctx := feature.ToContext(context.Background(), feature.Flags{feature.DeliveryTimeout: feature.Enabled})
	for _, o := range set.Objects {
		problems = append(problems, Admit(ctx, o, nil)...)
	}
	var texts []string
	for _, p := range problems {
		texts = append(texts, strings.TrimPrefix(p.Error(), dir+"/"))
	}
	return texts
}

func TestProblemsNameFileLineFieldAndReason(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, yaml string
		want       []string
	}{
		{"a correct manifest has none", channel + "---\n" + trigger, nil},
		{"an unknown field of the spec", channel + "  partitions: 3\n",
			[]string{"x.yaml:7: KafkaChannel default/orders: spec.partitions: unknown field"}},
		{"an unknown field in a list of objects", trigger + "  filters:\n  - exact: {type: a}\n  - exakt: {type: a}\n",
			[]string{"x.yaml:12: Trigger shop/big: spec.filters[1].exakt: unknown field"}},
		{"an unknown field of the metadata", strings.Replace(channel, "  name: orders", "  name: orders\n  label: {}", 1),
			[]string{"x.yaml:5: KafkaChannel default/orders: metadata.label: unknown field"}},
		{"a field in wrong case", strings.Replace(channel, "numPartitions", "NumPartitions", 1),
			[]string{"x.yaml:6: KafkaChannel default/orders: spec.NumPartitions: unknown field"}},
		{"a value of the wrong type", strings.Replace(channel, "3", "three", 1),
			[]string{"x.yaml:6: KafkaChannel default/orders: spec.numPartitions: expected int32, got string"}},
		{"a value that the webhook refuses", strings.Replace(channel, "3", "-3", 1),
			[]string{"x.yaml:6: KafkaChannel default/orders: spec.numPartitions: invalid value: -3"}},
		{"several wrong fields", channel + "  replicationFactor: -1\n  retentionDuration: long\n  delivery:\n    retry: -1\n",
			[]string{
				"x.yaml:7: KafkaChannel default/orders: spec.replicationFactor: invalid value: -1",
				"x.yaml:8: KafkaChannel default/orders: spec.retentionDuration: invalid value: long: expected 'P' period mark at the start: long",
				"x.yaml:10: KafkaChannel default/orders: spec.delivery.retry: invalid value: -1",
			}},
		{"a subscriber under the name that the API reports", channel + "  subscribers:\n  - uid: a\n    subscriberUri: http://a\n  - uid: b\n",
			[]string{
				"x.yaml:10: KafkaChannel default/orders: spec.subscribable.subscriber[1].replyURI: missing field(s): expected at least one of, got none",
				"x.yaml:10: KafkaChannel default/orders: spec.subscribable.subscriber[1].subscriberURI: missing field(s): expected at least one of, got none",
			}},
		{"an annotation, whose key has dots", strings.Replace(channel, "  name: orders", "  name: orders\n  annotations:\n    a.b/c: d\n    eventing.knative.dev/scope: galaxy", 1),
			[]string{"x.yaml:7: KafkaChannel default/orders: metadata.annotations[eventing.knative.dev/scope]: invalid value: galaxy: expected either 'cluster' or 'namespace'"}},
		{"a filter attribute, by key", trigger + "  filter:\n    attributes:\n      type: a\n      My-Attr: b\n",
			[]string{`x.yaml:13: Trigger shop/big: spec.filter.attributes[My-Attr]: invalid key name "My-Attr": Attribute name must start with a letter and can only contain lowercase alphanumeric`}},
		{"a missing field, at what would hold it", strings.Replace(trigger, "  broker: default\n", "", 1),
			[]string{"x.yaml:6: Trigger shop/big: spec.broker: missing field(s)"}},
		{"a URL that cannot be parsed, at its line", strings.Replace(trigger, "ref: {apiVersion: v1, kind: Service, name: audit}", `uri: "http://[::1"`, 1),
			[]string{`x.yaml:9: Trigger shop/big: parse "http://[::1": missing ']' in host`}},
		{"a name that is none", strings.Replace(channel, "orders", "Or_ders", 1),
			[]string{"x.yaml:4: KafkaChannel default/Or_ders: metadata.name: Invalid value: \"Or_ders\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"}},
		{"no name", strings.Replace(channel, "  name: orders", "  labels: {}", 1),
			[]string{"x.yaml:3: KafkaChannel default/: metadata.name: is missing"}},
		{"a version that is not served", strings.Replace(channel, "v1beta1", "v1alpha1", 1),
			[]string{`x.yaml:1: KafkaChannel default/orders: apiVersion: version "v1alpha1" is not served, only v1 and v1beta1`}},
		{"a kind that does not exist", strings.Replace(channel, "KafkaChannel", "KafkaChanel", 1),
			[]string{"x.yaml:2: KafkaChanel orders: kind: messaging.knative.dev/v1beta1 has no kind of this name"}},
		{"neither apiVersion nor kind", "# values\nreplicas: 3\n",
			[]string{"x.yaml:2: is not an object: apiVersion or kind is missing"}},
		{"a document that is a list", "- a\n- b\n",
			[]string{"x.yaml:1: is not an object: a manifest is a mapping with apiVersion, kind and metadata"}},
		{"a field that is set twice", channel + "  numPartitions: 4\n",
			[]string{"x.yaml:7: numPartitions: is set twice, first in line 6"}},
		{"YAML that is none, in the second document", channel + "---\nkind: [a\nspec: }\n",
			[]string{"x.yaml:8: is not YAML: did not find expected ',' or ']'"}},
		{"a tab in the indentation", "kind: A\nmetadata:\n\tname: a\n",
			[]string{"x.yaml:3: is not YAML: found character that cannot start any token"}},
		{"documents without a separator line", channel + "...\n" + trigger,
			[]string{"x.yaml:1: holds a second YAML document that is not separated by a line with ---"}},
		{"the other kinds", "kind: KafkaSink\napiVersion: eventing.knative.dev/v1alpha1\nmetadata: {name: s}\nspec:\n  topic: ''\n---\n" +
			"kind: KafkaSource\napiVersion: sources.knative.dev/v1\nmetadata: {name: s}\nspec:\n  topics: [a]\n  bootstrapServers: [b]\n  ordering: none\n  sink: {uri: 'http://x'}\n",
			[]string{
				"x.yaml:4: KafkaSink default/s: spec.bootstrapServers: invalid value: []: expected at least one server",
				"x.yaml:5: KafkaSink default/s: spec.topic: invalid value: : expected the name of a topic",
				"x.yaml:13: KafkaSource default/s: spec.ordering: invalid value: none: expected ordered or unordered",
			}},
		{"an item of a List, by its own line", "apiVersion: v1\nkind: List\nitems:\n- " + strings.ReplaceAll(strings.TrimSpace(channel), "\n", "\n  ") + "\n    retri: 1\n",
			[]string{"x.yaml:10: KafkaChannel default/orders: spec.retri: unknown field"}},
		{"a ConfigMap value that YAML reads as a boolean, like kubectl", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a: yes\n",
			[]string{"x.yaml:4: ConfigMap default/c: data: expected string, got bool"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			set, dir := read(t, "x.yaml", test.yaml)
			if got := complaints(set, dir); !slices.Equal(got, test.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(test.want, "\n  "))
			}
		})
	}
}

func TestOneWrongDocumentLeavesTheOthers(t *testing.T) {
	t.Parallel()
	set, dir := read(t,
		"a.yaml", "kind: [\n---\n"+channel,
		"b.yaml", trigger+"  unknown: 1\n---\n"+strings.Replace(channel, "orders", "returns", 1),
		"c.json", `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}`)
	var names []string
	for _, o := range set.Objects {
		names = append(names, o.ID.String())
	}
	if want := []string{"KafkaChannel default/orders", "KafkaChannel default/returns", "Namespace shop"}; !slices.Equal(names, want) {
		t.Errorf("objects %q, want %q", names, want)
	}
	if len(set.Problems) != 2 {
		t.Errorf("problems %v, want one in each file", set.Problems)
	}
	if want := []string{filepath.Join(dir, "a.yaml")}; !slices.Equal(set.Unreadable, want) {
		t.Errorf("unreadable %q, want %q: the other file's objects are known by name", set.Unreadable, want)
	}
}

func TestTheSecondDeclarationOfAnObjectIsRefused(t *testing.T) {
	t.Parallel()
	set, dir := read(t, "a.yaml", channel, "b.yaml", "\n"+strings.Replace(channel, "v1beta1", "v1", 1))
	if len(set.Objects) != 1 || filepath.Base(set.Objects[0].Source.File) != "a.yaml" {
		t.Errorf("objects %v, want the first alone", set.Objects)
	}
	want := "b.yaml:2: KafkaChannel default/orders: is declared twice, first at " + filepath.Join(dir, "a.yaml:1") + ", which is used"
	if got := complaints(set, dir); len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestKindsOfOthersAreSkippedAndNamed(t *testing.T) {
	t.Parallel()
	set, _ := read(t, "a.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: audit, namespace: shop}\nspec: {x: 1}\n---\n"+
		"apiVersion: sources.knative.dev/v1\nkind: PingSource\nmetadata: {name: p}\n")
	if len(set.Problems) != 0 || len(set.Objects) != 0 || len(set.Skipped) != 2 {
		t.Fatalf("got %+v, want two skipped", set)
	}
	if got := set.Skipped[0].ID.String() + " " + set.Skipped[1].ID.String(); got != "Deployment shop/audit PingSource p" {
		t.Errorf("skipped %q", got)
	}
}

func TestFilesOfAFolder(t *testing.T) {
	t.Parallel()
	named := func(name string) string { return strings.Replace(channel, "orders", name, 1) }
	dir := t.TempDir()
	for name, object := range map[string]string{
		"a.yaml": "a", "b.yml": "b", "c.json": "", "d.txt": "d", ".e.yaml": "e", "#f.yaml#": "f", "g.yaml~": "g",
		"sub/h.yaml": "h", ".git/i.yaml": "i",
	} {
		write(t, filepath.Join(dir, name), named(object))
	}
	write(t, filepath.Join(dir, "c.json"), `{"apiVersion":"messaging.knative.dev/v1","kind":"KafkaChannel",
	"metadata":{"name":"c"}}`)
	if err := os.Symlink("gone", filepath.Join(dir, "j.yaml")); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		paths []string
		o     Options
		want  string
	}{
		{"a folder gives its manifests, not hidden, temporary or other files", []string{dir}, Options{}, "a b c"},
		{"recursively also those of its folders", []string{dir}, Options{Recursive: true}, "a b c h"},
		{"a file that is named is read whatever its name", []string{filepath.Join(dir, "d.txt")}, Options{}, "d"},
		{"a file that is named twice is read once", []string{dir, filepath.Join(dir, "a.yaml")}, Options{}, "a b c"},
		{"standard input", []string{"-"}, Options{Stdin: []byte(named("in"))}, "in"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.o.Kinds = Supported()
			set := Read(test.paths, test.o)
			var names []string
			for _, o := range set.Objects {
				names = append(names, o.ID.Name)
			}
			if got := strings.Join(names, " "); got != test.want || len(set.Problems) > 0 {
				t.Errorf("got %q %v, want %q", got, set.Problems, test.want)
			}
		})
	}
}

func TestAFileThatIsNotThereIsAProblem(t *testing.T) {
	t.Parallel()
	set := Read([]string{"/no/such/file.yaml"}, Options{Kinds: Supported()})
	if got := complaints(set, "elsewhere"); len(got) != 1 || got[0] != "/no/such/file.yaml: cannot be read: no such file or directory" {
		t.Errorf("got %q", got)
	}
}

func TestAdmittedObjectsAreDefaulted(t *testing.T) {
	t.Parallel()
	set, dir := read(t, "a.yaml", strings.Replace(channel, "v1beta1", "v1", 1)+"---\n"+trigger+"---\n"+
		"apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: YQ==}\nstringData: {b: c}\n---\n"+
		"apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {name: b, annotations: {eventing.knative.dev/broker.class: Kafka}}\nspec:\n  config: {kind: ConfigMap, apiVersion: v1, name: c}\nstatus: {whatever: 1}\n")
	if got := complaints(set, dir); !slices.Equal(got, []string(nil)) {
		t.Fatalf("problems %q", got)
	}
	c, ok := set.Objects[0].Value.(*messagingv1beta1.KafkaChannel)
	if !ok || c.Spec.ReplicationFactor != 1 || c.Spec.RetentionDuration != "PT168H" || c.Namespace != "default" || c.Spec.NumPartitions != 3 {
		t.Errorf("channel %+v", set.Objects[0].Value)
	}
	if tr, ok := set.Objects[1].Value.(*eventingv1.Trigger); !ok || tr.Spec.Subscriber.Ref.Namespace != "shop" {
		t.Errorf("trigger %+v", set.Objects[1].Value)
	}
	if s, ok := set.Objects[2].Value.(*corev1.Secret); !ok || string(s.Data["a"])+string(s.Data["b"]) != "ac" {
		t.Errorf("secret %+v", set.Objects[2].Value)
	}
	if b, ok := set.Objects[3].Value.(*eventingv1.Broker); !ok || b.Spec.Config.Namespace != "default" {
		t.Errorf("broker %+v", set.Objects[3].Value)
	}
}

func TestAnEditOfAnImmutableFieldIsRefused(t *testing.T) {
	t.Parallel()
	before, _ := read(t, "a.yaml", channel)
	after, _ := read(t, "a.yaml", strings.Replace(channel, "3", "4", 1))
	ctx := context.Background()
	if problems := Admit(ctx, before.Objects[0], nil); len(problems) > 0 {
		t.Fatal(problems)
	}
	problems := Admit(ctx, after.Objects[0], before.Objects[0])
	if len(problems) != 1 || problems[0].Line != 5 || !strings.HasPrefix(problems[0].Reason, "Immutable fields changed (-old +new)") {
		t.Errorf("problems %v", problems)
	}
}

func TestFieldsBehindAnchorsAndMergesAreFound(t *testing.T) {
	t.Parallel()
	set, _ := read(t, "a.yaml", `apiVersion: eventing.knative.dev/v1
kind: Broker
metadata:
  name: a
  annotations: &a
    x: z
spec:
  delivery: &d
    retry: 3
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata:
  name: a
  labels: &l
    one: "1"
    two: "2"
spec:
  broker: a
  subscriber: {uri: "http://a"}
  filter:
    attributes:
      <<: *l
      three: "3"
`)
	if len(set.Problems) > 0 {
		t.Fatal(set.Problems)
	}
	trigger := set.Objects[1].Source
	for path, line := range map[string]int{
		"spec.filter.attributes[two]":   17,
		"spec.filter.attributes[three]": 24,
		"spec.filter.attributes.one":    16,
		"spec.filter.nothing[3].x":      21,
		"":                              11,
	} {
		if got := trigger.At(path); got.Line != line {
			t.Errorf("%q is at %s, want line %d", path, got, line)
		}
	}
	if got := trigger.Below("spec.filter").At("attributes.three"); got.Line != 24 {
		t.Errorf("below a prefix: %s, want line 24", got)
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{channel, trigger, channel + "---\n" + trigger, "a: &a [*a]\n", "<<: [1]\nkind: x\n", "\ufeff--- # x\n{}\n"} {
		f.Add(seed, "spec.filters[0].exact[a.b]")
	}
	f.Fuzz(func(t *testing.T, text, path string) {
		set := Read([]string{Stdin}, Options{Stdin: []byte(text), Kinds: Supported()})
		lines := 1
		for _, end := range []string{"\n", "\r", "\u0085", "\u2028", "\u2029"} { // as YAML counts them
			lines += strings.Count(text, end)
		}
		for _, o := range set.Objects {
			if at := o.Source.At(path); at.Line < 1 || at.Line > lines {
				t.Errorf("%q is said to be in line %d of %d", path, at.Line, lines)
			}
			Admit(context.Background(), o, nil)
		}
		for _, p := range set.Problems {
			if p.Line < 1 || p.Line > lines+1 {
				t.Errorf("%v: the text has %d lines", p, lines)
			}
		}
	})
}

// Core's validation panics on these durations, and a manifest must not end the program.
func TestADurationThatIsNoneIsRefusedWithItsPlace(t *testing.T) {
	for _, duration := range []string{"-", "+"} {
		for kind, head := range map[string]string{
			"Trigger": "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {name: t}\nspec:\n" +
				"  broker: b\n  subscriber: {uri: 'http://a/'}\n",
			"Broker": "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {name: b}\nspec:\n" +
				"  config: {apiVersion: v1, kind: ConfigMap, name: c}\n",
			"Subscription": "apiVersion: messaging.knative.dev/v1\nkind: Subscription\nmetadata: {name: s}\nspec:\n" +
				"  channel: {apiVersion: messaging.knative.dev/v1beta1, kind: KafkaChannel, name: c}\n  subscriber: {uri: 'http://a/'}\n",
		} {
			t.Run(kind+duration, func(t *testing.T) {
				set, dir := read(t, "a.yaml", head+"  delivery:\n    timeout: '"+duration+"'\n")
				got := strings.Join(complaints(set, dir), "\n")
				if !strings.Contains(got, "spec.delivery.timeout") || !strings.Contains(got, "a.yaml:") {
					t.Errorf("got %s", got)
				}
			})
		}
	}
}
