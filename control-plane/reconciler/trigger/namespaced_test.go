package trigger

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	rtesting "knative.dev/pkg/reconciler/testing"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/reconcilertest"
)

func TestTriggersOfClassKafkaNamespaced(t *testing.T) { // TR-07, BR-27
	k := start(t)
	cm := config(k.Bootstrap())
	own := func(b *eventingv1.Broker) {
		b.Annotations[eventing.BrokerClassAnnotation] = eventing.NamespacedKafkaBrokerClass
	}
	carries := func(t *eventingv1.Trigger) { t.Finalizers = []string{"kafka.namespaced.triggers.eventing.knative.dev"} }
	waits := dependency(corev1.ConditionUnknown, "WaitingForContract", "waiting for the contract in ConfigMap ns/kafka-broker-brokers-triggers")
	data := map[string]any{ofNamespace: true}
	patches, event := released()
	located(rtesting.TableTest{
		{
			Name: "its group is started, and the contract of its namespace waited for", Key: key, OtherTestData: data,
			Objects:           []runtime.Object{newTrigger(carries), newBroker(own), cm},
			WantStatusUpdates: updated(reconciled(carries, waits)),
			PostConditions:    []func(*testing.T, *rtesting.TableRow){committed(k, map[int32]int64{0: 1, 1: 0})},
		},
		{
			Name: "its Broker has class Kafka: nothing is ours", Key: key, OtherTestData: data,
			Objects: []runtime.Object{reconciled(ready, carries), newBroker(), cm},
		},
		{
			Name: "it is deleted, and so is its group (KC-21)", Key: key, OtherTestData: data,
			Objects:     []runtime.Object{reconciled(carries, deleted), newBroker(own), cm, reconcilertest.Pod(dispatch, "1")},
			WantPatches: patches, WantEvents: []string{event},
			PostConditions: []func(*testing.T, *rtesting.TableRow){func(t *testing.T, _ *rtesting.TableRow) { committed(k, nil)(t, nil) }},
		},
	}).Test(t, factory)
}
