// Package reconcilertest makes what reconcilers share, out of the objects of a test: caches, data planes, contracts and
// pods that report what a test says.
//
// It is for tests alone and must not be imported by anything else. A World belongs to one test; what is handed out of it
// may be used by any goroutine.
package reconcilertest

import (
	"context"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	kubefake "k8s.io/client-go/kubernetes/fake"
	corev1listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	eventingv1alpha1 "knative.dev/eventing/pkg/apis/eventing/v1alpha1"
	messagingv1 "knative.dev/eventing/pkg/apis/messaging/v1"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1"
	eventingv1alpha1listers "knative.dev/eventing/pkg/client/listers/eventing/v1alpha1"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/serviceaccount/filtered/fake" // whoever asks for an Installation needs it

	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/autoscale"
	channellisters "knative.dev/eventing-kafka-go/control-plane/client/listers/messaging/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/contractmap"
	"knative.dev/eventing-kafka-go/control-plane/credentials"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/identity"
	"knative.dev/eventing-kafka-go/control-plane/installation"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// SystemNamespace is the namespace of the installation.
const SystemNamespace = "knative-eventing"

// World is an installation in memory.
type World struct {
	*installation.Installation

	// Dispatchers are the pods that the next contract lists.
	Dispatchers []string

	tb      testing.TB
	version int

	mu      sync.Mutex
	caches  map[string]cache.Indexer  // by resource
	reports map[string]rollout.Report // by the name of a pod, or the value of the label app
}

// New returns a World with objects. Its connections to Kafka end with the test.
func New(tb testing.TB, objects ...runtime.Object) *World {
	tb.Helper()
	w := &World{tb: tb, caches: map[string]cache.Indexer{}, reports: map[string]rollout.Report{}}
	for _, o := range objects {
		if err := w.Indexer(o).Add(o); err != nil {
			tb.Fatal(err)
		}
	}
	planes, err := dataplane.FromEnvironment(func(string) string { return "" }, SystemNamespace)
	if err != nil {
		tb.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	configMaps := corev1listers.NewConfigMapLister(w.Cache("configmaps"))
	secret := credentials.From(corev1listers.NewSecretLister(w.Cache("secrets")))
	w.Installation = &installation.Installation{
		SystemNamespace: SystemNamespace, DataPlanes: planes, Log: log, Secret: secret, Pods: w.pods,
		Tokens: identity.Tokens{Secret: secret},
		Accounts: identity.Accounts{
			Kube: kubefake.NewSimpleClientset(), Lister: corev1listers.NewServiceAccountLister(w.Indexer(&corev1.ServiceAccount{})),
		},
		Contracts: &contractmap.Reader{ConfigMaps: configMaps},
		Rollout:   rollout.New(tb.Context(), rollout.Options{Pods: w.pods, Fetch: w.fetch, Log: log}),
		Admins:    kafkaadmin.NewPool(log),
		Scaler:    autoscale.New(tb.Context(), autoscale.Options{Log: log}),
	}
	tb.Cleanup(w.Admins.Close)
	w.Entries = &entries.Builder{
		ConfigMap: func(namespace, name string) (*corev1.ConfigMap, error) {
			return configMaps.ConfigMaps(namespace).Get(name)
		},
		Secret: secret,
		Policy: func(namespace, name string) (*eventingv1alpha1.EventPolicy, error) {
			return w.Policies().EventPolicies(namespace).Get(name)
		},
		Subscription: func(string, string, types.UID) *messagingv1.Subscription { return nil },
		Paused:       func(types.UID) bool { return false },
		DataPlanes:   planes, SystemNamespace: SystemNamespace, ClusterDomain: "cluster.local", ChannelConfigName: "kafka-channel-config",
	}
	return w
}

// Cache is the cache of a resource, such as secrets.
func (w *World) Cache(resource string) cache.Indexer {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.caches[resource] == nil {
		w.caches[resource] = cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	}
	return w.caches[resource]
}

// Indexer is the cache of objects of a type.
func (w *World) Indexer(object runtime.Object) cache.Indexer {
	kind := reflect.TypeOf(object).Elem().Name()
	resource, _ := meta.UnsafeGuessKindToResource(schema.GroupVersionKind{Kind: kind})
	return w.Cache(resource.Resource)
}

// Add puts objects into the cache of a resource, in place of older ones.
func (w *World) Add(resource string, objects ...any) {
	w.tb.Helper()
	for _, o := range objects {
		if err := w.Cache(resource).Update(o); err != nil {
			w.tb.Fatal(err)
		}
	}
}

// Remove takes an object out of a cache.
func (w *World) Remove(resource, namespace, name string) {
	w.tb.Helper()
	if o, ok, _ := w.Cache(resource).GetByKey(namespace + "/" + name); ok {
		if err := w.Cache(resource).Delete(o); err != nil {
			w.tb.Fatal(err)
		}
	}
}

// Brokers lists the Brokers.
func (w *World) Brokers() eventinglisters.BrokerLister {
	return eventinglisters.NewBrokerLister(w.Indexer(&eventingv1.Broker{}))
}

// Triggers lists the Triggers.
func (w *World) Triggers() eventinglisters.TriggerLister {
	return eventinglisters.NewTriggerLister(w.Indexer(&eventingv1.Trigger{}))
}

// Channels lists the KafkaChannels.
func (w *World) Channels() channellisters.KafkaChannelLister {
	return channellisters.NewKafkaChannelLister(w.Indexer(&messagingv1beta1.KafkaChannel{}))
}

// Policies lists the EventPolicies.
func (w *World) Policies() eventingv1alpha1listers.EventPolicyLister {
	return eventingv1alpha1listers.NewEventPolicyLister(w.Indexer(&eventingv1alpha1.EventPolicy{}))
}

// Write writes the contract of a data plane.
func (w *World) Write(tb testing.TB, kind dataplane.Kind, refused map[string]string, resources ...*contract.Resource) {
	tb.Helper()
	w.WriteOf(tb, w.DataPlanes[kind], refused, resources...)
}

// WriteOf writes the contract of any data plane.
func (w *World) WriteOf(tb testing.TB, d dataplane.DataPlane, refused map[string]string, resources ...*contract.Resource) {
	tb.Helper()
	w.version++
	c := &contract.Contract{Generation: uint64(w.version), Dispatchers: w.Dispatchers, Resources: resources}
	encoded, err := contract.Encode(c, d.Format)
	if err != nil {
		tb.Fatal(err)
	}
	cm := contractmap.Make(d, encoded, refused, nil)
	cm.ResourceVersion = strconv.Itoa(w.version)
	w.Add("configmaps", cm)
}

// Report has the pods with a label app say what they run.
func (w *World) Report(app string, r rollout.Report) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reports[app] = r
}

// Running is what a pod reports that runs resources as they are.
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

// Serving is what a pod reports that runs a resource with all its egresses; problem is what it says about each.
func Serving(r *contract.Resource, problem string) rollout.Report {
	report := Running(r)
	for _, entries := range []map[string]rollout.Entry{report.Routes, report.Groups} {
		for uid, e := range entries {
			e.Problem = problem
			entries[uid] = e
		}
	}
	return report
}

// Pod returns a ready pod of a data plane. Its name is its address, and its label app with a number behind.
func Pod(app, number string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: SystemNamespace, Name: app + "-" + number, Labels: map[string]string{"app": app}},
		Status: corev1.PodStatus{PodIP: app + "-" + number, Conditions: []corev1.PodCondition{{
			Type: corev1.PodReady, Status: corev1.ConditionTrue,
		}}},
	}
}

func (w *World) pods(namespace, app string) ([]*corev1.Pod, error) {
	var pods []*corev1.Pod
	for _, o := range w.Cache("pods").List() {
		if pod, ok := o.(*corev1.Pod); ok && pod.Namespace == namespace && pod.Labels["app"] == app {
			pods = append(pods, pod)
		}
	}
	return pods, nil
}

func (w *World) fetch(_ context.Context, address string) (rollout.Report, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	host, _, _ := strings.Cut(address, ":")
	if r, ok := w.reports[host]; ok {
		return r, nil
	}
	for app, r := range w.reports {
		if strings.HasPrefix(address, app+"-") {
			return r, nil
		}
	}
	return rollout.Report{}, apierrors.NewNotFound(schema.GroupResource{Resource: "reports"}, address)
}
