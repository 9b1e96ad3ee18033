package channel

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

func TestTheGroupOfARemovedSubscriberGoesAfterThePodsLetGo(t *testing.T) {
	s := newScene(t)
	s.subscribe("s1", "s2")
	s.settle()
	s.says("Ready=True")
	hold := s.written
	s.pods = holding(hold)
	s.subscribe("s2")
	s.settle()
	if !s.started(group1) {
		t.Error("the group was deleted while a pod ran it")
	}
	if len(s.channel().Status.Subscribers) != 1 {
		t.Errorf("%+v", s.channel().Status.Subscribers)
	}
	s.pods = served
	s.settle()
	if s.started(group1) || !s.started("kafka.ns.c.s2") {
		t.Error("the wrong group is there")
	}
	s.says("Ready=True")
	if recorded, _ := entries.Partitions(&s.channel().Status.Status); len(recorded) != 1 {
		t.Errorf("%v", recorded)
	}
}

func TestAnAdoptedTopicIsKeptAndItsDriftIsSaid(t *testing.T) {
	s := newScene(t)
	s.Kafka.CreateTopic(t, topicName, 5)
	s.settle()
	s.says("Ready=True", "TopicReady=True Topic "+topicName+" created: the topic existed before and is kept when this object is deleted; the topic differs from what is asked for: partitions: 5, wanted 3")
	s.delete()
	s.settle()
	if s.Partitions(topicName) != 5 {
		t.Error("somebody else's topic was deleted")
	}
	s.gone("Warning LeftBehind Left in Kafka: topic " + topicName + ": kept because it existed before")
}

// delete does what the API server does with an object that has a finalizer.
func (s *scene) delete() {
	c := s.channel()
	now := metav1.NewTime(s.Now)
	c.DeletionTimestamp = &now
	s.put(c)
	s.events = nil
}

// gone checks that the finalizer was removed, and that an event said so.
func (s *scene) gone(event string) {
	s.t.Helper()
	if f := s.channel().Finalizers; len(f) > 0 {
		s.t.Errorf("finalizers %v, error %v", f, s.err)
	}
	if event != "" && !slices.ContainsFunc(s.events, func(e string) bool { return strings.HasPrefix(e, event) }) {
		s.t.Errorf("events %q, want %q", s.events, event)
	}
	if s.channel().Status.Address != nil {
		s.t.Error("the address is still there")
	}
}

func TestADeletedChannelLeavesNothingOnceItIsNotServed(t *testing.T) {
	s := newScene(t)
	s.subscribe("s1")
	s.settle()
	hold := s.written
	s.pods = holding(hold)
	s.delete()
	s.settle()
	if s.Partitions(topicName) != 3 || !s.started(group1) || len(s.channel().Finalizers) != 1 {
		t.Error("topic or group went while pods used them")
	}
	s.pods = served
	s.settle()
	s.gone("Normal FinalizerUpdate")
	if s.Partitions(topicName) != 0 || s.started(group1) {
		t.Error("topic or group are still there")
	}
}

func TestWhatADeletedChannelMayLeaveBehind(t *testing.T) {
	for _, tc := range []struct {
		name  string
		do    func(*scene)
		topic int32
		event string
	}{
		{"pods that never let go are not waited for for ever", func(s *scene) {
			hold := s.written
			s.pods = holding(hold)
		}, 0, "Normal FinalizerUpdate"},
		{"an annotation keeps topic and groups", func(s *scene) {
			s.edit(func(c *messagingv1beta1.KafkaChannel) {
				c.Annotations = map[string]string{"kafka.eventing.knative.dev/deletion": "keep"}
			})
		}, 3, "Warning LeftBehind Left in Kafka: consumer group " + group1},
		{"the ConfigMap is gone: the servers are recorded", func(s *scene) { s.Remove("configmaps", "knative-eventing", "kafka-channel-config") }, 0,
			"Normal FinalizerUpdate"},
		{"the ConfigMap is gone and no server is recorded", func(s *scene) {
			s.Remove("configmaps", "knative-eventing", "kafka-channel-config")
			s.edit(func(c *messagingv1beta1.KafkaChannel) { delete(c.Status.Annotations, "bootstrap.servers") })
		}, 3, "Warning LeftBehind Left in Kafka: consumer group " + group1 + ": get ConfigMap"},
		{"the Secret is gone and Kafka asks for nothing", func(s *scene) {
			s.config(map[string]string{"bootstrap.servers": s.Kafka.Bootstrap(), "auth.secret.ref.name": "kafka"})
		}, 0, "Normal FinalizerUpdate"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newScene(t)
			s.subscribe("s1")
			s.settle()
			s.says("Ready=True")
			tc.do(s)
			s.delete()
			for range 30 {
				if s.step(); len(s.channel().Finalizers) == 0 {
					break
				}
				s.Now = s.Now.Add(6 * time.Second)
			}
			s.gone(tc.event)
			if got := s.Partitions(topicName); got != tc.topic {
				t.Errorf("%d partitions are left, want %d", got, tc.topic)
			}
		})
	}
}

func TestAGroupFollowsItsTopic(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(*scene)
		want map[int32]int64
	}{
		{"a topic that grew is read from its beginning where it is new", func(s *scene) {
			client, err := kgo.NewClient(kgo.SeedBrokers(s.Kafka.Addrs()...))
			if err == nil {
				defer client.Close()
				_, err = kadm.NewClient(client).CreatePartitions(s.Ctx, 1, topicName)
			}
			if err != nil {
				s.t.Fatal(err)
			}
		}, map[int32]int64{0: 1, 1: 0, 2: 0, 3: 0}},
		{"a topic that was made anew is read from its beginning", func(s *scene) {
			s.Kafka.DeleteTopic(s.t, topicName)
		}, map[int32]int64{0: 0, 1: 0, 2: 0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newScene(t)
			s.settle()
			s.Kafka.Produce(t, &kgo.Record{Topic: topicName, Partition: 0, Value: []byte("before")})
			s.subscribe("s1")
			s.settle()
			if got := s.Kafka.Committed(t, group1, topicName); !maps.Equal(got, map[int32]int64{0: 1, 1: 0, 2: 0}) {
				t.Fatalf("a new group begins at %v", got)
			}
			tc.do(s)
			s.settle()
			s.says("Ready=True")
			if got := s.Kafka.Committed(t, group1, topicName); !maps.Equal(got, tc.want) {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
}

func TestAGroupThatLostItsOffsetsBeginsNowhereByItself(t *testing.T) {
	s := newScene(t)
	s.subscribe("s1")
	s.settle()
	admin, err := s.In.Admins.Admin(kafka.Connection{Servers: s.Kafka.Addrs()})
	if err == nil {
		err = admin.DeleteGroup(s.Ctx, group1)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.settle()
	if s.started(group1) {
		t.Error("a start was committed again: events were skipped in silence")
	}
	s.config(map[string]string{"bootstrap.servers": s.Kafka.Bootstrap() + ",127.0.0.1:1"})
	s.settle()
	if !s.started(group1) {
		t.Error("other servers, and the group has no start there")
	}
}
