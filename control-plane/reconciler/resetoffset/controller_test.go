package resetoffset

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/trigger/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1alpha1/eventpolicy/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/messaging/v1/subscription/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/configmap/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/pod/filtered/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/secret/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/factory/filtered/fake"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	rtesting "knative.dev/pkg/reconciler/testing"

	kafkav1alpha1 "knative.dev/eventing-kafka-go/control-plane/apis/kafka/v1alpha1"
	client "knative.dev/eventing-kafka-go/control-plane/client/injection/client"
	_ "knative.dev/eventing-kafka-go/control-plane/client/injection/informers/kafka/v1alpha1/resetoffset/fake"
	_ "knative.dev/eventing-kafka-go/control-plane/client/injection/informers/messaging/v1beta1/kafkachannel/fake"
	_ "knative.dev/eventing-kafka-go/control-plane/client/injection/informers/sources/v1beta1/kafkasource/fake"
	"knative.dev/eventing-kafka-go/control-plane/installation"
	"knative.dev/eventing-kafka-go/control-plane/reconcilertest"
)

func TestTheControllerFollowsResetOffsetsAndHasTheirGroupsRest(t *testing.T) {
	t.Setenv("SYSTEM_NAMESPACE", reconcilertest.SystemNamespace)
	ctx, cancel, informers := rtesting.SetupFakeContextWithCancel(t, installation.WithInstallation)
	impl := NewController(ctx, configmap.NewStaticWatcher(
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "config-features"}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "config-kafka-features"}},
	))
	wait, err := controller.RunInformers(ctx.Done(), informers...)
	if err != nil {
		t.Fatal(err)
	}
	defer wait()
	defer cancel()
	o := &kafkav1alpha1.ResetOffset{ObjectMeta: meta("r", "r-uid")}
	o.Status.Annotations = map[string]string{TargetStatusAnnotation: "t-uid"}
	o.Status.InitializeConditions()
	o.Status.MarkDone(acquired)
	if _, err := client.Get(ctx).KafkaV1alpha1().ResetOffsets("ns").Create(ctx, o, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	got := make(chan any)
	go func() {
		item, _ := impl.WorkQueue().Get()
		got <- item
	}()
	select {
	case item := <-got:
		if key, ok := item.(interface{ String() string }); !ok || key.String() != "ns/r" {
			t.Errorf("%v is enqueued, want ns/r", item)
		}
	case <-time.After(time.Minute):
		t.Fatal("nothing is enqueued")
	}
	paused := installation.Get(ctx).Entries.Paused
	if !paused("t-uid") || paused("other") {
		t.Errorf("at rest: %v, of another: %v", paused("t-uid"), paused("other"))
	}
}
