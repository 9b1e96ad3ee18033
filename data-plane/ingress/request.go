package ingress

import (
	"strings"
	"time"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/data-plane/oidc"
)

// Request is an HTTP request on its way to become a record. A server gets one from NewRequest, fills in what it has read,
// calls Admit before it reads the body, and ends with either Handle or Discard; it must not touch the request afterwards.
// The strings may point into memory that the server reuses after Handle or Discard has returned. Body may be filled by
// appending to it and belongs to the request from then on.
type Request struct {
	// Method as received.
	Method string
	// Target is the request target as received: a path with an optional query, or an absolute URL.
	Target string
	// Host is the header of that name or :authority.
	Host string
	// ContentType is the header of that name, "" when there is none.
	ContentType string
	// Headers are all others, names in any case.
	Headers []cloudevent.Header
	// Body is the content. Its capacity is worth keeping.
	Body []byte
	// Received is when the header was complete.
	Received time.Time
	// Limit is the size that Body may have; Admit sets it.
	Limit int

	ingress *Ingress
	table   *table // that route is from
	route   *route
	done    func(Answer)
	promise func(*kgo.Record, error) // r.acknowledged, made once
	text    []byte                   // owns what the strings of events point to
	events  []cloudevent.Event
	record  kgo.Record
	charged int64 // to account, which may not be that of route any more
	account *account
	spans   spans

	admitted oidc.Policies // those that admit the sender, where the route has a guard
}

const (
	// keptBody and keptText bound what a request keeps for its next use.
	keptBody = 256 << 10
	keptText = 16 << 10
	// keptEvents is what a large batch must not make every request keep.
	keptEvents = 16
	// usualHeaders saves a record from growing its headers one by one.
	usualHeaders = 12
)

func newRequest(i *Ingress) *Request {
	r := &Request{ingress: i, Headers: make([]cloudevent.Header, 0, usualHeaders), events: make([]cloudevent.Event, 0, 1)}
	r.promise = r.acknowledged
	r.record.Headers = make([]kgo.RecordHeader, 0, usualHeaders)
	return r
}

// NewRequest returns an empty request.
func (i *Ingress) NewRequest() *Request { return i.requests.Get().(*Request) }

// Discard gives back a request that is not handled, because Admit or the server itself refused it.
func (r *Request) Discard() {
	r.spans.drop()
	r.Method, r.Target, r.Host, r.ContentType = "", "", "", ""
	clear(r.Headers)
	r.Headers = r.Headers[:0]
	if r.Body = r.Body[:0]; cap(r.Body) > keptBody {
		r.Body = nil
	}
	if r.text = r.text[:0]; cap(r.text) > keptText {
		r.text = nil
	}
	if cap(r.events) > keptEvents {
		r.events = make([]cloudevent.Event, 0, 1)
	}
	r.table, r.route, r.done, r.Limit, r.spans, r.admitted = nil, nil, nil, 0, spans{}, nil
	headers := r.record.Headers[:cap(r.record.Headers)]
	clear(headers)
	// Everything else of a record, its context most of all, is of the producer that had it.
	r.record = kgo.Record{Headers: headers[:0]}
	r.ingress.requests.Put(r)
}

// Forget gives back a request that goes on as another one, which has the span.
func (r *Request) Forget() {
	r.spans = spans{}
	r.Discard()
}

// own copies what is kept of the header, so that the server can reuse its memory: the event's part and the trace that it
// belongs to. All else is dropped (IN-41).
func (r *Request) own(json bool) {
	size := len(r.ContentType)
	kept := r.Headers[:0]
	for _, h := range r.Headers {
		if !json && len(h.Name) > 3 && h.Name[2] == '-' && h.Name[0]|0x20 == 'c' && h.Name[1]|0x20 == 'e' || cloudevent.TraceKey(h.Name) != "" {
			size += len(h.Name) + len(h.Value)
			kept = append(kept, h)
		}
	}
	clear(r.Headers[len(kept):])
	r.Headers = kept
	// Strings are cut from text, so it must not move while it grows.
	if cap(r.text) < size {
		r.text = make([]byte, 0, max(size, 512))
	}
	r.text = r.text[:0]
	r.ContentType = r.keep(r.ContentType)
	for i := range kept {
		kept[i] = cloudevent.Header{Name: r.keep(kept[i].Name), Value: r.keep(kept[i].Value)}
	}
}

// keep copies s into text.
func (r *Request) keep(s string) string {
	if s == "" {
		return ""
	}
	start := len(r.text)
	r.text = append(r.text, s...)
	return unsafe.String(&r.text[start], len(s))
}

// json tells whether the body is a structured or batched event.
func (r *Request) json() bool {
	const marker = "application/cloudevents"
	return len(r.ContentType) >= len(marker) && strings.EqualFold(r.ContentType[:len(marker)], marker)
}

// place returns the path and the host that the request is for (IN-20). A target that is no path leaves the host to decide.
func (r *Request) place() (path, host string) {
	path, host = r.Target, r.Host
	if !strings.HasPrefix(path, "/") {
		_, rest, ok := strings.Cut(path, "://")
		if !ok {
			return "", host
		}
		n := strings.IndexAny(rest, "/?")
		if n < 0 {
			n = len(rest)
		}
		host, path = rest[:n], rest[n:]
	}
	path, _, _ = strings.Cut(path, "?")
	return path, host
}

// header returns the value of the first header of that name.
func (r *Request) header(name string) string {
	for _, h := range r.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}
