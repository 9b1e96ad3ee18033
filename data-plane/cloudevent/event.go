// Package cloudevent converts between CloudEvents, HTTP messages and Kafka records.
package cloudevent

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Versions of the CloudEvents specification that are accepted and kept as they are (IN-27, EG-15).
const (
	V1  = "1.0"
	V03 = "0.3"
)

// ErrNotCloudEvent means that nothing marks the message as a CloudEvent. Every other error of this package is an
// *InvalidError: the message claims to be a CloudEvent and is not a valid one. Ingress answers both with 400.
var ErrNotCloudEvent = errors.New("not a CloudEvent")

// InvalidError says what is wrong with a message that claims to be a CloudEvent.
type InvalidError struct {
	Attribute string // the attribute or header concerned, "" = the message as a whole
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
	KindInteger      // decimal text of any size; -5
	KindBoolean      // true, false
	KindBinary       // standard base64 with padding
)

// Extension is an extension attribute; Value is its canonical text.
type Extension struct {
	Name, Value string
	Kind        Kind
}

// Event is a CloudEvent whose attributes are canonical text, "" meaning absent. Its strings and Data may alias the
// message it came from; treat them as immutable. DataSchema is called schemaurl in version 0.3.
type Event struct {
	SpecVersion, ID, Source, Type, Subject, Time, DataContentType, DataSchema string

	Extensions []Extension
	Data       []byte // nil = no data
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

// Header is an HTTP header as received, its name in any case.
type Header struct{ Name, Value string }

// Ownership says which memory of a request an event may keep.
type Ownership uint8

const (
	// Borrowed: headers and body are reused by their owner; what the event needs is copied, all in one allocation.
	Borrowed Ownership = iota
	// BodyOwned: the event may keep the body; what it needs of the headers is copied.
	BodyOwned
	// Owned: the event may keep headers and body; nothing is copied.
	Owned
)

// Reset empties e and keeps the capacity of Extensions.
func (e *Event) Reset() { *e = Event{Extensions: e.Extensions[:0]} }

// Clone returns an event whose Extensions can be changed without changing e's. Strings and Data are shared.
func (e *Event) Clone() Event { panic("not written yet") }

// Extension returns an extension's canonical text and whether it is there.
func (e *Event) Extension(name string) (string, bool) { panic("not written yet") }

// SetExtension sets or replaces an extension. The name must be valid: [a-z0-9]+ and no attribute's.
func (e *Event) SetExtension(name, value string, k Kind) { panic("not written yet") }

// Attribute returns an attribute or extension as filters see it (EG-04): absent = "", schemaurl is another name of
// dataschema, time is an instant in UTC.
func (e *Event) Attribute(name string) string { panic("not written yet") }

// Validate returns an *InvalidError unless e is a valid CloudEvent (IN-31, IN-33).
func (e *Event) Validate() error { panic("not written yet") }

// ValidExtensionName tells whether name can be an extension's.
func ValidExtensionName(name string) bool { panic("not written yet") }

// FromHTTP reads the events of a request or response (IN-27..IN-33) into into[:0], whose capacity and Extensions it reuses.
// Headers other than ce-* are ignored, also a Content-Type among them. Everything kept is copied (Borrowed).
func FromHTTP(contentType string, headers []Header, body []byte, into []Event) ([]Event, Mode, error) {
	return FromHTTPOwned(Borrowed, contentType, headers, body, into)
}

// FromHTTPOwned is FromHTTP for callers that can give away memory.
func FromHTTPOwned(own Ownership, contentType string, headers []Header, body []byte, into []Event) ([]Event, Mode, error) {
	panic("not written yet")
}

// VisitHTTPHeaders yields the headers of a binary mode message: ce-* and content-type, names in lower case. Names and
// values may be kept. Control characters in values are percent-encoded so that no value can end its header.
func (e *Event) VisitHTTPHeaders(yield func(name, value string)) { panic("not written yet") }

// AppendJSON appends the structured form.
func (e *Event) AppendJSON(dst []byte) []byte { panic("not written yet") }

// ParseJSON reads the structured form; e's strings and Data alias b where nothing had to be unescaped.
func ParseJSON(b []byte, e *Event) error { panic("not written yet") }

// ToRecord sets key, headers and value of rec (IN-35..IN-37) and nothing else; mode is Binary or Structured.
func (e *Event) ToRecord(mode Mode, rec *kgo.Record) { panic("not written yet") }

// FromRecord reads the event in a record (EG-58); e aliases it.
func FromRecord(rec *kgo.Record, e *Event) error { panic("not written yet") }

// KeyType is the type that a KafkaSource says record keys have (EG-67).
type KeyType uint8

// The key types.
const (
	KeyString KeyType = iota
	KeyInteger
	KeyDouble
	KeyByteArray
)

// FromForeignRecord makes an event of a record that is no CloudEvent, as a KafkaSource does (EG-60..EG-68).
func FromForeignRecord(rec *kgo.Record, namespace, name string, key KeyType, e *Event) { panic("not written yet") }
