package main

import (
	"os"
	"path/filepath"
	"strings"
)

// variable is one that eventing-kafka-broker has and that has no effect here, or not with every value.
type variable struct {
	name    string
	served  string // the only value, beside none at all, that describes what is done; "*": no value asks for anything
	instead string
}

// variables of eventing-kafka-broker without a part of their own (CFG-67 to CFG-72).
var variables = []variable{
	{"LIVENESS_PROBE_PATH", "/healthz", "the path of the liveness probe is /healthz"},
	{"READINESS_PROBE_PATH", "/readyz", "the path of the readiness probe is /readyz"},
	{"METRICS_PEM_CERT_PATH", "", "metrics are served without TLS"},
	{"METRICS_PEM_KEY_PATH", "", "metrics are served without TLS"},
	{"METRICS_PUBLISH_QUANTILES", "false", "the histograms have buckets, of which quantiles are computed when they are queried"},
	{"METRICS_JVM_ENABLED", "false", "there is no JVM; figures of the Go runtime are always served"},
	{"METRICS_HTTP_CLIENT_ENABLED", "false", "see kn_eventing_dispatch_latency_ms of the egresses"},
	{"METRICS_HTTP_SERVER_ENABLED", "false", "see kn_eventing_dispatch_latency_ms of the ingress"},
	{"HTTP2_DISABLE", "false", "HTTP/2 is always understood"},
	{"JAVA_TOOL_OPTIONS", "", "there is no JVM; GOMEMLIMIT and GOMAXPROCS limit memory and processors"},
	{"ENABLE_VIRTUAL_THREADS", "*", "there is no JVM"},
	{"DISABLE_KAFKA_CLIENTS_METRICS", "*", "metrics of Java's Kafka clients are not served"},
	{"WAIT_STARTUP_SECONDS", "*", "readiness says what the start waits for, however long it takes"},
	{"EGRESSES_INITIAL_CAPACITY", "*", "nothing has to be sized in advance"},
	{"INSTANCE_ID", "*", "it is not used"},
	{"SERVICE_NAME", "*", "it names the process in traces"},
	{"SERVICE_NAMESPACE", "*", "it names the process in traces"},
	{"CONFIG_FEATURES_PATH", "*", "the contract says what features ask of the data plane"},
}

// unsupported returns the variables, and the files of CONFIG_OBSERVABILITY_PATH, that ask for something that is not done.
func unsupported(env func(string) string) []variable {
	var found []variable
	for _, v := range variables {
		if value := env(v.name); value != "" && v.served != "*" && !strings.EqualFold(value, v.served) {
			found = append(found, v)
		}
	}
	dir := env("CONFIG_OBSERVABILITY_PATH")
	for _, f := range []struct {
		key, instead string
		served       []string
	}{
		{"metrics-protocol", "metrics are served at METRICS_ADDRESS and pushed nowhere", []string{"", "none", "prometheus"}},
		{"metrics-endpoint", "metrics are served at METRICS_ADDRESS, path /metrics", []string{""}},
		{"tracing-protocol", "no traces are exported; the trace context of events is passed on", []string{"", "none"}},
	} {
		if dir == "" {
			break
		}
		content, err := os.ReadFile(filepath.Join(dir, f.key))
		if err != nil {
			continue // a key that is not in the ConfigMap
		}
		value := strings.ToLower(strings.TrimSpace(string(content)))
		served := false
		for _, s := range f.served {
			served = served || s == value
		}
		if !served {
			found = append(found, variable{name: "CONFIG_OBSERVABILITY_PATH/" + f.key, instead: f.instead})
		}
	}
	return found
}
