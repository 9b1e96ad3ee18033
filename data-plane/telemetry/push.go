package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	goruntime "go.opentelemetry.io/contrib/instrumentation/runtime"
	ocbridge "go.opentelemetry.io/otel/bridge/opencensus"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
)

// The protocols of Push.
const (
	PushHTTP = "http/protobuf"
	PushGRPC = "grpc"
)

// Push says where figures go besides being scraped (OBS-18). The zero value is nowhere.
type Push struct {
	// Protocol is PushHTTP or PushGRPC.
	Protocol string
	// Endpoint is a URL, for PushHTTP with the path.
	Endpoint string
	// Interval between two pushes.
	Interval time.Duration
	// Resource names the process.
	Resource *resource.Resource
	// GoRuntime adds the figures of the Go runtime, which scrapes always have (OBS-14).
	GoRuntime bool
}

// Push changes where figures are pushed to. An error means that it cannot be done and nothing has changed; a collector that
// is away is logged. ctx bounds the last push to the place before.
func (r *Registry) Push(ctx context.Context, p Push) error {
	r.pushing.Lock()
	defer r.pushing.Unlock()
	var next *sdkmetric.MeterProvider
	if p.Protocol != "" {
		exporter, err := pushExporter(ctx, p)
		if err != nil {
			return fmt.Errorf("push metrics to %q with %s: %w", p.Endpoint, p.Protocol, err)
		}
		if next, err = r.provider(p, exporter); err != nil {
			return err
		}
	}
	old := r.pusher
	r.pusher = next
	if old == nil {
		return nil
	}
	if err := old.Shutdown(ctx); err != nil {
		r.options.Log.Warn("Metrics were not pushed a last time", "error", err)
	}
	return nil
}

// provider pushes with an exporter from now on.
func (r *Registry) provider(p Push, exporter sdkmetric.Exporter) (*sdkmetric.MeterProvider, error) {
	options := []sdkmetric.PeriodicReaderOption{
		sdkmetric.WithInterval(p.Interval),
		sdkmetric.WithProducer(meterNames{bridge{read: producer{r}, convert: ocbridge.NewMetricProducer()}, r.started}),
	}
	if p.GoRuntime {
		options = append(options, sdkmetric.WithProducer(goruntime.NewProducer())) // the one distribution
	}
	reader := sdkmetric.NewPeriodicReader(&loggedExporter{Exporter: exporter, log: r.options.Log}, options...)
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithResource(p.Resource))
	if p.GoRuntime {
		if err := goruntime.Start(goruntime.WithMeterProvider(provider)); err != nil {
			return nil, fmt.Errorf("observe the Go runtime: %w", err)
		}
	}
	return provider, nil
}

func pushExporter(ctx context.Context, p Push) (sdkmetric.Exporter, error) {
	switch p.Protocol {
	case PushHTTP:
		return otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(p.Endpoint))
	case PushGRPC:
		return otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpointURL(p.Endpoint))
	}
	return nil, fmt.Errorf("unknown protocol %q", p.Protocol)
}

// loggedExporter says when figures cannot be pushed, instead of the SDK's own logger, whose lines are no JSON. The first
// failure is said, and that it works again.
type loggedExporter struct {
	sdkmetric.Exporter
	log     *slog.Logger
	failing atomic.Bool
}

// Export hands figures to the exporter.
func (l *loggedExporter) Export(ctx context.Context, m *metricdata.ResourceMetrics) error {
	err := l.Exporter.Export(ctx, m)
	if errors.Is(err, context.Canceled) {
		return nil // it ends
	}
	if before := l.failing.Swap(err != nil); before == (err != nil) {
		return nil
	}
	if err != nil {
		l.log.Warn("Metrics cannot be pushed", "error", err)
	} else {
		l.log.Info("Metrics are pushed again")
	}
	return nil
}

// meterNames gives metrics the names that they have as meters: the text format of Prometheus alone ends them in their
// unit. Figures count from when the process began.
type meterNames struct {
	bridge
	started time.Time
}

// Produce reads the figures for a push.
func (n meterNames) Produce(ctx context.Context) ([]metricdata.ScopeMetrics, error) {
	scopes, err := n.bridge.Produce(ctx)
	now := time.Now()
	names := pushedNames()
	for s := range scopes {
		for i := range scopes[s].Metrics {
			m := &scopes[s].Metrics[i]
			if name, ok := names[m.Name]; ok {
				m.Name = name
			}
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				stamp(data.DataPoints, func(p *metricdata.DataPoint[int64]) { p.StartTime, p.Time = n.started, now })
			case metricdata.Gauge[float64]:
				stamp(data.DataPoints, func(p *metricdata.DataPoint[float64]) { p.Time = now })
			case metricdata.Histogram[float64]:
				stamp(data.DataPoints, func(p *metricdata.HistogramDataPoint[float64]) { p.StartTime, p.Time = n.started, now })
			}
		}
	}
	return scopes, err
}

func stamp[P any](points []P, set func(*P)) {
	for i := range points {
		set(&points[i])
	}
}

// pushedNames are the meters whose names for Prometheus have more than a unit of their own choice (OBS-01).
func pushedNames() map[string]string {
	return map[string]string{
		dispatchLatency.name: "kn.eventing.dispatch.latency",
		processLatency.name:  "kn.eventing.process.latency",
		inFlight.name:        "kn.eventing.dispatch.in_flight_requests",
		discardedEvents.name: "kn.eventing.kafka.discarded_events",
		skippedOffsets.name:  "kn.eventing.kafka.skipped_offsets",
		queueLatency.name:    "kn.eventing.kafka.executor_queue.latency",
		queueLength.name:     "kn.eventing.kafka.executor_queue.length",
	}
}
