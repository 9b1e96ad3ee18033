package ingress

import (
	"errors"
	"net/http"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/data-plane/tracing"
)

// spans are those of one request that is recorded: of the request, and of its way to Kafka. A batch has one of each.
type spans struct{ server, send tracing.Span }

// begin begins the span of a request, if that belongs to a trace that is recorded, whatever becomes of it (OBS-30).
func (r *Request) begin(path string) {
	if r.ingress.tracer.On() {
		r.spans.server = r.ingress.tracer.Server(r.header("traceparent"), r.header("tracestate"), r.Received, r.Method, path)
	}
}

// trace begins the span of the way to Kafka.
func (r *Request) trace() {
	if !r.spans.server.Recorded() || len(r.events) == 0 {
		return
	}
	e := &r.events[0]
	r.spans.send = r.ingress.tracer.Send(r.spans.server, tracing.Message{
		ID: e.ID, Source: e.Source, Type: e.Type, Topic: r.route.topic, Servers: r.route.servers,
	})
}

// replace tells whether a header of the request gives way to that of the span.
func (s *spans) replace(key string) bool { return s.send.Recorded() && key != "baggage" }

// write makes a record part of the trace.
func (s *spans) write(record *kgo.Record) {
	if !s.send.Recorded() {
		return
	}
	parent, state := s.send.Headers()
	record.Headers = append(record.Headers, kgo.RecordHeader{Key: cloudevent.TraceKey("traceparent"), Value: []byte(parent)})
	if state != "" {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: cloudevent.TraceKey("tracestate"), Value: []byte(state)})
	}
}

// end ends the spans with the answer of the request.
func (s *spans) end(a Answer) {
	if !s.server.Recorded() {
		return
	}
	var err error
	if a.Status >= http.StatusBadRequest {
		err = errors.New(a.Reason)
	}
	s.send.Ended(err)
	s.server.Answered(a.Status, a.Reason)
	*s = spans{}
}

// drop ends the spans of a request that nobody waits for any more.
func (s *spans) drop() { s.end(Answer{Reason: "the client is gone"}) }

// note remembers the types of the events that were written, where the contract asks for it (IN-57).
func (r *Request) note() {
	if !r.route.noteTypes {
		return
	}
	for i := range r.events {
		e := &r.events[i]
		r.route.account.types.Note(e.Type, e.Source, e.DataSchema)
	}
}
