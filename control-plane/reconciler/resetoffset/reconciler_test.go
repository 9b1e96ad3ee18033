package resetoffset

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	messagingv1 "knative.dev/eventing/pkg/apis/messaging/v1"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1"
	messaginglisters "knative.dev/eventing/pkg/client/listers/messaging/v1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"

	kafkav1alpha1 "knative.dev/eventing-kafka-go/control-plane/apis/kafka/v1alpha1"
	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
	resetreconciler "knative.dev/eventing-kafka-go/control-plane/client/injection/reconciler/kafka/v1alpha1/resetoffset"
	resetlisters "knative.dev/eventing-kafka-go/control-plane/client/listers/kafka/v1alpha1"
	channellisters "knative.dev/eventing-kafka-go/control-plane/client/listers/messaging/v1beta1"
	sourcelisters "knative.dev/eventing-kafka-go/control-plane/client/listers/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/features"
	bench "knative.dev/eventing-kafka-go/control-plane/reconcilertest"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// scene is a Trigger, a Subscription and a KafkaSource, each with a group that has read three of four records, and what
// the data plane does about them.
type scene struct {
	*bench.Bench
	t *testing.T
	// frozen keeps contract and pods as they are.
	frozen bool
	err    error
	events []string
}

const group = "group-of-t"

func newScene(t *testing.T) *scene {
	s := &scene{Bench: bench.NewBench(t), t: t}
	s.In.Entries.Paused = Paused(s.resets())
	for _, topic := range []string{"t", "u"} {
		s.Kafka.CreateTopic(t, topic, 2)
		for i := range 4 {
			s.Kafka.Produce(t, &kgo.Record{Topic: topic, Partition: 0, Value: []byte("x"), Timestamp: s.Now.Add(time.Duration(i-4) * time.Hour)})
		}
	}
	for _, g := range []string{group, "kafka.ns.c.sub-uid", "group-of-s"} {
		s.commit(g, "t", 0, 3)
		s.commit(g, "t", 1, 0)
	}
	s.commit("group-of-s", "u", 0, 4)
	s.commit("group-of-s", "u", 1, 0)
	s.objects()
	s.dataPlane()
	return s
}

// commit commits with metadata, as a member of ours does.
func (s *scene) commit(group, topic string, partition int32, offset int64) {
	s.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Kafka.Addrs()...), kgo.DisableClientMetrics())
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	commits := kadm.Offsets{}
	commits.Add(kadm.Offset{Topic: topic, Partition: partition, At: offset, LeaderEpoch: -1, Metadata: "a ledger"})
	if err := kadm.NewClient(client).CommitAllOffsets(s.Ctx, group, commits); err != nil {
		s.t.Fatal(err)
	}
}

func meta(name, uid string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "ns", Name: name, UID: types.UID(uid), Generation: 1}
}

func (s *scene) objects() {
	address := apis.HTTP("subscriber")
	b := &eventingv1.Broker{ObjectMeta: meta("b", "b-uid")}
	b.Annotations = map[string]string{"eventing.knative.dev/broker.class": "Kafka"}
	b.Spec.Config = &duckv1.KReference{Kind: "ConfigMap", Namespace: bench.SystemNamespace, Name: "broker-config"}
	b.Status.Annotations = map[string]string{"default.topic": "t"}
	trigger := &eventingv1.Trigger{ObjectMeta: meta("t", "t-uid"), Spec: eventingv1.TriggerSpec{Broker: "b"}}
	trigger.Status.Annotations = map[string]string{"group.id": group}
	trigger.Status.SubscriberURI = address
	entries.SetPartitions(&trigger.Status.Status, map[string]int32{"t": 2})

	name := "sub"
	c := &messagingv1beta1.KafkaChannel{ObjectMeta: meta("c", "c-uid")}
	c.Spec.Subscribers = []eventingduck.SubscriberSpec{{UID: "sub-uid", Name: &name, SubscriberURI: address}}
	c.Status.Annotations = map[string]string{"default.topic": "t"}
	entries.SetPartitions(&c.Status.Status, map[string]int32{"sub-uid": 2})
	sub := &messagingv1.Subscription{ObjectMeta: meta("sub", "sub-uid")}
	sub.Spec.Channel = duckv1.KReference{APIVersion: "messaging.knative.dev/v1beta1", Kind: "KafkaChannel", Name: "c"}

	k := &sourcesv1beta1.KafkaSource{ObjectMeta: meta("s", "s-uid")}
	k.Spec.BootstrapServers, k.Spec.Topics, k.Spec.ConsumerGroup = s.Kafka.Addrs(), []string{"t", "u"}, "group-of-s"
	k.Status.SinkURI = address
	entries.SetPartitions(&k.Status.Status, map[string]int32{"t": 2, "u": 2})

	s.Add("brokers", b)
	s.Add("triggers", trigger)
	s.Add("kafkachannels", c)
	s.Add("subscriptions", sub)
	s.Add("kafkasources", k)
	s.Add("configmaps", &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: bench.SystemNamespace, Name: "broker-config"},
		Data: map[string]string{
			"bootstrap.servers": s.Kafka.Bootstrap(), "default.topic.partitions": "2", "default.topic.replication.factor": "1",
		},
	})
}

func cached[T any](s *scene, resource, name string) (zero T) {
	if o, ok, _ := s.Cache(resource).GetByKey("ns/" + name); ok {
		return o.(T)
	}
	return zero
}

func (s *scene) resets() resetlisters.ResetOffsetLister {
	return resetlisters.NewResetOffsetLister(s.Cache("resetoffsets"))
}

func (s *scene) flags() entries.Flags { return entries.Flags{Kafka: features.Defaults()} }

// dataPlane writes the contracts and has pods run them.
func (s *scene) dataPlane() {
	s.t.Helper()
	var pods []bench.BenchPod
	run := func(kind dataplane.Kind, r *contract.Resource, err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
		s.WriteContract(kind, nil, r)
		pods = append(pods, bench.BenchPod{Name: "pod-" + string(kind), App: s.In.DataPlanes[kind].Dispatcher, Report: bench.Running(r)})
	}
	if b := cached[*eventingv1.Broker](s, "brokers", "b"); b != nil {
		r, _, err := s.In.Entries.Broker(b, []*eventingv1.Trigger{cached[*eventingv1.Trigger](s, "triggers", "t")}, s.flags())
		run(dataplane.Broker, r, err)
	}
	r, _, err := s.In.Entries.Channel(cached[*messagingv1beta1.KafkaChannel](s, "kafkachannels", "c"), s.flags())
	run(dataplane.Channel, r, err)
	r, err = s.In.Entries.Source(cached[*sourcesv1beta1.KafkaSource](s, "kafkasources", "s"), s.flags())
	run(dataplane.Source, r, err)
	s.SetPods(pods...)
}

func (s *scene) put(o *kafkav1alpha1.ResetOffset) {
	s.t.Helper()
	client := s.Client.KafkaV1alpha1().ResetOffsets("ns")
	if _, err := client.Update(s.Ctx, o, metav1.UpdateOptions{}); err != nil {
		if _, err = client.Create(s.Ctx, o, metav1.CreateOptions{}); err != nil {
			s.t.Fatal(err)
		}
	}
	s.Add("resetoffsets", o)
}

// ask makes a ResetOffset.
func (s *scene) ask(name, kind, of, to string, age time.Duration) {
	s.t.Helper()
	o := &kafkav1alpha1.ResetOffset{ObjectMeta: meta(name, name+"-uid")}
	o.Finalizers = []string{"resetoffsets.kafka.eventing.knative.dev"}
	o.CreationTimestamp = metav1.NewTime(s.Now.Add(-age))
	o.Spec.Offset.Time = to
	group := map[string]string{"Trigger": "eventing.knative.dev/v1", "Subscription": "messaging.knative.dev/v1", "KafkaSource": "sources.knative.dev/v1"}
	o.Spec.Ref = duckv1.KReference{APIVersion: group[kind], Kind: kind, Name: of}
	s.put(o)
}

func (s *scene) get(name string) *kafkav1alpha1.ResetOffset {
	return cached[*kafkav1alpha1.ResetOffset](s, "resetoffsets", name)
}

func (s *scene) reconciler() controller.Reconciler {
	r := &Reconciler{
		in: s.In, resets: s.resets(), now: func() time.Time { return s.Now },
		refs: references{
			brokers:       eventinglisters.NewBrokerLister(s.Cache("brokers")),
			triggers:      eventinglisters.NewTriggerLister(s.Cache("triggers")),
			subscriptions: messaginglisters.NewSubscriptionLister(s.Cache("subscriptions")),
			channels:      channellisters.NewKafkaChannelLister(s.Cache("kafkachannels")),
			sources:       sourcelisters.NewKafkaSourceLister(s.Cache("kafkasources")),
		},
		version: func(ctx context.Context, namespace, name string) (string, error) {
			o, err := s.Client.KafkaV1alpha1().ResetOffsets(namespace).Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return "", err
			}
			return o.ResourceVersion, nil
		},
	}
	return bench.Lead(s.t, resetreconciler.NewReconciler(s.Ctx, logging.FromContext(s.Ctx), s.Client, s.resets(), s.Recorder(), r))
}

// step reconciles once with a controller that knows nothing, as after a restart, then has what follows happen.
func (s *scene) step(name string) {
	s.t.Helper()
	ctx := features.WithConfig(s.Ctx, features.Defaults())
	s.err = s.reconciler().Reconcile(ctx, "ns/"+name)
	s.events = append(s.events, s.Events()...)
	o, err := s.Client.KafkaV1alpha1().ResetOffsets("ns").Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	s.Add("resetoffsets", o)
	if !s.frozen {
		s.dataPlane()
	}
}

func (s *scene) settle(name string) {
	s.t.Helper()
	for range 8 {
		s.step(name)
	}
}

func (s *scene) says(name string, want ...string) {
	s.t.Helper()
	o := s.get(name)
	for _, w := range want {
		condition, _, _ := strings.Cut(w, "=")
		if got := bench.Says(&o.Status, apis.ConditionType(condition)); !strings.HasPrefix(got, w) {
			s.t.Errorf("%s\nwant %s", got, w)
		}
	}
}

// committed is what a group has committed, as JSON, with metadata where there is some.
func (s *scene) committed(group string) string {
	s.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Kafka.Addrs()...), kgo.DisableClientMetrics())
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	offsets, err := kadm.NewClient(client).FetchOffsets(s.Ctx, group)
	if err != nil {
		s.t.Fatal(err)
	}
	all := offsets.Sorted()
	slices.SortFunc(all, func(a, b kadm.OffsetResponse) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), int(a.Partition-b.Partition))
	})
	var text []any
	for _, o := range all {
		text = append(text, o.Topic, o.At)
		if o.Metadata != "" {
			text = append(text, o.Metadata)
		}
	}
	encoded, err := json.Marshal(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(encoded)
}
