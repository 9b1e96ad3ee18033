// Package environment knows the variables that a program of the control plane is started with.
//
// It reads the environment alone and keeps no state.
package environment

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"knative.dev/pkg/system"
)

// namespaceOfTests is what a package for tests, which some types of core import, sets where no namespace is named.
const namespaceOfTests = "knative-testing"

// CheckSystemNamespace returns an error when nothing says in which namespace this program runs: without it a program
// runs happily in a namespace of tests and finds nothing there.
func CheckSystemNamespace() error {
	if ns := os.Getenv(system.NamespaceEnvKey); ns != "" && ns != namespaceOfTests {
		return nil
	}
	return errors.New("the environment variable " + system.NamespaceEnvKey +
		" is not set: it names the namespace that this program runs in, usually knative-eventing")
}

// Or returns the value of a variable, fallback when it is not set or empty.
func Or(variable, fallback string) string {
	if value := os.Getenv(variable); value != "" {
		return value
	}
	return fallback
}

// Port returns the port that a variable names, fallback when it is not set.
func Port(variable string, fallback int) (int, error) {
	text := os.Getenv(variable)
	if text == "" {
		return fallback, nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return 0, fmt.Errorf("%s: %q is no port from 1 to 65535", variable, text)
	}
	return int(port), nil
}

// SetDefault sets a variable that is not set, for those who read the environment themselves.
func SetDefault(variable, value string) error {
	if os.Getenv(variable) != "" {
		return nil
	}
	return os.Setenv(variable, value)
}

// Meaningless returns those variables of the controller of eventing-kafka-broker that are set and mean nothing here: there
// is no scheduler, no pod has a contract of its own, the version of Kafka's protocol is negotiated (CFG-58, CFG-60 to
// CFG-62).
func Meaningless(getenv func(string) string) []string {
	all := []string{
		"AUTOSCALER_REFRESH_PERIOD", "POD_CAPACITY", "DISPATCHERS_MIN_REPLICAS", "SCHEDULER_CONFIG", "DESCHEDULER_CONFIG",
		"CONSUMER_CONTRACT_CONFIG_MAP_FORMAT", "ENABLE_SARAMA_LOGGER", "ENABLE_SARAMA_DEBUG_LOGGER", "ENABLE_SARAMA_CLIENT_POOL",
		"SARAMA_CONFIG_VERSION", "METRICS_DOMAIN", "BROKER_GENERAL_CONFIG_MAP_NAME", "SINK_GENERAL_CONFIG_MAP_NAME",
	}
	for _, plane := range []string{"BROKER", "CHANNEL", "SINK"} {
		all = append(all, plane+"_INGRESS_POD_PORT", plane+"_INGRESS_POD_TLS_PORT", plane+"_SYSTEM_NAMESPACE")
	}
	return slices.DeleteFunc(all, func(name string) bool { return getenv(name) == "" })
}
