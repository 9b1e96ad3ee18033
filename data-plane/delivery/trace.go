package delivery

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/data-plane/tracing"
)

// receive begins the span of a record, if it belongs to a trace that is recorded.
func (t *Target) receive(j *Job, e *cloudevent.Event) {
	if !t.tracer.On() {
		return
	}
	var parent, state string
	for _, h := range j.Record.Headers {
		switch cloudevent.TraceKey(h.Key) {
		case "traceparent":
			parent = string(h.Value)
		case "tracestate":
			state = string(h.Value)
		}
	}
	j.trace = t.tracer.Receive(parent, state, j.Received, t.message(e, j.Record.Topic))
}

// request begins the span of a request.
func (t *Target) request(j *Job, to *endpoint, e *cloudevent.Event) tracing.Span {
	if !j.trace.Recorded() {
		return tracing.Span{}
	}
	return t.tracer.Client(j.trace, to.url, t.message(e, j.Record.Topic))
}

func (t *Target) message(e *cloudevent.Event, topic string) tracing.Message {
	return tracing.Message{
		ID: e.ID, Source: e.Source, Type: e.Type, ConsumerUUID: t.uuid, ConsumerName: t.name, Topic: topic, Servers: t.servers,
	}
}

// replaces tells whether a header of the record gives way to that of the span.
func replaces(span tracing.Span, key string) bool { return span.Recorded() && key != "baggage" }

// appendTrace makes a request part of the trace.
func appendTrace(dst []byte, span tracing.Span) []byte {
	if !span.Recorded() {
		return dst
	}
	parent, state := span.Headers()
	dst = appendHeader(dst, "traceparent", parent)
	if state != "" {
		dst = appendHeader(dst, "tracestate", state)
	}
	return dst
}

// writeTrace makes a record part of the trace.
func writeTrace(rec *kgo.Record, span tracing.Span) {
	if !span.Recorded() {
		return
	}
	parent, state := span.Headers()
	rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: "traceparent", Value: []byte(parent)})
	if state != "" {
		rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: "tracestate", Value: []byte(state)})
	}
}
