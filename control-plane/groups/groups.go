// Package groups gives the consumer groups of objects their start before anything is delivered, and follows topics that
// grow.
//
// It writes into the status that it is handed, and into Kafka through kafkaadmin. Its state is when each group was looked
// at last, so that a reconcile that has nothing to do with Kafka asks nothing of it; a Starter may be used by any goroutine.
package groups

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
)

const (
	// GrowthCheck is how often an object should be reconciled for partitions that were added to its topics.
	GrowthCheck = 5 * time.Minute
	// trust is how long a look at a group is good for.
	trust = time.Minute
)

// Starter commits the starts of groups.
type Starter struct {
	now func() time.Time

	mu   sync.Mutex
	seen map[types.UID]look
}

type look struct {
	what string
	at   time.Time
}

// NewStarter returns a Starter with the clock now.
func NewStarter(now func() time.Time) *Starter {
	return &Starter{now: now, seen: map[types.UID]look{}}
}

// Ensure commits an offset for every partition of the topics of a group that has none, and records in the status of the
// object under uid how many partitions have one. cluster identifies what the topics belong to: with another one
// everything begins anew. connect is called when Kafka has to be asked.
func (s *Starter) Ensure(
	ctx context.Context, uid types.UID, cluster string, status *duckv1.Status, want kafkaadmin.GroupStart,
	connect func() (*kafkaadmin.Admin, error),
) error {
	recorded, err := entries.Partitions(status)
	if err != nil {
		return err
	}
	what := fmt.Sprint(cluster, "\n", want.Group, "\n", want.Topics)
	if s.fresh(uid, what) && holds(recorded, want.Topics) {
		return nil
	}
	admin, err := connect()
	if err != nil {
		return err
	}
	want.Initialised = recorded
	partitions, err := admin.EnsureGroup(ctx, want)
	if err != nil {
		return err
	}
	entries.SetPartitions(status, partitions)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[uid] = look{what, s.now()}
	return nil
}

// Forget ends what is known about an object.
func (s *Starter) Forget(uid types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.seen, uid)
}

func (s *Starter) fresh(uid types.UID, what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.seen[uid]
	return ok && l.what == what && s.now().Sub(l.at) < trust
}

func holds(recorded map[string]int32, topics []string) bool {
	for _, topic := range topics {
		if recorded[topic] == 0 {
			return false
		}
	}
	return len(recorded) == len(topics)
}
