package resetoffset

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/trigger/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1alpha1/eventpolicy/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/messaging/v1/subscription/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/configmap/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/pod/filtered/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/secret/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/factory/filtered/fake"

	kafkav1alpha1 "knative.dev/eventing-kafka-go/control-plane/apis/kafka/v1alpha1"
	client "knative.dev/eventing-kafka-go/control-plane/client/injection/client"
	_ "knative.dev/eventing-kafka-go/control-plane/client/injection/informers/kafka/v1alpha1/resetoffset/fake"
	_ "knative.dev/eventing-kafka-go/control-plane/client/injection/informers/messaging/v1beta1/kafkachannel/fake"
	_ "knative.dev/eventing-kafka-go/control-plane/client/injection/informers/sources/v1beta1/kafkasource/fake"
	"knative.dev/eventing-kafka-go/control-plane/installation"
	"knative.dev/eventing-kafka-go/control-plane/reconcilertest"
)

func TestTheControllerFollowsResetOffsetsAndHasTheirGroupsRest(t *testing.T) {
	ctx, impl := reconcilertest.StartController(t, NewController)
	o := &kafkav1alpha1.ResetOffset{ObjectMeta: meta("r", "r-uid")}
	o.Status.Annotations = map[string]string{TargetStatusAnnotation: "t-uid"}
	o.Status.InitializeConditions()
	o.Status.MarkDone(acquired)
	if _, err := client.Get(ctx).KafkaV1alpha1().ResetOffsets("ns").Create(ctx, o, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if key := reconcilertest.Enqueued(impl); key != "ns/r" {
		t.Fatalf("%s is enqueued, want ns/r", key)
	}
	paused := installation.Get(ctx).Entries.Paused
	if !paused("t-uid") || paused("other") {
		t.Errorf("at rest: %v, of another: %v", paused("t-uid"), paused("other"))
	}
}
