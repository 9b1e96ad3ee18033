package parking

import (
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

func TestTheParkingTopicIsRecordedWhereItIs(t *testing.T) {
	before := map[string]string{entries.ParkingStatusAnnotation: "parked"}
	for _, tc := range []struct {
		name   string
		topic  string
		status map[string]string
		refuse *kerr.Error // the answer to its creation
		away   bool
		want   string
	}{
		{name: "made", topic: "parked", want: "parked"},
		{name: "none is wanted any more", status: before},
		{name: "Kafka refuses it", topic: "parked", refuse: kerr.TopicAuthorizationFailed},
		{name: "Kafka refuses it and it was recorded", topic: "parked", status: before, refuse: kerr.PolicyViolation},
		{name: "Kafka is away and it was recorded", topic: "parked", status: before, away: true, want: "parked"},
		{name: "Kafka is away", topic: "parked", away: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cluster := kafkatest.Start(t)
			if tc.refuse != nil {
				cluster.Fake().ControlKey(int16(kmsg.CreateTopics), func(r kmsg.Request) (kmsg.Response, error, bool) {
					cluster.Fake().KeepControl()
					answer := r.ResponseKind().(*kmsg.CreateTopicsResponse)
					topic := kmsg.NewCreateTopicsResponseTopic()
					topic.Topic, topic.ErrorCode = "parked", tc.refuse.Code
					answer.Topics = append(answer.Topics, topic)
					return answer, nil, true
				})
			}
			pool := kafkaadmin.NewPool(slog.New(slog.DiscardHandler))
			admin, err := pool.Admin(kafka.Connection{Servers: cluster.Addrs()})
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			if tc.away {
				pool.Close()
			}
			status := &duckv1.Status{}
			for key, value := range tc.status {
				status.Annotations = map[string]string{key: value}
			}
			Ensure(t.Context(), admin, tc.topic, 1, status, slog.New(slog.DiscardHandler))
			if got := status.Annotations[entries.ParkingStatusAnnotation]; got != tc.want {
				t.Errorf("recorded %q, want %q", got, tc.want)
			}
		})
	}
}
