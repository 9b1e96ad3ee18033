package eventtype

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	eventingclient "knative.dev/eventing/pkg/client/injection/client"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/trigger/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1alpha1/eventpolicy/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1beta2/eventtype/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/messaging/v1/subscription/fake"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/configmap/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/pod/filtered/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/secret/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/factory/filtered/fake"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"
	rtesting "knative.dev/pkg/reconciler/testing"

	"knative.dev/eventing-kafka-go/control-plane/contractmap"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/installation"
	"knative.dev/eventing-kafka-go/control-plane/reconcilertest"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/proto/contract"
)

func TestTheControllerAsksPodsOverHTTP(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/eventtypes" {
			http.NotFound(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(rollout.EventTypes{"b-uid": {{Type: "a", Source: "/s"}}})
	}))
	defer server.Close()
	t.Setenv("SYSTEM_NAMESPACE", reconcilertest.SystemNamespace)
	ctx, cancel, informers := rtesting.SetupFakeContextWithCancel(t, installation.WithInstallation)
	impl := NewController(ctx, configmap.NewStaticWatcher(&corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "config-features"}, Data: map[string]string{"eventtype-auto-create": "enabled"},
	}))
	d := installation.Get(ctx).DataPlanes[dataplane.Broker].In("ns") // of a namespace
	fill(ctx, t, d, server.Listener.Addr())
	wait, err := controller.RunInformers(ctx.Done(), informers...)
	if err != nil {
		t.Fatal(err)
	}
	defer wait()
	defer cancel()
	promoted := map[string]bool{}
	leader, ok := impl.Reconciler.(reconciler.LeaderAware)
	if !ok {
		t.Fatal("it does not know whether it leads")
	}
	err = leader.Promote(reconciler.UniversalBucket(), func(_ reconciler.Bucket, id types.NamespacedName) { promoted[id.String()] = true })
	if err != nil || len(promoted) != 5 || !promoted[d.Key()] {
		t.Errorf("%v, %v", promoted, err)
	}
	if again, after := controller.IsRequeueKey(impl.Reconciler.Reconcile(ctx, d.Key())); !again || after != interval {
		t.Errorf("asked again: %v, after %v", again, after)
	}
	list, err := eventingclient.Get(ctx).EventingV1beta2().EventTypes("ns").List(ctx, metav1.ListOptions{})
	if err != nil || len(list.Items) != 1 || list.Items[0].Spec.Type != "a" {
		t.Errorf("%+v, %v", list, err)
	}
}

// fill puts a Broker of class KafkaNamespaced, its contract and its pod into the API server.
func fill(ctx context.Context, t *testing.T, d dataplane.DataPlane, at net.Addr) {
	t.Helper()
	b := &eventingv1.Broker{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "b", UID: "b-uid"}}
	b.Annotations = map[string]string{"eventing.knative.dev/broker.class": "KafkaNamespaced"}
	if _, err := eventingclient.Get(ctx).EventingV1().Brokers("ns").Create(ctx, b, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	encoded, err := contract.Encode(&contract.Contract{Generation: 1, Resources: []*contract.Resource{{
		Uid: "b-uid", Topics: []string{"t"}, BootstrapServers: "kafka:9092", Reference: reference("Broker", "b"),
		FeatureFlags: &contract.FeatureFlags{EnableEventTypeAutocreate: true}, Ingress: &contract.Ingress{Path: "/ns/b"},
	}}}, d.Format)
	if err != nil {
		t.Fatal(err)
	}
	core := kubeclient.Get(ctx).CoreV1()
	if _, err := core.ConfigMaps("ns").Create(ctx, contractmap.Make(d, encoded, nil, nil), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	host, text, err := net.SplitHostPort(at.String())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	pod := reconcilertest.Pod(d.Receiver, "0")
	pod.Namespace, pod.Status.PodIP = "ns", host
	pod.Labels[installation.PodSelector] = "broker"
	pod.Spec.Containers = []corev1.Container{{Ports: []corev1.ContainerPort{{Name: "status", ContainerPort: int32(port)}}}}
	if _, err := core.Pods("ns").Create(ctx, pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}
