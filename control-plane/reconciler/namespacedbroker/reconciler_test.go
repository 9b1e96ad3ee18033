package namespacedbroker

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	kubefake "k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/record"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	brokerreconciler "knative.dev/eventing/pkg/client/injection/reconciler/eventing/v1/broker"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/controller"

	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/control-plane/following"
	"knative.dev/eventing-kafka-go/control-plane/reconciler/broker"
	"knative.dev/eventing-kafka-go/control-plane/reconcilertest"
	"knative.dev/eventing-kafka-go/control-plane/topics"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/proto/contract"
)

var (
	_ brokerreconciler.Interface = (*Reconciler)(nil)
	_ brokerreconciler.Finalizer = (*Reconciler)(nil)
)

// reconciler is the one under test, in a world with a ConfigMap and a topic for Brokers.
func (w *world) reconciler(k *kafkatest.Cluster) *Reconciler {
	w.Helper()
	k.CreateTopic(w.T, "external", 1)
	w.put(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "config"}, Data: map[string]string{
		translate.ServersKey: k.Bootstrap(), translate.PartitionsKey: "1", translate.ReplicationFactorKey: "1",
	}})
	return &Reconciler{&broker.Reconciler{
		Class: w.class(), In: w.world.Installation, Kube: kubefake.NewClientset(), Policies: w.world.Policies(), Now: time.Now,
		Owners:    topics.Owners{Channels: w.world.Channels(), Brokers: w.world.Brokers(), Entries: w.world.Entries},
		Following: following.New(func(types.NamespacedName) {}), Later: func(types.NamespacedName, time.Duration) {},
	}}
}

func (w *world) put(cm *corev1.ConfigMap) {
	if err := w.world.Indexer(cm).Add(cm); err != nil {
		w.Fatal(err)
	}
}

// pod has a pod of the namespace run resources.
func (w *world) pod(resources ...*contract.Resource) {
	pod := reconcilertest.Pod("kafka-broker-receiver", "1")
	pod.Namespace = namespace
	if err := w.world.Indexer(pod).Add(pod); err != nil {
		w.Fatal(err)
	}
	for _, r := range resources {
		w.world.Report("kafka-broker-receiver", reconcilertest.Serving(r, ""))
	}
}

func configured(name string) *eventingv1.Broker {
	b := aBroker(name)
	b.Spec.Config = &duckv1.KReference{Kind: "ConfigMap", Name: "config"}
	b.Annotations["kafka.eventing.knative.dev/external.topic"] = "external"
	return b
}

func (w *world) entry(b *eventingv1.Broker) *contract.Resource {
	w.Helper()
	r, _, err := w.world.Entries.Broker(b, nil, entries.Flags{Kafka: features.Defaults()})
	if err != nil {
		w.Fatal(err)
	}
	return r
}

func TestABrokerOfTheClass(t *testing.T) {
	served := func(w *world, b *eventingv1.Broker) {
		as := b.DeepCopy()
		as.Status.Annotations = map[string]string{translate.TopicStatusAnnotation: "external"}
		r := w.entry(as)
		w.world.WriteOf(w.T, w.shared.In(namespace), nil, r)
		w.pod(r)
	}
	own := func(w *world) string { return w.shared.In(namespace).Key() }
	for _, tc := range []struct {
		name    string
		arrange func(w *world, b *eventingv1.Broker)
		says    apis.ConditionType
		want    string
		address string
	}{
		{
			"its ConfigMap is somebody else's (BR-16)",
			func(_ *world, b *eventingv1.Broker) { b.Spec.Config.Namespace = "other" }, conditions.ConfigParsed,
			`ConfigParsed=False ConfigInvalid: spec.config.namespace "other": a Broker of class KafkaNamespaced has its ConfigMap in its own namespace, ns`, "",
		},
		{
			"its data plane cannot be made",
			func(w *world, _ *eventingv1.Broker) { w.planes.mapper = nil; w.shared.Dispatcher = "x" }, conditions.DataPlaneAvailable,
			"DataPlaneAvailable=False DataPlaneNotInstalled: neither Deployment nor StatefulSet knative-eventing/x exists", "",
		},
		{
			"its pods are starting", func(*world, *eventingv1.Broker) {}, conditions.DataPlaneAvailable,
			"DataPlaneAvailable=Unknown Data plane not available: no pod with label app=kafka-broker-receiver is ready in namespace ns", "",
		},
		{
			"the pods of the installation do not count",
			func(w *world, _ *eventingv1.Broker) {
				pod := reconcilertest.Pod("kafka-broker-receiver", "1")
				if err := w.world.Indexer(pod).Add(pod); err != nil {
					w.Fatal(err)
				}
			}, conditions.DataPlaneAvailable,
			"DataPlaneAvailable=Unknown Data plane not available: no pod with label app=kafka-broker-receiver is ready in namespace ns", "",
		},
		{
			"it waits for the contract of its namespace", func(w *world, _ *eventingv1.Broker) { w.pod() }, conditions.ConfigMapUpdated,
			"ConfigMapUpdated=Unknown WaitingForContract: waiting for the contract in ConfigMap ns/kafka-broker-brokers-triggers", "",
		},
		{
			"it is served, at an address of its namespace (BR-14)",
			served, apis.ConditionReady, "Ready=True :", "http://kafka-broker-ingress.ns.svc.cluster.local/ns/b",
		},
		{
			"its Service does not lead to its pods yet",
			func(w *world, b *eventingv1.Broker) {
				served(w, b)
				w.planes.reach = func(_ context.Context, url string) error { return errors.New(url + ": refused") }
			}, conditions.ProbeSucceeded,
			"ProbeSucceeded=Unknown ProbeStatus: status: NotReady, its Service does not answer: http://kafka-broker-ingress.ns.svc.cluster.local/ns/b: refused", "",
		},
		{
			"a Service that was heard of once is not asked again",
			func(w *world, b *eventingv1.Broker) {
				served(w, b)
				b.Status.Address = &duckv1.Addressable{}
				w.planes.reach = func(context.Context, string) error { return errors.New("refused") }
			}, apis.ConditionReady, "Ready=True :", "http://kafka-broker-ingress.ns.svc.cluster.local/ns/b",
		},
		{
			"the contract of its namespace has no room for it",
			func(w *world, _ *eventingv1.Broker) {
				w.pod()
				w.world.WriteOf(w.T, w.shared.In(namespace), map[string]string{"b-uid": "too large"})
			}, conditions.ConfigMapUpdated, "ConfigMapUpdated=False EntryRefused: too large", "",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, b := installed(t), configured("b")
			r := w.reconciler(kafkatest.Start(t))
			w.add(b)
			tc.arrange(w, b)
			r.Class = w.class()
			_ = r.ReconcileKind(t.Context(), b)
			if got := reconcilertest.Says(&b.Status, tc.says); got != tc.want {
				t.Errorf("%s\nwant %s\n%s", got, tc.want, own(w))
			}
			address := ""
			if b.Status.Address != nil {
				address = b.Status.Address.URL.String()
			}
			if address != tc.address {
				t.Errorf("address %q, want %q", address, tc.address)
			}
		})
	}
}

func TestTheLastBrokerGoes(t *testing.T) { // BR-23, KC-15
	w, b := installed(t, added(threeExtras)), configured("b")
	r := w.reconciler(kafkatest.Start(t))
	w.add(b)
	w.prepared(b)
	b.Status.Annotations = map[string]string{translate.TopicStatusAnnotation: "external"}
	w.world.WriteOf(t, w.shared.In(namespace), nil, w.entry(b))
	b.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	w.add(b)
	w.client.ClearActions()
	ctx := controller.WithEventRecorder(t.Context(), record.NewFakeRecorder(10))
	err := r.FinalizeKind(ctx, b)
	if err == nil || !strings.Contains(reconcilertest.Says(&b.Status, conditions.Addressable), "it is still in the contract ns/") {
		t.Errorf("while the contract holds it: %v, %s", err, reconcilertest.Says(&b.Status, conditions.Addressable))
	}
	same(t, w.writes())
	w.world.WriteOf(t, w.shared.In(namespace), nil)
	if err := r.FinalizeKind(ctx, b); err != nil {
		t.Error(err)
	}
	same(t, w.writes(), "delete clusterroles role-of-ns", "delete configmaps elsewhere/of-ns")
}

func TestWhoIsReconciledWhenSomethingChanges(t *testing.T) {
	w := installed(t, added(threeExtras))
	w.add(aBroker("a"), aBroker("b"))
	var got []string
	ofNamespace := w.ofNamespace(func(id types.NamespacedName) { got = append(got, id.String()) })
	changed := w.ofConfigMap(func(any) { got = append(got, "everybody") }, ofNamespace)
	for _, tc := range []struct {
		name, namespace, configMap string
		labels                     map[string]string
		want                       string
	}{
		{"a copy: one Broker of its namespace", namespace, "config-features", map[string]string{namespacedLabel: "true"}, "ns/a"},
		{"a copy in a namespace without Brokers", "elsewhere", "config-features", map[string]string{namespacedLabel: "true"}, ""},
		{"one that is copied", reconcilertest.SystemNamespace, "config-kafka-broker-data-plane", nil, "everybody"},
		{"what the installation adds", reconcilertest.SystemNamespace, extrasName, nil, "everybody"},
		{"the contract of the installation", reconcilertest.SystemNamespace, "kafka-broker-brokers-triggers", nil, ""},
		{"any other", reconcilertest.SystemNamespace, "x", nil, ""},
		{"one of the same name in a namespace", namespace, "config-features", nil, ""},
	} {
		got = nil
		changed(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: tc.namespace, Name: tc.configMap, Labels: tc.labels}})
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: %v, want %q", tc.name, got, tc.want)
		}
	}
}

func TestAnErrorOfTheAPIServerIsSaid(t *testing.T) {
	w, b := installed(t), aBroker("b")
	w.add(b)
	w.planes.cached = failing(w.planes.cached)
	_, says, err := w.try(b)
	if err == nil || !strings.Contains(says, "DataPlaneNotInstalled: what the data plane is made after: no connection") {
		t.Errorf("%s, %v", says, err)
	}
}

var errAway = errors.New("no connection")

// failing is a cache that has no Services.
func failing(of getter) getter {
	return func(resource schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
		if resource == services {
			return nil, errAway
		}
		return of(resource, namespace, name)
	}
}

type getter = func(schema.GroupVersionResource, string, string) (*unstructured.Unstructured, error)

func TestAServiceAnswersWhenItLeadsToAnIngress(t *testing.T) {
	code := http.StatusNotFound
	ingress := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method != http.MethodGet || q.Header.Get("K-Network-Probe") != "probe" || q.Header.Get("K-Network-Hash") != "probe" {
			t.Errorf("asked by %s %v", q.Method, q.Header)
		}
		w.WriteHeader(code)
	}))
	ask := probe(ingress.Client())
	if err := ask(t.Context(), ingress.URL+"/ns/b"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("one that does not know the Broker: %v", err)
	}
	code = http.StatusOK
	if err := ask(t.Context(), ingress.URL+"/ns/b"); err != nil {
		t.Errorf("one that takes its events: %v", err)
	}
	ingress.Close()
	if err := ask(t.Context(), ingress.URL+"/ns/b"); err == nil {
		t.Error("nobody answers, and it is no error")
	}
}
