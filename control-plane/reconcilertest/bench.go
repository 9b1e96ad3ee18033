package reconcilertest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	kubefake "k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	corev1listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	eventingv1alpha1 "knative.dev/eventing/pkg/apis/eventing/v1alpha1"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1alpha1"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/client/injection/ducks/duck/v1/addressable"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection/clients/dynamicclient"
	"knative.dev/pkg/reconciler"
	"knative.dev/pkg/resolver"
	"knative.dev/pkg/tracker"

	"knative.dev/eventing-kafka-go/control-plane/autoscale"
	clientfake "knative.dev/eventing-kafka-go/control-plane/client/clientset/versioned/fake"
	"knative.dev/eventing-kafka-go/control-plane/contractmap"
	"knative.dev/eventing-kafka-go/control-plane/credentials"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/installation"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/proto/contract"
)

const (
	// Namespace is where objects under test are.
	Namespace = "ns"
	// events is more than a test makes.
	events = 1000
)

// Bench is the world of one test.
type Bench struct {
	tb testing.TB
	// Ctx has what reconcilers and resolvers take from one.
	Ctx    context.Context //nolint:containedctx // lives as long as the test
	Kafka  *kafkatest.Cluster
	In     *installation.Installation
	Kube   *kubefake.Clientset
	Client *clientfake.Clientset
	// Resolver finds nothing but what has a URI.
	Resolver *resolver.URIResolver
	// Now is what the reconciler takes for the time.
	Now time.Time
	// Dispatchers are the pods that the next contract lists.
	Dispatchers []string

	recorder *record.FakeRecorder
	caches   map[string]cache.Indexer
	reports  map[string]rollout.Report // by name of the pod
	version  int
}

// NewBench makes a Bench with a ConfigMap kafka-channel-config that leads to its Kafka, and no pod.
func NewBench(tb testing.TB) *Bench {
	tb.Helper()
	b := &Bench{
		tb: tb, Kafka: kafkatest.Start(tb), Kube: kubefake.NewSimpleClientset(), Client: clientfake.NewSimpleClientset(),
		Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), recorder: record.NewFakeRecorder(events), caches: map[string]cache.Indexer{},
	}
	ctx, cancel := context.WithCancel(context.WithValue(tb.Context(), dynamicclient.Key{}, dynamicfake.NewSimpleDynamicClient(scheme.Scheme)))
	tb.Cleanup(cancel)
	b.Ctx = addressable.WithDuck(controller.WithEventRecorder(ctx, b.recorder))
	b.Resolver = resolver.NewURIResolverFromTracker(b.Ctx, tracker.New(func(types.NamespacedName) {}, time.Hour))
	planes, err := dataplane.FromEnvironment(func(string) string { return "" }, SystemNamespace)
	if err != nil {
		tb.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	pool := kafkaadmin.NewPool(log)
	tb.Cleanup(pool.Close)
	configMaps := corev1listers.NewConfigMapLister(b.Cache("configmaps"))
	secrets := credentials.From(corev1listers.NewSecretLister(b.Cache("secrets")))
	b.In = &installation.Installation{
		SystemNamespace: SystemNamespace, DataPlanes: planes, Admins: pool, Log: log, Secret: secrets, Pods: b.pods,
		Scaler:    autoscale.New(ctx, autoscale.Options{Log: log}),
		Contracts: &contractmap.Reader{ConfigMaps: configMaps},
		Entries: &entries.Builder{
			ConfigMap: func(namespace, name string) (*corev1.ConfigMap, error) {
				return configMaps.ConfigMaps(namespace).Get(name)
			},
			Secret: secrets,
			Policy: func(namespace, name string) (*eventingv1alpha1.EventPolicy, error) {
				return b.Policies().EventPolicies(namespace).Get(name)
			},
			Annotations: func(string, string) map[string]string { return nil },
			Paused:      func(types.UID) bool { return false },
			DataPlanes:  planes, SystemNamespace: SystemNamespace, ClusterDomain: "cluster.local", ChannelConfigName: "kafka-channel-config",
		},
	}
	b.SetPods()
	b.Add("configmaps", &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: SystemNamespace, Name: "kafka-channel-config"},
		Data:       map[string]string{"bootstrap.servers": b.Kafka.Bootstrap()},
	})
	return b
}

// Cache is the cache of a resource, such as secrets.
func (b *Bench) Cache(resource string) cache.Indexer {
	if b.caches[resource] == nil {
		b.caches[resource] = cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	}
	return b.caches[resource]
}

// Policies lists the EventPolicies that were added.
func (b *Bench) Policies() eventinglisters.EventPolicyLister {
	return eventinglisters.NewEventPolicyLister(b.Cache("eventpolicies"))
}

// Add puts objects into the cache of a resource, in place of older ones.
func (b *Bench) Add(resource string, objects ...any) {
	b.tb.Helper()
	for _, o := range objects {
		if err := b.Cache(resource).Update(o); err != nil {
			b.tb.Fatal(err)
		}
	}
}

// Remove takes an object out of a cache.
func (b *Bench) Remove(resource, namespace, name string) {
	b.tb.Helper()
	if o, ok, _ := b.Cache(resource).GetByKey(namespace + "/" + name); ok {
		if err := b.Cache(resource).Delete(o); err != nil {
			b.tb.Fatal(err)
		}
	}
}

// WriteContract puts resources into the contract of a data plane, as its writer would, and what it refuses beside it.
func (b *Bench) WriteContract(kind dataplane.Kind, refused map[string]string, resources ...*contract.Resource) {
	b.tb.Helper()
	b.version++
	d := b.In.DataPlanes[kind]
	encoded, err := contract.Encode(&contract.Contract{Generation: uint64(b.version), Dispatchers: b.Dispatchers, Resources: resources}, d.Format)
	if err != nil {
		b.tb.Fatal(err)
	}
	cm := contractmap.Make(d, encoded, refused, nil)
	cm.ResourceVersion = strconv.Itoa(b.version)
	b.Add("configmaps", cm)
}

// BenchPod is a ready pod and what it says.
type BenchPod struct {
	Name, App string
	rollout.Report
}

// SetPods replaces all pods.
func (b *Bench) SetPods(pods ...BenchPod) {
	b.tb.Helper()
	for _, o := range b.Cache("pods").List() {
		if err := b.Cache("pods").Delete(o); err != nil {
			b.tb.Fatal(err)
		}
	}
	b.reports = map[string]rollout.Report{}
	for _, p := range pods {
		b.reports[p.Name] = p.Report
		b.Add("pods", &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: SystemNamespace, Name: p.Name, Labels: map[string]string{"app": p.App}},
			Status:     corev1.PodStatus{PodIP: p.Name, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
		})
	}
	reports := b.reports
	b.In.Rollout = rollout.New(b.Ctx, rollout.Options{ // a new one has asked nobody
		Pods: b.pods, Log: b.In.Log,
		Fetch: func(_ context.Context, address string) (rollout.Report, error) {
			name, _, _ := strings.Cut(address, ":")
			r, ok := reports[name]
			if !ok {
				return r, fmt.Errorf("pod %s is gone", name)
			}
			return r, nil
		},
	})
}

func (b *Bench) pods(namespace, app string) (out []*corev1.Pod, err error) {
	for _, o := range b.Cache("pods").List() {
		if p, ok := o.(*corev1.Pod); ok && p.Namespace == namespace && p.Labels["app"] == app {
			out = append(out, p)
		}
	}
	return out, nil
}

// Running is the report of a pod that runs resources as they are.
func Running(resources ...*contract.Resource) rollout.Report {
	r := rollout.Report{Routes: map[string]rollout.Entry{}, Groups: map[string]rollout.Entry{}}
	for _, res := range resources {
		if res.GetIngress() != nil {
			r.Routes[res.GetUid()] = rollout.Entry{Hash: contract.IngressHash(res), State: "running"}
		}
		for _, e := range res.GetEgresses() {
			r.Groups[e.GetUid()] = rollout.Entry{Hash: contract.EgressHash(res, e), State: "running"}
		}
	}
	return r
}

// Lead makes a reconciler the leader: others do nothing.
func Lead(tb testing.TB, r controller.Reconciler) controller.Reconciler {
	tb.Helper()
	leader, ok := r.(reconciler.LeaderAware)
	if !ok {
		tb.Fatal("the reconciler does not know whether it leads")
	}
	if err := leader.Promote(reconciler.UniversalBucket(), func(reconciler.Bucket, types.NamespacedName) {}); err != nil {
		tb.Fatal(err)
	}
	return r
}

// Recorder is where events go.
func (b *Bench) Recorder() record.EventRecorder { return b.recorder }

// Events returns the events since the last call.
func (b *Bench) Events() (events []string) {
	for {
		select {
		case e := <-b.recorder.Events:
			events = append(events, e)
		default:
			return events
		}
	}
}

// Says writes a condition as TYPE=STATUS REASON: MESSAGE.
func Says(accessor apis.ConditionsAccessor, t apis.ConditionType) string {
	for _, c := range accessor.GetConditions() {
		if c.Type == t {
			return strings.TrimSpace(fmt.Sprintf("%s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message))
		}
	}
	return string(t) + " is not set"
}

// Partitions is how many partitions a topic of the Kafka has, 0 when there is no such topic.
func (b *Bench) Partitions(topic string) int32 {
	b.tb.Helper()
	admin, err := b.In.Admins.Admin(kafka.Connection{Servers: b.Kafka.Addrs()})
	if err != nil {
		b.tb.Fatal(err)
	}
	partitions, err := admin.ValidateTopic(b.Ctx, topic)
	if err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		b.tb.Fatal(err)
	}
	return partitions
}
