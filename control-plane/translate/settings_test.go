package translate

import (
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
)

func configMap(data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "config"}, Data: data}
}

func TestBrokerSettings(t *testing.T) {
	tests := []struct {
		name string
		data map[string]string
		want Settings
		err  string
	}{
		{"what is shipped (CFG-01)",
			map[string]string{PartitionsKey: "10", ReplicationFactorKey: "3", ServersKey: "my-cluster-kafka-bootstrap.kafka:9092"},
			Settings{BootstrapServers: []string{"my-cluster-kafka-bootstrap.kafka:9092"}, Topic: Topic{Partitions: 10, ReplicationFactor: 3}}, ""},
		{"servers are trimmed, blanks dropped (CFG-02)",
			map[string]string{PartitionsKey: " 1 ", ReplicationFactorKey: "1", ServersKey: " a:1 , ,b:2,"},
			Settings{BootstrapServers: []string{"a:1", "b:2"}, Topic: Topic{Partitions: 1, ReplicationFactor: 1}}, ""},
		{"topic configuration (CFG-04)",
			map[string]string{PartitionsKey: "1", ReplicationFactorKey: "1", ServersKey: "a:1", "default.topic.config.retention.ms": "1000", "_example": "x"},
			Settings{BootstrapServers: []string{"a:1"}, Topic: Topic{Partitions: 1, ReplicationFactor: 1, Config: map[string]string{"retention.ms": "1000"}}}, ""},
		{"the Secret is in the namespace of the ConfigMap (CFG-05)",
			map[string]string{PartitionsKey: "1", ReplicationFactorKey: "1", ServersKey: "a:1", SecretNameKey: "s", SecretNamespaceKey: "other"},
			Settings{BootstrapServers: []string{"a:1"}, SecretNamespace: "ns", SecretName: "s", Topic: Topic{Partitions: 1, ReplicationFactor: 1}}, ""},
		{"nothing (CFG-03)", nil, Settings{}, "invalid configuration - numPartitions: 0 - replicationFactor: 0 - bootstrapServers: []"},
		{"no replicas (CFG-03)", map[string]string{PartitionsKey: "2", ServersKey: "a:1,b:2"}, Settings{},
			"invalid configuration - numPartitions: 2 - replicationFactor: 0 - bootstrapServers: [a:1 b:2]"},
		{"negative partitions (CFG-03)", map[string]string{PartitionsKey: "-1", ReplicationFactorKey: "1", ServersKey: "a:1"}, Settings{},
			"invalid configuration - numPartitions: -1"},
		{"no number", map[string]string{PartitionsKey: "ten"}, Settings{}, `config map ns/config: default.topic.partitions: strconv.ParseInt: parsing "ten"`},
		{"too many replicas", map[string]string{ReplicationFactorKey: "40000"}, Settings{}, "value out of range"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := BrokerSettings(configMap(tt.data))
			if !reflect.DeepEqual(got, tt.want) || !mentions(err, tt.err) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestChannelSettings(t *testing.T) {
	tests := []struct {
		name string
		data map[string]string
		want Settings
		err  string
	}{
		{"what is shipped (CFG-08)", map[string]string{ServersKey: "my-cluster-kafka-bootstrap.kafka:9092"},
			Settings{BootstrapServers: []string{"my-cluster-kafka-bootstrap.kafka:9092"}}, ""},
		{"the Secret's namespace (CFG-07)", map[string]string{ServersKey: "a:1", SecretNameKey: "s", SecretNamespaceKey: "other"},
			Settings{BootstrapServers: []string{"a:1"}, SecretNamespace: "other", SecretName: "s"}, ""},
		{"is the ConfigMap's when it is empty (CFG-07)", map[string]string{ServersKey: "a:1", SecretNameKey: "s", SecretNamespaceKey: ""},
			Settings{BootstrapServers: []string{"a:1"}, SecretNamespace: "ns", SecretName: "s"}, ""},
		{"partitions are the channel's (CFG-09)", map[string]string{ServersKey: "a:1", PartitionsKey: "x"}, Settings{BootstrapServers: []string{"a:1"}}, ""},
		{"no servers (CFG-07)", map[string]string{ServersKey: " , "}, Settings{}, "config map ns/config: bootstrap.servers: empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ChannelSettings(configMap(tt.data))
			if !reflect.DeepEqual(got, tt.want) || !mentions(err, tt.err) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestChannelTopicSettings(t *testing.T) {
	for retention, want := range map[string]string{"PT1H": "3600000", "": "604800000", "P1M": "2629746000", "PT0S": "0"} {
		spec := &messagingv1beta1.KafkaChannelSpec{NumPartitions: 3, ReplicationFactor: 2, RetentionDuration: retention}
		got, err := ChannelTopic(spec, "t")
		if expected := (Topic{"t", 3, 2, map[string]string{"retention.ms": want}}); err != nil || !reflect.DeepEqual(got, expected) {
			t.Errorf("%q: %+v, %v (CH-10, KC-05)", retention, got, err)
		}
	}
	if _, err := ChannelTopic(&messagingv1beta1.KafkaChannelSpec{RetentionDuration: "-PT1H"}, "t"); !mentions(err, "spec.retentionDuration: ") {
		t.Errorf("negative: %v (CH-10)", err)
	}
}
