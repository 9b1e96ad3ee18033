package cloudevent

import (
	"encoding/binary"
	"strings"
)

// Header is an HTTP header as received, its name in any case.
type Header struct{ Name, Value string }

// Ownership says which memory of a message an event may keep.
type Ownership uint8

const (
	// Borrowed: headers and body are reused by their owner; what the event needs is copied.
	Borrowed Ownership = iota
	// BodyOwned: the event may keep the body; what it needs of the headers is copied.
	BodyOwned
	// Owned: the event may keep headers and body; nothing is copied.
	Owned
)

// oneSlab is the body size up to which headers and body are copied into one allocation. Above it the body gets its own,
// which needs no clearing before it is filled.
const oneSlab = 16 << 10

// FromHTTP reads the events of a request or response (IN-27..IN-33) into into[:0], reusing the capacity of into and of the
// Extensions in it. Headers other than ce-* are ignored, also a Content-Type among them. Everything that the events need is
// copied (Borrowed). A batch may be empty.
//
// Errors: ErrNotCloudEvent, or an *InvalidError; no events then.
func FromHTTP(contentType string, headers []Header, body []byte, into []Event) ([]Event, Mode, error) {
	return FromHTTPOwned(Borrowed, contentType, headers, body, into)
}

// FromHTTPOwned is FromHTTP for callers that can give memory away.
func FromHTTPOwned(own Ownership, contentType string, headers []Header, body []byte, into []Event) ([]Event, Mode, error) {
	mode, err := modeOf(contentType)
	if err != nil {
		return into[:0], mode, err
	}
	if mode != Binary {
		if own == Borrowed {
			body = append([]byte(nil), body...)
		}
		into, err = fromJSON(mode, body, into[:0])
		return into, mode, err
	}
	into = next(into[:0])
	if err := into[0].readHeaders(own, contentType, headers, body); err != nil {
		return into[:0], mode, err
	}
	return into, mode, nil
}

// next makes room for one more event, empty, reusing what an event there before left.
func next(into []Event) []Event {
	if len(into) == cap(into) {
		return append(into, Event{})
	}
	into = into[:len(into)+1]
	into[len(into)-1].Reset()
	return into
}

// modeOf tells the content modes apart (IN-29, IN-30); parameters and case of the media type do not matter.
func modeOf(contentType string) (Mode, error) {
	const marker = "application/cloudevents"
	if len(contentType) < len(marker) || !strings.EqualFold(contentType[:len(marker)], marker) {
		return Binary, nil
	}
	switch media := mediaType(contentType); {
	case strings.EqualFold(media, ContentTypeStructured):
		return Structured, nil
	case strings.EqualFold(media, ContentTypeBatch):
		return Batch, nil
	}
	return Structured, &InvalidError{"content-type", "format not supported: " + quote(contentType)}
}

func mediaType(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.Trim(media, " \t")
}

// isCE tells whether a header's name begins with ce- and goes on.
func isCE(name string) bool {
	return len(name) > prefixLen && name[2] == '-' && name[0]|0x20 == 'c' && name[1]|0x20 == 'e'
}

// readHeaders reads a binary mode message into e, which is empty.
func (e *Event) readHeaders(own Ownership, contentType string, headers []Header, body []byte) error {
	size := e.measure(contentType, headers)
	if e.SpecVersion == "" {
		return ErrNotCloudEvent
	}
	var kept slab
	switch {
	case own == Borrowed && len(body) > oneSlab:
		body = append([]byte(nil), body...)
		kept = newSlab(size)
	case own == Borrowed:
		kept = newSlab(size + len(body))
		body = octets(kept.copy(text(body)))
	case own == BodyOwned:
		kept = newSlab(size)
	}
	if len(body) > 0 {
		e.Data = body[:len(body):len(body)]
	}
	e.DataContentType = keep(own, &kept, contentType)
	if err := e.keepHeaders(own, &kept, headers); err != nil {
		return err
	}
	return e.validateAttributes()
}

// measure finds the version, which decides what other headers mean, and how much memory copies of the headers can need.
func (e *Event) measure(contentType string, headers []Header) int {
	const version = "ce-specversion"
	size := len(contentType)
	for i := range headers {
		h := &headers[i]
		if !isCE(h.Name) {
			continue
		}
		size += len(h.Name) + len(h.Value)
		if len(h.Name) == len(version) && strings.EqualFold(h.Name, version) {
			e.SpecVersion = knownVersion(h.Value)
		}
	}
	return size
}

// knownVersion returns the constant for a version, so that it needs no copy; anything else is refused by Validate, which
// shows it, so that is copied here.
func knownVersion(v string) string {
	switch v {
	case V1:
		return V1
	case V03:
		return V03
	}
	return strings.Clone(v)
}

func (e *Event) keepHeaders(own Ownership, kept *slab, headers []Header) error {
	var (
		index map[string]int
		buf   [64]byte
	)
	for i := range headers {
		h := &headers[i]
		if !isCE(h.Name) {
			continue
		}
		// name lives on the stack; only what keepName makes of it may be stored.
		var extension string
		name := lowerInto(buf[:], h.Name[prefixLen:])
		a := attributeOf(name)
		if a == attrNone || a >= attrDataSchema {
			extension = keepName(own, kept, name, h.Name[prefixLen:])
		}
		if err := e.set(a, extension, keep(own, kept, h.Value), &index); err != nil {
			return err
		}
	}
	return nil
}

// keepName returns name, the lower case of received, in memory that may be kept.
func keepName(own Ownership, kept *slab, name, received string) string {
	if known, _ := headerNames(name); known != "" {
		return known[prefixLen:]
	}
	if own != Owned {
		return kept.copy(name)
	}
	if received == name {
		return received
	}
	return strings.Clone(name)
}

func keep(own Ownership, kept *slab, v string) string {
	if own == Owned || v == "" {
		return v
	}
	return kept.copy(v)
}

// FitsBinary tells whether e can be written in binary mode. An event whose data is itself a structured CloudEvent cannot:
// its content type would make every receiver read the inner event instead.
func (e *Event) FitsBinary() bool {
	mode, err := modeOf(e.DataContentType)
	return mode == Binary && err == nil
}

// VisitHTTPHeaders yields the headers of a binary mode message (EG-16, EG-17): ce-* and, if there is one, content-type;
// names in lower case. Names and values may be kept. Control characters in values are percent-encoded. An event for which
// FitsBinary is false should be sent structured instead.
func (e *Event) VisitHTTPHeaders(yield func(name, value string)) {
	yield("ce-specversion", e.SpecVersion)
	yield("ce-id", headerValue(e.ID))
	yield("ce-source", headerValue(e.Source))
	yield("ce-type", headerValue(e.Type))
	if e.Subject != "" {
		yield("ce-subject", headerValue(e.Subject))
	}
	if e.Time != "" {
		yield("ce-time", e.Time)
	}
	if e.DataSchema != "" {
		if e.SpecVersion == V03 {
			yield("ce-schemaurl", headerValue(e.DataSchema))
		} else {
			yield("ce-dataschema", headerValue(e.DataSchema))
		}
	}
	names := newPrefixer("ce-", e.Extensions)
	for i := range e.Extensions {
		x := &e.Extensions[i]
		name, _ := headerNames(x.Name)
		if name == "" {
			name = names.name(x.Name)
		}
		yield(name, headerValue(x.Value))
	}
	if e.DataContentType != "" {
		yield("content-type", headerValue(e.DataContentType))
	}
}

// headerValue makes a value safe for a header; nearly always it is.
func headerValue(v string) string {
	at := 0
	for ; at+8 <= len(v) && !mayHaveControls(v[at:at+8]); at += 8 { // a word at a time: every value of every event is looked at
	}
	for ; at < len(v); at++ {
		if isControl(v[at]) {
			return encodeControls(v)
		}
	}
	return v
}

// mayHaveControls says whether one of eight bytes is a control character, or a tab, or may be one.
func mayHaveControls(v string) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	x := binary.LittleEndian.Uint64(octets(v))
	del := x ^ 0x7f*ones
	return ((x-0x20*ones)&^x|(del-ones)&^del)&high != 0
}

func isControl(c byte) bool { return c < 0x20 && c != '\t' || c == 0x7f }

func encodeControls(v string) string {
	const hex = "0123456789ABCDEF"
	b := make([]byte, 0, len(v)+16)
	for i := 0; i < len(v); i++ {
		if c := v[i]; isControl(c) {
			b = append(b, '%', hex[c>>4], hex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}
