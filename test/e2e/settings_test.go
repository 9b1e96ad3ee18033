//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/e2e/world"
)

func TestBrokerWithDataPlaneOfItsOwn(t *testing.T) {
	w := world.Start(t)
	s := w.Space(t, "namespaced")
	t.Parallel()
	s.Make(t, `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {bootstrap.servers: "`+world.Servers+`", default.topic.partitions: "2", default.topic.replication.factor: "1"}
---
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: b, annotations: {eventing.knative.dev/broker.class: KafkaNamespaced}}
spec: {config: {apiVersion: v1, kind: ConfigMap, name: settings}}`+trigger("t", "b", s.To("t"), ", filters: [{exact: {type: wanted}}]"))
	// A sender that does not wait for more than Ready is not refused: the Service answers by then.
	address := world.Address(t, s.Ready(t, kindBroker, "b"))
	s.Send(t, address, events("early", "0")...)
	if want := "http://kafka-broker-ingress." + s.Name + ".svc.cluster.local/" + s.Name + "/b"; address != want {
		t.Errorf("address %s, not %s (BR-14)", address, want)
	}
	s.Ready(t, kindTrigger, "t")
	s.Send(t, address, append(events("unwanted", "1"), events("wanted", "2")...)...)
	wantIDs(t, "the Trigger", s.Await(t, "t", 1), "2")
	s.Remove(t, kindTrigger, "t")
	s.Remove(t, kindBroker, "b")
	env.Until(t, world.Patience, func() string {
		list, err := w.Kube.AppsV1().Deployments(s.Name).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return err.Error()
		}
		if len(list.Items) > 0 {
			return "the data plane is still there: " + list.Items[0].Name
		}
		return ""
	})
}

// change applies data to a ConfigMap of the installation, until the test ends.
func change(t *testing.T, w *world.World, name, key, value string) {
	t.Helper()
	maps := w.Kube.CoreV1().ConfigMaps(world.System)
	before, err := maps.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text, ok := before.Data[key]
	t.Cleanup(func() {
		if ok {
			w.Merge(t, name, key, &text)
			return
		}
		w.Merge(t, name, key, nil)
	})
	w.Merge(t, name, key, &value)
}

// A Channel in a namespace with this default is a KafkaChannel, and elsewhere the default of the cluster (REL-32). A Broker
// of the channel-based class stands on one too.
func TestDefaultChannelAndBrokerOnIt(t *testing.T) {
	w := world.Start(t)
	s, other := w.Space(t, "default"), w.Space(t, "other")
	change(t, w, "default-ch-webhook", "default-ch-config", `
clusterDefault: {apiVersion: messaging.knative.dev/v1, kind: InMemoryChannel}
namespaceDefaults:
  `+s.Name+`: {apiVersion: messaging.knative.dev/v1beta1, kind: KafkaChannel, spec: {numPartitions: 2, replicationFactor: 1}}`)
	env.Until(t, world.Patience, func() string { // core's webhook learns it after a moment
		s.Make(t, "{apiVersion: messaging.knative.dev/v1, kind: Channel, metadata: {name: c}}")
		o := s.Get(t, world.Kind(kindChannel), s.Name, "c")
		if kind := text(o, "spec", "channelTemplate", "kind"); kind != "KafkaChannel" {
			s.Remove(t, kindChannel, "c")
			return "the Channel is made by " + kind
		}
		return ""
	})
	s.Make(t, subscription("c", kindChannel, "c", s.To("c"), ""))
	s.Ready(t, kindSubscription, "c")
	s.Ready(t, kindKafkaChannel, "c")
	s.Send(t, world.Address(t, s.Ready(t, kindChannel, "c")), events("x", "1")...)
	wantIDs(t, "the subscriber", s.Await(t, "c", 1), "1")

	other.Make(t, "{apiVersion: messaging.knative.dev/v1, kind: Channel, metadata: {name: c}}")
	if kind := text(other.Ready(t, kindChannel, "c"), "spec", "channelTemplate", "kind"); kind != "InMemoryChannel" {
		t.Errorf("elsewhere a Channel is made by %s", kind)
	}

	s.Make(t, `
apiVersion: v1
kind: ConfigMap
metadata: {name: template}
data: {channel-template-spec: "{apiVersion: messaging.knative.dev/v1beta1, kind: KafkaChannel, spec: {numPartitions: 1, replicationFactor: 1}}"}
---
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: b, annotations: {eventing.knative.dev/broker.class: MTChannelBasedBroker}}
spec: {config: {apiVersion: v1, kind: ConfigMap, name: template}}`+trigger("t", "b", s.To("t"), ", filter: {attributes: {type: wanted}}"))
	s.Ready(t, kindTrigger, "t")
	s.Send(t, world.Address(t, s.Ready(t, kindBroker, "b")), append(events("unwanted", "1"), events("wanted", "2")...)...)
	wantIDs(t, "the Trigger of a Broker on KafkaChannels", s.Await(t, "t", 1), "2")
}

func TestEventTypesOfWhatWasSent(t *testing.T) {
	w := world.Start(t)
	s := w.Space(t, "eventtypes")
	change(t, w, "config-features", "eventtype-auto-create", "enabled")
	s.Make(t, broker("b", "Kafka"))
	address := world.Address(t, s.Ready(t, kindBroker, "b"))
	s.Send(t, address, events("order.created", "1")...)
	env.Until(t, world.Patience, func() string {
		list, err := s.Of(world.Kind(kindEventType), s.Name).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return err.Error()
		}
		for i := range list.Items {
			o := &list.Items[i]
			if text(o, "spec", "type") == "order.created" && text(o, "spec", "reference", "name") == "b" {
				return ""
			}
		}
		return fmt.Sprintf("%d EventTypes, none for what was sent", len(list.Items))
	})
}

func TestOffsetsAreReset(t *testing.T) {
	s := world.Start(t).Space(t, "reset")
	t.Parallel()
	s.Make(t, broker("b", "Kafka")+trigger("t", "b", s.To("t"), ""))
	s.Ready(t, kindTrigger, "t")
	s.Send(t, world.Address(t, s.Ready(t, kindBroker, "b")), events("x", "1", "2", "3")...)
	s.Await(t, "t", 3)
	s.Make(t, `
apiVersion: kafka.eventing.knative.dev/v1alpha1
kind: ResetOffset
metadata: {name: again}
spec: {offset: {time: earliest}, ref: {apiVersion: eventing.knative.dev/v1, kind: Trigger, name: t}}`)
	s.With(t, kindReset, "again", "Succeeded")
	var all []string
	for _, d := range s.Await(t, "t", 6) {
		all = append(all, d.ID())
	}
	if want := []string{"1", "2", "3"}; len(all) != 6 || !slices.Equal(ids(s.Seen(t, "t")), want) {
		t.Errorf("delivered %v", all)
	}
	s.Ready(t, kindTrigger, "t")
}

// kn runs a real kn in the namespace of a space and returns what it prints.
func kn(t *testing.T, s *world.Space, arguments ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "kn", append(arguments, "--namespace", s.Name)...).CombinedOutput()
	if err != nil {
		t.Fatalf("kn %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
	return string(out)
}

func contains(t *testing.T, out string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing from:\n%s", want, out)
		}
	}
}

func TestKn(t *testing.T) {
	w := world.Start(t)
	s := w.Space(t, "kn")
	t.Parallel()
	if _, err := exec.LookPath("kn"); err != nil {
		t.Skip("there is no kn: hack/cluster.sh deps builds one")
	}
	const kafkaChannel = "messaging.knative.dev:v1beta1:KafkaChannel"
	contains(t, kn(t, s, "channel", "list-types"), "KafkaChannel")
	contains(t, kn(t, s, "source", "list-types"), "KafkaSource", "kafkasources.sources.knative.dev")
	kn(t, s, "channel", "create", "c", "--type", kafkaChannel)
	s.Ready(t, kindChannel, "c")
	contains(t, kn(t, s, "channel", "list"), "c-kn-channel."+s.Name+".svc.cluster.local", "True")
	contains(t, kn(t, s, "channel", "describe", "c"), "KafkaChannel (messaging.knative.dev/v1beta1)")
	kn(t, s, "subscription", "create", "s", "--channel", kafkaChannel+":c", "--sink", s.To("s"), "--sink-dead-letter", s.To("dead"))
	s.Ready(t, kindSubscription, "s")

	kn(t, s, "broker", "create", "b", "--class", "Kafka", "--broker-config", "cm:kafka-broker-config:knative-eventing",
		"--dl-sink", s.To("dead"), "--retry", "1", "--backoff-policy", "linear", "--backoff-delay", "PT0.2S")
	s.Ready(t, kindBroker, "b")
	contains(t, kn(t, s, "broker", "list"), "http://kafka-broker-ingress.knative-eventing.svc.cluster.local/"+s.Name+"/b", "True")
	kn(t, s, "trigger", "create", "t", "--broker", "b", "--filter", "type=wanted", "--sink", s.To("t"))
	s.Ready(t, kindTrigger, "t")
	contains(t, kn(t, s, "trigger", "list"), "True")
	s.Send(t, world.Address(t, s.Ready(t, kindBroker, "b")), append(events("unwanted", "1"), events("wanted", "2")...)...)
	wantIDs(t, "the Trigger", s.Await(t, "t", 1), "2")
	s.Send(t, world.Address(t, s.Ready(t, kindChannel, "c")), events("x", "3")...)
	wantIDs(t, "the Subscription", s.Await(t, "s", 1), "3")

	s.Make(t, fmt.Sprintf(`
apiVersion: sources.knative.dev/v1beta1
kind: KafkaSource
metadata: {name: k}
spec: {bootstrapServers: ["%s"], topics: [t], sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: b}}}`, world.Servers))
	contains(t, kn(t, s, "source", "list"), "k", "KafkaSource", "broker:b")
	// The plugin for KafkaSources is ours, and kn finds it by its name.
	topic := w.Kafka.Topic(t, "kn", 1, nil)
	contains(t, kn(t, s, "source", "kafka", "create", "plain", "--servers", world.Servers, "--topics", topic, "--sink", s.To("plain"), "--ce-override", "origin=kn"), "created")
	s.Ready(t, kindSource, "plain")
	w.Kafka.Produce(t, []*kgo.Record{{Topic: topic, Value: []byte("plain")}})
	if d := s.Await(t, "plain", 1)[0]; d.Headers["ce-origin"] != "kn" || d.Body != "plain" {
		t.Errorf("the KafkaSource of kn delivers %+v", d)
	}
	contains(t, kn(t, s, "source", "kafka", "list"), "plain", "True")
	contains(t, kn(t, s, "source", "kafka", "describe", "plain"), world.Servers, topic, s.To("plain"), "Ready")
	kn(t, s, "source", "kafka", "update", "plain", "--sink", s.To("updated"))
	s.Ready(t, kindSource, "plain")
	w.Kafka.Produce(t, []*kgo.Record{{Topic: topic, Value: []byte("again")}})
	s.Await(t, "updated", 1)
	kn(t, s, "source", "kafka", "delete", "plain")
	s.Gone(t, kindSource, "plain")
	kn(t, s, "subscription", "delete", "s")
	kn(t, s, "trigger", "delete", "t")
	kn(t, s, "channel", "delete", "c")
	s.Gone(t, kindKafkaChannel, "c")
}
