package reconcilertest

import (
	"context"
	"errors"
	"fmt"
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
	"k8s.io/client-go/tools/record"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/client/injection/ducks/duck/v1/addressable"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection/clients/dynamicclient"
	"knative.dev/pkg/reconciler"
	"knative.dev/pkg/resolver"
	"knative.dev/pkg/tracker"

	clientfake "knative.dev/eventing-kafka-go/control-plane/client/clientset/versioned/fake"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/installation"
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

// Bench is a World with a Kafka, clients, and what reconcilers say.
type Bench struct {
	*World
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

	recorder *record.FakeRecorder
}

// NewBench makes a Bench with a ConfigMap kafka-channel-config that leads to its Kafka, and no pod.
func NewBench(tb testing.TB) *Bench {
	tb.Helper()
	b := &Bench{
		World: New(tb), Kafka: kafkatest.Start(tb), Kube: kubefake.NewSimpleClientset(), Client: clientfake.NewSimpleClientset(),
		Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), recorder: record.NewFakeRecorder(events),
	}
	b.In = b.Installation
	b.In.Accounts.Kube = b.Kube
	ctx, cancel := context.WithCancel(context.WithValue(tb.Context(), dynamicclient.Key{}, dynamicfake.NewSimpleDynamicClient(scheme.Scheme)))
	tb.Cleanup(cancel)
	b.Ctx = addressable.WithDuck(controller.WithEventRecorder(ctx, b.recorder))
	b.Resolver = resolver.NewURIResolverFromTracker(b.Ctx, tracker.New(func(types.NamespacedName) {}, time.Hour))
	b.Add("configmaps", &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: SystemNamespace, Name: "kafka-channel-config"},
		Data:       map[string]string{"bootstrap.servers": b.Kafka.Bootstrap()},
	})
	return b
}

// WriteContract puts resources into the contract of a data plane, as its writer would, and what it refuses beside it.
func (b *Bench) WriteContract(kind dataplane.Kind, refused map[string]string, resources ...*contract.Resource) {
	b.tb.Helper()
	b.Write(b.tb, kind, refused, resources...)
}

// BenchPod is a ready pod and what it says.
type BenchPod struct {
	Name, App string
	rollout.Report
	// Mute: it does not answer.
	Mute bool
}

// SetPods replaces all pods.
func (b *Bench) SetPods(pods ...BenchPod) {
	b.tb.Helper()
	for _, o := range b.Cache("pods").List() {
		if err := b.Cache("pods").Delete(o); err != nil {
			b.tb.Fatal(err)
		}
	}
	b.mu.Lock()
	b.reports = map[string]rollout.Report{}
	b.mu.Unlock()
	for _, p := range pods {
		if !p.Mute {
			b.Report(p.Name, p.Report)
		}
		b.Add("pods", &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: SystemNamespace, Name: p.Name, Labels: map[string]string{"app": p.App}},
			Status:     corev1.PodStatus{PodIP: p.Name, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
		})
	}
	b.In.Rollout = rollout.New(b.Ctx, rollout.Options{Pods: b.pods, Fetch: b.fetch, Log: b.In.Log}) // a new one has asked nobody
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
