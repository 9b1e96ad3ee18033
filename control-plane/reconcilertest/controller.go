package reconcilertest

import (
	"context"
	"testing"
	"time"

	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
	"knative.dev/pkg/logging"
	rtesting "knative.dev/pkg/reconciler/testing"

	"knative.dev/eventing-kafka-go/control-plane/installation"
)

// StartController makes a controller in an installation without anything in it, and runs its informers until the test ends.
// They see what is created afterwards; those that the controller makes by itself may see it later or never, as a fake has no
// events for who watches too late. The test imports the fakes of the informers that the controller asks for.
func StartController(t *testing.T, of injection.ControllerConstructor) (context.Context, *controller.Impl) {
	t.Helper()
	t.Setenv("SYSTEM_NAMESPACE", SystemNamespace)
	ctx, cancel, informers := rtesting.SetupFakeContextWithCancel(t, installation.WithInstallation, withoutLog)
	impl := of(ctx, configmap.NewStaticWatcher(
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "config-features"}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "config-kafka-features"}},
	))
	wait, err := rtesting.RunAndSyncInformers(ctx, informers...)
	t.Cleanup(wait)
	t.Cleanup(cancel)
	if err != nil {
		t.Fatal(err)
	}
	return ctx, impl
}

// withoutLog keeps a controller from writing into the log of a test that is over, which informers of its own may outlive.
func withoutLog(ctx context.Context) context.Context {
	return logging.WithLogger(ctx, zap.NewNop().Sugar())
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
