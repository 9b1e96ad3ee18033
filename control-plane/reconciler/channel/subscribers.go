package channel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	messagingv1 "knative.dev/eventing/pkg/apis/messaging/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/messaging"
	"knative.dev/eventing-kafka-go/control-plane/attempts"
	"knative.dev/eventing-kafka-go/control-plane/autoscale"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/identity"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/serving"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// atOnce is how many consumer groups of a channel are made at the same time: their requests share connections.
const atOnce = 8

// groupErrors are why groups have no start, by the UID of the subscriber.
type groupErrors map[types.UID]error

func (g groupErrors) err() error {
	uids := make([]types.UID, 0, len(g))
	for uid := range g {
		uids = append(uids, uid)
	}
	slices.Sort(uids)
	var all []error
	for _, uid := range uids {
		all = append(all, g[uid])
	}
	return errors.Join(all...)
}

// groups has a start committed for each subscriber, at the end of the topic (KC-26), and records for how many partitions.
// What is recorded is never asked for again: a group that lost its offsets later must not begin somewhere in silence.
func (x *run) groups(ctx context.Context, admin *kafkaadmin.Admin, topic usable) groupErrors {
	recorded := x.recorded()
	failed := groupErrors{}
	var mu sync.Mutex
	var all errgroup.Group
	all.SetLimit(atOnce)
	for i := range x.channel.Spec.Subscribers {
		uid := x.channel.Spec.Subscribers[i].UID
		if uid == "" {
			continue // said by its translation
		}
		known, ok := recorded[string(uid)]
		if ok && known == topic.Partitions && !topic.Created && !topic.moved {
			continue
		}
		start := kafkaadmin.GroupStart{
			Group: translate.ChannelGroup(x.channel.Namespace, x.channel.Name, uid), Topics: []string{topic.name}, Start: kafkaadmin.Latest,
		}
		switch {
		case topic.moved: // nothing is known of the group there
		case ok && topic.Created: // somebody deleted the topic: everything in the new one is to be delivered
			start.Initialised = map[string]int32{topic.name: 0}
		case ok:
			start.Initialised = map[string]int32{topic.name: known}
		}
		all.Go(func() error {
			partitions, err := admin.EnsureGroup(ctx, start)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed[uid] = err
				if topic.moved { // asked again; what runs goes on where it is
					delete(recorded, string(uid))
				}
				return nil
			}
			recorded[string(uid)] = partitions[topic.name]
			return nil
		})
	}
	_ = all.Wait() // errors are in failed
	x.removed(ctx, admin, recorded)
	entries.SetPartitions(&x.channel.Status.Status, recorded)
	x.scale(ctx, admin, recorded)
	return failed
}

// scale has the members of each group follow what waits for it, where the annotations of the Subscription say so.
func (x *run) scale(ctx context.Context, admin *kafkaadmin.Admin, recorded map[string]int32) {
	for i := range x.channel.Spec.Subscribers {
		s := &x.channel.Spec.Subscribers[i]
		partitions, ok := recorded[string(s.UID)]
		if !ok || s.Name == nil {
			continue
		}
		var annotations map[string]string
		if subscription := x.subscription(s); subscription != nil {
			annotations = subscription.Annotations
		}
		x.in.Scaler.Record(ctx, x.channel, annotations, &x.channel.Status.Status, string(s.UID), autoscale.Group{
			Kind: messaging.KafkaChannelKind, Object: x.id(), UID: string(s.UID), Partitions: partitions,
			ID:    translate.ChannelGroup(x.channel.Namespace, x.channel.Name, s.UID),
			Admin: func() (*kafkaadmin.Admin, error) { return admin, nil },
		}, 1)
	}
}

// recorded returns for which subscribers a start is committed; none when that cannot be read: groups that have a start
// keep it.
func (x *run) recorded() map[string]int32 {
	recorded, err := entries.Partitions(&x.channel.Status.Status)
	if err != nil || recorded == nil {
		return map[string]int32{}
	}
	return recorded
}

// removed deletes the groups of subscribers that are gone, once the data plane has let go of them.
func (x *run) removed(ctx context.Context, admin *kafkaadmin.Admin, recorded map[string]int32) {
	status := &x.channel.Status.Status
	record := attempts.Of(status, x.now())
	for uid := range recorded {
		if slices.ContainsFunc(x.channel.Spec.Subscribers, func(s eventingduck.SubscriberSpec) bool { return string(s.UID) == uid }) {
			continue
		}
		group := translate.ChannelGroup(x.channel.Namespace, x.channel.Name, types.UID(uid))
		err := x.deleteGroup(ctx, admin, record, uid, group)
		var wait *attempts.WaitError
		if errors.As(err, &wait) {
			x.later(x.id(), wait.After)
			continue
		}
		if err != nil {
			x.warn(ctx, "consumer group "+group+": "+err.Error())
			record.Forget("group " + group)
		}
		delete(recorded, uid)
		x.in.Scaler.Remove(status, uid, uid)
		x.in.Rollout.Drop(x.who(), uid)
	}
}

func (x *run) deleteGroup(ctx context.Context, admin *kafkaadmin.Admin, record *attempts.Record, uid, group string) error {
	if released, why := x.in.Checker().Released(x.plane, x.who(), uid); !released {
		return &attempts.WaitError{After: release, Err: errors.New(why)}
	}
	return record.Try("group "+group, func() error { return admin.DeleteGroup(ctx, group) })
}

// subscribers answers for every subscriber (CH-21, CH-22, ST-28).
func (x *run) subscribers(resource *contract.Resource, problems []*translate.Error, groups groupErrors, deadLetter error) {
	before := x.channel.Status.Subscribers
	x.channel.Status.Subscribers = nil
	var failed []error
	waiting := false
	if deadLetter != nil {
		failed = append(failed, deadLetter)
	}
	for i := range x.channel.Spec.Subscribers {
		s := &x.channel.Spec.Subscribers[i]
		state := x.state(s.UID, resource, problems, groups, wasReady(before, s.UID))
		if why := x.refused(s); why != "" && state.Served() {
			state = serving.State{Status: corev1.ConditionFalse, Reason: identity.ReasonNoToken, Message: why}
		}
		answer := eventingduck.SubscriberStatus{UID: s.UID, ObservedGeneration: s.Generation, Ready: state.Status, Auth: s.Auth}
		if !state.Served() {
			answer.Message = fmt.Sprintf("Subscriber %s not ready: %s %s", s.UID, state.Reason, state.Message)
		}
		switch state.Status {
		case corev1.ConditionFalse:
			failed = append(failed, errors.New(answer.Message))
		case corev1.ConditionUnknown:
			waiting = true
		case corev1.ConditionTrue:
		}
		x.channel.Status.Subscribers = append(x.channel.Status.Subscribers, answer)
	}
	switch {
	case len(failed) > 0:
		x.channel.Status.MarkSubscribersFailed(errors.Join(failed...))
	case waiting:
		x.channel.Status.MarkSubscribersUnknown()
	default:
		x.channel.Status.MarkSubscribersReady()
	}
}

// refused says why there is no token for a subscriber, "" when there is or none is needed. The ServiceAccount is that of its
// Subscription.
func (x *run) refused(s *eventingduck.SubscriberSpec) string {
	if s.Auth == nil || s.Auth.ServiceAccountName == nil || !x.flags.Core.IsOIDCAuthentication() {
		return ""
	}
	namespace := x.channel.Namespace
	if subscription := x.subscription(s); subscription != nil {
		namespace = subscription.Namespace
	}
	return x.in.Tokens.Refused(x.plane, namespace, *s.Auth.ServiceAccountName)
}

// subscription is what a subscriber was made from, nil while it is not known.
func (x *run) subscription(s *eventingduck.SubscriberSpec) *messagingv1.Subscription {
	if s.Name == nil {
		return nil
	}
	return x.in.Entries.Subscription(x.channel.Namespace, *s.Name, s.UID)
}

// state is how far a subscriber has come.
func (x *run) state(uid types.UID, resource *contract.Resource, problems []*translate.Error, groups groupErrors, was bool) serving.State {
	if err := groups[uid]; err != nil && !was {
		return serving.State{Status: corev1.ConditionFalse, Reason: "InitializeOffset", Message: err.Error()}
	}
	for _, p := range problems {
		if p.Object.GetUuid() == string(uid) {
			return serving.State{Status: corev1.ConditionFalse, Reason: serving.ReasonInvalid, Message: p.Error()}
		}
	}
	for _, e := range resource.GetEgresses() {
		if e.GetUid() == string(uid) {
			return x.in.Scaler.Through(e.GetUid(), was, x.in.Checker().Egress(x.plane, x.who(), resource, e, was))
		}
	}
	return serving.State{Status: corev1.ConditionUnknown, Reason: serving.ReasonWaiting, Message: "its consumer group has no start yet"}
}

func wasReady(before []eventingduck.SubscriberStatus, uid types.UID) bool {
	return slices.ContainsFunc(before, func(s eventingduck.SubscriberStatus) bool { return s.UID == uid && s.Ready == corev1.ConditionTrue })
}

// stop ends a reconcile that did not come to its subscribers: new ones get an answer, and what was said of the others stays.
func (x *run) stop(err error) error {
	before := x.channel.Status.Subscribers
	x.channel.Status.Subscribers = nil
	for i := range x.channel.Spec.Subscribers {
		s := &x.channel.Spec.Subscribers[i]
		answer := eventingduck.SubscriberStatus{
			UID: s.UID, ObservedGeneration: s.Generation, Ready: corev1.ConditionUnknown, Auth: s.Auth,
			Message: fmt.Sprintf("Subscriber %s not ready: the channel is not: %v", s.UID, err),
		}
		for _, b := range before {
			if b.UID == s.UID && b.ObservedGeneration == s.Generation && b.Ready == corev1.ConditionTrue {
				answer = b
			}
		}
		x.channel.Status.Subscribers = append(x.channel.Status.Subscribers, answer)
	}
	return err
}
