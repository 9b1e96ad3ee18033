// Package parking makes the parking topic of an installation, which takes the events that neither a subscriber nor a dead
// letter sink took, and records for an object whether its cluster has it.
//
// It never fails an object: without the topic such events are held, and nothing is lost. It keeps no state.
package parking

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
)

const (
	// BrokerDefault as a replication factor leaves the choice to Kafka.
	BrokerDefault int16 = -1

	// retention is how long parked events are kept: they wait for people.
	retention = 365 * 24 * time.Hour
	// maxBytes is the largest record that the topic takes: one of the size that a topic takes as Kafka comes, and the
	// headers that say why it was parked.
	maxBytes = 2 << 20
)

// Ensure makes the topic where it is missing, and records in the status of an object of that cluster whether it is there;
// topic "" is none. What Kafka refuses for good is none either; while Kafka cannot be asked, what was recorded stays.
func Ensure(ctx context.Context, admin *kafkaadmin.Admin, topic string, replicas int16, status *duckv1.Status, log *slog.Logger) {
	if topic == "" {
		delete(status.Annotations, entries.ParkingStatusAnnotation)
		return
	}
	_, err := admin.EnsureTopic(ctx, kafkaadmin.TopicConfig{
		Name: topic, Partitions: 1, ReplicationFactor: replicas, Config: map[string]string{
			"cleanup.policy":    "delete",
			"retention.ms":      strconv.FormatInt(retention.Milliseconds(), 10),
			"max.message.bytes": strconv.Itoa(maxBytes),
		},
	})
	switch {
	case err == nil:
		if status.Annotations == nil {
			status.Annotations = map[string]string{}
		}
		status.Annotations[entries.ParkingStatusAnnotation] = topic
	case isRefusal(err):
		delete(status.Annotations, entries.ParkingStatusAnnotation)
		log.Info("no parking topic, events that nothing takes are held", "topic", topic, "error", err)
	default:
		log.Warn("parking topic not looked at", "topic", topic, "error", err)
	}
}

// isRefusal is true for what Kafka answers again when it is asked again.
func isRefusal(err error) bool {
	var answer *kerr.Error
	return errors.As(err, &answer) && !answer.Retriable
}
