package autoscale

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/controller"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/control-plane/serving"
)

// ReasonInvalid is the reason of the Warning event about annotations that say nothing.
const ReasonInvalid = "AutoscalingInvalid"

// Of returns how the group of an object with annotations is scaled: by them, and by config-kafka-autoscaler where they say
// nothing. Without any annotation it is scaled where everything is, which is a switch of config-kafka-features.
func Of(ctx context.Context, annotations map[string]string) (annotation.Autoscaling, error) {
	if !features.FromContext(ctx).KEDA && !annotation.Autoscales(annotations) {
		return annotation.Autoscaling{Class: annotation.AutoscalingDisabled}, nil
	}
	p, key, err := annotation.AutoscalingOf(annotations, features.AutoscalingFrom(ctx))
	if err != nil {
		return p, fmt.Errorf("%s: %w", annotation.Path(key), err)
	}
	return p, nil
}

// Record writes into the status of an object how many members the group under a key shall have
// (entries.MembersStatusAnnotation), and nothing when it is not scaled. otherwise is how many it has while nothing is
// recorded. Annotations that are wrong change nothing; an event says so.
func (s *Scaler) Record(
	ctx context.Context, object runtime.Object, annotations map[string]string, status *duckv1.Status, key string, g Group, otherwise int32,
) {
	p, err := Of(ctx, annotations)
	if err != nil {
		controller.GetEventRecorder(ctx).Eventf(object, corev1.EventTypeWarning, ReasonInvalid, "Consumer group %s is not scaled: %v", g.ID, err)
		return
	}
	if p.Disabled() {
		s.Remove(status, key, g.UID)
		return
	}
	members, err := entries.Members(status)
	if err != nil || members == nil { // one that cannot be read is written anew
		members = map[string]int32{}
	}
	has, ok := members[key]
	if !ok {
		has = otherwise
	}
	members[key] = s.Members(g, p, has)
	entries.SetMembers(status, members)
}

// Remove ends the scaling of a group.
func (s *Scaler) Remove(status *duckv1.Status, key, uid string) {
	s.Forget(uid)
	members, _ := entries.Members(status)
	delete(members, key)
	entries.SetMembers(status, members)
}

// Through is what is said about a group whose members changed a moment ago: while pods take that up it is served as it was.
func (s *Scaler) Through(uid string, was bool, state serving.State) serving.State {
	if was && state.Status == corev1.ConditionUnknown && s.Settling(uid) {
		return serving.State{Status: corev1.ConditionTrue}
	}
	return state
}
