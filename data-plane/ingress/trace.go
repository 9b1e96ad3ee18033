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

// trace begins the spans of a request with events, if it belongs to a trace that is recorded. The header of the request
// has been copied by then.
func (r *Request) trace() {
	if !r.ingress.tracer.On() || len(r.events) == 0 {
		return
	}
	path := r.route.host
	if len(r.route.paths) > 0 {
		path = r.route.paths[0]
	}
	e := &r.events[0]
	r.spans.server = r.ingress.tracer.Server(r.header("traceparent"), r.header("tracestate"), r.Received, http.MethodPost, path)
	r.spans.send = r.ingress.tracer.Send(r.spans.server, tracing.Message{
		ID: e.ID, Source: e.Source, Type: e.Type, Topic: r.route.topic,
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
