package telemetry

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opencensus.io/metric/metricproducer"
	ocbridge "go.opentelemetry.io/otel/bridge/opencensus"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// namesAsTheyAre makes the exporter keep our names, which already end in their unit; dots become underscores.
const namesAsTheyAre = "UnderscoreEscapingWithoutSuffixes"

// exporter is the way out of a Registry: OpenCensus metrics, read when somebody scrapes, bridged to OpenTelemetry and
// from there into a Prometheus registry that belongs to this Registry alone.
type exporter struct {
	gatherer *prometheus.Registry
	provider *sdkmetric.MeterProvider
}

// newExporter fails only if the names of two collectors collide, which does not depend on anything at run time.
func newExporter(read metricproducer.Producer) (*exporter, error) {
	x := &exporter{gatherer: prometheus.NewRegistry()}
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := x.gatherer.Register(c); err != nil {
			return nil, fmt.Errorf("register runtime metrics: %w", err)
		}
	}
	reader, err := otelprom.New(
		otelprom.WithRegisterer(x.gatherer),
		otelprom.WithTranslationStrategy(namesAsTheyAre),
		otelprom.WithoutScopeInfo(),
		otelprom.WithoutTargetInfo(),
		otelprom.WithProducer(bridge{read: read, convert: ocbridge.NewMetricProducer()}),
	)
	if err != nil {
		return nil, fmt.Errorf("make Prometheus exporter: %w", err)
	}
	x.provider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)) // a reader without one reads nothing
	return x, nil
}

func (x *exporter) handler(log promhttp.Logger) http.Handler {
	return promhttp.HandlerFor(x.gatherer, promhttp.HandlerOpts{
		ErrorLog:      log,
		ErrorHandling: promhttp.ContinueOnError, // one wrong figure must not take all others away
	})
}

func (x *exporter) close(ctx context.Context) error {
	if err := x.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("end metrics export: %w", err)
	}
	return nil
}

// bridgeTurn is the one package-level variable here. The OpenCensus bridge reads every producer of the process-wide
// OpenCensus manager and cannot be given another, while one process may hold several registries (kn-kafka dev, tests).
// So a registry is in that manager only while it is being scraped, and one registry is scraped at a time.
var bridgeTurn sync.Mutex

// bridge reads the OpenCensus metrics of one Registry as OpenTelemetry metrics. OpenCensus views that other code of the
// process registers come along.
type bridge struct {
	read    metricproducer.Producer
	convert *ocbridge.MetricProducer
}

// Produce is called by the exporter at every scrape.
func (b bridge) Produce(ctx context.Context) ([]metricdata.ScopeMetrics, error) {
	bridgeTurn.Lock()
	defer bridgeTurn.Unlock()
	manager := metricproducer.GlobalManager()
	manager.AddProducer(b.read)
	defer manager.DeleteProducer(b.read)
	return b.convert.Produce(ctx)
}
