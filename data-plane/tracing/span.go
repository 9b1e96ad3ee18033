package tracing

import (
	"context"
	"net"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"knative.dev/eventing-kafka-go/data-plane/excerpt"
)

// Headers of W3C trace context, in HTTP and in Kafka records.
const (
	traceParent = "traceparent"
	traceState  = "tracestate"
)

// maxPath bounds what senders can make a span say.
const maxPath = 1024

// Span is one that is recorded, or none: the zero value, with which nothing happens.
type Span struct{ span trace.Span }

// Message is what spans say of an event and of who handles it (OBS-31).
type Message struct {
	ID, Source, Type           string
	ConsumerUUID, ConsumerName string // "" at the ingress
	Topic                      string
	Servers                    string // of Kafka, as the contract names them
}

func (m Message) attributes() []attribute.KeyValue {
	all := []attribute.KeyValue{
		attribute.String("messaging.message_id", m.ID), attribute.String("messaging.message_source", m.Source),
		attribute.String("messaging.message_type", m.Type),
	}
	if m.ConsumerUUID != "" {
		all = append(all, attribute.String("consumer.uuid", m.ConsumerUUID), attribute.String("consumer.name", m.ConsumerName))
	}
	return all
}

// kafka adds what names the other side (OBS-32): the servers that were named, and host and port of the first. Which broker
// it is in the end the client alone knows.
func (m Message) kafka() []attribute.KeyValue {
	all := append(m.attributes(), attribute.String("peer.service", "kafka"), attribute.String("message_bus.destination", m.Topic))
	if m.Servers == "" {
		return all
	}
	all = append(all, attribute.String("peer.address", m.Servers))
	first, _, _ := strings.Cut(m.Servers, ",")
	if host, port, err := net.SplitHostPort(strings.TrimSpace(first)); err == nil {
		all = append(all, attribute.String("peer.hostname", host), attribute.String("peer.port", port))
	}
	return all
}

// Server begins the span of a request that came with these headers of a trace, "" where there is none. A request of
// no trace may begin one. What the strings point to may be used again afterwards.
func (t *Tracer) Server(parent, state string, begin time.Time, method, path string) Span {
	p := t.current.Load()
	if p == nil || parent == "" && p.ratio == 0 {
		return Span{}
	}
	ctx, ok := remote(parent, strings.Clone(state))
	if parent != "" && !ok {
		return Span{}
	}
	return p.start(ctx, "HTTP "+method, trace.SpanKindServer, begin,
		attribute.String("http.request.method", strings.Clone(method)), attribute.String("url.path", excerpt.Of(strings.Clone(path), maxPath)))
}

// Receive begins the span of a record that came with these headers of a trace. A record of none begins none (OBS-30).
func (t *Tracer) Receive(parent, state string, begin time.Time, m Message) Span {
	p := t.current.Load()
	ctx, ok := remote(parent, state)
	if p == nil || !ok {
		return Span{}
	}
	return p.start(ctx, "kafka_receive", trace.SpanKindConsumer, begin, m.kafka()...)
}

// Send begins the span of a record that is about to be produced, as part of another one.
func (t *Tracer) Send(parent Span, m Message) Span {
	return t.child(parent, "kafka_send", trace.SpanKindProducer, m.kafka())
}

// Client begins the span of a request that is about to be sent, as part of another one.
func (t *Tracer) Client(parent Span, url string, m Message) Span {
	if !parent.Recorded() {
		return Span{}
	}
	return t.child(parent, "HTTP POST", trace.SpanKindClient,
		append(m.attributes(), attribute.String("http.request.method", "POST"), attribute.String("url.full", url)))
}

func (t *Tracer) child(parent Span, name string, kind trace.SpanKind, all []attribute.KeyValue) Span {
	if !parent.Recorded() {
		return Span{}
	}
	p := t.current.Load()
	if p == nil {
		return Span{}
	}
	// A span needs a context for its parent alone; it ends by itself.
	ctx := trace.ContextWithSpanContext(context.Background(), parent.span.SpanContext())
	return p.start(ctx, name, kind, time.Now(), all...)
}

// remote is the context of a trace that goes on here. It is false when there is none, or one that is not sampled.
func remote(parent, state string) (context.Context, bool) {
	ctx := context.Background() // a span ends by itself
	if parent == "" {
		return ctx, false
	}
	carrier := propagation.MapCarrier{traceParent: parent}
	if state != "" {
		carrier[traceState] = state
	}
	ctx = propagation.TraceContext{}.Extract(ctx, carrier)
	return ctx, trace.SpanContextFromContext(ctx).IsSampled()
}

func (p *provider) start(ctx context.Context, name string, kind trace.SpanKind, begin time.Time, all ...attribute.KeyValue) Span {
	_, span := p.tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithTimestamp(begin), trace.WithAttributes(all...))
	if !span.SpanContext().IsSampled() {
		return Span{}
	}
	return Span{span}
}

// Recorded tells whether there is a span.
func (s Span) Recorded() bool { return s.span != nil }

// Headers are the values of traceparent and tracestate for what belongs to the span; state may be "".
func (s Span) Headers() (parent, state string) {
	c := s.span.SpanContext()
	return "00-" + c.TraceID().String() + "-" + c.SpanID().String() + "-" + c.TraceFlags().String(), c.TraceState().String()
}

// Answered ends the span of a request with its status; 0: there was no answer, and reason says why.
func (s Span) Answered(status int, reason string) {
	if s.span == nil {
		return
	}
	if status != 0 {
		s.span.SetAttributes(attribute.Int("http.response.status_code", status))
	}
	if status == 0 || status >= 500 {
		if reason == "" {
			reason = "answered " + strconv.Itoa(status)
		}
		s.span.SetStatus(codes.Error, reason)
	}
	s.span.End()
}

// Ended ends a span, with an error if there was one.
func (s Span) Ended(err error) {
	if s.span == nil {
		return
	}
	if err != nil {
		s.span.SetStatus(codes.Error, err.Error())
	}
	s.span.End()
}
