package resolve

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/dev/inventory"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/manifest"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

const (
	channelConfig = "kafka-channel-config"
	brokerConfig  = "kafka-broker-config"
	// shippedPartitions is what kafka-broker-config says as it is installed.
	shippedPartitions = 10

	trustBundleLabel = "networking.knative.dev/trust-bundle"
)

// later are the ConfigMaps of an installation that this version does not read.
var later = []string{
	"kafka-config-logging", "config-observability", "config-logging",
}

// settings reads the ConfigMaps of the installation that are among the manifests.
func (p *planner) settings() {
	p.naming, _ = translate.NewNaming(translate.Templates{}) // the defaults parse
	if o := p.Inventory.Get(inventory.System("config-kafka-features")); o != nil {
		p.features(o)
	}
	if cm := p.configMap(inventory.System("config-features")); cm != nil {
		p.flags.EventTypeAutocreate = strings.EqualFold(cm.Data["eventtype-auto-create"], "enabled")
	}
	var ignored []string
	p.Inventory.Each("", "ConfigMap", func(o *manifest.Object) {
		cm := o.Value.(*corev1.ConfigMap) //nolint:forcetypeassert // the kind says so
		if slices.Contains(later, o.ID.Name) {
			ignored = append(ignored, o.ID.Namespace+"/"+o.ID.Name)
		}
		if cm.Labels[trustBundleLabel] == "true" && o.ID.Namespace == inventory.SystemNamespace {
			for _, key := range slices.Sorted(maps.Keys(cm.Data)) {
				p.plan.TrustBundles = append(p.plan.TrustBundles, cm.Data[key])
			}
		}
	})
	if len(ignored) > 0 {
		p.note("ignored for now: ConfigMap %s", strings.Join(ignored, ", "))
	}
	if o := p.Inventory.Get(inventory.System(channelConfig)); o != nil {
		p.replacedServers(o)
	}
	p.dataPlane()
}

// features reads config-kafka-features. A template that cannot be parsed makes all of it count for nothing.
func (p *planner) features(o *manifest.Object) {
	data := o.Value.(*corev1.ConfigMap).Data //nolint:forcetypeassert // the kind says so
	first := func(keys ...string) string {
		for _, key := range keys {
			if value, ok := data[key]; ok {
				return value
			}
		}
		return ""
	}
	naming, err := translate.NewNaming(translate.Templates{
		BrokerTopic:  first("brokers-topic-template", "brokers.topic.template"),
		ChannelTopic: first("channels-topic-template", "channels.topic.template"),
		TriggerGroup: first("triggers-consumergroup-template", "triggers.consumergroup.template"),
	})
	if err != nil {
		p.fail(o, "data", "%v; the defaults are used", err)
		return
	}
	p.naming = naming
	enabled := func(keys ...string) bool { return strings.EqualFold(strings.TrimSpace(first(keys...)), "enabled") }
	p.flags.RateLimiter = enabled("dispatcher-rate-limiter", "dispatcher.rate-limiter")
	p.flags.OrderedExecutorMetrics = enabled("dispatcher-ordered-executor-metrics", "dispatcher.ordered-executor-metrics")
}

// channelSettings are the Secret that channels authenticate with; servers are those of the program.
func (p *planner) channelSettings() (namespace, secret string) {
	cm := p.configMap(inventory.System(channelConfig))
	if cm == nil {
		return "", ""
	}
	s, err := translate.ChannelSettings(cm)
	if err != nil {
		return "", "" // no servers: they are not needed here
	}
	return s.SecretNamespace, s.SecretName
}

// brokerSettings reads the ConfigMap of a Broker. The one of the installation may be missing, as most folders of
// manifests do not hold it.
func (p *planner) brokerSettings(id manifest.ID) (translate.Settings, error) {
	o := p.Inventory.Get(id)
	if o == nil && id == inventory.System(brokerConfig) {
		p.note("ConfigMap %s/%s is not among the manifests: topics of Brokers get %d partitions, as it is shipped",
			id.Namespace, id.Name, shippedPartitions)
		return translate.Settings{Topic: translate.Topic{Partitions: shippedPartitions, ReplicationFactor: 1}}, nil
	}
	if o == nil {
		return translate.Settings{}, fmt.Errorf("ConfigMap %s/%s is not among the manifests", id.Namespace, id.Name)
	}
	s, err := translate.BrokerSettings(o.Value.(*corev1.ConfigMap)) //nolint:forcetypeassert // the kind says so
	if err != nil {
		return s, fmt.Errorf("ConfigMap at %s: %w", o.Source.At("data"), err)
	}
	p.replacedServers(o)
	return s, nil
}

// replacedServers says that the servers of a ConfigMap are not those that are used.
func (p *planner) replacedServers(o *manifest.Object) {
	servers := o.Value.(*corev1.ConfigMap).Data[translate.ServersKey] //nolint:forcetypeassert // the kind says so
	if servers != "" {
		p.note("%s %s of ConfigMap %s/%s (%s) is replaced by the Kafka above", translate.ServersKey, servers,
			o.ID.Namespace, o.ID.Name, o.Source.At("data."+translate.ServersKey))
	}
}
