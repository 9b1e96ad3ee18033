package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/delivery"
)

func from(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestTheEnvironmentOfAnInstallation(t *testing.T) { // CFG-67 to CFG-73
	c, err := configure([]string{"all"}, from(map[string]string{
		"DATA_PLANE_CONFIG_FILE_PATH": "/etc/brokers-triggers/data", "INGRESS_PORT": "8090", "INGRESS_TLS_PORT": "8453",
		"PRODUCER_CONFIG_FILE_PATH": "/p", "CONSUMER_CONFIG_FILE_PATH": "/c", "WEBCLIENT_CONFIG_FILE_PATH": "/w",
		"HTTPSERVER_CONFIG_FILE_PATH": "/h", "METRICS_HOST": "127.0.0.1", "METRICS_DISABLE_EVENT_TYPE_TAG": "true",
		"WAIT_STARTUP_SECONDS": "8", "SERVICE_NAME": "n", "POD_NAME": "pod-1", "SERVICE_NAMESPACE": "ns",
		"LIVENESS_PROBE_PATH": "/live", "METRICS_JVM_ENABLED": "true",
	}))
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string][2]string{
		"name": {c.Name, "pod-1"}, "contract": {c.ContractPath, "/etc/brokers-triggers/data"}, "ingress": {c.IngressAddress, ":8090"},
		"TLS": {c.IngressTLSAddress, ":8453"}, "certificate": {c.CertFile, "/etc/receiver-tls-secret/tls.crt"},
		"key": {c.KeyFile, "/etc/receiver-tls-secret/tls.key"}, "metrics": {c.MetricsAddress, "127.0.0.1:9090"},
		"producer": {c.Settings.Producer, "/p"}, "consumer": {c.Settings.Consumer, "/c"},
		"HTTP client": {c.Settings.WebClient, "/w"}, "HTTP server": {c.Settings.HTTPServer, "/h"},
		"liveness": {c.LivenessPath, "/live"}, "readiness": {c.ReadinessPath, "/readyz"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %q, want %q", name, pair[0], pair[1])
		}
	}
	if !c.DisableEventTypeTag || !c.PushGoMetrics || !c.Ingress || !c.Egress {
		t.Errorf("%+v", c)
	}
}

func TestWhatIsNotDoneIsWarnedOf(t *testing.T) {
	shipped := map[string]string{
		"METRICS_PUBLISH_QUANTILES": "false", "METRICS_JVM_ENABLED": "false", "WAIT_STARTUP_SECONDS": "8",
		"LIVENESS_PROBE_PATH": "/healthz", "READINESS_PROBE_PATH": "/readyz", "EGRESSES_INITIAL_CAPACITY": "20", "INSTANCE_ID": "x",
		"CONFIG_OBSERVABILITY_PATH": "/etc/observability", "CONFIG_FEATURES_PATH": "/etc/features", "SERVICE_NAME": "kafka-broker-receiver",
	}
	if found := unsupported(from(shipped)); len(found) != 0 {
		t.Errorf("warnings about what installations have: %v", found)
	}
	var names []string
	for _, v := range unsupported(from(map[string]string{
		"METRICS_HTTP_CLIENT_ENABLED": "true", "JAVA_TOOL_OPTIONS": "-Xmx1g", "METRICS_PEM_KEY_PATH": "/k",
		"LIVENESS_PROBE_PATH": "/live", "METRICS_JVM_ENABLED": "true",
	})) {
		names = append(names, v.name)
	}
	if want := []string{"METRICS_HTTP_CLIENT_ENABLED", "JAVA_TOOL_OPTIONS"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}

func TestWaitsBeforeRetriesAreBoundedAndSpreadByTheEnvironment(t *testing.T) {
	for name, test := range map[string]struct {
		limit, jitter string
		want          delivery.Backoff
		wrong         string
	}{
		"nothing":                {"", "", delivery.Backoff{}, ""},
		"both":                   {"10m", "0.2", delivery.Backoff{Max: 10 * time.Minute, Jitter: 0.2}, ""},
		"a bound without a unit": {"10", "", delivery.Backoff{}, "DELIVERY_BACKOFF_MAX"},
		"a bound of nothing":     {"0s", "", delivery.Backoff{}, "DELIVERY_BACKOFF_MAX"},
		"too much":               {"", "1.5", delivery.Backoff{}, "DELIVERY_BACKOFF_JITTER"},
		"no number":              {"", "NaN", delivery.Backoff{}, "DELIVERY_BACKOFF_JITTER"},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{
				"DATA_PLANE_CONFIG_FILE_PATH": "/contract", "DELIVERY_BACKOFF_MAX": test.limit, "DELIVERY_BACKOFF_JITTER": test.jitter,
			}
			c, err := configure([]string{"egress"}, from(env))
			if test.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), test.wrong) {
					t.Errorf("got %v, want %s named", err, test.wrong)
				}
				return
			}
			if err != nil || c.Backoff != test.want {
				t.Errorf("got %+v, %v; want %+v", c.Backoff, err, test.want)
			}
		})
	}
}

func TestAWrongValueNamesKeyValueAndWhatIsAllowed(t *testing.T) {
	for name, value := range map[string]string{
		"METRICS_DISABLE_EVENT_TYPE_TAG": "yes", "DISABLE_KAFKA_CLIENTS_METRICS": "1", "SHUTDOWN_GRACE_SECONDS": "25s", "INGRESS_PORT": "http", "INGRESS_TLS_PORT": "70000",
		"LOG_LEVEL": "loud", "LIVENESS_PROBE_PATH": "live", "READINESS_PROBE_PATH": "/ready?now", "METRICS_JVM_ENABLED": "on",
	} {
		_, err := configure([]string{"all"}, from(map[string]string{"DATA_PLANE_CONFIG_FILE_PATH": "/data", name: value}))
		if err == nil || !strings.HasPrefix(err.Error(), name+": ") || !strings.Contains(err.Error(), value) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
}

func TestWhatIsMountedIsUsed(t *testing.T) {
	dir := t.TempDir()
	for _, row := range []struct{ chosen, usual, want string }{
		{"", dir, dir}, {"", filepath.Join(dir, "config.xml"), filepath.Join(dir, "config.xml")},
		{"", filepath.Join(dir, "none", "config.xml"), ""}, {"/elsewhere", dir, "/elsewhere"},
	} {
		if got := mounted(row.chosen, row.usual); got != row.want {
			t.Errorf("%+v: %q", row, got)
		}
	}
}
