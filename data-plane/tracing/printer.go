package tracing

import (
	"context"
	"log/slog"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// printer logs the spans that end while the level is DEBUG (OBS-34), beside where they are exported to. Levels may change
// at any time, so it is asked for each span.
type printer struct{ log *slog.Logger }

// OnStart is called by the SDK.
func (printer) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd is called by the SDK with every span that is sampled.
func (p printer) OnEnd(s sdktrace.ReadOnlySpan) {
	ctx := context.Background() // a log line belongs to no request, and nothing waits for it
	if !p.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	said := []any{
		"name", s.Name(), "trace", s.SpanContext().TraceID().String(), "span", s.SpanContext().SpanID().String(),
		"milliseconds", float64(s.EndTime().Sub(s.StartTime()).Microseconds()) / 1000,
	}
	if s.Parent().IsValid() {
		said = append(said, "parent", s.Parent().SpanID().String())
	}
	if why := s.Status().Description; why != "" {
		said = append(said, "error", why)
	}
	var about []any
	for _, a := range s.Attributes() {
		about = append(about, string(a.Key), a.Value.String())
	}
	p.log.DebugContext(ctx, "Span", append(said, slog.Group("attributes", about...))...)
}

// ForceFlush is called by the SDK. Nothing waits here.
func (printer) ForceFlush(context.Context) error { return nil }

// Shutdown is called by the SDK.
func (printer) Shutdown(context.Context) error { return nil }
