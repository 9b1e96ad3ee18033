package resolve

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/dev/inventory"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/manifest"
)

// The files of settings that one process has for all kinds; consumers have one for each kind (CFG-13).
const (
	ProducerFile   = "producer.properties"
	WebClientFile  = "webclient.properties"
	HTTPServerFile = "httpserver.properties"
)

// ConsumerFiles are the files of consumers by the kind of their resources, "" for the rest: Brokers.
func ConsumerFiles() map[string]string {
	return map[string]string{
		"": "consumer-broker.properties", "KafkaChannel": "consumer-channel.properties", "KafkaSource": "consumer-source.properties",
	}
}

// SettingsFiles are the names of all files of settings.
func SettingsFiles() []string {
	return append(slices.Sorted(maps.Values(ConsumerFiles())), HTTPServerFile, ProducerFile, WebClientFile)
}

// dataPlane reads the ConfigMaps config-kafka-<kind>-data-plane (CFG-12, CFG-13). What an installation has for each kind
// and this one process for all is taken from the first ConfigMap that has it.
func (p *planner) dataPlane() {
	p.plan.Settings = map[string]string{}
	from := map[string]string{} // file to the ConfigMap that it is from
	for _, kind := range []string{"broker", "channel", "source", "sink"} {
		o := p.Inventory.Get(inventory.System("config-kafka-" + kind + "-data-plane"))
		if o == nil {
			continue
		}
		data := o.Value.(*corev1.ConfigMap).Data //nolint:forcetypeassert // the kind says so
		for _, key := range slices.Sorted(maps.Keys(data)) {
			file := settingsFile(kind, key)
			first, taken := from[file]
			switch {
			case key == "_example":
			case file == "":
				p.unread(o, key, "nothing reads it")
			case !taken:
				from[file], p.plan.Settings[file] = o.ID.Name, data[key]
			case strings.TrimSpace(p.plan.Settings[file]) != strings.TrimSpace(data[key]):
				p.unread(o, key, "one process runs all kinds here, with that of "+first)
			}
		}
	}
}

func (p *planner) unread(o *manifest.Object, key, why string) {
	p.note("ignored: %s of ConfigMap %s/%s (%s): %s", key, o.ID.Namespace, o.ID.Name, o.Source.At("data"), why)
}

// settingsFile is the file that a key of the ConfigMap of a kind becomes, "" for none.
func settingsFile(kind, key string) string {
	name, ok := strings.CutPrefix(key, "config-kafka-"+kind+"-")
	switch {
	case !ok:
		return ""
	case name == "consumer.properties" && kind != "sink":
		return "consumer-" + kind + ".properties"
	case name == ProducerFile,
		name == WebClientFile && kind != "sink",
		name == HTTPServerFile && kind != "source":
		return name
	}
	return ""
}
