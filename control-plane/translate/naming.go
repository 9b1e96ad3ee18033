package translate

import (
	"fmt"
	"regexp"
	"strings"
	"text/template"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/control-plane/apis/messaging"
	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
)

const (
	// DefaultBrokerTopicTemplate is the default of brokers-topic-template.
	DefaultBrokerTopicTemplate = "knative-broker-{{ .Namespace }}-{{ .Name }}"
	// DefaultChannelTopicTemplate is the default of channels-topic-template.
	DefaultChannelTopicTemplate = "knative-messaging-kafka.{{ .Namespace }}.{{ .Name }}"
	// DefaultTriggerGroupTemplate is the default of triggers-consumergroup-template.
	DefaultTriggerGroupTemplate = "knative-trigger-{{ .Namespace }}-{{ .Name }}"

	// TopicStatusAnnotation is the key in status.annotations that holds the topic of a Broker or KafkaChannel.
	TopicStatusAnnotation = messaging.TopicStatusAnnotation
	// GroupStatusAnnotation is the key in status.annotations that holds the consumer group of a Trigger.
	GroupStatusAnnotation = "group.id"
)

// Templates are Go text templates over an object's metadata; "" is the default.
type Templates struct {
	BrokerTopic, ChannelTopic, TriggerGroup string
}

// Naming makes the names of topics and consumer groups. A name that is recorded in an object's status wins over the
// template for ever. It is immutable.
type Naming struct {
	brokerTopic, channelTopic, triggerGroup *template.Template
}

// NewNaming parses templates. The error names the template.
func NewNaming(t Templates) (*Naming, error) {
	n := &Naming{}
	for _, p := range []struct {
		name, text, fallback string
		into                 **template.Template
	}{
		{"brokers-topic-template", t.BrokerTopic, DefaultBrokerTopicTemplate, &n.brokerTopic},
		{"channels-topic-template", t.ChannelTopic, DefaultChannelTopicTemplate, &n.channelTopic},
		{"triggers-consumergroup-template", t.TriggerGroup, DefaultTriggerGroupTemplate, &n.triggerGroup},
	} {
		text := p.text
		if text == "" {
			text = p.fallback
		}
		parsed, err := template.New(p.name).Parse(text)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", p.name, err)
		}
		*p.into = parsed
	}
	return n, nil
}

// BrokerTopic returns the topic of a Broker, and whether it is an external one, which is neither created nor deleted.
func (n *Naming) BrokerTopic(b *eventingv1.Broker) (topic string, external bool, err error) {
	if topic, external = b.Annotations[annotation.ExternalTopic]; external {
		return topic, true, at(annotation.Path(annotation.ExternalTopic), ValidateTopicName(topic))
	}
	topic, err = topicOf(n.brokerTopic, &b.ObjectMeta, b.Status.Annotations)
	return topic, false, err
}

// ChannelTopic returns the topic of a KafkaChannel.
func (n *Naming) ChannelTopic(c *messagingv1beta1.KafkaChannel) (string, error) {
	return topicOf(n.channelTopic, &c.ObjectMeta, c.Status.Annotations)
}

func topicOf(t *template.Template, meta *metav1.ObjectMeta, recorded map[string]string) (string, error) {
	if topic := recorded[TopicStatusAnnotation]; topic != "" {
		return topic, nil
	}
	topic, err := render(t, meta)
	if err != nil {
		return "", err
	}
	if err := ValidateTopicName(topic); err != nil {
		return "", fmt.Errorf("%s of %s/%s: %w", t.Name(), meta.Namespace, meta.Name, err)
	}
	return topic, nil
}

// TriggerGroup returns the consumer group of a Trigger. A templated one is a DNS-1123 name: eventing-kafka-broker
// names an object after it, and a way back to it has to stay.
func (n *Naming) TriggerGroup(t *eventingv1.Trigger) (string, error) {
	if group := t.Status.Annotations[GroupStatusAnnotation]; group != "" {
		return group, nil
	}
	group, err := render(n.triggerGroup, &t.ObjectMeta)
	if err != nil {
		return "", err
	}
	if problems := validation.IsDNS1123Subdomain(group); len(problems) > 0 {
		return "", fmt.Errorf("%s of %s/%s: invalid consumer group %q: %s",
			n.triggerGroup.Name(), t.Namespace, t.Name, group, strings.Join(problems, "; "))
	}
	return group, nil
}

// ChannelGroup returns the consumer group of a subscriber of a KafkaChannel.
func ChannelGroup(namespace, channel string, subscription types.UID) string {
	return "kafka." + namespace + "." + channel + "." + string(subscription)
}

func render(t *template.Template, meta *metav1.ObjectMeta) (string, error) {
	var b strings.Builder
	if err := t.Execute(&b, meta); err != nil {
		return "", fmt.Errorf("%s of %s/%s: %w", t.Name(), meta.Namespace, meta.Name, err)
	}
	return b.String(), nil
}

// topicName is what Kafka takes for a topic, but for "." and "..".
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// ValidateTopicName says why Kafka would refuse a topic of this name.
func ValidateTopicName(topic string) error {
	if !topicName.MatchString(topic) || topic == "." || topic == ".." {
		return fmt.Errorf("invalid topic name %q: expected 1 to 249 characters of a-z, A-Z, 0-9, '.', '_', '-', and not '.' or '..'", topic)
	}
	return nil
}
