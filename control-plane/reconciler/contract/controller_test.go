package contract

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1/trigger/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1alpha1/eventpolicy/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/messaging/v1/subscription/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/configmap/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/pod/filtered/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/secret/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/serviceaccount/filtered/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/factory/filtered/fake"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/reconciler"
	reconcilertesting "knative.dev/pkg/reconciler/testing"

	_ "knative.dev/eventing-kafka-go/control-plane/client/injection/informers/eventing/v1alpha1/kafkasink/fake"
	_ "knative.dev/eventing-kafka-go/control-plane/client/injection/informers/kafka/v1alpha1/resetoffset/fake"
	_ "knative.dev/eventing-kafka-go/control-plane/client/injection/informers/messaging/v1beta1/kafkachannel/fake"
	_ "knative.dev/eventing-kafka-go/control-plane/client/injection/informers/sources/v1beta1/kafkasource/fake"
	"knative.dev/eventing-kafka-go/control-plane/installation"
)

func TestWhoBeginsToLeadReconcilesAllContracts(t *testing.T) {
	t.Setenv("SYSTEM_NAMESPACE", system)
	ctx, cancel, _ := reconcilertesting.SetupFakeContextWithCancel(t, installation.WithInstallation)
	defer cancel()
	features := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "config-features"}}
	kafka := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "config-kafka-features"}}
	impl := NewController(ctx, configmap.NewStaticWatcher(features, kafka))
	if impl.Name != "contracts" { // the lease is called after it, and an upgrade must find it
		t.Errorf("the queue is called %q", impl.Name)
	}
	r, ok := impl.Reconciler.(*Reconciler)
	if !ok {
		t.Fatalf("%T", impl.Reconciler)
	}
	var all []types.NamespacedName
	if err := r.Promote(bucket{}, func(_ reconciler.Bucket, id types.NamespacedName) { all = append(all, id) }); err != nil || len(all) != 4 {
		t.Errorf("%v, %v", all, err)
	}
	r.size(t.Context(), r.source.builder.DataPlanes["sink"], 1)
	r.last.set("a", nil)
	if r.Demote(bucket{}); r.last.last != nil {
		t.Error("who leads no more remembers contracts")
	}
}
