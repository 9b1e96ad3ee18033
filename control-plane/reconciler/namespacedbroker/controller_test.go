package namespacedbroker

import (
	"strconv"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	eventingclient "knative.dev/eventing/pkg/client/injection/client"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1alpha1/eventpolicy/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/messaging/v1/subscription/fake"
	_ "knative.dev/pkg/client/injection/ducks/duck/v1/addressable/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/configmap/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/pod/filtered/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/secret/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/factory/filtered/fake"
	fakedynamicclient "knative.dev/pkg/injection/clients/dynamicclient/fake"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	_ "knative.dev/eventing-kafka-go/control-plane/client/injection/informers/messaging/v1beta1/kafkachannel/fake"
	"knative.dev/eventing-kafka-go/control-plane/reconcilertest"
)

func TestTheControllerFollowsBrokersOfItsClassAndWhatIsInstalled(t *testing.T) {
	ctx, impl := reconcilertest.StartController(t, NewController)
	got := make(chan string)
	go func() {
		for {
			item, shutdown := impl.WorkQueue().Get()
			if shutdown {
				return
			}
			impl.WorkQueue().Done(item)
			key, _ := item.(interface{ String() string })
			select {
			case got <- key.String():
			case <-ctx.Done():
				return
			}
		}
	}()
	defer impl.WorkQueue().ShutDown()
	// next waits for a key, and does something again and again until it comes: a fake has no events for who watches too late.
	next := func(after string, do func(try int)) {
		t.Helper()
		for try := range 600 {
			do(try)
			select {
			case key := <-got:
				if key != "ns/b" {
					t.Errorf("%s: %s is enqueued, want ns/b", after, key)
				}
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
		t.Fatal(after + ": nothing is enqueued")
	}
	for name, class := range map[string]string{"o": eventing.KafkaBrokerClass, "b": eventing.NamespacedKafkaBrokerClass} {
		b := configured(name)
		b.Annotations[eventing.BrokerClassAnnotation] = class
		if _, err := eventingclient.Get(ctx).EventingV1().Brokers(namespace).Create(ctx, b, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	next("a Broker", func(int) {})
	tracker := fakedynamicclient.Get(ctx).Tracker()
	next("what is installed", func(try int) {
		o := &unstructured.Unstructured{}
		o.SetAPIVersion("apps/v1")
		o.SetKind("Deployment")
		o.SetNamespace(reconcilertest.SystemNamespace)
		o.SetName("kafka-broker-receiver-" + strconv.Itoa(try))
		if err := tracker.Create(deployments, o, reconcilertest.SystemNamespace); err != nil {
			t.Fatal(err)
		}
	})
}
