// Package dataplane owns what a data plane is to the control plane: which ConfigMap holds its contract, which Secret its
// credentials, which pods run it, and under which Service events enter.
//
// It does no I/O beyond reading the environment once, and its values are immutable.
package dataplane

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/proto/tokens"
)

// Kind is a data plane of an installation.
type Kind string

// The data planes of an installation.
const (
	Broker  Kind = "broker"
	Channel Kind = "channel"
	Sink    Kind = "sink"
	Source  Kind = "source"
)

// Kinds returns all data planes of an installation.
func Kinds() []Kind { return []Kind{Broker, Channel, Sink, Source} }

// HasIngress says whether events enter at it.
func (k Kind) HasIngress() bool { return k != Source }

// HasEgress says whether it delivers.
func (k Kind) HasEgress() bool { return k != Sink }

// DataPlane is one data plane: that of a kind in the system namespace, or that of the KafkaNamespaced Brokers of a
// namespace.
type DataPlane struct {
	Kind Kind
	// Namespace that its pods run in.
	Namespace string
	// ContractName is the ConfigMap that holds the contract, in Namespace.
	ContractName string
	// CredentialsName is the Secret that holds what it authenticates at Kafka with, in Namespace.
	CredentialsName string
	// SettingsName is the ConfigMap with its .properties files.
	SettingsName string
	// Ingress is the Service that events enter at, "" without one; TLSSecretName holds its certificate.
	Ingress, TLSSecretName string
	// Receiver and Dispatcher are the values of the label app of its pods, "" where it has none.
	Receiver, Dispatcher string
	// Format of its contract.
	Format contract.Format
	// BackoffDelay is the wait unit of a delivery that retries and does not say.
	BackoffDelay time.Duration
}

// contractName is the ConfigMap's name (CT-04).
func contractName(k Kind) string {
	switch k {
	case Broker:
		return "kafka-broker-brokers-triggers"
	case Channel:
		return "kafka-channel-channels-subscriptions"
	case Sink:
		return "kafka-sink-sinks"
	default:
		return "kafka-source-sources"
	}
}

const defaultBackoffDelay = 1000 // milliseconds (EG-29)

// FromEnvironment returns the data planes of the installation: the names of eventing-kafka-broker unless the
// environment says otherwise (CFG-56 to CFG-59). An error names the variable, its value and what is allowed.
func FromEnvironment(getenv func(string) string, systemNamespace string) (map[Kind]DataPlane, error) {
	all := map[Kind]DataPlane{}
	for _, kind := range Kinds() {
		d, err := fromEnvironment(kind, getenv, systemNamespace)
		if err != nil {
			return nil, err
		}
		all[kind] = d
	}
	return all, nil
}

func fromEnvironment(kind Kind, getenv func(string) string, systemNamespace string) (DataPlane, error) {
	prefix := strings.ToUpper(string(kind)) + "_"
	env := func(name, otherwise string) string {
		if value := strings.TrimSpace(getenv(prefix + name)); value != "" {
			return value
		}
		return otherwise
	}
	d := DataPlane{
		Kind:            kind,
		Namespace:       env("DATA_PLANE_CONFIG_MAP_NAMESPACE", systemNamespace),
		ContractName:    env("CONTRACT_CONFIG_MAP_NAME", contractName(kind)),
		CredentialsName: "kafka-" + string(kind) + "-credentials",
		SettingsName:    env("DATA_PLANE_CONFIG_CONFIG_MAP_NAME", "config-kafka-"+string(kind)+"-data-plane"),
	}
	if kind.HasIngress() {
		d.Receiver = "kafka-" + string(kind) + "-receiver"
		d.Ingress = env("INGRESS_NAME", "kafka-"+string(kind)+"-ingress")
		d.TLSSecretName = "kafka-" + string(kind) + "-ingress-server-tls"
	}
	if kind.HasEgress() {
		d.Dispatcher = "kafka-" + string(kind) + "-dispatcher"
	}
	var err error
	if d.Format, err = contract.ParseFormat(env("CONTRACT_CONFIG_MAP_FORMAT", string(contract.FormatZstd))); err != nil {
		return d, fmt.Errorf("%sCONTRACT_CONFIG_MAP_FORMAT: %w", prefix, err)
	}
	delay, err := strconv.ParseUint(env("DEFAULT_BACKOFF_DELAY_MS", strconv.Itoa(defaultBackoffDelay)), 10, 32)
	if err != nil || delay == 0 {
		return d, fmt.Errorf("%sDEFAULT_BACKOFF_DELAY_MS: %q is no number of milliseconds above 0", prefix, getenv(prefix+"DEFAULT_BACKOFF_DELAY_MS"))
	}
	d.BackoffDelay = time.Duration(delay) * time.Millisecond
	return d, nil
}

// In returns the data plane of the same kind in another namespace: that of its KafkaNamespaced Brokers.
func (d DataPlane) In(namespace string) DataPlane {
	d.Namespace = namespace
	return d
}

// TokensName is the Secret with a part of the tokens that it shows to subscribers, in Namespace: see package tokens.
func (d DataPlane) TokensName(shard int) string {
	return fmt.Sprintf("%s-tokens-%d", d.CredentialsName, shard)
}

// HoldsTokens says whether a Secret in Namespace is called like one with tokens.
func (d DataPlane) HoldsTokens(secret string) bool {
	text, _ := strings.CutPrefix(secret, d.CredentialsName+"-tokens-")
	shard, err := strconv.Atoi(text)
	return err == nil && 0 <= shard && shard < tokens.Shards && secret == d.TokensName(shard)
}

// Key identifies the data plane: the namespace and name of its contract.
func (d DataPlane) Key() string { return d.Namespace + "/" + d.ContractName }
