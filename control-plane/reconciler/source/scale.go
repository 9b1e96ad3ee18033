package source

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/controller"

	"knative.dev/eventing-kafka-go/control-plane/apis/sources"
	"knative.dev/eventing-kafka-go/control-plane/autoscale"
	"knative.dev/eventing-kafka-go/control-plane/autoscale/keda"
)

// kedaStatusAnnotation holds the name of the ScaledObject that a source has, so that it is known what to delete.
const kedaStatusAnnotation = "kafka.eventing.knative.dev/keda"

// scale has the consumers follow what waits for them: KEDA does it where it is switched on and installed, by writing
// spec.consumers, and otherwise the members are recorded in status, whatever spec.consumers says unless that is none. The
// error is about KEDA.
func (x *run) scale(ctx context.Context) error {
	spec, status, uid := &x.source.Spec, &x.source.Status.Status, string(x.source.UID)
	byKEDA, err := x.scaleByKEDA(ctx)
	if byKEDA || *spec.Consumers == 0 {
		x.in.Scaler.Remove(status, "", uid)
		return err
	}
	x.in.Scaler.Record(ctx, x.source, x.source.Annotations, status, "", autoscale.Group{
		Kind: sources.KafkaSourceKind, Object: x.id(), UID: uid, ID: spec.ConsumerGroup, Partitions: partitions(status), Admin: x.admin,
	}, *spec.Consumers)
	return err
}

// scaleByKEDA says whether KEDA scales the source, and sees to what it needs for that (EG-98).
func (x *run) scaleByKEDA(ctx context.Context) (bool, error) {
	status := &x.source.Status.Status
	_, has := status.Annotations[kedaStatusAnnotation]
	p, err := autoscale.Of(ctx, x.source.Annotations)
	wanted := x.flags.Kafka.KEDA && !p.Disabled()
	if err != nil {
		if has { // it is scaled as it was
			x.warn(ctx, err)
		}
		return has, nil //nolint:nilerr // an event says it
	}
	switch {
	case !has && !wanted, wanted && !x.keda.Available(ctx):
		return false, nil
	case !wanted:
		if err := x.keda.Delete(ctx, x.source); err != nil {
			return true, fmt.Errorf("scaled by KEDA, and not to be: %w", err)
		}
		delete(status.Annotations, kedaStatusAnnotation)
		return false, nil
	}
	objects, err := keda.Make(x.source, p, x.in.Secret)
	var unsupported *keda.UnsupportedError
	if errors.As(err, &unsupported) {
		x.warn(ctx, fmt.Errorf("not by KEDA: %w", err))
		return has, nil
	}
	if err == nil {
		err = x.keda.Apply(ctx, x.source, objects)
	}
	if err != nil {
		return has, fmt.Errorf("scaled by KEDA: %w", err)
	}
	status.Annotations[kedaStatusAnnotation] = keda.Name(x.source) // the start of the group made the map
	return true, nil
}

// warn has an event say what keeps the source from being scaled as it should be; to try it again would not help.
func (x *run) warn(ctx context.Context, err error) {
	controller.GetEventRecorder(ctx).Eventf(x.source, corev1.EventTypeWarning, autoscale.ReasonInvalid,
		"Consumer group %s is not scaled: %v", x.source.Spec.ConsumerGroup, err)
}
