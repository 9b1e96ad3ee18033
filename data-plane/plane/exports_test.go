package plane

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	metrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	traces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/data-plane/status"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// collector takes what is pushed with OTLP over HTTP.
type collector struct {
	*httptest.Server
	mu      sync.Mutex
	spans   []string // kind and trace
	meters  map[string]bool
	unknown []string
}

func newCollector(t *testing.T) *collector {
	c := &collector{meters: map[string]bool{}}
	c.Server = httptest.NewServer(http.HandlerFunc(c.take))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) take(_ http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	spans, figures := new(traces.ExportTraceServiceRequest), new(metrics.ExportMetricsServiceRequest)
	switch {
	case q.URL.Path == "/v1/traces" && proto.Unmarshal(body, spans) == nil:
		for _, rs := range spans.GetResourceSpans() {
			for _, ss := range rs.GetScopeSpans() {
				for _, s := range ss.GetSpans() {
					c.spans = append(c.spans, fmt.Sprintf("%s %x", s.GetName(), s.GetTraceId()))
				}
			}
		}
	case q.URL.Path == "/v1/metrics" && proto.Unmarshal(body, figures) == nil:
		for _, rm := range figures.GetResourceMetrics() {
			for _, sm := range rm.GetScopeMetrics() {
				for _, m := range sm.GetMetrics() {
					c.meters[m.GetName()] = true
				}
			}
		}
	default:
		c.unknown = append(c.unknown, q.URL.Path)
	}
}

func (c *collector) has(spans ...string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := strings.Join(c.spans, "\n")
	for _, s := range spans {
		if !strings.Contains(all, s) {
			return false
		}
	}
	return c.meters["kn.eventing.dispatch.latency"] && c.meters["kn.eventing.process.latency"]
}

// mountObservability writes keys into a folder and returns what changes them.
func mountObservability(t *testing.T) (dir string, write func(key, value string)) {
	dir = t.TempDir()
	return dir, func(key, value string) {
		t.Helper()
		path := filepath.Join(dir, key)
		if err := os.WriteFile(path+".new", []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
}

// An event in a trace that is sampled leaves spans of all its way, and figures are pushed (OBS-18, OBS-28 to OBS-33).
func TestSpansAndFiguresOfAnEventReachACollector(t *testing.T) {
	k := kafkatest.Start(t)
	k.CreateTopic(t, "topic-b", 1)
	to := newCollector(t)
	dir, write := mountObservability(t)
	write("metrics-protocol", "http/protobuf")
	write("metrics-endpoint", to.URL)
	write("metrics-export-interval", "1s")
	write("tracing-protocol", "http/protobuf")
	write("tracing-endpoint", to.URL+"/v1/traces")
	arrived := make(chan http.Header, 10)
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) { arrived <- q.Header }))
	t.Cleanup(sink.Close)
	r := startWith(t, broker(k, "b", 1, sink.URL), func(c *Config) { c.ObservabilityPath = dir })
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	r.sendWith("/ns/b", map[string]string{"traceparent": "00-" + trace + "-" + parent + "-01", "tracestate": "a=b", "baggage": "k=v"})
	h := <-arrived
	if got := h.Get("Traceparent"); !strings.HasPrefix(got, "00-"+trace+"-") || strings.Contains(got, parent) || len(h.Values("Traceparent")) != 1 {
		t.Errorf("traceparent %q: want another span of the same trace", h.Values("Traceparent"))
	}
	if h.Get("Tracestate") != "a=b" || h.Get("Baggage") != "k=v" {
		t.Errorf("%v", h)
	}
	unsampled := "00-" + trace + "-" + parent + "-00"
	r.sendWith("/ns/b", map[string]string{"traceparent": unsampled})
	if got := (<-arrived).Get("Traceparent"); got != unsampled {
		t.Errorf("traceparent of a trace that is not sampled: %q, want it unchanged", got)
	}
	r.eventually("spans and figures arrive", func() bool {
		return to.has("HTTP POST "+trace, "kafka_send "+trace, "kafka_receive "+trace)
	})
	to.mu.Lock()
	defer to.mu.Unlock()
	if len(to.unknown) > 0 {
		t.Errorf("pushed elsewhere: %v", to.unknown)
	}
}

// sendWith posts an event with further headers.
func (r *running) sendWith(path string, headers map[string]string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, "http://"+r.IngressAddr().String()+path, strings.NewReader("hello"))
	if err != nil {
		r.t.Fatal(err)
	}
	for name, value := range map[string]string{"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/test", "ce-type": "t", "Content-Type": "text/plain"} {
		req.Header.Set(name, value)
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		r.t.Fatalf("answered %d", resp.StatusCode)
	}
}

// The metrics port follows config-observability, and has TLS where files for it are named (OBS-17).
func TestTheMetricsPortFollowsItsConfiguration(t *testing.T) {
	k := kafkatest.Start(t)
	k.CreateTopic(t, "topic-b", 1)
	dir, write := mountObservability(t)
	write("metrics-protocol", "none")
	authority := kafkatest.NewAuthority(t)
	cert, key := authority.Issue(t, "localhost")
	files := t.TempDir()
	certFile, keyFile := filepath.Join(files, "tls.crt"), filepath.Join(files, "tls.key")
	for name, content := range map[string][]byte{certFile: cert, keyFile: key} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := startWith(t, broker(k, "b", 1), func(c *Config) {
		c.ObservabilityPath, c.MetricsCertFile, c.MetricsKeyFile = dir, certFile, keyFile
	})
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"}, DisableKeepAlives: true}}
	scrape := func(path string) int {
		resp, err := client.Get("https://" + r.MetricsAddr().String() + path)
		if err != nil {
			return 0
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	if code := scrape("/metrics"); code != http.StatusOK {
		t.Errorf("%d", code)
	}
	write("metrics-endpoint", "/figures")
	write("metrics-protocol", "prometheus")
	r.eventually("another path", func() bool { return scrape("/figures") == http.StatusOK })
	if code := scrape("/metrics"); code != http.StatusNotFound {
		t.Errorf("the path before: %d", code)
	}
	write("metrics-endpoint", ":99999")
	r.eventually("a port that is none is reported", func() bool {
		return strings.Contains(strings.Join(r.setting(filepath.Base(dir)).Warnings, ""), `metrics-endpoint: ":99999" is not used`)
	})
	if code := scrape("/metrics"); code != http.StatusOK {
		t.Errorf("with a port that is none: %d", code)
	}
}

// Types of accepted events and of replies are reported where the contract asks for it (IN-57).
func TestEventTypesAreReported(t *testing.T) {
	k := kafkatest.Start(t)
	k.CreateTopic(t, "topic-b", 1)
	k.CreateTopic(t, "topic-c", 1)
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Header.Get("ce-type") != "t" {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		for name, value := range map[string]string{
			"ce-specversion": "1.0", "ce-id": "2", "ce-source": "/reply", "ce-type": "answer", "ce-dataschema": "http://example.com/s",
		} {
			w.Header().Set(name, value)
		}
	}))
	t.Cleanup(sink.Close)
	c := broker(k, "b", 1, sink.URL)
	c.Resources[0].FeatureFlags = &contract.FeatureFlags{EnableEventTypeAutocreate: true}
	c.Resources[0].Egresses[0].ReplyStrategy = nil
	c.Resources = append(c.Resources, broker(k, "c", 1).Resources...)
	r := start(t, c)
	for _, path := range []string{"/ns/b", "/ns/c", "/ns/b"} {
		if code := r.send(path, "1"); code != http.StatusAccepted {
			t.Fatalf("answered %d", code)
		}
	}
	reply := status.EventType{Type: "answer", Source: "/reply", Schema: "http://example.com/s"}
	r.eventually("the reply's type is reported", func() bool {
		g := r.Report().Groups
		return len(g) == 1 && g[0].EventTypes != nil && len(g[0].EventTypes.Types) == 1 && g[0].EventTypes.Types[0] == reply
	})
	for _, route := range r.Report().Routes {
		switch {
		case route.Name == "c" && route.EventTypes != nil:
			t.Errorf("reported though nobody asks: %+v", route.EventTypes)
		case route.Name == "b" && (len(route.EventTypes.Types) != 1 || route.EventTypes.Types[0] != status.EventType{Type: "t", Source: "/test"}):
			t.Errorf("%+v", route.EventTypes)
		}
	}
}
