package resetoffset

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	kafkav1alpha1 "knative.dev/eventing-kafka-go/control-plane/apis/kafka/v1alpha1"
	"knative.dev/eventing-kafka-go/control-plane/attempts"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/control-plane/serving"
)

const (
	// look is between two looks at a group that is about to have no members, or at a cache that is behind.
	look = time.Second
	// retry is the same once that is called a failure.
	retry = 10 * time.Second
	// patience is how long pods are waited for to say that they let the group go, and members to be gone, before it is
	// called a failure. Kafka alone decides: pods that do not answer hold nobody up.
	patience = 2 * time.Minute
	// podsWait is under what that is counted.
	podsWait = "pods"
)

func (x *run) admin() (*kafkaadmin.Admin, error) {
	c, err := x.target.connection()
	if err != nil {
		return nil, err
	}
	return x.in.Admin(c)
}

// acquire looks whether everything is at hand that the other steps need, so that no group is stopped in vain.
func (x *run) acquire(ctx context.Context) error {
	if _, err := x.in.Contracts.Get(x.target.plane); err != nil {
		return err
	}
	_, err := x.plan(ctx)
	return err
}

// plan asks where every partition is and where it goes.
func (x *run) plan(ctx context.Context) ([]kafkaadmin.Move, error) {
	at, err := x.o.Spec.Offset.Parse()
	if err != nil {
		return nil, err
	}
	to := kafkaadmin.Destination{Time: at}
	switch x.o.Spec.Offset.Time {
	case kafkav1alpha1.OffsetEarliest:
		to.Start = kafkaadmin.Earliest
	case kafkav1alpha1.OffsetLatest:
		to.Start = kafkaadmin.Latest
	}
	admin, err := x.admin()
	if err != nil {
		return nil, err
	}
	return admin.PlanMoves(ctx, x.target.group, x.target.topics, to)
}

// stop waits until the group has no members, and notes where every partition goes from there.
func (x *run) stop(ctx context.Context) error {
	record := attempts.Of(&x.status.Status, x.now())
	inTime := record.Waiting(podsWait, patience)
	s, err := x.served()
	switch {
	case err != nil:
		return err
	case !s.Served() && inTime:
		return waitFor(look, "%s", s.Message)
	}
	admin, err := x.admin()
	if err != nil {
		return err
	}
	_, members, err := admin.GroupMembers(ctx, x.target.group)
	switch {
	case err != nil:
		return err
	case len(members) > 0 && inTime:
		return waitFor(look, "consumer group %s has members: %s", x.target.group, strings.Join(members, ", "))
	case len(members) > 0:
		e := waitFor(retry, "consumer group %s has members after %v at rest: %s", x.target.group, patience, strings.Join(members, ", "))
		e.failed = true
		return e
	}
	if err := x.upToDate(ctx); err != nil {
		return err
	}
	moves, err := x.plan(ctx)
	if err != nil {
		return err
	}
	x.note(moves)
	record.Forget(podsWait)
	return nil
}

// move commits what was noted.
func (x *run) move(ctx context.Context) error {
	if err := x.upToDate(ctx); err != nil {
		return err
	}
	admin, err := x.admin()
	if err != nil {
		return err
	}
	err = admin.CommitMoves(ctx, x.target.group, x.moves())
	if kafkaadmin.IsActive(err) {
		return waitFor(look, "consumer group %s has members again: %v", x.target.group, err)
	}
	return err
}

// start waits until the group runs as its object says.
func (x *run) start(context.Context) error {
	s, err := x.served()
	switch {
	case err != nil:
		return err
	case s.Served():
		return nil
	case s.Reason == serving.ReasonRejected || s.Reason == serving.ReasonRefused:
		return errors.New(s.Message)
	}
	return waitFor(0, "%s", s.Message) // pods and contract tell
}

// served says whether contract and pods have the egress as it is now: at rest, or not any more. What has no entry is not
// served by anybody, nor is anything where there are no pods.
func (x *run) served() (serving.State, error) {
	resource, egress, err := x.target.entry(x.flags)
	var none *entries.NotReadyError
	switch {
	case errors.As(err, &none):
		return serving.State{Status: corev1.ConditionTrue}, nil
	case err != nil:
		return serving.State{}, err
	}
	if rests(x.o) {
		pods, err := x.in.Pods(x.target.plane.Namespace, x.target.plane.Dispatcher)
		if err == nil && !slices.ContainsFunc(pods, rollout.IsReady) {
			return serving.State{Status: corev1.ConditionTrue}, nil
		}
	}
	return x.in.Checker().Egress(x.target.plane, x.who(), resource, egress, false), nil
}

// upToDate has a step wait that would act on what the API server does not say any more: another reconcile has recorded
// something.
func (x *run) upToDate(ctx context.Context) error {
	version, err := x.version(ctx, x.o.Namespace, x.o.Name)
	switch {
	case err != nil:
		return fmt.Errorf("get ResetOffset %s/%s: %w", x.o.Namespace, x.o.Name, err)
	case version != x.o.ResourceVersion:
		return waitFor(look, "waiting for the cache")
	}
	return nil
}

// note records moves; the topic is named only where there are several.
func (x *run) note(moves []kafkaadmin.Move) {
	x.status.Partitions = nil
	for _, m := range moves {
		p := kafkav1alpha1.OffsetMapping{Partition: m.Partition, OldOffset: m.Old, NewOffset: m.New}
		if len(x.target.topics) > 1 {
			p.Topic = m.Topic
		}
		x.status.Partitions = append(x.status.Partitions, p)
	}
}

// moves are what note has recorded.
func (x *run) moves() []kafkaadmin.Move {
	moves := make([]kafkaadmin.Move, 0, len(x.status.Partitions))
	for _, p := range x.status.Partitions {
		topic := p.Topic
		if topic == "" {
			topic = x.status.Topic
		}
		moves = append(moves, kafkaadmin.Move{Topic: topic, Partition: p.Partition, Old: p.OldOffset, New: p.NewOffset})
	}
	return moves
}
