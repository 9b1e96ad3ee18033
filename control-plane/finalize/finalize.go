// Package finalize owns the order in which an object goes: its entry leaves the contract, pods let go, and only then is
// what it had in Kafka deleted, a bounded number of times (KC-15 to KC-20).
//
// It writes into the object's status and into Kafka, and keeps no state.
package finalize

import (
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"

	"knative.dev/eventing-kafka-go/control-plane/attempts"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/control-plane/serving"
	"knative.dev/eventing-kafka-go/control-plane/topics"
)

const (
	// ReleaseLimit is how long pods are waited for: one that is ready and never answers must not keep an object for ever.
	ReleaseLimit = 2 * time.Minute
	// ReasonLeftBehind is the reason of the Warning event that names what is left in Kafka.
	ReasonLeftBehind = "LeftBehind"
	// ReasonDeleting is the reason of a condition of an object that pods still serve.
	ReasonDeleting = "Deleting"
)

// Finalization is an object that goes.
type Finalization struct {
	Object runtime.Object
	Status *duckv1.Status
	Who    rollout.Object
	// UIDs of everything that the object has in the contract of DataPlane.
	UIDs      []string
	DataPlane dataplane.DataPlane
	// Deletion is what is deleted from Kafka; KeptTopic is a topic that is not, because it was adopted.
	Deletion  topics.Deletion
	KeptTopic string
	// Waiting says in a condition why the object is still there; nil where no condition says it.
	Waiting func(why string)
}

// Do takes the next steps. The error has the object reconciled again; without one the object may go.
func Do(ctx context.Context, c serving.Checker, now time.Time, f Finalization) error {
	record := attempts.Of(f.Status, now)
	if released, why := c.Released(f.DataPlane, f.Who, f.UIDs...); !released {
		if record.Waiting("release", ReleaseLimit) {
			logging.FromContext(ctx).Infow("Object is deleted, and still served", "waiting", why)
			if f.Waiting != nil {
				f.Waiting(why)
			}
			return controller.NewRequeueAfter(attempts.Pause)
		}
		logging.FromContext(ctx).Warnw("Object goes although it may still be served", "waiting", why)
	}
	left, err := topics.Delete(ctx, record, f.Deletion)
	if err != nil {
		return err
	}
	if f.KeptTopic != "" {
		left = append(left, "topic "+f.KeptTopic+": kept because it existed before the object")
	}
	if len(left) > 0 {
		controller.GetEventRecorder(ctx).Eventf(f.Object, corev1.EventTypeWarning, ReasonLeftBehind, "Left in Kafka: %s", strings.Join(left, "; "))
	}
	c.Rollout.Forget(f.Who)
	return nil
}
