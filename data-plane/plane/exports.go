package plane

import (
	"cmp"
	"context"
	"sync"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/observability"
	"knative.dev/eventing-kafka-go/data-plane/status"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
	"knative.dev/eventing-kafka-go/data-plane/tracing"
)

// exports is what became of config-observability.
type exports struct {
	values map[string]string // that were read last; of the goroutine that watches them

	mu     sync.Mutex
	report status.Setting
}

// exportTime bounds what is still exported to a place that was replaced.
const exportTime = 5 * time.Second

// startExports reads config-observability for the first time.
func (p *Plane) startExports() {
	if p.config.ObservabilityPath == "" {
		return
	}
	p.exports.values = observability.Read(p.config.ObservabilityPath)
	p.export(p.exports.values)
}

// watchExports takes up changes until ctx ends (CFG-51).
func (p *Plane) watchExports(ctx context.Context) error {
	return observability.Watch(ctx, p.config.ObservabilityPath, p.exports.values, p.config.Log, func(now map[string]string) {
		p.config.Log.Info("New settings", "file", p.config.ObservabilityPath)
		p.export(now)
	})
}

// export brings the values into force. What cannot be done leaves the part as it was.
func (p *Plane) export(values map[string]string) {
	ctx, cancel := context.WithTimeout(context.Background(), exportTime) // of the places before, which a caller that ends must not lose
	defer cancel()
	c, problems := observability.Parse(values)
	if err := p.tracer.Configure(ctx, tracing.Config{
		Protocol: c.TracingProtocol, Endpoint: c.TracingEndpoint, Ratio: c.SamplingRate,
		Service: p.config.ServiceName, Namespace: p.namespace(),
	}); err != nil {
		problems = append(problems, err.Error())
	}
	if err := p.registry.Push(ctx, p.push(c)); err != nil {
		problems = append(problems, err.Error())
	}
	if p.metrics != nil {
		if err := p.metrics.configure(ctx, c.MetricsPort, c.MetricsPath); err != nil {
			problems = append(problems, err.Error())
		}
	}
	for _, problem := range problems {
		p.config.Log.Warn("Setting without the effect that it asks for", "file", p.config.ObservabilityPath, "reason", problem)
	}
	p.exports.mu.Lock()
	defer p.exports.mu.Unlock()
	r := &p.exports.report
	r.File, r.LoadedAt, r.Warnings, r.Values = p.config.ObservabilityPath, time.Now(), problems, values
	if len(problems) > 0 {
		r.Rejected++
	}
}

func (p *Plane) push(c observability.Config) telemetry.Push {
	if c.MetricsProtocol != observability.HTTP && c.MetricsProtocol != observability.GRPC {
		return telemetry.Push{}
	}
	return telemetry.Push{
		Protocol: c.MetricsProtocol, Endpoint: c.MetricsEndpoint, Interval: c.MetricsInterval,
		Resource: tracing.Resource(p.config.ServiceName, p.namespace()), GoRuntime: p.config.PushGoMetrics,
	}
}

// namespace is that of the service (OBS-29).
func (p *Plane) namespace() string { return cmp.Or(p.config.ServiceNamespace, "Knative") }
