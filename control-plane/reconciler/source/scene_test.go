package source

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"knative.dev/eventing/pkg/apis/feature"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"

	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/autoscale/keda"
	sourcereconciler "knative.dev/eventing-kafka-go/control-plane/client/injection/reconciler/sources/v1beta1/kafkasource"
	sourcelisters "knative.dev/eventing-kafka-go/control-plane/client/listers/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/control-plane/following"
	"knative.dev/eventing-kafka-go/control-plane/groups"
	bench "knative.dev/eventing-kafka-go/control-plane/reconcilertest"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/proto/contract"
)

const (
	topic = "t"
	group = "group"
)

// scene is a source with a topic of two partitions that holds a record, what is around it, and what the data plane does
// about it.
type scene struct {
	*bench.Bench
	t       *testing.T
	flags   feature.Flags
	kafka   *features.Config
	refused map[string]string
	// frozen keeps the contract as it is; pods makes pods of what is in the contract.
	frozen bool
	// patience is how long a reconcile may take, 0 for any time.
	patience time.Duration
	pods     func(...*contract.Resource) []bench.BenchPod
	written  []*contract.Resource
	groups   *groups.Starter
	dynamic  *dynamicfake.FakeDynamicClient
	later    time.Duration
	err      error
	events   []string
}

func newScene(t *testing.T) *scene {
	s := &scene{Bench: bench.NewBench(t), t: t, flags: feature.Flags{}, kafka: features.Defaults(), pods: served}
	s.Dispatchers = []string{"a"}
	s.groups = groups.NewStarter(func() time.Time { return s.Now })
	s.dynamic = dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{
		{Group: "keda.sh", Version: "v1alpha1", Resource: "scaledobjects"}: "ScaledObjectList",
	})
	s.Kafka.CreateTopic(t, topic, 2)
	s.Kafka.Produce(t, &kgo.Record{Topic: topic, Value: []byte("before")})
	source := &sourcesv1beta1.KafkaSource{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "k", UID: "k-uid", Generation: 1, Finalizers: []string{"kafkasources.sources.knative.dev"}},
	}
	source.Spec.Topics, source.Spec.BootstrapServers, source.Spec.ConsumerGroup = []string{topic}, s.Kafka.Addrs(), group
	source.Spec.Sink = duckv1.Destination{URI: apis.HTTP("sink.example.com")}
	source.SetDefaults(t.Context())
	s.put(source)
	return s
}

func served(resources ...*contract.Resource) []bench.BenchPod {
	report := bench.Running(resources...)
	for _, r := range resources {
		for _, e := range r.GetEgresses() {
			if e.GetPaused() {
				report.Groups[e.GetUid()] = rollout.Entry{Hash: report.Groups[e.GetUid()].Hash, State: "paused"}
			}
		}
	}
	return []bench.BenchPod{{Name: "a", App: "kafka-source-dispatcher", Report: report}}
}

func (s *scene) source() *sourcesv1beta1.KafkaSource {
	o, _, _ := s.Cache("kafkasources").GetByKey("ns/k")
	return o.(*sourcesv1beta1.KafkaSource).DeepCopy()
}

func (s *scene) put(k *sourcesv1beta1.KafkaSource) {
	s.t.Helper()
	client := s.Client.SourcesV1beta1().KafkaSources(k.Namespace)
	if _, err := client.Update(s.Ctx, k, metav1.UpdateOptions{}); err != nil {
		if _, err = client.Create(s.Ctx, k, metav1.CreateOptions{}); err != nil {
			s.t.Fatal(err)
		}
	}
	s.Add("kafkasources", k)
}

func (s *scene) edit(f func(*sourcesv1beta1.KafkaSource)) {
	k := s.source()
	f(k)
	k.Generation++
	s.put(k)
}

func (s *scene) delete() {
	k := s.source()
	now := metav1.NewTime(s.Now)
	k.DeletionTimestamp = &now
	s.put(k)
	s.events = nil
}

func (s *scene) lister() sourcelisters.KafkaSourceLister {
	return sourcelisters.NewKafkaSourceLister(s.Cache("kafkasources"))
}

func (s *scene) bare() *Reconciler {
	return &Reconciler{
		in: s.In, sources: s.lister(), resolver: s.Resolver, groups: s.groups, following: following.New(func(types.NamespacedName) {}),
		later: func(_ types.NamespacedName, after time.Duration) { s.later = after }, now: func() time.Time { return s.Now },
		keda: &keda.Client{Dynamic: s.dynamic, Kube: s.Kube, Now: func() time.Time { return s.Now }},
	}
}

func (s *scene) reconciler() controller.Reconciler {
	return bench.Lead(s.t, sourcereconciler.NewReconciler(s.Ctx, logging.FromContext(s.Ctx), s.Client, s.lister(), s.Recorder(), s.bare()))
}

// step reconciles once, then has the contract written and taken up.
func (s *scene) step() {
	s.t.Helper()
	ctx := features.WithConfig(feature.ToContext(s.Ctx, s.flags), s.kafka)
	if s.patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.patience)
		defer cancel()
	}
	s.err = s.reconciler().Reconcile(ctx, "ns/k")
	s.events = append(s.events, s.Events()...)
	if k, err := s.Client.SourcesV1beta1().KafkaSources("ns").Get(ctx, "k", metav1.GetOptions{}); err == nil {
		s.Add("kafkasources", k)
	}
	s.takeUp()
}

// takeUp has the contract written, and pods run it.
func (s *scene) takeUp() {
	s.t.Helper()
	if k := s.source(); !s.frozen {
		if k.DeletionTimestamp != nil || s.refused["k-uid"] != "" {
			s.written = nil
		} else if r, err := s.In.Entries.Source(k, entries.Flags{Core: s.flags, Kafka: s.kafka}); err == nil {
			s.written = []*contract.Resource{r} // else what was before stays
		}
		s.WriteContract(dataplane.Source, s.refused, s.written...)
	}
	s.SetPods(s.pods(s.written...)...)
}

// settle reconciles until everything that follows from the last change has happened.
func (s *scene) settle() {
	s.t.Helper()
	for range 5 {
		s.step()
	}
}

func (s *scene) says(want ...string) {
	s.t.Helper()
	k := s.source()
	for _, w := range want {
		name, _, _ := strings.Cut(w, "=")
		if got := bench.Says(&k.Status, apis.ConditionType(name)); !strings.HasPrefix(got, w) {
			s.t.Errorf("%s\nwant %s", got, w)
		}
	}
}

// join has somebody else be a member of a group, until the returned function is called or the test ends.
func (s *scene) join(group string) (leave func()) {
	s.t.Helper()
	joined := make(chan struct{})
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Kafka.Addrs()...), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { close(joined) }))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(client.Close)
	select {
	case <-joined:
	case <-time.After(time.Minute):
		s.t.Fatal("no member of the group after a minute")
	}
	return client.Close
}
