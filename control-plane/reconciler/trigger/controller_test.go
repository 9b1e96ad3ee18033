package trigger

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	eventingclient "knative.dev/eventing/pkg/client/injection/client"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/trigger/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1alpha1/eventpolicy/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/messaging/v1/subscription/fake"
	_ "knative.dev/pkg/client/injection/ducks/duck/v1/addressable/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/configmap/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/pod/filtered/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/secret/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/factory/filtered/fake"
	"knative.dev/pkg/injection"
	_ "knative.dev/pkg/injection/clients/dynamicclient/fake"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/reconcilertest"
)

func TestControllersFollowTriggersOfTheirClass(t *testing.T) {
	t.Run("Kafka", func(t *testing.T) { follows(t, NewController, "ns/t") })
	t.Run("KafkaNamespaced", func(t *testing.T) { follows(t, NewNamespacedController, "ns/other") })
}

func follows(t *testing.T, of injection.ControllerConstructor, want string) {
	t.Helper()
	ctx, impl := reconcilertest.StartController(t, of)
	client := eventingclient.Get(ctx).EventingV1()
	create := func(name, broker string) {
		trigger := newTrigger()
		trigger.Name, trigger.Spec.Broker, trigger.Finalizers = name, broker, nil
		if _, err := client.Triggers(namespace).Create(ctx, trigger, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	create("t", "b")
	create("other", "o")
	for name, class := range map[string]string{"o": eventing.NamespacedKafkaBrokerClass, "b": eventing.KafkaBrokerClass} {
		b := newBroker()
		b.Name, b.Annotations[eventing.BrokerClassAnnotation] = name, class
		if _, err := client.Brokers(namespace).Create(ctx, b, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if key := reconcilertest.Enqueued(impl); key != want {
		t.Errorf("%s is enqueued, want %s", key, want)
	}
	for impl.WorkQueue().Len() > 0 { // both the Trigger and its Broker may have enqueued it
		if key := reconcilertest.Enqueued(impl); key != want {
			t.Errorf("%s is enqueued too, want %s alone", key, want)
		}
	}
}
