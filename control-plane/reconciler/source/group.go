package source

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/controller"

	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/attempts"
	"knative.dev/eventing-kafka-go/control-plane/credentials"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/following"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/parking"
	"knative.dev/eventing-kafka-go/control-plane/serving"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

const (
	// restLimit is how long a consumer group is kept at rest for a start to be committed. Whoever is in it after that is
	// none of ours.
	restLimit = time.Minute
	// restCheck is how often it is looked whether its members have left.
	restCheck = time.Second
)

// group has the start of the consumer group committed.
func (x *run) group(ctx context.Context) error {
	spec, status := &x.source.Spec, &x.source.Status.Status
	for _, secret := range credentials.Names(&spec.Net) {
		x.following.Follow(x.id(), following.Secret, x.source.Namespace, secret)
	}
	if err := translate.ValidateSource(x.stored()); err != nil {
		return x.fail(serving.ReasonInvalid, err)
	}
	admin, err := x.connect()
	if err != nil {
		return err
	}
	servers := strings.Join(spec.BootstrapServers, ",")
	if before := entries.Servers(status); before != "" && before != servers {
		entries.SetPartitions(status, nil) // nothing is known of the group there; what runs goes on meanwhile
	}
	entries.SetServers(status, spec.BootstrapServers)
	want := kafkaadmin.GroupStart{Group: spec.ConsumerGroup, Topics: spec.Topics, Start: kafkaadmin.Latest}
	if spec.InitialOffset == sourcesv1beta1.OffsetEarliest {
		want.Start = kafkaadmin.Earliest
	}
	err = x.groups.Ensure(ctx, x.source.UID, servers, status, want, func() (*kafkaadmin.Admin, error) {
		parking.Ensure(ctx, admin, x.in.ParkingTopic, parking.BrokerDefault, status, x.in.Log)
		return admin, nil
	})
	return x.started(err)
}

// partitions is how many partitions the group reads.
func partitions(status *duckv1.Status) (sum int32) {
	recorded, _ := entries.Partitions(status) // what cannot be read is an error already
	for _, n := range recorded {
		sum += n
	}
	return sum
}

// stored is the spec as it is stored. The one to reconcile was defaulted a moment ago, and so may have a name for its
// consumer group that nobody will ever find again.
func (x *run) stored() *sourcesv1beta1.KafkaSourceSpec {
	if s, err := x.sources.KafkaSources(x.source.Namespace).Get(x.source.Name); err == nil {
		return &s.Spec
	}
	return &x.source.Spec
}

// connect finds out which Kafka the source reads.
func (x *run) connect() (*kafkaadmin.Admin, error) {
	c, err := x.in.Entries.SourceConnection(x.source)
	if err != nil {
		return nil, x.fail(reasonSecret, err)
	}
	connection, err := credentials.Kafka(x.in.Secret, c)
	if err != nil {
		return nil, x.fail(reasonSecret, err)
	}
	admin, err := x.in.Admins.Admin(connection)
	if err != nil {
		return nil, x.fail(reasonAdmin, err)
	}
	return admin, nil
}

// started says how it went. A group that delivers already rests for a moment when topics were added: without a committed
// start their first records would be lost or their oldest ones repeated.
func (x *run) started(err error) error {
	status := &x.source.Status.Status
	record, resting := attempts.Of(status, x.now()), fmt.Sprintf("rest for generation %d", x.source.Generation)
	var active *kafkaadmin.ActiveGroupError
	recorded, _ := entries.Partitions(status) // one that cannot be read is an error already
	switch {
	case err == nil:
		entries.SetRest(status, false)
		record.Forget(resting)
		return nil
	case errors.As(err, &active) && len(recorded) > 0 && recorded[active.Topic] == 0 && record.Waiting(resting, restLimit):
		entries.SetRest(status, true)
		x.m.MarkUnknown(sourcesv1beta1.KafkaSourceConditionConsumerGroup, reasonOffsets,
			"consumer group %s rests until the start of topic %s is committed", x.source.Spec.ConsumerGroup, active.Topic)
		return controller.NewRequeueAfter(restCheck)
	}
	entries.SetRest(status, false)
	return x.fail(reasonOffsets, fmt.Errorf("consumer group %s: %w", x.source.Spec.ConsumerGroup, err))
}
