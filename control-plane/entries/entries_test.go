package entries

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	coreeventingv1alpha1 "knative.dev/eventing/pkg/apis/eventing/v1alpha1"
	"knative.dev/eventing/pkg/apis/feature"
	messagingv1 "knative.dev/eventing/pkg/apis/messaging/v1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	eventingv1alpha1 "knative.dev/eventing-kafka-go/control-plane/apis/eventing/v1alpha1"
	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/proto/tokens"
)

// world is what a Builder reads, by "namespace/name", and one object of each kind whose reconciler has come to its end.
type world struct {
	configMaps map[string]map[string]string
	secrets    map[string]map[string]string
	policies   map[string][]string // to the subjects that may send
	paused     types.UID
	flags      feature.Flags
	subscribed string // the namespace of Subscriptions

	broker  *eventingv1.Broker
	trigger *eventingv1.Trigger
	channel *messagingv1beta1.KafkaChannel
	sink    *eventingv1alpha1.KafkaSink
	source  *sourcesv1beta1.KafkaSource
}

func meta(uid string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "ns", Name: "n", UID: types.UID(uid)}
}

func host(name string) *apis.URL { return &apis.URL{Scheme: "http", Host: name} }

func newWorld() *world {
	w := &world{
		configMaps: map[string]map[string]string{
			"sys/broker-config":  {"bootstrap.servers": "kafka:9092", "default.topic.partitions": "3", "default.topic.replication.factor": "1"},
			"sys/channel-config": {"bootstrap.servers": "kafka:9092"},
		},
		secrets: map[string]map[string]string{}, policies: map[string][]string{}, flags: feature.Flags{},
		broker: &eventingv1.Broker{ObjectMeta: meta("b")}, trigger: &eventingv1.Trigger{ObjectMeta: meta("t")},
		channel: &messagingv1beta1.KafkaChannel{ObjectMeta: meta("c")}, sink: &eventingv1alpha1.KafkaSink{ObjectMeta: meta("k")},
		source: &sourcesv1beta1.KafkaSource{ObjectMeta: meta("s")},
	}
	w.broker.Spec.Config = &duckv1.KReference{Kind: "ConfigMap", Namespace: "sys", Name: "broker-config"}
	w.broker.Status.Annotations = map[string]string{"default.topic": "topic-of-b"}
	w.trigger.Spec.Broker, w.trigger.Status.SubscriberURI = "n", host("subscriber")
	w.trigger.Status.Annotations = map[string]string{"group.id": "group-of-t"}
	SetPartitions(&w.trigger.Status.Status, map[string]int32{"topic-of-b": 3})
	w.channel.Status.Annotations = map[string]string{"default.topic": "topic-of-c"}
	name := "sub"
	w.channel.Spec.Subscribers = []eventingduck.SubscriberSpec{{UID: "u", Name: &name, SubscriberURI: host("subscriber")}}
	SetPartitions(&w.channel.Status.Status, map[string]int32{"u": 3})
	w.sink.Spec.Topic, w.sink.Spec.BootstrapServers = "t", []string{"kafka:9092"}
	w.sink.Status.Annotations = map[string]string{TopicOwnerStatusAnnotation: "external"}
	w.source.Spec.BootstrapServers, w.source.Spec.Topics, w.source.Spec.ConsumerGroup = []string{"kafka:9092"}, []string{"t"}, "g"
	w.source.Status.SinkURI = host("sink")
	SetPartitions(&w.source.Status.Status, map[string]int32{"t": 3})
	return w
}

func (w *world) builder() *Builder {
	return &Builder{
		ConfigMap: func(namespace, name string) (*corev1.ConfigMap, error) {
			data, ok := w.configMaps[namespace+"/"+name]
			if !ok {
				return nil, errors.New("not found")
			}
			return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: data}, nil
		},
		Secret: func(namespace, name string) (*corev1.Secret, error) {
			data, ok := w.secrets[namespace+"/"+name]
			if !ok {
				return nil, fmt.Errorf("get Secret %s/%s: not found", namespace, name)
			}
			s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, ResourceVersion: "7"}, Data: map[string][]byte{}}
			for key, value := range data {
				s.Data[key] = []byte(value)
			}
			return s, nil
		},
		Policy: func(namespace, name string) (*coreeventingv1alpha1.EventPolicy, error) {
			from, ok := w.policies[namespace+"/"+name]
			if !ok {
				return nil, errors.New("not found")
			}
			return &coreeventingv1alpha1.EventPolicy{Status: coreeventingv1alpha1.EventPolicyStatus{From: from}}, nil
		},
		Subscription: func(string, string, types.UID) *messagingv1.Subscription {
			return &messagingv1.Subscription{ObjectMeta: metav1.ObjectMeta{
				Namespace: w.subscribed, Annotations: map[string]string{annotation.DeliveryOrder: string(annotation.Ordered)},
			}}
		},
		Paused:     func(uid types.UID) bool { return uid != "" && w.paused == uid },
		DataPlanes: map[dataplane.Kind]dataplane.DataPlane{}, SystemNamespace: "sys", ChannelConfigName: "channel-config",
	}
}

// entries makes the entry of each kind, and returns it or what is wrong: "not ready: …", "error: …", "problem: …".
func (w *world) entries() map[string]string {
	b, f := w.builder(), Flags{Core: w.flags, Kafka: features.Defaults()}
	br, problems, err := b.Broker(w.broker, []*eventingv1.Trigger{w.trigger}, f)
	all := map[string]string{"broker": outcome(br, problems, err)}
	ch, problems, err := b.Channel(w.channel, f)
	all["channel"] = outcome(ch, problems, err)
	k, err := b.Sink(w.sink, f)
	all["sink"] = outcome(k, nil, err)
	s, err := b.Source(w.source, f)
	all["source"] = outcome(s, nil, err)
	return all
}

func outcome(r *contract.Resource, problems []*translate.Error, err error) string {
	switch {
	case isNotReady(err):
		return "not ready: " + err.Error()
	case err != nil:
		return "error: " + err.Error()
	}
	text := r.GetUid()
	for _, e := range r.GetEgresses() {
		text += fmt.Sprintf(" %s: %s to %s, %d members", e.GetUid(), e.GetConsumerGroup(), e.GetDestination(), e.GetVReplicas())
		if e.GetPaused() {
			text += ", paused"
		}
		if d := e.GetEgressConfig().GetDeadLetter(); d != "" {
			text += ", else " + d
		}
		if e.GetDeliveryOrder() == contract.DeliveryOrder_ORDERED {
			text += ", ordered"
		}
	}
	for _, p := range problems {
		text += " problem: " + p.Error()
	}
	return text
}

var built = map[string]string{
	"broker":  "b t: group-of-t to http://subscriber, 0 members",
	"channel": "c u: kafka.ns.n.u to http://subscriber, 0 members, ordered",
	"sink":    "k",
	"source":  "s s: g to http://sink, 0 members, ordered",
}

func TestEntries(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*world)
		want   map[string]string // those that differ from built; a part of the text after "…"
	}{
		"everything is ready": {func(*world) {}, nil},
		"no topic is ready": {func(w *world) {
			w.broker.Status.Annotations, w.sink.Status.Annotations = nil, nil
			delete(w.channel.Status.Annotations, "default.topic")
		}, map[string]string{"broker": "not ready: the topic of Broker ns/n is not ready",
			"channel": "not ready: the topic of KafkaChannel ns/n is not ready", "sink": "not ready: the topic of KafkaSink ns/n is not ready"}},
		"a subscriber is not resolved": {func(w *world) { w.trigger.Status.SubscriberURI, w.source.Status.SinkURI = nil, nil },
			map[string]string{"broker": "b", "source": "not ready: the sink of KafkaSource ns/n is not resolved"}},
		"groups have no start yet": {func(w *world) {
			SetPartitions(&w.trigger.Status.Status, nil)
			SetPartitions(&w.channel.Status.Status, nil)
			SetPartitions(&w.source.Status.Status, nil)
		}, map[string]string{"broker": "b", "channel": "c", "source": "not ready: the consumer group of KafkaSource ns/n is not ready"}},
		"a Trigger has no group": {func(w *world) { delete(w.trigger.Status.Annotations, "group.id") }, map[string]string{"broker": "b"}},
		"a status that somebody spoiled": {func(w *world) {
			for _, s := range []*duckv1.Status{&w.trigger.Status.Status, &w.channel.Status.Status, &w.source.Status.Status} {
				s.Annotations[PartitionsStatusAnnotation] = "{"
			}
		}, map[string]string{"broker": "…problem: Trigger ns/n: status.annotations[" + PartitionsStatusAnnotation + "]",
			"channel": "…error: status.annotations[", "source": "…error: status.annotations["}},
		"a Trigger that cannot be translated": {func(w *world) { w.trigger.Status.SubscriberURI = &apis.URL{Scheme: "ftp", Host: "h"} },
			map[string]string{"broker": `b problem: Trigger ns/n: spec.subscriber: "ftp://h" is not an absolute http or https URL`}},
		"members that a scaler wants": {func(w *world) {
			SetMembers(&w.trigger.Status.Status, map[string]int32{"": 4})
			SetMembers(&w.channel.Status.Status, map[string]int32{"u": 5})
			SetMembers(&w.source.Status.Status, map[string]int32{"": 6})
		}, map[string]string{"broker": "…4 members", "channel": "…5 members", "source": "…6 members"}},
		"groups that are scaled to none": {func(w *world) {
			SetMembers(&w.trigger.Status.Status, map[string]int32{"": 0})
			SetMembers(&w.channel.Status.Status, map[string]int32{"u": 0, "other": 3})
			SetMembers(&w.source.Status.Status, map[string]int32{"": 0})
		}, map[string]string{"broker": "…, paused", "channel": "…, paused", "source": "…, paused"}},
		"a ResetOffset of a Trigger":      {func(w *world) { w.paused = "t" }, map[string]string{"broker": "…, paused"}},
		"a ResetOffset of a Subscription": {func(w *world) { w.paused = "u" }, map[string]string{"channel": "…, paused"}},
		"a ResetOffset of a KafkaSource":  {func(w *world) { w.paused = "s" }, map[string]string{"source": "…, paused"}},
		"a dead letter sink of the Broker is for its Triggers": {func(w *world) {
			w.broker.Spec.Delivery = &eventingduck.DeliverySpec{DeadLetterSink: &duckv1.Destination{Ref: &duckv1.KReference{Name: "x"}}}
			w.broker.Status.DeadLetterSinkURI = host("of-broker")
		}, map[string]string{"broker": "…else http://of-broker"}},
		"a dead letter sink of a KafkaSource": {func(w *world) {
			w.source.Spec.Delivery = &eventingduck.DeliverySpec{DeadLetterSink: &duckv1.Destination{Ref: &duckv1.KReference{Name: "x"}}}
			SetDeadLetter(&w.source.Status.Status, &translate.Target{URI: "http://of-source"})
		}, map[string]string{"source": "…else http://of-source"}},
		"a dead letter sink that is not resolved any more": {func(w *world) {
			w.source.Spec.Delivery = &eventingduck.DeliverySpec{DeadLetterSink: &duckv1.Destination{Ref: &duckv1.KReference{Name: "x"}}}
			SetDeadLetter(&w.source.Status.Status, &translate.Target{URI: "http://of-source"})
			SetDeadLetter(&w.source.Status.Status, nil)
		}, map[string]string{"source": `…spec.delivery.deadLetterSink.ref:  "x" in namespace "" is not resolved`}},
		"ConfigMaps are gone, and nothing is recorded": {func(w *world) { clear(w.configMaps) },
			map[string]string{"broker": "error: get ConfigMap sys/broker-config: not found", "channel": "error: get ConfigMap sys/channel-config: not found"}},
		"a ConfigMap is wrong": {func(w *world) { delete(w.configMaps["sys/broker-config"], "default.topic.partitions") },
			map[string]string{"broker": "…error: invalid configuration - numPartitions: 0 - replicationFactor: 1"}}, // CFG-03
		"a Broker names no ConfigMap": {func(w *world) { w.broker.Spec.Config = nil }, map[string]string{"broker": "error: spec.config names no ConfigMap"}}, // BR-04
		"a Secret is missing": {func(w *world) { w.configMaps["sys/broker-config"]["auth.secret.ref.name"] = "s" },
			map[string]string{"broker": "error: get Secret sys/s: not found"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			row.change(w)
			want := maps.Clone(built)
			maps.Copy(want, row.want)
			for kind, got := range w.entries() {
				if part, found := strings.CutPrefix(want[kind], "…"); got != want[kind] && (!found || !strings.Contains(got, part)) {
					t.Errorf("%s: %s\nnot %s", kind, got, want[kind])
				}
			}
		})
	}
}

func TestWhatIsRecordedStandsInForAConfigMapThatIsGone(t *testing.T) { // BR-08 to BR-10
	w := newWorld()
	w.configMaps["sys/broker-config"] = map[string]string{"bootstrap.servers": "a:1, b:2", "default.topic.partitions": "3",
		"default.topic.replication.factor": "2", "auth.secret.ref.name": "s", "default.topic.config.retention.ms": "1"}
	settings, err := w.builder().BrokerSettings(w.broker)
	if err != nil {
		t.Fatal(err)
	}
	w.broker.Status.Annotations[translate.TopicConfigPrefix+"old"] = "goes"
	RecordSettings(w.broker, settings)
	clear(w.configMaps)
	recorded, err := w.builder().BrokerSettings(w.broker)
	if err != nil || fmt.Sprint(recorded) != fmt.Sprint(settings) || recorded.SecretNamespace != "sys" {
		t.Errorf("recorded %+v, %v, not %+v", recorded, err, settings)
	}
	settings.SecretName, settings.Topic.Config = "", nil
	RecordSettings(w.broker, settings)
	if recorded, err = w.builder().BrokerSettings(w.broker); err != nil || recorded.SecretName != "" || len(recorded.Topic.Config) != 0 {
		t.Errorf("what is no more was kept: %+v, %v", recorded, err)
	}
}

func TestOnlyConfigMapsOfTheAdministratorLeadAChannelToSecretsElsewhere(t *testing.T) {
	own := map[string]string{"bootstrap.servers": "mine:9092", "auth.secret.ref.name": "s"}
	foreign := map[string]string{"bootstrap.servers": "mine:9092", "auth.secret.ref.name": "s", "auth.secret.ref.namespace": "victim"}
	for name, row := range map[string]struct {
		annotation string
		configMap  map[string]string
		want       string // namespace of the Secret, or a part of the error
	}{
		"its own namespace":                                {"ns/own", own, "ns"},
		"its own namespace and a Secret of another":        {"ns/own", foreign, "names a Secret of namespace victim"},
		"the administrator's":                              {"sys/own", own, "sys"},
		"the administrator's, and a Secret of a namespace": {"sys/own", foreign, "victim"},
		"a namespace of somebody else":                     {"other/own", own, "is neither in the namespace of the channel nor in sys"},
		"nothing of the kind":                              {"own", own, annotation.ChannelConfig},
	} {
		w := newWorld()
		w.channel.Annotations = map[string]string{annotation.ChannelConfig: row.annotation}
		w.configMaps[row.annotation] = row.configMap
		s, err := w.builder().ChannelSettings(w.channel)
		if err != nil && !strings.Contains(err.Error(), row.want) || err == nil && s.SecretNamespace != row.want {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

func TestWhoMaySend(t *testing.T) { // ST-05, CFG-48
	oidc := func(mode feature.Flag) feature.Flags {
		return feature.Flags{feature.OIDCAuthentication: feature.Enabled, feature.AuthorizationDefaultMode: mode}
	}
	for name, row := range map[string]struct {
		flags   feature.Flags
		applied []string
		want    string
	}{
		"without authentication everybody":          {feature.Flags{}, []string{"p"}, ""},
		"by default the same namespace":             {oidc(""), nil, "prefix system:serviceaccount:ns:"},
		"everybody with a token":                    {oidc(feature.AuthorizationAllowAll), nil, "prefix "},
		"nobody":                                    {oidc(feature.AuthorizationDenyAll), nil, ""},
		"whom a policy names, whatever the default": {oidc(feature.AuthorizationAllowAll), []string{"p"}, "exact a; prefix b-"},
		"a policy that is gone is an error":         {oidc(""), []string{"gone"}, "error: get EventPolicy ns/gone: not found"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.flags, w.policies["ns/p"] = row.flags, []string{"a", "b-*"}
			for _, policy := range row.applied {
				ref := eventingduck.AppliedEventPolicyRef{Name: policy}
				w.broker.Status.Policies, w.channel.Status.Policies, w.sink.Status.Policies =
					append(w.broker.Status.Policies, ref), append(w.channel.Status.Policies, ref), append(w.sink.Status.Policies, ref)
			}
			b, f := w.builder(), Flags{Core: w.flags, Kafka: features.Defaults()}
			br, _, err1 := b.Broker(w.broker, nil, f)
			ch, _, err2 := b.Channel(w.channel, f)
			k, err3 := b.Sink(w.sink, f)
			for audience, made := range map[string]struct {
				r   *contract.Resource
				err error
			}{"eventing.knative.dev/broker/ns/n": {br, err1}, "messaging.knative.dev/kafkachannel/ns/n": {ch, err2}, "eventing.knative.dev/kafkasink/ns/n": {k, err3}} {
				if len(row.flags) == 0 {
					audience = ""
				}
				got := senders(made.r)
				if made.err != nil {
					got = "error: " + made.err.Error()
				}
				if got != row.want || made.err == nil && made.r.GetIngress().GetAudience() != audience {
					t.Errorf("%s: %q for %q", audience, got, made.r.GetIngress().GetAudience())
				}
			}
		})
	}
}

func senders(r *contract.Resource) string {
	var all []string
	for _, p := range r.GetIngress().GetEventPolicies() {
		for _, m := range p.GetTokenMatchers() {
			if m.GetExact() != nil {
				all = append(all, "exact "+m.GetExact().GetAttributes()["sub"])
			} else {
				all = append(all, "prefix "+m.GetPrefix().GetAttributes()["sub"])
			}
		}
	}
	return strings.Join(all, "; ")
}

// A reconciler compares what pods run with what Trigger returns, and the contract is made by Broker: they must agree.
func TestATriggerAloneIsWhatItIsAmongOthers(t *testing.T) {
	w := newWorld()
	b, f := w.builder(), Flags{Core: w.flags, Kafka: features.Defaults()}
	other := w.trigger.DeepCopy()
	other.UID, other.Name = "a", "other"
	all, _, err := b.Broker(w.broker, []*eventingv1.Trigger{other, w.trigger}, f)
	if err != nil {
		t.Fatal(err)
	}
	r, e, err := b.Trigger(w.broker, w.trigger, f)
	if err != nil || contract.EgressHash(r, e) != contract.EgressHash(all, all.GetEgresses()[1]) {
		t.Errorf("%v, %v", e, err)
	}
	w.trigger.Status.SubscriberURI = nil
	if _, _, err = b.Trigger(w.broker, w.trigger, f); !isNotReady(err) {
		t.Errorf("not ready: %v", err)
	}
	w.trigger.Status.SubscriberURI = host("")
	if _, _, err = b.Trigger(w.broker, w.trigger, f); err == nil || isNotReady(err) {
		t.Errorf("wrong: %v", err)
	}
}

// With core's cross-namespace-event-links a Subscription is in another namespace than its channel, and its ServiceAccount
// with it.
func TestTokensAreOfTheNamespaceOfASubscription(t *testing.T) {
	w, account, audience := newWorld(), "account", "audience"
	w.subscribed = "elsewhere"
	for i := range w.channel.Spec.Subscribers {
		s := &w.channel.Spec.Subscribers[i]
		s.Auth, s.SubscriberAudience = &duckv1.AuthStatus{ServiceAccountName: &account}, &audience
	}
	r, _, err := w.builder().Channel(w.channel, Flags{Core: feature.Flags{feature.OIDCAuthentication: feature.Enabled}, Kafka: features.Defaults()})
	want := []tokens.Identity{{Namespace: "elsewhere", ServiceAccount: account, Audience: audience}}
	if got := tokens.Wanted(&contract.Contract{Resources: []*contract.Resource{r}}); err != nil || !slices.Equal(got, want) {
		t.Errorf("asked for are %v, %v", got, err)
	}
}
