package source

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/configmap"
	rtesting "knative.dev/pkg/reconciler/testing"

	_ "knative.dev/eventing/pkg/client/injection/informers/eventing/v1alpha1/eventpolicy/fake"
	_ "knative.dev/eventing/pkg/client/injection/informers/messaging/v1/subscription/fake"
	_ "knative.dev/pkg/client/injection/ducks/duck/v1/addressable/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/configmap/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/pod/filtered/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/core/v1/secret/fake"
	_ "knative.dev/pkg/client/injection/kube/informers/factory/filtered/fake"
	_ "knative.dev/pkg/injection/clients/dynamicclient/fake"

	_ "knative.dev/eventing-kafka-go/control-plane/client/injection/informers/sources/v1beta1/kafkasource/fake"
	"knative.dev/eventing-kafka-go/control-plane/installation"
)

func TestTheControllerStartsWithWhatTheInstallationHas(t *testing.T) {
	t.Setenv("SYSTEM_NAMESPACE", "knative-eventing")
	ctx, _ := rtesting.SetupFakeContext(t, installation.WithInstallation)
	watcher := configmap.NewStaticWatcher(
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "config-features"}}, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "config-kafka-features"}})
	if impl := NewController(ctx, watcher); impl == nil {
		t.Error("no controller")
	}
}
