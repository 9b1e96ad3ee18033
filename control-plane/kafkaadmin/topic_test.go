package kafkaadmin

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

func TestEnsureTopicCreatesWhatIsAskedFor(t *testing.T) {
	cluster := kafkatest.Start(t, kfake.NumBrokers(3))
	admin := newAdmin(t, cluster)
	want := TopicConfig{Name: "t", Partitions: 4, ReplicationFactor: 3, Config: map[string]string{"retention.ms": "3600000"}}
	got, err := admin.EnsureTopic(testContext(t), want)
	if err != nil || !got.Created || got.Partitions != 4 || got.Drift != nil {
		t.Fatalf("created: %+v, %v (KC-05)", got, err)
	}
	got, err = admin.EnsureTopic(testContext(t), want)
	if err != nil || got.Created || got.Partitions != 4 || got.Drift != nil {
		t.Errorf("again: %+v, %v (KC-09)", got, err)
	}
}

func TestEnsureTopicAdoptsAndReportsDrift(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "t", 2)
	admin := newAdmin(t, cluster)
	got, err := admin.EnsureTopic(testContext(t), TopicConfig{Name: "t", Partitions: 3, ReplicationFactor: 2,
		Config: map[string]string{"retention.ms": "1", "cleanup.policy": "delete"}})
	if err != nil || got.Created || got.Partitions != 2 {
		t.Fatalf("%+v, %v (KC-09)", got, err)
	}
	for _, want := range []string{"partitions: 2, wanted 3", "replication factor: 1, wanted 2", `retention.ms: "604800000", wanted "1"`} {
		if !slices.Contains(got.Drift, want) {
			t.Errorf("drift %q lacks %q (KC-09)", got.Drift, want)
		}
	}
	if len(got.Drift) != 3 {
		t.Errorf("drift %q", got.Drift)
	}
	if n, err := admin.ValidateTopic(testContext(t), "t"); n != 2 || err != nil {
		t.Errorf("the topic was changed: %d, %v", n, err)
	}
}

func TestEnsureTopicWithoutTheRightToDescribeConfiguration(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "t", 1)
	cluster.Fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Err: kerr.TopicAuthorizationFailed})
	got, err := newAdmin(t, cluster).EnsureTopic(testContext(t),
		TopicConfig{Name: "t", Partitions: 1, ReplicationFactor: 1, Config: map[string]string{"retention.ms": "1"}})
	if err != nil || len(got.Drift) != 1 || !strings.Contains(got.Drift[0], "not known: TOPIC_AUTHORIZATION_FAILED") {
		t.Errorf("%+v, %v (SEC-32)", got, err)
	}
}

func TestEnsureTopicThatSomebodyElseCreatesMeanwhile(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "t", 5)
	cluster.Fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "t", Err: kerr.UnknownTopicOrPartition})
	got, err := newAdmin(t, cluster).EnsureTopic(testContext(t), TopicConfig{Name: "t", Partitions: 1, ReplicationFactor: 1})
	if err != nil || got.Created || got.Partitions != 5 {
		t.Errorf("%+v, %v (KC-09)", got, err)
	}
}

func TestEnsureTopicWaitsForLeaders(t *testing.T) {
	cluster := kafkatest.Start(t)
	// The first answer says that the topic is not there, the next two that the brokers do not know it yet.
	late := cluster.Fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "t", Err: kerr.UnknownTopicOrPartition, Count: 3})
	got, err := newAdmin(t, cluster).EnsureTopic(testContext(t), TopicConfig{Name: "t", Partitions: 2, ReplicationFactor: 1})
	if err != nil || !got.Created || got.Partitions != 2 || late.Hits() != 3 {
		t.Errorf("%+v, %v, %d late answers", got, err, late.Hits())
	}
}

func TestEnsureTopicFailsInKafkasWords(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.Fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.TopicAuthorizationFailed})
	_, err := newAdmin(t, cluster).EnsureTopic(testContext(t), TopicConfig{Name: "t", Partitions: 1, ReplicationFactor: 1})
	if !errors.Is(err, kerr.TopicAuthorizationFailed) || !strings.Contains(err.Error(), `create topic "t"`) {
		t.Errorf("got %v (KC-31)", err)
	}
}

func TestValidateTopic(t *testing.T) {
	cluster := kafkatest.Start(t, kfake.AllowAutoTopicCreation())
	cluster.CreateTopic(t, "good", 3)
	_, err := kadm.NewClient(raw(t, cluster)).CreateTopic(testContext(t), 1, 1,
		map[string]*string{"kfake.is_internal": kadm.StringPtr("true")}, "internal")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, topic string
		partitions  int32
		err         string
	}{
		{"a topic that is there is valid (KC-02)", "good", 3, ""},
		{"a topic that is not there is named (KC-03)", "none", 0, "invalid topic none: topic not found in metadata response, "},
		{"an internal topic is refused (KC-03)", "internal", 1, "invalid topic internal: validation failed: marked as internal topic"},
	}
	admin := newAdmin(t, cluster)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, err := admin.ValidateTopic(testContext(t), tt.topic)
			if n != tt.partitions || (tt.err == "") != (err == nil) || err != nil && !strings.HasPrefix(err.Error(), tt.err) {
				t.Errorf("got %d, %v", n, err)
			}
			if invalid := (*InvalidTopicError)(nil); err != nil && (!errors.As(err, &invalid) || invalid.Topic != tt.topic) {
				t.Errorf("the error is a %T", err)
			}
		})
	}
	if _, err := admin.ValidateTopic(testContext(t), "none"); err == nil {
		t.Error("asking for a topic has created it (KC-13)")
	}
}

func TestCheckNamesEveryReason(t *testing.T) {
	err := check(topic{name: "t", internal: true})
	if want := "invalid topic t: validation failed: no partitions, marked as internal topic"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s (KC-03)", err, want)
	}
}

func TestDeleteTopic(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "t", 1)
	admin := newAdmin(t, cluster)
	for _, when := range []string{"first", "again"} {
		if err := admin.DeleteTopic(testContext(t), "t"); err != nil {
			t.Errorf("%s: %v (KC-10)", when, err)
		}
	}
	if _, err := admin.ValidateTopic(testContext(t), "t"); err == nil {
		t.Error("the topic is still there")
	}
	cluster.Fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DeleteTopics}, Err: kerr.TopicAuthorizationFailed})
	if err := admin.DeleteTopic(testContext(t), "t"); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("got %v (KC-31)", err)
	}
}
