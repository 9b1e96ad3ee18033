package trigger

import (
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
	got := make(chan any)
	go func() {
		item, _ := impl.WorkQueue().Get()
		got <- item
	}()
	select {
	case item := <-got:
		if key, ok := item.(interface{ String() string }); !ok || key.String() != want {
			t.Errorf("%v is enqueued, want %s", item, want)
		}
	case <-time.After(time.Minute):
		t.Error("nothing is enqueued")
	}
	if n := impl.WorkQueue().Len(); n != 0 {
		t.Errorf("%d more are enqueued", n)
	}
}
