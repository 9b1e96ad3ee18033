package apiserver

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/apiserver/system"
)

// served: objects of each kind are applied, edited and deleted, while events are sent.
func served(t *testing.T, s *system.System) {
	s.Replica(t, "controller-1")
	for _, part := range []struct {
		name string
		test func(*testing.T, *system.System)
	}{
		{"a Broker with Triggers", brokerIsServed},
		{"a KafkaChannel with subscribers", channelIsServed},
		{"a KafkaSink", sinkIsServed},
		{"a KafkaSource", sourceIsServed},
		{"a ResetOffset", offsetsAreReset},
		{"credentials that are rotated", rotated},
		{"a Broker of class KafkaNamespaced", namespaced},
		{"senders and subscribers with identities", identified},
	} {
		t.Run(part.name, func(t *testing.T) { cleanly(t, s, part.test) })
	}
}

// cleanly runs a test after which there must be in Kafka and in contracts what there was before.
func cleanly(t *testing.T, s *system.System, test func(*testing.T, *system.System)) {
	t.Helper()
	topics, groups := s.Kafka.Topics(t), s.Kafka.Groups(t)
	test(t, s)
	nothingIsLeft(t, s, topics, groups)
}

// nothingIsLeft: topics and groups are those that there were, and no contract has an entry.
func nothingIsLeft(t *testing.T, s *system.System, topics, groups []string) {
	t.Helper()
	for _, kind := range dataplane.Kinds() {
		if left := s.Contract(t, kind).Contract.GetResources(); len(left) > 0 {
			t.Errorf("the contract of the %s data plane has entries left: %v", kind, left)
		}
	}
	env.Until(t, env.Patience, func() string { // a member that leaves may commit a last time
		now := slices.DeleteFunc(s.Kafka.Topics(t), func(topic string) bool { return topic == translate.DefaultParkingTopic })
		topics = slices.DeleteFunc(topics, func(topic string) bool { return topic == translate.DefaultParkingTopic })
		if !slices.Equal(now, topics) {
			return fmt.Sprintf("topics are left: %v, there were %v", now, topics)
		}
		if now := s.Kafka.Groups(t); !slices.Equal(now, groups) {
			return fmt.Sprintf("consumer groups are left: %v, there were %v", now, groups)
		}
		return ""
	})
}

// annotation returns what a reconciler has recorded in the status of an object.
func annotation(t *testing.T, o *env.Object, key string) string {
	t.Helper()
	value, _, err := unstructured.NestedString(o.Object, "status", "annotations", key)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// channelConfig is the ConfigMap of all KafkaChannels, with a namespace and servers.
const channelConfig = "{apiVersion: v1, kind: ConfigMap, metadata: {name: kafka-channel-config, namespace: %s}, data: {bootstrap.servers: %q}}"

// brokerConfig is a ConfigMap for Brokers of a namespace.
func brokerConfig(s *system.System, namespace string) string {
	return fmt.Sprintf("{apiVersion: v1, kind: ConfigMap, metadata: {name: kafka-broker-config, namespace: %s}, data: {bootstrap.servers: %q, "+
		"default.topic.partitions: '2', default.topic.replication.factor: '1'}}", namespace, s.Kafka.Servers)
}

// brokerOf is a Broker of class Kafka; more is what else its spec has, in YAML.
func brokerOf(namespace, name, more string) string {
	return "{apiVersion: eventing.knative.dev/v1, kind: Broker, metadata: {name: " + name + ", namespace: " + namespace +
		", annotations: {eventing.knative.dev/broker.class: Kafka}}, spec: {config: {apiVersion: v1, kind: ConfigMap, name: kafka-broker-config}" + more + "}}"
}

// triggerOf is a Trigger for events of a type that go to a path of the subscriber.
func triggerOf(s *system.System, namespace, name, broker, eventType, path, more string) string {
	return fmt.Sprintf("{apiVersion: eventing.knative.dev/v1, kind: Trigger, metadata: {name: %s, namespace: %s}, spec: {broker: %s, "+
		"filter: {attributes: {type: %s}}, subscriber: {uri: %s}%s}}", name, namespace, broker, eventType, s.Subscriber.URL+path, more)
}

// sourceOf is a KafkaSource of a topic whose records go to a path of the subscriber.
func sourceOf(s *system.System, namespace, topic, path string) string {
	return fmt.Sprintf("{apiVersion: sources.knative.dev/v1, kind: KafkaSource, metadata: {name: events, namespace: %s}, "+
		"spec: {bootstrapServers: [%q], topics: [%s], consumerGroup: %s-group, sink: {uri: %s}}}",
		namespace, s.Kafka.Servers, topic, topic, s.Subscriber.URL+path)
}

func deadLetters(s *system.System, path string) string {
	return ", delivery: {retry: 0, deadLetterSink: {uri: " + s.Subscriber.URL + path + "}}"
}

// stage is an object with an ingress, to which events are sent, and the places where they may arrive.
type stage struct {
	s     *system.System
	kind  dataplane.Kind
	at    *env.Object // has the address
	paths []string
}

// sends an event and waits until it has arrived at a path, and until the group is through: by then it is nowhere else.
func (x *stage) arrives(t *testing.T, group, id, eventType, path string) {
	t.Helper()
	x.s.Accepted(t, x.kind, x.at, system.Event{ID: id, Type: eventType})
	x.s.AwaitDelivery(t, path, id)
	x.s.AwaitFinished(t, group, annotation(t, x.at, translate.TopicStatusAnnotation))
	for _, other := range x.paths {
		if other != path && x.s.Subscriber.Deliveries(other, id) > 0 {
			t.Errorf("event %s arrived at %s too", id, other)
		}
	}
}

func brokerIsServed(t *testing.T, s *system.System) {
	const ns = "broker"
	s.Namespace(t, ns)
	s.Apply(t, brokerConfig(s, ns))
	x := &stage{s: s, kind: dataplane.Broker, at: s.Ready(t, brokerOf(ns, "events", "")), paths: []string{"/one", "/two", "/dead", "/inherited"}}
	one := s.Ready(t, triggerOf(s, ns, "one", "events", "a", "/one", ""))
	group := annotation(t, one, translate.GroupStatusAnnotation)
	s.Accepted(t, x.kind, x.at, system.Event{ID: "broker-1", Type: "b"})
	x.arrives(t, group, "broker-2", "a", "/one")
	if s.Subscriber.Deliveries("/one", "broker-1") > 0 {
		t.Error("an event of another type was delivered")
	}

	// What a status says is in force: no event is treated as before.
	s.Ready(t, triggerOf(s, ns, "one", "events", "b", "/one", ""))
	s.Accepted(t, x.kind, x.at, system.Event{ID: "broker-3", Type: "a"})
	x.arrives(t, group, "broker-4", "b", "/one")
	if s.Subscriber.Deliveries("/one", "broker-3") > 0 {
		t.Error("an event was delivered by a filter that was replaced")
	}
	s.Ready(t, triggerOf(s, ns, "one", "events", "b", "/two", ""))
	x.arrives(t, group, "broker-5", "b", "/two")
	s.Ready(t, triggerOf(s, ns, "one", "events", "b", system.Refuse, deadLetters(s, "/dead")))
	x.arrives(t, group, "broker-6", "b", "/dead")
	x.at = s.Ready(t, brokerOf(ns, "events", deadLetters(s, "/inherited")))
	s.Ready(t, triggerOf(s, ns, "one", "events", "b", system.Refuse, ""))
	x.arrives(t, group, "broker-7", "b", "/inherited")

	two := s.Ready(t, triggerOf(s, ns, "two", "events", "b", "/two", ""))
	s.Gone(t, one)
	x.arrives(t, annotation(t, two, translate.GroupStatusAnnotation), "broker-8", "b", "/two")
	if s.Contract(t, dataplane.Broker).Has(string(one.GetUID())) {
		t.Error("the egress of a Trigger that is gone is still in the contract")
	}
	if groups := s.Kafka.Groups(t); slices.Contains(groups, group) {
		t.Errorf("the group of a Trigger that is gone is left: %v", groups)
	}
	s.Gone(t, x.at) // before its Trigger, whose status knows where its group is
	if code, text := s.Send(t, x.kind, x.at, system.Event{ID: "broker-9", Type: "b"}); code != http.StatusNotFound {
		t.Errorf("a Broker that is gone answers %d %s", code, text)
	}
	s.Gone(t, two)
}

func channelIsServed(t *testing.T, s *system.System) {
	const ns = "channel"
	s.Namespace(t, ns)
	s.Apply(t, fmt.Sprintf(channelConfig, env.SystemNamespace, s.Kafka.Servers))
	core := s.Acting(t, coreController, "system:masters")
	channel := func(subscribers string) *env.Object {
		t.Helper()
		o := env.Parse(t, "{apiVersion: messaging.knative.dev/v1, kind: KafkaChannel, metadata: {name: events, namespace: "+ns+"}, "+
			"spec: {numPartitions: 2, subscribers: ["+subscribers+"]}}")[0]
		if _, err := core.TryApply(t, o); err != nil {
			t.Fatal(err)
		}
		return s.AwaitReady(t, o)
	}
	subscriber := func(uid, path, more string) string {
		return "{uid: " + uid + ", generation: 1, subscriberUri: '" + s.Subscriber.URL + path + "'" + more + "}"
	}
	group := func(uid string) string { return "kafka." + ns + ".events." + uid } // KC-26
	x := &stage{s: s, kind: dataplane.Channel, at: channel(subscriber("u1", "/one", "")), paths: []string{"/one", "/two", "/dead"}}
	x.arrives(t, group("u1"), "channel-1", "a", "/one")
	channel(subscriber("u1", "/two", ""))
	x.arrives(t, group("u1"), "channel-2", "a", "/two")
	channel(subscriber("u1", system.Refuse, ", delivery: {retry: 0, deadLetterSink: {uri: '"+s.Subscriber.URL+"/dead'}}"))
	x.arrives(t, group("u1"), "channel-3", "a", "/dead")
	channel(subscriber("u1", system.Refuse, "") + ", " + subscriber("u2", "/two", ""))
	x.arrives(t, group("u2"), "channel-4", "a", "/two")
	channel(subscriber("u2", "/two", ""))
	env.Until(t, env.Patience, func() string {
		if groups := s.Kafka.Groups(t); slices.Contains(groups, group("u1")) {
			return fmt.Sprintf("the group of a subscriber that is gone is left: %v", groups)
		}
		return ""
	})
	x.arrives(t, group("u2"), "channel-5", "a", "/two")
	s.Gone(t, x.at)
	if code, text := s.Send(t, x.kind, x.at, system.Event{ID: "channel-6", Type: "a"}); code != http.StatusNotFound {
		t.Errorf("a channel that is gone answers %d %s", code, text)
	}
	// Nothing collects garbage here: the Service goes with its owner in a cluster.
	service := s.Get(t, kind("", "v1", "Service"), ns, "events-kn-channel")
	if owners := service.GetOwnerReferences(); len(owners) != 1 || owners[0].UID != x.at.GetUID() {
		t.Errorf("the Service belongs to %v", owners)
	}
}

func sinkIsServed(t *testing.T, s *system.System) {
	const ns = "sink"
	s.Namespace(t, ns)
	s.Kafka.CreateTopic(t, "sink-a", 1)
	sink := func(name, topic, more string) *env.Object {
		t.Helper()
		return s.Ready(t, fmt.Sprintf("{apiVersion: eventing.knative.dev/v1alpha1, kind: KafkaSink, metadata: {name: %s, namespace: %s}, "+
			"spec: {topic: %s, bootstrapServers: [%q]%s}}", name, ns, topic, s.Kafka.Servers, more))
	}
	holds := func(topic string, index int, want string) {
		t.Helper()
		records := s.Kafka.Records(t, topic, index+1)
		mode := "binary"
		for _, h := range records[index].Headers {
			if h.Key == "content-type" && strings.HasPrefix(string(h.Value), "application/cloudevents+json") {
				mode = "structured"
			}
		}
		if mode != want {
			t.Errorf("record %d of %s is %s, not %s: %v %s", index, topic, mode, want, records[index].Headers, records[index].Value)
		}
	}
	o := sink("events", "sink-a", "")
	s.Accepted(t, dataplane.Sink, o, system.Event{ID: "sink-1", Type: "a"})
	holds("sink-a", 0, "binary")
	sink("events", "sink-a", ", contentMode: structured")
	s.Accepted(t, dataplane.Sink, o, system.Event{ID: "sink-2", Type: "a"})
	holds("sink-a", 1, "structured")
	own := sink("own", "sink-own", ", numPartitions: 1, replicationFactor: 1") // a topic of its own, which goes with it
	s.Accepted(t, dataplane.Sink, own, system.Event{ID: "sink-3", Type: "a"})
	holds("sink-own", 0, "binary")
	for _, o := range []*env.Object{o, own} {
		s.Gone(t, o)
		if code, text := s.Send(t, dataplane.Sink, o, system.Event{ID: "sink-4", Type: "a"}); code != http.StatusNotFound {
			t.Errorf("a sink that is gone answers %d %s", code, text)
		}
	}
	if topics := s.Kafka.Topics(t); !slices.Contains(topics, "sink-a") {
		t.Errorf("a topic that is somebody else's is gone: %v", topics)
	}
	s.Kafka.DeleteTopics(t, "sink-a")
}

func sourceIsServed(t *testing.T, s *system.System) {
	const ns, topic, group = "source", "source-a", "source-a-group"
	s.Namespace(t, ns)
	s.Kafka.CreateTopic(t, topic, 2)
	s.Kafka.Produce(t, topic, "source-0") // from before the source, which begins at the end
	o := s.Ready(t, sourceOf(s, ns, topic, "/one"))
	s.Kafka.Produce(t, topic, "source-1")
	s.AwaitDelivery(t, "/one", "source-1")
	s.Ready(t, sourceOf(s, ns, topic, "/two"))
	s.Kafka.Produce(t, topic, "source-2")
	s.AwaitDelivery(t, "/two", "source-2")
	s.AwaitFinished(t, group, topic)
	for _, not := range []struct{ path, id string }{{"/one", "source-0"}, {"/two", "source-1"}, {"/one", "source-2"}} {
		if s.Subscriber.Deliveries(not.path, not.id) > 0 {
			t.Errorf("event %s arrived at %s", not.id, not.path)
		}
	}
	s.Gone(t, o)
	if topics := s.Kafka.Topics(t); !slices.Contains(topics, topic) {
		t.Errorf("a topic that is somebody else's is gone: %v", topics)
	}
	s.Kafka.DeleteTopics(t, topic)
}

func offsetsAreReset(t *testing.T, s *system.System) {
	const ns = "reset"
	s.Namespace(t, ns)
	s.Apply(t, brokerConfig(s, ns))
	b := s.Ready(t, brokerOf(ns, "events", ""))
	trigger := s.Ready(t, triggerOf(s, ns, "one", "events", "a", "/one", ""))
	for i := range 3 {
		id := fmt.Sprintf("reset-%d", i)
		s.Accepted(t, dataplane.Broker, b, system.Event{ID: id, Type: "a"})
		s.AwaitDelivery(t, "/one", id)
	}
	s.AwaitFinished(t, annotation(t, trigger, translate.GroupStatusAnnotation), annotation(t, b, translate.TopicStatusAnnotation))
	reset := s.Apply(t, "{apiVersion: kafka.eventing.knative.dev/v1alpha1, kind: ResetOffset, metadata: {name: again, namespace: "+ns+"}, "+
		"spec: {offset: {time: earliest}, ref: {apiVersion: eventing.knative.dev/v1, kind: Trigger, name: one}}}")
	env.Until(t, env.Patience, func() string {
		reset = s.Get(t, reset.GroupVersionKind(), ns, reset.GetName())
		return system.LacksCondition(reset, "Succeeded")
	})
	for i := range 3 {
		env.Until(t, env.Patience, func() string {
			if n := s.Subscriber.Deliveries("/one", fmt.Sprintf("reset-%d", i)); n < 2 {
				return fmt.Sprintf("event %d was delivered %d times", i, n)
			}
			return ""
		})
	}
	s.AwaitReady(t, trigger)
	s.Accepted(t, dataplane.Broker, b, system.Event{ID: "reset-9", Type: "a"})
	s.AwaitDelivery(t, "/one", "reset-9")
	for _, o := range []*env.Object{reset, trigger, b} {
		s.Gone(t, o)
	}
}
