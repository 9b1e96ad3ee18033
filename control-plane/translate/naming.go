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
	"knative.dev/pkg/apis"

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

const (
	// DefaultClusterDomain is the domain of Services where nobody says otherwise.
	DefaultClusterDomain = "cluster.local"
	// BrokerIngress is the name of the Service in front of the ingress of Brokers.
	BrokerIngress = "kafka-broker-ingress"
	// ChannelIngress is the name of the Service in front of the ingress of KafkaChannels.
	ChannelIngress = "kafka-channel-ingress"
	// SinkIngress is the name of the Service in front of the ingress of KafkaSinks.
	SinkIngress = "kafka-sink-ingress"

	channelServiceSuffix = "-kn-channel"
	maxServiceName       = 63
)

// Path is the URL path of an object at the ingress of its kind.
func Path(namespace, name string) string { return "/" + namespace + "/" + name }

// ChannelServiceName is the Service of a KafkaChannel in its namespace.
func ChannelServiceName(channel string) string {
	if len(channel)+len(channelServiceSuffix) > maxServiceName {
		return channel
	}
	return channel + channelServiceSuffix
}

// ServiceHost is the host name of a Service; domain "" is DefaultClusterDomain.
func ServiceHost(namespace, service, domain string) string {
	if domain == "" {
		domain = DefaultClusterDomain
	}
	return service + "." + namespace + ".svc." + domain
}

// ChannelHost is the host name of a KafkaChannel.
func ChannelHost(namespace, channel, domain string) string {
	return ServiceHost(namespace, ChannelServiceName(channel), domain)
}

// ChannelAddress is the http address of a KafkaChannel: a host without a path.
func ChannelAddress(namespace, channel, domain string) *apis.URL {
	return apis.HTTP(ChannelHost(namespace, channel, domain))
}

// IngressAddress is the address of an object at a shared ingress: scheme http or https, the Service of the ingress, the
// namespace that it runs in.
func IngressAddress(scheme, ingress, ingressNamespace, domain, namespace, name string) *apis.URL {
	return &apis.URL{Scheme: scheme, Host: ServiceHost(ingressNamespace, ingress, domain), Path: Path(namespace, name)}
}

// Audience is whom tokens sent to an object are for, e.g. eventing.knative.dev/broker/namespace/name.
func Audience(group, kind, namespace, name string) string {
	return strings.ToLower(group + "/" + kind + "/" + namespace + "/" + name)
}

// apiGroup is the group of an apiVersion.
func apiGroup(apiVersion string) string {
	group, _, found := strings.Cut(apiVersion, "/")
	if !found {
		return ""
	}
	return group
}
