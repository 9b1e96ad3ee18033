package broker

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	eventingclient "knative.dev/eventing/pkg/client/injection/client"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1alpha1/eventpolicy/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/messaging/v1/subscription/fake"
	_ "knative.dev/pkg/client/injection/ducks/duck/v1/addressable/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/configmap/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/pod/filtered/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/secret/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/factory/filtered/fake"
	_ "knative.dev/pkg/injection/clients/dynamicclient/fake"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	_ "knative.dev/eventing-kafka-go/control-plane/client/injection/informers/messaging/v1beta1/kafkachannel/fake"
	"knative.dev/eventing-kafka-go/control-plane/reconcilertest"
)

func TestTheControllerFollowsBrokersOfOurClass(t *testing.T) {
	ctx, impl := reconcilertest.StartController(t, NewController)
	client := eventingclient.Get(ctx).EventingV1()
	for name, class := range map[string]string{"o": eventing.NamespacedKafkaBrokerClass, "b": eventing.KafkaBrokerClass} {
		b := newBroker()
		b.Name, b.Annotations[eventing.BrokerClassAnnotation] = name, class
		if _, err := client.Brokers(namespace).Create(ctx, b, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if key := reconcilertest.Enqueued(impl); key != "ns/b" {
		t.Errorf("%s is enqueued, want ns/b", key)
	}
	if n := impl.WorkQueue().Len(); n != 0 {
		t.Errorf("%d more are enqueued", n)
	}
}
