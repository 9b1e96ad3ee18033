// Package cloudevent converts between CloudEvents, HTTP messages and Kafka records, and keeps the bytes of data exactly.
//
// It owns what a valid CloudEvent is and how it is written down: binary, structured and batched HTTP messages, binary and
// structured Kafka records, and the events that a KafkaSource makes of other records. It must not do I/O, read a clock,
// route, filter or decide what happens to what is invalid.
//
// # Text and memory
//
// An Event holds its attributes as text, in the form that HTTP and Kafka headers carry. Nothing is parsed into typed values:
// times and URIs are checked and kept as they came. Only a time that RFC 3339 does not allow but that senders are known
// to write (no seconds, lower case t or z) is rewritten. An empty optional attribute is an absent one.
//
// The strings and the data of an Event point into the message that it was read from, or into one copy of it: FromHTTP
// says which. They are immutable; changing an event means replacing strings.
//
// # Values in HTTP headers
//
// Percent-encoding of header values is neither decoded nor applied: a value travels byte for byte from HTTP to Kafka and back
// (IN-27, IN-28). The HTTP binding 1.0.2 asks for encoding, but neither the Java nor the Go SDK encodes or decodes, so
// most senders and receivers mean what stands there, and what one end encodes reaches the other end unchanged. The one
// exception are control characters, which no header can carry: VisitHTTPHeaders percent-encodes them, so that a value
// that came in as JSON can never end its header and begin another.
//
// # Concurrency
//
// There is no shared state. An Event may be read from several goroutines; whoever changes it must own it.
package cloudevent

import (
	"errors"
	"strconv"
)

// Versions of the CloudEvents specification that are accepted and kept as they are (IN-27, EG-15).
const (
	V1  = "1.0"
	V03 = "0.3"
)

// ErrNotCloudEvent means that nothing marks the message as a CloudEvent. Every other error of this package is an
// *InvalidError: the message claims to be a CloudEvent and is not a valid one. Ingress answers both with 400 (IN-12).
var ErrNotCloudEvent = errors.New("not a CloudEvent")

// InvalidError says what is wrong with a message that claims to be a CloudEvent.
type InvalidError struct {
	Attribute string // the attribute or field concerned; "" = the message as a whole
	Problem   string
}

func (e *InvalidError) Error() string {
	if e.Attribute == "" {
		return "invalid CloudEvent: " + e.Problem
	}
	return "invalid CloudEvent: " + e.Attribute + ": " + e.Problem
}

// Kind is the type of an extension's value: how a JSON encoder writes it and how CloudEvents SQL sees it.
type Kind uint8

// The kinds of extension values.
const (
	KindString  Kind = iota
	KindInteger      // decimal text; larger than 32 bits is allowed, for offsets
	KindBoolean      // true or false
	KindBinary       // standard base64 with padding
)

// Extension is an extension attribute; Value is its canonical text.
type Extension struct {
	Name, Value string
	Kind        Kind
}

// Event is a CloudEvent whose attributes are text, "" meaning absent. Its strings and Data may alias the message it came
// from; treat them as immutable. DataSchema is called schemaurl in version 0.3.
type Event struct {
	SpecVersion, ID, Source, Type, Subject, Time, DataContentType, DataSchema string

	Extensions []Extension
	Data       []byte // nil = no data; empty but not nil = data of no bytes
}

// Mode is a content mode of the CloudEvents HTTP and Kafka bindings.
type Mode uint8

// The content modes.
const (
	Binary Mode = iota
	Structured
	Batch
)

// Content types of structured and batched messages.
const (
	ContentTypeStructured = "application/cloudevents+json"
	ContentTypeBatch      = "application/cloudevents-batch+json"
)

// Reset empties e and keeps the capacity of Extensions.
func (e *Event) Reset() { *e = Event{Extensions: e.Extensions[:0]} }

// Clone returns an event whose Extensions can be changed without changing e's. Strings and Data are shared.
func (e *Event) Clone() Event {
	c := *e
	c.Extensions = append(make([]Extension, 0, len(e.Extensions)+4), e.Extensions...)
	return c
}

// Extension returns an extension's text and whether it is there.
func (e *Event) Extension(name string) (string, bool) {
	for i := range e.Extensions {
		if e.Extensions[i].Name == name {
			return e.Extensions[i].Value, true
		}
	}
	return "", false
}

// SetExtension sets or replaces an extension. The name must satisfy ValidExtensionName; Validate tells when it does not.
func (e *Event) SetExtension(name, value string, k Kind) {
	x := Extension{Name: name, Value: value, Kind: k}
	for i := range e.Extensions {
		if e.Extensions[i].Name == name {
			e.Extensions[i] = x
			return
		}
	}
	if cap(e.Extensions) == 0 {
		e.Extensions = make([]Extension, 0, fewExtensions)
	}
	e.Extensions = append(e.Extensions, x)
}

// SetInteger is SetExtension for an integer.
func (e *Event) SetInteger(name string, v int64) {
	e.SetExtension(name, strconv.FormatInt(v, 10), KindInteger)
}

// fewExtensions is the room made for the first extension: that of an event which has some of its own and gets the two that
// every delivery adds (EG-12) grows in one allocation.
const fewExtensions = 6

// manyExtensions is where looking for duplicates one by one would let a hostile message cost seconds.
const manyExtensions = 32

// put is SetExtension for readers of messages of any size: index, which the reader declares and leaves nil, keeps it linear.
func (e *Event) put(x Extension, index *map[string]int) {
	n := len(e.Extensions)
	if n < manyExtensions {
		e.SetExtension(x.Name, x.Value, x.Kind)
		return
	}
	if *index == nil {
		*index = make(map[string]int, 4*n)
		for i := range e.Extensions {
			(*index)[e.Extensions[i].Name] = i
		}
	}
	if i, ok := (*index)[x.Name]; ok {
		e.Extensions[i] = x
		return
	}
	(*index)[x.Name] = n
	e.Extensions = append(e.Extensions, x)
}

// Attribute returns an attribute or extension as filters see it (EG-04): absent = "", schemaurl is another name of
// dataschema, and time is an instant in UTC with as many groups of three decimals as it needs.
func (e *Event) Attribute(name string) string {
	switch name {
	case "specversion":
		return e.SpecVersion
	case "id":
		return e.ID
	case "source":
		return e.Source
	case "type":
		return e.Type
	case "subject":
		return e.Subject
	case "time":
		return instant(e.Time)
	case "datacontenttype":
		return e.DataContentType
	case "dataschema", "schemaurl":
		if e.DataSchema != "" {
			return e.DataSchema
		}
	}
	v, _ := e.Extension(name)
	return v
}

// UpgradeToV1 makes a 0.3 event a 1.0 event, as it is delivered to a dead letter sink (EG-15).
func (e *Event) UpgradeToV1() { e.SpecVersion = V1 }
