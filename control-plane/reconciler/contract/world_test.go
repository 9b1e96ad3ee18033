package contract

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	corev1listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/apis/feature"
	messagingv1 "knative.dev/eventing/pkg/apis/messaging/v1"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	eventingv1alpha1 "knative.dev/eventing-kafka-go/control-plane/apis/eventing/v1alpha1"
	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
	sinklisters "knative.dev/eventing-kafka-go/control-plane/client/listers/eventing/v1alpha1"
	channellisters "knative.dev/eventing-kafka-go/control-plane/client/listers/messaging/v1beta1"
	sourcelisters "knative.dev/eventing-kafka-go/control-plane/client/listers/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/contractmap"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/proto/contract"
)

const system = "knative-eventing"

// world is a Reconciler, the caches that it reads, and the API server that it writes to. ConfigMaps, Secrets and pods are
// in the API server alone, which is a cache that is never late.
type world struct {
	*testing.T
	*Reconciler
	api     *fake.Clientset
	objects map[string]cache.Indexer // by kind
	now     time.Time
	loads   map[string]uint64 // pods to the generation that they run

	issuer        []*contract.TokenIssuer
	issuerUnknown bool
	certificates  map[string]string // versions by names of Secrets
}

func newWorld(t *testing.T, environment map[string]string) *world {
	t.Helper()
	planes, err := dataplane.FromEnvironment(func(name string) string { return environment[name] }, system)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, api: fake.NewClientset(), objects: map[string]cache.Indexer{}, now: time.Unix(1e9, 0), loads: map[string]uint64{}, certificates: map[string]string{}}
	for _, kind := range []string{"broker", "trigger", "channel", "sink", "source", "bundle"} {
		w.objects[kind] = cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	}
	used := newUsage()
	w.Reconciler = &Reconciler{
		kube: w.api, systemNamespace: system, now: func() time.Time { return w.now }, pods: w.podsOf,
		loaded:      func(_ dataplane.DataPlane, pod string, generation uint64) bool { return w.loads[pod] == generation },
		size:        func(context.Context, dataplane.DataPlane, int) {},
		certificate: func(d dataplane.DataPlane) string { return w.certificates[d.TLSSecretName] },
		issuers:     func() ([]*contract.TokenIssuer, bool) { return w.issuer, !w.issuerUnknown },
		source: source{
			builder: used.following(w.builder(planes)), used: used,
			flags:      func() entries.Flags { return entries.Flags{Core: feature.Flags{}, Kafka: features.Defaults()} },
			brokers:    eventinglisters.NewBrokerLister(w.objects["broker"]),
			triggers:   eventinglisters.NewTriggerLister(w.objects["trigger"]),
			channels:   channellisters.NewKafkaChannelLister(w.objects["channel"]),
			sinks:      sinklisters.NewKafkaSinkLister(w.objects["sink"]),
			sources:    sourcelisters.NewKafkaSourceLister(w.objects["source"]),
			configMaps: corev1listers.NewConfigMapLister(w.objects["bundle"]),
		},
	}
	w.lead()
	w.configMap(system, "kafka-broker-config", map[string]string{
		translate.ServersKey: "kafka:9092", translate.PartitionsKey: "10", translate.ReplicationFactorKey: "3"})
	return w
}

// lead makes the Reconciler the one that writes.
func (w *world) lead() {
	if err := w.Promote(reconciler.UniversalBucket(), func(reconciler.Bucket, types.NamespacedName) {}); err != nil {
		w.Fatal(err)
	}
}

func (w *world) builder(planes map[dataplane.Kind]dataplane.DataPlane) *entries.Builder {
	return &entries.Builder{
		ConfigMap: func(namespace, name string) (*corev1.ConfigMap, error) {
			return w.api.CoreV1().ConfigMaps(namespace).Get(w.Context(), name, metav1.GetOptions{})
		},
		Secret: func(namespace, name string) (*corev1.Secret, error) {
			return w.api.CoreV1().Secrets(namespace).Get(w.Context(), name, metav1.GetOptions{})
		},
		Subscription: func(string, string, types.UID) *messagingv1.Subscription { return nil },
		Paused:       func(types.UID) bool { return false },
		DataPlanes:   planes, SystemNamespace: system, ChannelConfigName: "kafka-channel-config",
	}
}

func (w *world) podsOf(namespace, app string) ([]*corev1.Pod, error) {
	list, err := w.api.CoreV1().Pods(namespace).List(w.Context(), metav1.ListOptions{LabelSelector: labels.Set{"app": app}.String()})
	var pods []*corev1.Pod
	for i := range list.Items {
		pods = append(pods, &list.Items[i])
	}
	return pods, err
}

// put writes an object into a cache.
func (w *world) put(kind string, objects ...any) {
	w.Helper()
	for _, o := range objects {
		if err := w.objects[kind].Add(o); err != nil {
			w.Fatal(err)
		}
	}
}

func (w *world) remove(kind string, object any) {
	w.Helper()
	if err := w.objects[kind].Delete(object); err != nil {
		w.Fatal(err)
	}
}

func (w *world) configMap(namespace, name string, data map[string]string) {
	w.Helper()
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: data}
	if _, err := w.api.CoreV1().ConfigMaps(namespace).Create(w.Context(), cm, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
}

func (w *world) secret(namespace, name, version string, data map[string]string) *corev1.Secret {
	w.Helper()
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, ResourceVersion: version}, Data: map[string][]byte{}}
	for key, value := range data {
		s.Data[key] = []byte(value)
	}
	client := w.api.CoreV1().Secrets(namespace)
	_, err := client.Create(w.Context(), s, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = client.Update(w.Context(), s, metav1.UpdateOptions{})
	}
	if err != nil {
		w.Fatal(err)
	}
	return s
}

// pod makes a pod, or changes its readiness since the present.
func (w *world) pod(namespace, name, app string, ready bool) {
	w.Helper()
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	client := w.api.CoreV1().Pods(namespace)
	pod, err := client.Get(w.Context(), name, metav1.GetOptions{})
	found := err == nil
	if !found {
		pod = &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(name), Labels: map[string]string{"app": app}}}
	}
	pod.Status.PodIP = "127.0.0.1"
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status, LastTransitionTime: metav1.NewTime(w.now)}}
	if found {
		_, err = client.Update(w.Context(), pod, metav1.UpdateOptions{})
	} else {
		_, err = client.Create(w.Context(), pod, metav1.CreateOptions{})
	}
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) annotations(pod string) map[string]string {
	w.Helper()
	p, err := w.api.CoreV1().Pods(system).Get(w.Context(), pod, metav1.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	return p.Annotations
}

func (w *world) plane(kind dataplane.Kind) dataplane.DataPlane {
	return w.source.builder.DataPlanes[kind]
}

// try reconciles a contract and returns what was written, e.g. "create secrets", and the error, or when it asks to be
// called again.
func (w *world) try(d dataplane.DataPlane) (writes []string, again time.Duration, err error) {
	w.Helper()
	w.api.ClearActions()
	err = w.Reconcile(logging.WithLogger(w.Context(), zap.NewNop().Sugar()), d.Key())
	if isAgain, after := controller.IsRequeueKey(err); isAgain {
		again, err = after, nil
	}
	for _, a := range w.api.Actions() {
		if !slices.Contains([]string{"get", "list", "watch"}, a.GetVerb()) {
			writes = append(writes, a.GetVerb()+" "+a.GetResource().Resource)
		}
	}
	return writes, again, err
}

// reconcile is try without an error.
func (w *world) reconcile(d dataplane.DataPlane) string {
	w.Helper()
	writes, _, err := w.try(d)
	if err != nil {
		w.Fatal(err)
	}
	return strings.Join(writes, ", ")
}

// contract is what stands in the ConfigMap.
func (w *world) contract(d dataplane.DataPlane) *contractmap.Snapshot {
	w.Helper()
	cm, err := w.api.CoreV1().ConfigMaps(d.Namespace).Get(w.Context(), d.ContractName, metav1.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	s, err := contractmap.Parse(cm)
	if err != nil {
		w.Fatal(err)
	}
	return s
}

// uids are those of the resources and egresses, e.g. "b1(t1 t2) b2".
func uids(c *contract.Contract) string {
	var resources []string
	for _, r := range c.GetResources() {
		text := r.GetUid()
		var egresses []string
		for _, e := range r.GetEgresses() {
			egresses = append(egresses, e.GetUid())
		}
		if len(egresses) > 0 {
			text += "(" + strings.Join(egresses, " ") + ")"
		}
		resources = append(resources, text)
	}
	return strings.Join(resources, " ")
}

func notFound(err error) bool { return apierrors.IsNotFound(err) }

func meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(name)}
}

func aBroker(namespace, name string) *eventingv1.Broker {
	b := &eventingv1.Broker{ObjectMeta: meta(namespace, name)}
	b.Annotations = map[string]string{eventing.BrokerClassAnnotation: eventing.KafkaBrokerClass}
	b.Spec.Config = &duckv1.KReference{Kind: "ConfigMap", Namespace: system, Name: "kafka-broker-config", APIVersion: "v1"}
	b.Status.Annotations = map[string]string{translate.TopicStatusAnnotation: "knative-broker-" + namespace + "-" + name}
	return b
}

func aTrigger(namespace, name, of string) *eventingv1.Trigger {
	t := &eventingv1.Trigger{ObjectMeta: meta(namespace, name)}
	t.Spec.Broker = of
	t.Status.SubscriberURI = &apis.URL{Scheme: "http", Host: name + "." + namespace + ".svc.cluster.local"}
	t.Status.Annotations = map[string]string{translate.GroupStatusAnnotation: "knative-trigger-" + namespace + "-" + name}
	entries.SetPartitions(&t.Status.Status, map[string]int32{"knative-broker-" + namespace + "-" + of: 10})
	return t
}

func aSource(namespace, name, secret string) *sourcesv1beta1.KafkaSource {
	s := &sourcesv1beta1.KafkaSource{ObjectMeta: meta(namespace, name)}
	s.Spec.BootstrapServers, s.Spec.Topics, s.Spec.ConsumerGroup = []string{"kafka:9092"}, []string{"t"}, "group-of-"+name
	s.Status.SinkURI = &apis.URL{Scheme: "http", Host: "sink"}
	entries.SetPartitions(&s.Status.Status, map[string]int32{"t": 1})
	if secret != "" {
		s.Spec.Net.SASL.Enable = true
		s.Spec.Net.SASL.User.SecretKeyRef = &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: "user"}
		s.Spec.Net.SASL.Password.SecretKeyRef = &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: "password"}
	}
	return s
}

func aSink(namespace, name, secret string) *eventingv1alpha1.KafkaSink {
	s := &eventingv1alpha1.KafkaSink{ObjectMeta: meta(namespace, name)}
	s.Spec.Topic, s.Spec.BootstrapServers = "t", []string{"kafka:9092"}
	s.Status.Annotations = map[string]string{entries.TopicOwnerStatusAnnotation: "external"}
	if secret != "" {
		s.Spec.Auth = &eventingv1alpha1.Auth{Secret: &eventingv1alpha1.Secret{Ref: &eventingv1alpha1.SecretReference{Name: secret}}}
	}
	return s
}

func aChannel(namespace, name string) *messagingv1beta1.KafkaChannel {
	c := &messagingv1beta1.KafkaChannel{ObjectMeta: meta(namespace, name)}
	c.Status.Annotations = map[string]string{translate.TopicStatusAnnotation: "knative-messaging-kafka." + namespace + "." + name}
	return c
}

func conflict() error {
	return apierrors.NewConflict(schema.GroupResource{Resource: "configmaps"}, "contract", errors.New("somebody was faster"))
}

func list[T any](n int, one func(i int) T) []T {
	all := make([]T, n)
	for i := range all {
		all[i] = one(i)
	}
	return all
}

func numbered(prefix string, i int) string { return fmt.Sprintf("%s%04d", prefix, i) }

// bucket holds everything.
type bucket struct{}

func (bucket) Name() string                  { return "" }
func (bucket) Has(types.NamespacedName) bool { return true }

func subscribers(uids ...string) []eventingduck.SubscriberSpec {
	var all []eventingduck.SubscriberSpec
	for _, uid := range uids {
		all = append(all, eventingduck.SubscriberSpec{UID: types.UID(uid), SubscriberURI: &apis.URL{Scheme: "http", Host: uid}})
	}
	return all
}

// certificate was made for this test and stands for nothing.
const certificate = `-----BEGIN CERTIFICATE-----
MIIBdjCCARugAwIBAgIUGCqm/6Qpaj4t028yePaR23uDolYwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjExNjQ1MDBaGA8yMTI2MTAyODE2NDUw
MFowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABO1y
njmySyJTi4UztYBvtAY/P2y07I3OljsbRg5unfxiTwU8zSXxGSu21Zmyt7PUgC4F
MaFNBAJXYS/EJf/jO9WjUzBRMB0GA1UdDgQWBBT0V0YGWJVy4FPUR0NXZEBQ/lUc
eDAfBgNVHSMEGDAWgBT0V0YGWJVy4FPUR0NXZEBQ/lUceDAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0kAMEYCIQCUDU7obCa/k8e3OHsrg8/zy42IMA+qkgDY
o1O8V8fPxwIhAMZKmdx827qzxwz7tcZZmoFGUG22Kc7hXykrtEA9JKFU
-----END CERTIFICATE-----
`
