package topics

import (
	"context"
	"errors"
	"fmt"

	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/controller"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/control-plane/attempts"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
)

// Deletion is what is deleted from Kafka with an object.
type Deletion struct {
	// Annotations of the object: one of them keeps everything (KC-22).
	Annotations map[string]string
	// Groups are consumer groups; Topic is a topic, "" for none or one that is not deleted.
	Groups []string
	Topic  string
	// Admin connects to Kafka; Bare does the same without authentication, nil where that cannot help.
	Admin, Bare func() (*kafkaadmin.Admin, error)
}

// OfStatus returns the topic to delete with an object: the recorded one, or one that was claimed and perhaps created, and
// "" for one that was adopted. kept is the name of that.
func OfStatus(status *duckv1.Status, recorded string) (topic, kept string) {
	origin, claimed := OriginOf(status)
	switch {
	case origin == Adopted:
		return "", claimed
	case recorded != "":
		return recorded, ""
	case origin == Created:
		return claimed, ""
	}
	return "", ""
}

// Delete deletes what Deletion names: groups first. Everything is tried a bounded number of times, counted in r. left says
// what is left behind, for a Warning event; the error has the object reconciled again.
func Delete(ctx context.Context, r *attempts.Record, d Deletion) (left []string, err error) {
	if annotation.KeepsData(d.Annotations) {
		return kept(d, "kept because of annotation "+annotation.Deletion), nil
	}
	if len(d.Groups) == 0 && d.Topic == "" {
		return nil, nil
	}
	admin, err := connect(r, d)
	if err != nil {
		return giveUp(d, err)
	}
	var wait error
	for _, group := range d.Groups {
		err := r.Try("group "+group, func() error { return admin.DeleteGroup(ctx, group) })
		left, wait = sort(left, wait, "consumer group "+group, err)
	}
	if d.Topic != "" && wait == nil {
		err := r.Try("topic "+d.Topic, func() error { return admin.DeleteTopic(ctx, d.Topic) })
		left, wait = sort(left, wait, "topic "+d.Topic, err)
	}
	if wait != nil {
		return nil, wait // what is left is said at the end
	}
	return left, nil
}

// connect tries without authentication when a Secret is gone for good (KC-17).
func connect(r *attempts.Record, d Deletion) (admin *kafkaadmin.Admin, err error) {
	err = r.Try("connection", func() (err error) {
		admin, err = d.Admin()
		return err
	})
	var givenUp *attempts.GivenUpError
	if d.Bare == nil || !errors.As(err, &givenUp) {
		return admin, err
	}
	return d.Bare()
}

func giveUp(d Deletion, err error) ([]string, error) {
	if again := requeue(err); again != nil {
		return nil, again
	}
	return kept(d, err.Error()), nil
}

func kept(d Deletion, why string) []string {
	var left []string
	for _, group := range d.Groups {
		left = append(left, fmt.Sprintf("consumer group %s: %s", group, why))
	}
	if d.Topic != "" {
		left = append(left, fmt.Sprintf("topic %s: %s", d.Topic, why))
	}
	return left
}

// sort tells what has to be tried again from what is given up.
func sort(left []string, wait error, what string, err error) ([]string, error) {
	if err == nil {
		return left, wait
	}
	if again := requeue(err); again != nil {
		return left, again
	}
	return append(left, what+": "+err.Error()), wait
}

// requeue is the error that has an object reconciled for the next attempt, nil when there is none.
func requeue(err error) error {
	var wait *attempts.WaitError
	if errors.As(err, &wait) {
		return controller.NewRequeueAfter(wait.After)
	}
	return nil
}
