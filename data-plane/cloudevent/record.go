package cloudevent

import "github.com/twmb/franz-go/pkg/kgo"

// partitionKey is the extension that becomes the key of a record (IN-37).
const partitionKey = "partitionkey"

// ToRecord sets key, headers and value of rec (IN-35..IN-37) and nothing else; mode is Binary or Structured. rec.Headers is
// overwritten in place when it is long enough. In binary mode rec aliases e, which must then never change. An event that
// does not fit binary mode is written structured, so that what is read back is this event.
func (e *Event) ToRecord(mode Mode, rec *kgo.Record) {
	rec.Key = nil
	if key, ok := e.Extension(partitionKey); ok {
		rec.Key = octets(key)
	}
	if mode == Structured || !e.FitsBinary() {
		rec.Headers = append(rec.Headers[:0], kgo.RecordHeader{Key: "content-type", Value: octets(ContentTypeStructured)})
		rec.Value = e.AppendJSON(make([]byte, 0, 512+2*len(e.Data)))
		return
	}
	rec.Value = e.Data
	rec.Headers = e.appendHeaders(rec.Headers[:0])
}

func (e *Event) appendHeaders(h []kgo.RecordHeader) []kgo.RecordHeader {
	const mostAttributes = 8
	if cap(h) < mostAttributes+len(e.Extensions) {
		h = make([]kgo.RecordHeader, 0, mostAttributes+len(e.Extensions))
	}
	add := func(name, value string) { h = append(h, kgo.RecordHeader{Key: name, Value: octets(value)}) }
	add("ce_specversion", e.SpecVersion)
	add("ce_id", e.ID)
	add("ce_source", e.Source)
	add("ce_type", e.Type)
	if e.Subject != "" {
		add("ce_subject", e.Subject)
	}
	if e.Time != "" {
		add("ce_time", e.Time)
	}
	if e.DataSchema != "" && e.SpecVersion == V03 {
		add("ce_schemaurl", e.DataSchema)
	} else if e.DataSchema != "" {
		add("ce_dataschema", e.DataSchema)
	}
	names := newPrefixer("ce_", e.Extensions)
	for i := range e.Extensions {
		x := &e.Extensions[i]
		_, name := headerNames(x.Name)
		if name == "" {
			name = names.name(x.Name)
		}
		add(name, x.Value)
	}
	if e.DataContentType != "" {
		add("content-type", e.DataContentType)
	}
	return h
}

// FromRecord reads the event in a record into e, replacing what was there (EG-58); e aliases the record. A null value is an
// event without data (EG-66). Of a header that is there twice the last one counts, a null header is an empty one, and
// bytes that are not UTF-8 are kept (EG-68).
//
// Errors: ErrNotCloudEvent, or an *InvalidError.
func FromRecord(rec *kgo.Record, e *Event) error {
	e.Reset()
	marked := false
	for i := range rec.Headers {
		switch h := &rec.Headers[i]; h.Key {
		case "content-type":
			e.DataContentType = text(h.Value)
		case "ce_specversion":
			e.SpecVersion, marked = text(h.Value), true
		}
	}
	mode, err := modeOf(e.DataContentType)
	switch {
	case err != nil:
		return err
	case mode == Structured:
		return ParseJSON(rec.Value, e)
	case mode == Batch:
		return &InvalidError{"content-type", "a record holds one event, no batch"}
	case !marked:
		return ErrNotCloudEvent
	}
	if err := e.readRecordHeaders(rec.Headers); err != nil {
		return err
	}
	e.Data = rec.Value
	return e.validateAttributes()
}

func (e *Event) readRecordHeaders(headers []kgo.RecordHeader) error {
	var index map[string]int
	for i := range headers {
		h := &headers[i]
		if len(h.Key) <= prefixLen || h.Key[:prefixLen] != "ce_" {
			continue
		}
		name := lower(h.Key[prefixLen:])
		if err := e.set(attributeOf(name), name, text(h.Value), &index); err != nil {
			return err
		}
	}
	return nil
}
