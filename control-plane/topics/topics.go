// Package topics owns the steps that an object's topic goes through: found or made, recorded, watched for drift, and
// deleted with the object when it was made for it.
//
// It writes into the status that it is handed, and into Kafka through kafkaadmin; it keeps no state. Each function
// belongs to the one reconcile that calls it.
package topics

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/controller"

	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

// OriginStatusAnnotation says, as an [Origin], a space and the name of the topic, where the topic of an object comes from.
// It is written before the topic is created: whoever finds it after a crash knows whose the topic is.
const OriginStatusAnnotation = "kafka.eventing.knative.dev/topic.origin"

// Origin is where a topic comes from.
type Origin string

const (
	// Created for the object, and deleted with it.
	Created Origin = "created"
	// Adopted: the topic existed before the object, and is kept when that is deleted (KC-12).
	Adopted Origin = "adopted"
)

// claimLimit is how long a reconcile waits for its own status, when no event about it comes.
const claimLimit = time.Second

// Want is the topic that an object shall have.
type Want struct {
	translate.Topic
	// Recorded says that the object's status names the topic as one that was ready before. Without an origin it is a
	// topic of another implementation, and taken for one that was created.
	Recorded bool
	// Owner returns who else owns the topic, "" for nobody. It is asked while the topic is not recorded. nil: a topic may
	// be shared.
	Owner func() (string, error)
}

// OriginOf returns where the topic in the status of an object comes from, "" for a status that does not say.
func OriginOf(status *duckv1.Status) (origin Origin, topic string) {
	o, topic, _ := strings.Cut(status.Annotations[OriginStatusAnnotation], " ")
	return Origin(o), topic
}

func setOrigin(status *duckv1.Status, origin Origin, topic string) {
	if status.Annotations == nil {
		status.Annotations = map[string]string{}
	}
	status.Annotations[OriginStatusAnnotation] = string(origin) + " " + topic
}

// Ensure finds or creates a topic and marks TopicReady. The first time it only writes down where the topic comes from, and
// returns an error that has the object reconciled again: a status that does not tell must not lead to a topic that nobody
// deletes, or to one deleted that is somebody else's. Who uses the topic records it when Ensure has returned without error.
func Ensure(ctx context.Context, admin *kafkaadmin.Admin, status *duckv1.Status, m apis.ConditionManager, want Want) (kafkaadmin.TopicResult, error) {
	if err := claim(ctx, admin, status, m, want); err != nil {
		return kafkaadmin.TopicResult{}, err
	}
	result, err := admin.EnsureTopic(ctx, kafkaadmin.TopicConfig{
		Name: want.Name, Partitions: want.Partitions, ReplicationFactor: want.ReplicationFactor, Config: want.Config,
	})
	var invalid *kafkaadmin.InvalidTopicError
	switch {
	case errors.As(err, &invalid):
		conditions.MarkTopicsInvalid(m, []string{want.Name}, err)
		return result, err
	case err != nil:
		conditions.MarkTopicFailed(m, want.Name, err)
		return result, fmt.Errorf("topic %q: %w", want.Name, err)
	}
	if result.Created {
		setOrigin(status, Created, want.Name)
	}
	return result, nil
}

// Notes say what users should know about a topic that is ready: for the message of TopicReady.
func Notes(status *duckv1.Status, result kafkaadmin.TopicResult) string {
	var notes []string
	if origin, _ := OriginOf(status); origin == Adopted {
		notes = append(notes, "the topic existed before and is kept when this object is deleted")
	}
	if len(result.Drift) > 0 {
		notes = append(notes, "the topic differs from what is asked for: "+strings.Join(result.Drift, "; "))
	}
	return strings.Join(notes, "; ")
}

// claim writes down where the topic comes from.
func claim(ctx context.Context, admin *kafkaadmin.Admin, status *duckv1.Status, m apis.ConditionManager, want Want) error {
	if want.Owner != nil && !want.Recorded {
		owner, err := want.Owner()
		if err == nil && owner != "" {
			err = fmt.Errorf("topic %q belongs to %s", want.Name, owner)
		}
		if err != nil {
			conditions.MarkTopicsInvalid(m, []string{want.Name}, err)
			return err
		}
	}
	if _, topic := OriginOf(status); topic == want.Name {
		return nil
	}
	if want.Recorded {
		setOrigin(status, Created, want.Name)
		return nil
	}
	_, err := admin.ValidateTopic(ctx, want.Name)
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		setOrigin(status, Created, want.Name)
		m.MarkUnknown(conditions.TopicReady, "TopicClaimed", "Topic %s is about to be created", want.Name)
		return controller.NewRequeueAfter(claimLimit)
	case isInvalid(err):
		conditions.MarkTopicsInvalid(m, []string{want.Name}, err)
		return err
	case err != nil:
		conditions.MarkTopicFailed(m, want.Name, err)
		return fmt.Errorf("topic %q: %w", want.Name, err)
	}
	setOrigin(status, Adopted, want.Name)
	return nil
}

func isInvalid(err error) bool {
	var invalid *kafkaadmin.InvalidTopicError
	return errors.As(err, &invalid)
}
