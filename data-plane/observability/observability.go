// Package observability reads what the ConfigMap config-observability says to data planes: where metrics are served or
// pushed, and where traces go (CFG-50, CFG-51).
//
// It owns the keys, their values and the words of warnings. It must not export anything. Parse is a function of its
// arguments; Watch calls back on its own goroutine.
package observability

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Protocols of metrics and traces. None is the default.
const (
	None       = ""
	Prometheus = "prometheus"
	HTTP       = "http/protobuf"
	GRPC       = "grpc"
	Stdout     = "stdout"
)

// The keys of the ConfigMap.
const (
	keyMetricsProtocol = "metrics-protocol"
	keyMetricsEndpoint = "metrics-endpoint"
	keyMetricsInterval = "metrics-export-interval"
	keyTracingProtocol = "tracing-protocol"
	keyTracingEndpoint = "tracing-endpoint"
	keyTracingRate     = "tracing-sampling-rate"
)

var keys = []string{
	keyMetricsProtocol, keyMetricsEndpoint, keyMetricsInterval, keyTracingProtocol, keyTracingEndpoint, keyTracingRate,
}

// Config is what the keys say.
type Config struct {
	// MetricsProtocol is None, Prometheus, HTTP or GRPC.
	MetricsProtocol string
	// MetricsPort and MetricsPath are where metrics are scraped; 0 and "" as the process has it.
	MetricsPort int
	MetricsPath string
	// MetricsEndpoint is the URL that metrics are pushed to with HTTP and GRPC.
	MetricsEndpoint string
	// MetricsInterval is the time between two pushes.
	MetricsInterval time.Duration
	// TracingProtocol is None, HTTP, GRPC or Stdout.
	TracingProtocol string
	// TracingEndpoint is the URL that spans go to with HTTP and GRPC.
	TracingEndpoint string
	// SamplingRate is the part of the traces that begin here and are sampled, 0 to 1.
	SamplingRate float64
}

// defaultInterval is that of the ConfigMap.
const defaultInterval = time.Minute

// Parse returns what the values of the keys say. A value that cannot be used counts as absent, and is named, with what is
// allowed, in a warning.
func Parse(values map[string]string) (Config, []string) {
	p := parser{values: values}
	c := Config{
		MetricsProtocol: p.choice(keyMetricsProtocol, Prometheus, HTTP, GRPC),
		TracingProtocol: p.choice(keyTracingProtocol, HTTP, GRPC, Stdout),
		MetricsInterval: p.interval(),
		SamplingRate:    p.rate(),
	}
	switch c.MetricsProtocol {
	case Prometheus:
		c.MetricsPort, c.MetricsPath = p.scrape()
	case HTTP, GRPC:
		c.MetricsEndpoint = p.endpoint(keyMetricsEndpoint, c.MetricsProtocol, "/v1/metrics")
		if c.MetricsEndpoint == "" {
			c.MetricsProtocol = None
		}
	}
	if c.TracingProtocol == HTTP || c.TracingProtocol == GRPC {
		c.TracingEndpoint = p.endpoint(keyTracingEndpoint, c.TracingProtocol, "/v1/traces")
		if c.TracingEndpoint == "" {
			c.TracingProtocol = None
		}
	}
	return c, p.warnings
}

// parser reads values and notes what is wrong with them.
type parser struct {
	values   map[string]string
	warnings []string
}

func (p *parser) value(key string) string { return strings.TrimSpace(p.values[key]) }

func (p *parser) warn(key, allowed string) {
	p.warnings = append(p.warnings, fmt.Sprintf("%s: %q is not used: %s", key, p.value(key), allowed))
}

func (p *parser) choice(key string, of ...string) string {
	v := strings.ToLower(p.value(key))
	if v == "" || v == "none" {
		return None
	}
	if !slices.Contains(of, v) {
		p.warn(key, "one of none, "+strings.Join(of, ", "))
		return None
	}
	return v
}

func (p *parser) interval() time.Duration {
	v := p.value(keyMetricsInterval)
	if v == "" {
		return defaultInterval
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < time.Second {
		p.warn(keyMetricsInterval, "a duration of one second at least, such as 60s")
		return defaultInterval
	}
	return d
}

func (p *parser) rate() float64 {
	v := p.value(keyTracingRate)
	if v == "" {
		return 0
	}
	r, err := strconv.ParseFloat(v, 64)
	if err != nil || !(r >= 0 && r <= 1) {
		p.warn(keyTracingRate, "a number from 0 to 1")
		return 0
	}
	return r
}

// endpoint is the URL of a collector. Without a scheme it is one without TLS; for HTTP without a path it is that of the
// protocol's specification.
func (p *parser) endpoint(key, protocol, path string) string {
	v := p.value(key)
	if v != "" && !strings.Contains(v, "://") {
		v = "http://" + v
	}
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		p.warn(key, "a URL with http or https, such as http://collector.observability:4317")
		return ""
	}
	if protocol == HTTP && strings.Trim(u.Path, "/") == "" {
		u.Path = path
	}
	return u.String()
}

// scrape is the port and the path of metrics-endpoint for the protocol prometheus: PORT, :PORT, HOST:PORT, /path or a URL.
// The host is that of METRICS_HOST.
func (p *parser) scrape() (port int, path string) {
	v := p.value(keyMetricsEndpoint)
	if v == "" {
		return 0, ""
	}
	_, rest, found := strings.Cut(v, "://")
	if !found {
		rest = v
	}
	address, path, found := strings.Cut(rest, "/")
	if found && path != "" {
		path = "/" + path
	}
	if address == "" {
		return 0, path
	}
	text := address
	if _, after, err := net.SplitHostPort(address); err == nil {
		text = after
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 1 || port > 65535 {
		p.warn(keyMetricsEndpoint, "with prometheus, a port from 1 to 65535 and a path, such as :9090/metrics")
		return 0, ""
	}
	return port, path
}
