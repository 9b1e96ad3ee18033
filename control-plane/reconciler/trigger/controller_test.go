package trigger

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
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
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
	_ "knative.dev/pkg/injection/clients/dynamicclient/fake"
	rtesting "knative.dev/pkg/reconciler/testing"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/installation"
	"knative.dev/eventing-kafka-go/control-plane/reconcilertest"
)

func TestControllersFollowTriggersOfTheirClass(t *testing.T) {
	t.Run("Kafka", func(t *testing.T) { follows(t, NewController, "ns/t") })
	t.Run("KafkaNamespaced", func(t *testing.T) { follows(t, NewNamespacedController, "ns/other") })
}

func follows(t *testing.T, of injection.ControllerConstructor, want string) {
	t.Helper()
	t.Setenv("SYSTEM_NAMESPACE", reconcilertest.SystemNamespace)
	ctx, cancel, informers := rtesting.SetupFakeContextWithCancel(t, installation.WithInstallation)
	impl := of(ctx, configmap.NewStaticWatcher(
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "config-features"}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "config-kafka-features"}},
	))
	wait, err := controller.RunInformers(ctx.Done(), informers...)
	if err != nil {
		t.Fatal(err)
	}
	defer wait()
	defer cancel()
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
	queue := impl.WorkQueue()
	next := func() string {
		got := make(chan string, 1)
		go func() {
			item, _ := queue.Get()
			queue.Done(item)
			got <- fmt.Sprint(item)
		}()
		select {
		case item := <-got:
			return item
		case <-time.After(time.Minute):
			return "nothing"
		}
	}
	if item := next(); item != want {
		t.Errorf("%s is enqueued, want %s", item, want)
	}
	for queue.Len() > 0 { // both the Trigger and its Broker may have enqueued it
		if item := next(); item != want {
			t.Errorf("%s is enqueued too, want %s alone", item, want)
		}
	}
}
