package channel

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	bench "knative.dev/eventing-kafka-go/control-plane/reconcilertest"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

func TestAChannelMayHaveAClusterOfItsOwn(t *testing.T) {
	s, own := newScene(t), kafkatest.Start(t)
	s.Add("configmaps", &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: bench.Namespace, Name: "own"},
		Data: map[string]string{"bootstrap.servers": own.Bootstrap()}})
	s.edit(func(c *messagingv1beta1.KafkaChannel) {
		c.Annotations = map[string]string{annotation.ChannelConfig: bench.Namespace + "/own"}
	})
	s.subscribe("s1")
	s.settle()
	s.says("Ready=True")
	if got := s.written[0].GetBootstrapServers(); got != own.Bootstrap() {
		t.Errorf("the contract leads to %s", got)
	}
	if s.Partitions(topicName) != 0 {
		t.Error("the topic is in the cluster of the installation")
	}
	own.DeleteTopic(t, topicName) // fails when it is not there
}

// SEC-34: where topics and groups are somebody else's matter, it takes no right but to describe, read and write.
func TestAChannelNeedsNoAdministrativeRightsWhereItsTopicIsThere(t *testing.T) {
	s := newScene(t)
	s.Kafka.CreateTopic(t, topicName, 3)
	s.Kafka.Fake().Fault(kfake.Fault{Err: kerr.ClusterAuthorizationFailed, Count: -1, Keys: []kmsg.Key{
		kmsg.CreateTopics, kmsg.DeleteTopics, kmsg.CreatePartitions, kmsg.DescribeConfigs, kmsg.AlterConfigs, kmsg.IncrementalAlterConfigs,
		kmsg.DeleteGroups, kmsg.DescribeGroups, kmsg.ListGroups, kmsg.OffsetDelete,
	}})
	s.subscribe("s1")
	s.settle()
	s.says("Ready=True")
	s.delete()
	for range 20 {
		if s.step(); len(s.channel().Finalizers) == 0 {
			break
		}
		s.Now = s.Now.Add(6 * time.Second)
	}
	s.gone("Warning LeftBehind Left in Kafka: ")
}
