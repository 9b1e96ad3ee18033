package groups

import (
	"errors"
	"log/slog"
	"maps"
	"testing"
	"time"

	duckv1 "knative.dev/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

func TestKafkaIsAskedOnlyWhenThereIsSomethingToLearn(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "a", 1)
	cluster.CreateTopic(t, "b", 3)
	pool := kafkaadmin.NewPool(slog.New(slog.DiscardHandler))
	t.Cleanup(pool.Close)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := NewStarter(func() time.Time { return now })
	status := &duckv1.Status{}
	away := errors.New("away")
	for _, step := range []struct {
		name    string
		before  func()
		cluster string
		topics  []string
		asked   bool
		away    bool
		want    map[string]int32
	}{
		{name: "new", cluster: "k", topics: []string{"a"}, asked: true, want: map[string]int32{"a": 1}},
		{name: "just looked at", cluster: "k", topics: []string{"a"}, want: map[string]int32{"a": 1}},
		{name: "looked at a while ago", before: func() { now = now.Add(trust) }, cluster: "k", topics: []string{"a"}, asked: true, want: map[string]int32{"a": 1}},
		{name: "another topic too", cluster: "k", topics: []string{"a", "b"}, asked: true, want: map[string]int32{"a": 1, "b": 3}},
		{name: "a topic less", cluster: "k", topics: []string{"b"}, asked: true, want: map[string]int32{"b": 3}},
		{name: "another cluster", cluster: "l", topics: []string{"b"}, asked: true, want: map[string]int32{"b": 3}},
		{name: "another cluster that is away: what was known stays", cluster: "m", topics: []string{"b"}, asked: true, away: true, want: map[string]int32{"b": 3}},
		{name: "the record was lost", before: func() { entries.SetPartitions(status, nil) }, cluster: "l", topics: []string{"b"}, asked: true, want: map[string]int32{"b": 3}},
		{name: "forgotten", before: func() { s.Forget("u") }, cluster: "l", topics: []string{"b"}, asked: true, want: map[string]int32{"b": 3}},
	} {
		if step.before != nil {
			step.before()
		}
		asked := false
		err := s.Ensure(t.Context(), "u", step.cluster, status, kafkaadmin.GroupStart{Group: "g", Topics: step.topics, Start: kafkaadmin.Latest},
			func() (*kafkaadmin.Admin, error) {
				if asked = true; step.away {
					return nil, away
				}
				return pool.Admin(kafka.Connection{Servers: cluster.Addrs()})
			})
		if step.away != errors.Is(err, away) || asked != step.asked {
			t.Errorf("%s: asked %v, error %v", step.name, asked, err)
		}
		if got, err := entries.Partitions(status); err != nil || !maps.Equal(got, step.want) {
			t.Errorf("%s: recorded %v, %v; want %v", step.name, got, err, step.want)
		}
	}
}
