// Package tracing makes spans of what happens to an event and exports them with OTLP (OBS-28 to OBS-34).
//
// It owns the exporter and the names and attributes of spans. It must not decide where an event goes or which headers it
// carries: it says what the headers of a trace are, and others write them. While tracing is off, a call costs one atomic
// load; an event that is not sampled costs no span.
//
// A Tracer may be used by any number of goroutines and may be nil, which is one that is off.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// The protocols of Config.
const (
	Off    = ""
	HTTP   = "http/protobuf"
	GRPC   = "grpc"
	Stdout = "stdout"
)

// Config says where spans go.
type Config struct {
	// Protocol is one of Off, HTTP, GRPC and Stdout.
	Protocol string
	// Endpoint is a URL, for HTTP with the path that spans are posted to.
	Endpoint string
	// Ratio of traces that begin here and are sampled, 0 to 1. Those that began elsewhere are sampled as their parent is.
	Ratio float64
	// Service and Namespace name the process (OBS-29).
	Service, Namespace string
}

// Tracer makes spans.
type Tracer struct {
	log     *slog.Logger
	out     io.Writer // of Stdout
	current atomic.Pointer[provider]

	configuring sync.Mutex
	config      Config
}

type provider struct {
	sdk    *sdktrace.TracerProvider
	tracer trace.Tracer
	ratio  float64
}

// scope names who makes the spans.
const scope = "knative.dev/eventing-kafka-go/data-plane"

// New returns a Tracer that is off. out gets the spans of the protocol Stdout.
func New(log *slog.Logger, out io.Writer) *Tracer { return &Tracer{log: log, out: out} }

// closeTime bounds how long spans of settings that were replaced are still exported.
const closeTime = 5 * time.Second

// Configure changes where spans go; those that have begun go where they would have gone. It connects in the background, so
// an error means that the configuration itself cannot be used, and then nothing changes.
func (t *Tracer) Configure(ctx context.Context, c Config) error {
	t.configuring.Lock()
	defer t.configuring.Unlock()
	if c == t.config {
		return nil
	}
	var next *provider
	if c.Protocol != Off {
		exporter, err := t.exporter(ctx, c)
		if err != nil {
			return fmt.Errorf("export traces to %q with %s: %w", c.Endpoint, c.Protocol, err)
		}
		next = newProvider(c, &logged{SpanExporter: exporter, log: t.log}, t.log)
	}
	t.config = c
	if old := t.current.Swap(next); old != nil {
		old.end(context.WithoutCancel(ctx), t.log)
	}
	return nil
}

// Close exports what there is, until ctx ends, and turns tracing off.
func (t *Tracer) Close(ctx context.Context) {
	t.configuring.Lock()
	defer t.configuring.Unlock()
	t.config = Config{}
	if old := t.current.Swap(nil); old != nil {
		old.end(ctx, t.log)
	}
}

func (p *provider) end(ctx context.Context, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, closeTime)
	defer cancel()
	if err := p.sdk.Shutdown(ctx); err != nil {
		log.Warn("Not all spans were exported", "error", err)
	}
}

func (t *Tracer) exporter(ctx context.Context, c Config) (sdktrace.SpanExporter, error) {
	switch c.Protocol {
	case HTTP:
		return otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(c.Endpoint))
	case GRPC:
		return otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(c.Endpoint))
	case Stdout:
		return stdouttrace.New(stdouttrace.WithWriter(t.out))
	}
	return nil, fmt.Errorf("unknown protocol %q", c.Protocol)
}

func newProvider(c Config, exporter sdktrace.SpanExporter, log *slog.Logger) *provider {
	sdk := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter), // its queue is bounded, and what does not fit is dropped
		sdktrace.WithSpanProcessor(printer{log}),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(c.Ratio))),
		sdktrace.WithResource(Resource(c.Service, c.Namespace)),
	)
	return &provider{sdk: sdk, tracer: sdk.Tracer(scope), ratio: c.Ratio}
}

// Resource describes the process in what it exports (OBS-29).
func Resource(service, namespace string) *resource.Resource {
	return resource.NewSchemaless(attribute.String("service.name", service), attribute.String("service.namespace", namespace))
}

// logged says when spans cannot be exported, instead of the SDK's own logger, whose lines are no JSON. The first failure
// is said, and that it works again.
type logged struct {
	sdktrace.SpanExporter
	log     *slog.Logger
	failing atomic.Bool
}

// ExportSpans hands spans to the exporter.
func (l *logged) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := l.SpanExporter.ExportSpans(ctx, spans)
	if errors.Is(err, context.Canceled) {
		return nil // it ends
	}
	if before := l.failing.Swap(err != nil); before == (err != nil) {
		return nil
	}
	if err != nil {
		l.log.Warn("Spans cannot be exported", "error", err)
	} else {
		l.log.Info("Spans are exported again")
	}
	return nil
}

// On tells whether any span is made.
func (t *Tracer) On() bool { return t != nil && t.current.Load() != nil }
