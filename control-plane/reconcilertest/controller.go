package reconcilertest

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
	rtesting "knative.dev/pkg/reconciler/testing"

	"knative.dev/eventing-kafka-go/control-plane/installation"
)

// StartController makes a controller in an installation without anything in it, and runs its informers until the test ends.
// The test imports the fakes of the informers that the controller asks for.
func StartController(t *testing.T, of injection.ControllerConstructor) (context.Context, *controller.Impl) {
	t.Helper()
	t.Setenv("SYSTEM_NAMESPACE", SystemNamespace)
	ctx, cancel, informers := rtesting.SetupFakeContextWithCancel(t, installation.WithInstallation)
	impl := of(ctx, configmap.NewStaticWatcher(
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "config-features"}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "config-kafka-features"}},
	))
	wait, err := controller.RunInformers(ctx.Done(), informers...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(wait)
	t.Cleanup(cancel)
	return ctx, impl
}

// Enqueued takes the next key of a controller's queue, as namespace/name; "nothing" if none comes within a minute.
func Enqueued(impl *controller.Impl) string {
	got := make(chan string, 1)
	go func() { // ends with the queue, or with a key that nobody waits for any more
		item, _ := impl.WorkQueue().Get()
		impl.WorkQueue().Done(item)
		if key, ok := item.(interface{ String() string }); ok {
			got <- key.String()
		}
	}()
	select {
	case key := <-got:
		return key
	case <-time.After(time.Minute):
		return "nothing"
	}
}
