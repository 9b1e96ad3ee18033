package consolidated

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

// settings are what a ConfigMap config-kafka says, in any of its shapes (MIG-16), as far as it is carried over (MIG-15).
type settings struct {
	servers                     []string
	secretName, secretNamespace string
	// protocol is what the addresses of brokers begin with, such as SASL_SSL; "" for nothing (MIG-18).
	protocol string
	// tls, sasl and roots are of the settings of the Kafka client.
	tls, sasl bool
	mechanism string
	roots     string // PEM
	// lost are the settings that have no place any more, by path (MIG-17).
	lost []string
}

// Paths of what is carried over.
const (
	keyBrokers         = "kafka.brokers"
	keySecretName      = "kafka.authSecretName"
	keySecretNamespace = "kafka.authSecretNamespace"
)

// parse reads the data of a ConfigMap. A value that cannot be read is an error: what it says would be lost in silence.
func parse(data map[string]string) (settings, error) {
	var s settings
	lost := map[string]bool{}
	var servers string
	for _, key := range slices.Sorted(maps.Keys(data)) {
		text := data[key]
		switch key {
		case "version", "_example":
		case "bootstrapServers": // the flat shape
			servers = text
		case "authSecretName":
			s.secretName = strings.TrimSpace(text)
		case "authSecretNamespace":
			s.secretNamespace = strings.TrimSpace(text)
		case "eventing-kafka":
			leaves, err := leavesOf(key, text)
			if err != nil {
				return s, err
			}
			servers, s.secretName, s.secretNamespace = leaves[keyBrokers], leaves[keySecretName], leaves[keySecretNamespace]
			for path := range leaves {
				if path != keyBrokers && path != keySecretName && path != keySecretNamespace {
					lost[key+"."+path] = true
				}
			}
		case "sarama":
			if err := s.client(text, lost); err != nil {
				return s, err
			}
		default:
			lost[key] = true
		}
	}
	s.lost = slices.Sorted(maps.Keys(lost))
	return s, s.setServers(servers)
}

// setServers splits addresses and what they begin with.
func (s *settings) setServers(list string) error {
	for _, server := range kafka.ParseServers(list) {
		if protocol, address, ok := strings.Cut(server, "://"); ok {
			if s.protocol != "" && !strings.EqualFold(s.protocol, protocol) {
				return fmt.Errorf("brokers %q: more than one protocol", list)
			}
			s.protocol, server = strings.ToUpper(protocol), address
		}
		s.servers = append(s.servers, server)
	}
	switch s.protocol {
	case "", "PLAINTEXT":
	case "SSL":
		s.tls = true
	case "SASL_PLAINTEXT":
		s.sasl = true
	case "SASL_SSL":
		s.tls, s.sasl = true, true
	default:
		return fmt.Errorf("brokers %q: %q is no protocol of Kafka", list, s.protocol)
	}
	return nil
}

// client reads the settings of the Kafka client, which stand under a key of their own in newer shapes.
func (s *settings) client(text string, lost map[string]bool) error {
	outer, err := leavesOf("sarama", text)
	if err != nil {
		return err
	}
	leaves := outer
	if inner, ok := outer["config"]; ok {
		if leaves, err = leavesOf("sarama.config", inner); err != nil {
			return err
		}
		delete(outer, "config")
		for path := range outer {
			lost["sarama."+path] = true
		}
	}
	for _, path := range slices.Sorted(maps.Keys(leaves)) {
		value := leaves[path]
		yes := strings.EqualFold(value, "true")
		switch p := strings.ToLower(strings.TrimPrefix(path, "config.")); {
		case p == "net.tls.enable":
			s.tls = s.tls || yes
		case p == "net.sasl.enable":
			s.sasl = s.sasl || yes
		case p == "net.sasl.mechanism":
			s.mechanism = value
		case strings.HasPrefix(p, "net.tls.config.rootpems"):
			s.roots += strings.TrimSpace(value) + "\n"
			s.tls = true
		default:
			lost["sarama.config."+strings.TrimPrefix(path, "config.")] = true
		}
	}
	return nil
}

// leavesOf reads YAML into its leaves by path, with the elements of lists as one path with an index.
func leavesOf(key, text string) (map[string]string, error) {
	var tree any
	if err := yaml.Unmarshal([]byte(text), &tree); err != nil {
		return nil, fmt.Errorf("key %q: %w", key, err)
	}
	leaves := map[string]string{}
	walk("", tree, leaves)
	return leaves, nil
}

func walk(path string, node any, leaves map[string]string) {
	join := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	switch v := node.(type) {
	case map[string]any:
		for name, child := range v {
			walk(join(name), child, leaves)
		}
	case []any:
		for i, child := range v {
			walk(join(fmt.Sprintf("%04d", i)), child, leaves)
		}
	case nil:
	default:
		leaves[path] = strings.TrimSpace(fmt.Sprint(v))
	}
}
