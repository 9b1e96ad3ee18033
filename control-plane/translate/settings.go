package translate

import (
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

// Keys of the ConfigMaps that say which Kafka cluster to use.
const (
	ServersKey           = "bootstrap.servers"
	PartitionsKey        = "default.topic.partitions"
	ReplicationFactorKey = "default.topic.replication.factor"
	TopicConfigPrefix    = "default.topic.config."
	SecretNameKey        = "auth.secret.ref.name"
	SecretNamespaceKey   = "auth.secret.ref.namespace"
)

// Topic is a topic as it has to be created.
type Topic struct {
	Name              string
	Partitions        int32
	ReplicationFactor int16
	// Config holds topic configuration such as retention.ms.
	Config map[string]string
}

// Settings are what a ConfigMap says about the Kafka cluster.
type Settings struct {
	BootstrapServers []string
	// SecretNamespace and SecretName name the Secret to authenticate with; "" is no authentication.
	SecretNamespace, SecretName string
	// Topic has no name. It is zero for channels, which say it themselves.
	Topic Topic
}

// BrokerSettings reads the ConfigMap that a Broker's spec.config names. The namespace of the Secret is always that of
// the ConfigMap.
func BrokerSettings(cm *corev1.ConfigMap) (Settings, error) {
	partitions, err := integer(cm, PartitionsKey, 32)
	if err != nil {
		return Settings{}, err
	}
	replicas, err := integer(cm, ReplicationFactorKey, 16)
	if err != nil {
		return Settings{}, err
	}
	s := settings(cm)
	s.Topic = Topic{Partitions: int32(partitions), ReplicationFactor: int16(replicas), Config: topicConfig(cm)}
	if partitions <= 0 || replicas <= 0 || len(s.BootstrapServers) == 0 {
		return Settings{}, fmt.Errorf("invalid configuration - numPartitions: %d - replicationFactor: %d - bootstrapServers: %v",
			partitions, replicas, s.BootstrapServers)
	}
	return s, nil
}

// ChannelSettings reads kafka-channel-config.
func ChannelSettings(cm *corev1.ConfigMap) (Settings, error) {
	s := settings(cm)
	if ns := strings.TrimSpace(cm.Data[SecretNamespaceKey]); ns != "" && s.SecretName != "" {
		s.SecretNamespace = ns
	}
	if len(s.BootstrapServers) == 0 {
		return Settings{}, fmt.Errorf("config map %s/%s: %s: empty", cm.Namespace, cm.Name, ServersKey)
	}
	return s, nil
}

// ChannelTopic returns the topic that a channel asks for.
func ChannelTopic(spec *messagingv1beta1.KafkaChannelSpec, name string) (Topic, error) {
	retention, err := spec.ParseRetentionDuration()
	if err != nil {
		return Topic{}, wrong("spec.retentionDuration", "%w", err)
	}
	return Topic{
		Name:              name,
		Partitions:        spec.NumPartitions,
		ReplicationFactor: spec.ReplicationFactor,
		Config:            map[string]string{"retention.ms": strconv.FormatInt(retention.Milliseconds(), 10)},
	}, nil
}

func settings(cm *corev1.ConfigMap) Settings {
	s := Settings{BootstrapServers: kafka.ParseServers(cm.Data[ServersKey]), SecretName: strings.TrimSpace(cm.Data[SecretNameKey])}
	if s.SecretName != "" {
		s.SecretNamespace = cm.Namespace
	}
	return s
}

// integer is the number under key, 0 when there is none.
func integer(cm *corev1.ConfigMap, key string, bits int) (int64, error) {
	text, ok := cm.Data[key]
	if !ok {
		return 0, nil
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, bits)
	if err != nil {
		return 0, fmt.Errorf("config map %s/%s: %s: %w", cm.Namespace, cm.Name, key, err)
	}
	return n, nil
}

// topicConfig is the configuration of the topic, nil when there is none.
func topicConfig(cm *corev1.ConfigMap) map[string]string {
	var config map[string]string
	for key, text := range cm.Data {
		if name, ok := strings.CutPrefix(key, TopicConfigPrefix); ok && name != "" {
			if config == nil {
				config = map[string]string{}
			}
			config[name] = text
		}
	}
	return config
}
