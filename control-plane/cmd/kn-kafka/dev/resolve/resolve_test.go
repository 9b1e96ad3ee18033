package resolve

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/dev/inventory"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/manifest"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// makePlan resolves manifests that are right by themselves.
func makePlan(t *testing.T, yaml string, change ...func(*World)) *Plan {
	t.Helper()
	inv, err := inventory.Open(filepath.Join(t.TempDir(), "state"), manifest.Supported())
	if err != nil {
		t.Fatal(err)
	}
	set := manifest.Read([]string{"-"}, manifest.Options{Stdin: []byte(yaml), Kinds: manifest.Supported()})
	if report := inv.Update(context.Background(), set, time.Time{}); len(report.Problems) > 0 {
		t.Fatal(report.Problems)
	}
	w := World{
		Inventory: inv, Address: "http://in:1", Maps: map[string]string{"default/mapped": "http://mapped:2/base/"},
		Display: func(id manifest.ID) (string, error) {
			return "http://" + strings.ToLower(id.Kind) + "-" + id.Name + ":3", nil
		},
	}
	for _, c := range change {
		c(&w)
	}
	return Make(w)
}

// entries translates everything as if Kafka had agreed.
func entries(t *testing.T, p *Plan) []*contract.Resource {
	t.Helper()
	var all []*contract.Resource
	for _, r := range p.Resources {
		if r.Failed {
			continue
		}
		groups := map[types.UID]translate.Group{}
		for _, g := range r.Groups {
			groups[g.UID] = translate.Group{ID: g.ID}
		}
		entry, errs, err := r.Translate(translate.Connection{BootstrapServers: []string{"k:9"}, AuthSecret: r.Secret}, groups)
		if err != nil || len(errs) > 0 {
			t.Fatal(errs, err)
		}
		all = append(all, entry)
	}
	return all
}

func problems(p *Plan) []string {
	var all []string
	for _, problem := range p.Problems {
		all = append(all, strings.TrimPrefix(problem.Error(), "<stdin>:"))
	}
	return all
}

const channelYAML = `apiVersion: messaging.knative.dev/v1
kind: KafkaChannel
metadata: {name: c}
spec: {delivery: {retry: 5, backoffDelay: PT2S, deadLetterSink: {ref: {apiVersion: v1, kind: Service, name: dls}}}}
---
`

func subscription(name, spec string) string {
	return "apiVersion: messaging.knative.dev/v1\nkind: Subscription\nmetadata: {name: " + name + "}\nspec:\n" +
		"  channel: {apiVersion: messaging.knative.dev/v1, kind: KafkaChannel, name: c}\n  " + strings.ReplaceAll(spec, "\n", "\n  ") + "\n---\n"
}

const brokerYAML = `apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: b, annotations: {eventing.knative.dev/broker.class: Kafka}}
spec: {config: {apiVersion: v1, kind: ConfigMap, name: cm}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: cm}
data: {bootstrap.servers: 'x:1', default.topic.partitions: "3", default.topic.replication.factor: "2"}
---
`

func trigger(name, spec string) string {
	return "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {name: " + name + "}\nspec: {broker: b, " + spec + "}\n---\n"
}

func TestDestinations(t *testing.T) {
	t.Parallel()
	ref := func(version, kind, name string) string {
		return "{ref: {apiVersion: " + version + ", kind: " + kind + ", name: " + name + "}}"
	}
	tests := []struct{ name, dest, want string }{
		{"a Service has a display", ref("v1", "Service", "s"), "http://service-s:3"},
		{"a reference with a path", "{ref: {apiVersion: v1, kind: Service, name: s}, uri: '/x?status=503'}", "http://service-s:3/x?status=503"},
		{"objects of other kinds have displays of their own", ref("serving.knative.dev/v1", "Service", "s"), "http://service-s:3"},
		{"a mapped object is where the map says", ref("v1", "Service", "mapped"), "http://mapped:2/base"},
		{"a mapped object with a path", "{ref: {apiVersion: v1, kind: Service, name: mapped}, uri: /x}", "http://mapped:2/x"},
		{"a URI is used as it stands", "{uri: 'https://elsewhere/x?y=z'}", "https://elsewhere/x?y=z"},
		{"a Broker is at the ingress", ref("eventing.knative.dev/v1", "Broker", "b"), "http://in:1/broker/default/b"},
		{"a KafkaChannel is at the ingress", ref("messaging.knative.dev/v1beta1", "KafkaChannel", "c"), "http://in:1/channel/default/c"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := makePlan(t, channelYAML+brokerYAML+trigger("t", "subscriber: "+test.dest)+subscription("s", "subscriber: "+test.dest))
			if len(p.Problems) > 0 {
				t.Fatal(problems(p))
			}
			for _, r := range entries(t, p) {
				if got := r.GetEgresses()[0].GetDestination(); got != test.want {
					t.Errorf("%s: destination %s, want %s", r.GetReference().GetKind(), got, test.want)
				}
			}
		})
	}
}

func TestWhatSubscriptionsGetFromTheirChannel(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, spec                string
		deadLetter, reply         string
		retry                     uint32
		delay                     uint64
		policy                    contract.BackoffPolicy
		destination, subscription string
	}{
		{name: "without a delivery: the channel's", spec: "subscriber: {uri: 'http://s'}", deadLetter: "http://service-dls:3", retry: 5, delay: 2000},
		{name: "with a part of one: field by field, and the channel's dead letter sink", spec: "subscriber: {uri: 'http://s'}\ndelivery: {retry: 1, backoffPolicy: linear}",
			deadLetter: "http://service-dls:3", retry: 1, delay: 2000, policy: contract.BackoffPolicy_Linear},
		{name: "with a dead letter sink of its own", spec: "subscriber: {uri: 'http://s'}\ndelivery: {deadLetterSink: {uri: 'http://own'}}", deadLetter: "http://own", retry: 5, delay: 2000},
		{name: "with a reply", spec: "subscriber: {uri: 'http://s'}\nreply: {ref: {apiVersion: v1, kind: Service, name: r}}", reply: "http://service-r:3",
			deadLetter: "http://service-dls:3", retry: 5, delay: 2000},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := makePlan(t, channelYAML+subscription("s", test.spec))
			e := entries(t, p)[0].GetEgresses()[0]
			config := e.GetEgressConfig()
			if config.GetDeadLetter() != test.deadLetter || config.GetRetry() != test.retry || config.GetBackoffDelay() != test.delay || config.GetBackoffPolicy() != test.policy {
				t.Errorf("delivery %v", config)
			}
			if e.GetReplyUrl() != test.reply || (test.reply == "") != (e.GetDiscardReply() != nil) {
				t.Errorf("reply %v", e.GetReplyStrategy())
			}
			if e.GetConsumerGroup() != "kafka.default.c."+e.GetUid() || e.GetSubscription().GetName() != "s" {
				t.Errorf("egress %v", e)
			}
		})
	}
}

func TestEntriesOfABroker(t *testing.T) {
	t.Parallel()
	p := makePlan(t, strings.Replace(brokerYAML, "spec: {", "spec: {delivery: {retry: 2, deadLetterSink: {ref: {apiVersion: v1, kind: Service, name: dls}}}, ", 1)+
		trigger("plain", "subscriber: {uri: 'http://s'}")+trigger("own", "subscriber: {uri: 'http://s'}, delivery: {retry: 7}"))
	r := entries(t, p)[0]
	if r.GetTopics()[0] != "knative-broker-default-b" || r.GetIngress().GetPath() != "/default/b" || !slices.Equal(r.GetIngress().GetPaths(), []string{"/broker/default/b"}) {
		t.Errorf("entry %v", r)
	}
	if topic := p.Resources[0].Topics[0]; topic.Partitions != 3 || topic.ReplicationFactor != 2 {
		t.Errorf("topic %+v", topic)
	}
	for _, e := range r.GetEgresses() {
		switch e.GetReference().GetName() {
		case "plain":
			if e.GetEgressConfig().GetDeadLetter() != "http://service-dls:3" || e.GetEgressConfig().GetRetry() != 2 {
				t.Errorf("the Broker's delivery does not apply: %v", e.GetEgressConfig())
			}
		case "own":
			if e.GetEgressConfig().GetDeadLetter() != "" || e.GetEgressConfig().GetRetry() != 7 {
				t.Errorf("the Trigger's delivery does not replace the Broker's: %v", e.GetEgressConfig())
			}
		}
		if want := "knative-trigger-default-" + e.GetReference().GetName(); e.GetConsumerGroup() != want {
			t.Errorf("group %s, want %s", e.GetConsumerGroup(), want)
		}
	}
	if want := []string{"bootstrap.servers x:1 of ConfigMap default/cm (<stdin>:9) is replaced by the Kafka above"}; !slices.Equal(p.Notes, want) {
		t.Errorf("notes %q", p.Notes)
	}
}

func TestWhatCannotBeResolvedIsReported(t *testing.T) {
	t.Parallel()
	const away = " does not run: it is not among the manifests, or something is wrong with it"
	tests := []struct {
		name, yaml string
		problems   []string
		notes      []string
		failed     bool
		broken     int
	}{
		{name: "a Subscription without its channel", yaml: subscription("s", "subscriber: {uri: 'http://s'}"),
			problems: []string{"5: Subscription default/s: spec.channel: KafkaChannel default/c" + away}},
		{name: "a Subscription of another channel", yaml: strings.Replace(subscription("s", "subscriber: {uri: 'http://s'}"), "KafkaChannel", "InMemoryChannel", 1),
			notes: []string{"Subscription default/s (<stdin>:1) is not run: its channel is no KafkaChannel but InMemoryChannel default/c"}},
		{name: "a Trigger without its Broker", yaml: trigger("t", "subscriber: {uri: 'http://s'}"),
			problems: []string{"4: Trigger default/t: spec.broker: Broker default/b" + away}},
		{name: "a Trigger of a Broker of another class", yaml: strings.Replace(brokerYAML, "Kafka}", "MTChannelBasedBroker}", 1) + trigger("t", "subscriber: {uri: 'http://s'}"),
			notes: []string{"Broker default/b of class MTChannelBasedBroker (<stdin>:1) is not run here, only class Kafka is",
				"Trigger default/t (<stdin>:11) is not run: its Broker default/b is of class MTChannelBasedBroker"}},
		{name: "a subscriber that is a Broker that does not run", yaml: brokerYAML + trigger("t", "subscriber: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: x}}"),
			problems: []string{"14: Trigger default/t: spec.subscriber: Broker default/x" + away}, broken: 1},
		{name: "a reply that is a KafkaSink", yaml: channelYAML + subscription("s", "subscriber: {uri: 'http://s'}\nreply: {ref: {apiVersion: eventing.knative.dev/v1alpha1, kind: KafkaSink, name: x}}"),
			problems: []string{"12: Subscription default/s: spec.reply: KafkaSink default/x" + away}, broken: 1},
		{name: "a Broker without its ConfigMap", yaml: strings.Replace(brokerYAML, "{name: cm}\ndata", "{name: other}\ndata", 1),
			problems: []string{"4: Broker default/b: spec.config: ConfigMap default/cm is not among the manifests"}, failed: true},
		{name: "a Broker whose ConfigMap is wrong", yaml: strings.Replace(brokerYAML, `partitions: "3"`, `partitions: "0"`, 1),
			problems: []string{"4: Broker default/b: spec.config: ConfigMap at <stdin>:9: invalid configuration - numPartitions: 0 - replicationFactor: 2 - bootstrapServers: [x:1]"}, failed: true},
		{name: "a Broker whose Secret is missing", yaml: strings.Replace(brokerYAML, "\ndata: {", "\ndata: {auth.secret.ref.name: secret, ", 1),
			problems: []string{"1: Broker default/b: Secret default/secret is not among the manifests"}, failed: true},
		{name: "a name template that cannot be parsed", yaml: brokerYAML + "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config-kafka-features, namespace: knative-eventing}\ndata: {brokers-topic-template: '{{'}\n",
			problems: []string{"14: ConfigMap knative-eventing/config-kafka-features: data: parse brokers-topic-template: template: brokers-topic-template:1: unclosed action; the defaults are used"}},
		{name: "a topic name that is none", yaml: brokerYAML + "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config-kafka-features, namespace: knative-eventing}\ndata: {brokers-topic-template: 'a b'}\n",
			problems: []string{"1: Broker default/b: brokers-topic-template of default/b: invalid topic name \"a b\": expected 1 to 249 characters of a-z, A-Z, 0-9, '.', '_', '-', and not '.' or '..'"}, failed: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := makePlan(t, test.yaml)
			if got := problems(p); !slices.Equal(got, test.problems) {
				t.Errorf("problems\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(test.problems, "\n  "))
			}
			if test.notes != nil && !slices.Equal(p.Notes, test.notes) {
				t.Errorf("notes %q, want %q", p.Notes, test.notes)
			}
			broken := 0
			for _, r := range p.Resources {
				broken += len(r.Broken)
				if r.Failed != test.failed {
					t.Errorf("%s failed is %v, want %v", r.Object.ID, r.Failed, test.failed)
				}
			}
			if broken != test.broken {
				t.Errorf("%d egresses are broken, want %d", broken, test.broken)
			}
		})
	}
}

func TestTheInstallationsConfigMaps(t *testing.T) {
	t.Parallel()
	system := func(name, data string) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + ", namespace: knative-eventing}\ndata: {" + data + "}\n---\n"
	}
	withoutConfig := strings.Replace(strings.Split(brokerYAML, "---\n")[0], "spec: {config: {apiVersion: v1, kind: ConfigMap, name: cm}}", "spec: {}", 1) + "---\n"
	p := makePlan(t, channelYAML+withoutConfig+trigger("t", "subscriber: {uri: 'http://s'}")+
		system("config-kafka-features", "channels.topic.template: old, channels-topic-template: 'new-{{ .Name }}', triggers-consumergroup-template: '{{ .Name }}-g', dispatcher-rate-limiter: Enabled")+
		system("config-kafka-broker-data-plane", "x: z, _example: text, config-kafka-broker-producer.properties: linger.ms=1, "+
			"config-kafka-broker-consumer.properties: 'max.poll.records=1'")+
		system("config-kafka-channel-data-plane", "config-kafka-channel-consumer.properties: max.poll.records=2, config-kafka-channel-producer.properties: ' linger.ms=1'")+
		system("config-kafka-sink-data-plane", "config-kafka-sink-producer.properties: linger.ms=3, config-kafka-sink-consumer.properties: x")+
		system("config-kafka-source-data-plane", "config-kafka-source-webclient.properties: idleTimeout=9")+
		system("kafka-config-logging", "config.xml: x")+
		system("config-features", "eventtype-auto-create: enabled")+
		system("kafka-channel-config", "bootstrap.servers: 'ch:1', auth.secret.ref.name: s"), func(w *World) { w.Embedded = true })
	all := entries(t, p)
	if got := all[0].GetTopics()[0]; got != "new-c" {
		t.Errorf("the channel's topic is %s", got)
	}
	e := all[1].GetEgresses()[0]
	if e.GetConsumerGroup() != "t-g" || !e.GetFeatureFlags().GetEnableRateLimiter() || !all[1].GetFeatureFlags().GetEnableEventTypeAutocreate() {
		t.Errorf("entry %v", all[1])
	}
	if got := p.Resources[1].Topics[0].Partitions; got != 10 {
		t.Errorf("a Broker without a ConfigMap gets %d partitions", got)
	}
	want := []string{
		"ignored for now: ConfigMap knative-eventing/kafka-config-logging",
		"bootstrap.servers ch:1 of ConfigMap knative-eventing/kafka-channel-config (<stdin>:54) is replaced by the Kafka above",
		"ignored: x of ConfigMap knative-eventing/config-kafka-broker-data-plane (<stdin>:24): nothing reads it",
		"ignored: config-kafka-sink-consumer.properties of ConfigMap knative-eventing/config-kafka-sink-data-plane (<stdin>:34): nothing reads it",
		"ignored: config-kafka-sink-producer.properties of ConfigMap knative-eventing/config-kafka-sink-data-plane (<stdin>:34): " +
			"one process runs all kinds here, with that of config-kafka-broker-data-plane",
		"Secret knative-eventing/s is not used: the embedded Kafka asks nobody for credentials",
		"ConfigMap knative-eventing/kafka-broker-config is not among the manifests: topics of Brokers get 10 partitions, as it is shipped",
	}
	settings := map[string]string{ // CFG-26
		ProducerFile: "linger.ms=1", WebClientFile: "idleTimeout=9",
		"consumer-broker.properties": "max.poll.records=1", "consumer-channel.properties": "max.poll.records=2",
	}
	if !maps.Equal(p.Settings, settings) {
		t.Errorf("settings %q", p.Settings)
	}
	if !slices.Equal(p.Notes, want) {
		t.Errorf("notes\n  %s\nwant\n  %s", strings.Join(p.Notes, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestASecretReachesTheContractWithItsVersion(t *testing.T) {
	t.Parallel()
	p := makePlan(t, strings.Replace(brokerYAML, "\ndata: {", "\ndata: {auth.secret.ref.name: s, ", 1)+"apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {protocol: SSL}\n")
	got := entries(t, p)[0].GetAuthSecret()
	if got.GetName() != "s" || got.GetNamespace() != "default" || got.GetVersion() != "1" {
		t.Errorf("secret %v", got)
	}
}

func TestADisplayThatCannotBeStartedIsAProblem(t *testing.T) {
	t.Parallel()
	p := makePlan(t, brokerYAML+trigger("t", "subscriber: {ref: {apiVersion: v1, kind: Service, name: s}}"), func(w *World) {
		w.Display = func(id manifest.ID) (string, error) { return "", fmt.Errorf("no port for %s", id.Name) }
	})
	if got := problems(p); len(got) != 1 || got[0] != "14: Trigger default/t: spec.subscriber: no port for s" {
		t.Errorf("problems %q", got)
	}
}
