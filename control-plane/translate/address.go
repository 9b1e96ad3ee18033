package translate

import (
	"strings"

	"knative.dev/pkg/apis"
)

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
