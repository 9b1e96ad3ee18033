package cloudevent

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ParseJSON reads the structured form of an event into e, replacing what was there. The strings and Data of e alias b where
// nothing had to be decoded; data that is JSON is kept byte for byte (IN-36, IN-59). The error is an *InvalidError.
//
// Members that are null are absent, apart from data, where null is JSON like any other. Extensions are strings, booleans or
// integers; arrays and objects, which CloudEvents does not know, are kept as strings of compact JSON, other numbers
// are refused.
func ParseJSON(b []byte, e *Event) error {
	s, err := newScanner(b)
	if err != nil {
		return err
	}
	if err := e.readObject(&s); err != nil {
		return err
	}
	return s.end()
}

// fromJSON reads one event or a batch of them.
func fromJSON(mode Mode, body []byte, into []Event) ([]Event, error) {
	if mode == Structured {
		into = next(into)
		if err := ParseJSON(body, &into[0]); err != nil {
			return into[:0], err
		}
		return into, nil
	}
	s, err := newScanner(body)
	if err != nil {
		return into, err
	}
	if into, err = readArray(&s, into); err != nil {
		return into[:0], err
	}
	if err := s.end(); err != nil {
		return into[:0], err
	}
	return into, nil
}

// newScanner begins at the first value of b, which must be UTF-8.
func newScanner(b []byte) (scanner, error) {
	if !utf8.Valid(b) {
		return scanner{}, &InvalidError{Problem: "JSON is not UTF-8"}
	}
	s := scanner{b: bytes.TrimPrefix(b, []byte("\ufeff"))}
	s.space()
	return s, nil
}

func (s *scanner) malformed() error {
	if s.i >= len(s.b) {
		return &InvalidError{Problem: "JSON ends too early"}
	}
	return &InvalidError{Problem: "malformed JSON at byte " + strconv.Itoa(s.i)}
}

func (s *scanner) end() error {
	s.space()
	if s.i < len(s.b) {
		return s.malformed()
	}
	return nil
}

func readArray(s *scanner, into []Event) ([]Event, error) {
	if !s.take('[') {
		return into, &InvalidError{Problem: "a batch must be a JSON array"}
	}
	s.space()
	if s.take(']') {
		return into, nil
	}
	for {
		into = next(into)
		if err := into[len(into)-1].readObject(s); err != nil {
			return into, err
		}
		s.space()
		if s.take(']') {
			return into, nil
		}
		if !s.take(',') {
			return into, s.malformed()
		}
		s.space()
	}
}

// members holds what can be understood only when the whole object was seen.
type members struct {
	data, base64, encoding, dataSchema, schemaURL []byte // values as they stand, nil = absent
	index                                         map[string]int
}

// readObject reads the event that begins here.
func (e *Event) readObject(s *scanner) error {
	e.Reset()
	if s.peek() != '{' {
		return &InvalidError{Problem: "an event must be a JSON object"}
	}
	s.i++
	s.space()
	var m members
	for first := true; !s.take('}'); first = false {
		if !first {
			if !s.take(',') {
				return s.malformed()
			}
			s.space()
		}
		if err := e.readMember(s, &m); err != nil {
			return err
		}
		s.space()
	}
	if e.SpecVersion == "" {
		return missing("specversion")
	}
	if err := e.finish(&m); err != nil {
		return err
	}
	return e.validateAttributes()
}

// readMember reads one member of the event's object.
func (e *Event) readMember(s *scanner, m *members) error {
	raw, escaped, ok := s.str()
	if !ok {
		return s.malformed()
	}
	name := decoded(raw, escaped)
	s.space()
	if !s.take(':') {
		return s.malformed()
	}
	s.space()
	start := s.i
	if !s.value(1) {
		return s.malformed()
	}
	value := s.b[start:s.i:s.i]
	if name == "data" {
		m.data = value
		return nil
	}
	if value[0] == 'n' {
		return nil
	}
	return e.setMember(name, value, m)
}

func (e *Event) setMember(name string, value []byte, m *members) error {
	switch name {
	case "data_base64":
		m.base64 = value
		return nil
	case "datacontentencoding":
		m.encoding = value
		return nil
	}
	switch a := attributeOf(name); a {
	case attrNone:
		return e.setExtensionMember(name, value, m)
	case attrDataSchema:
		m.dataSchema = value
		return nil
	case attrSchemaURL:
		m.schemaURL = value
		return nil
	default:
		v, err := stringMember(name, value)
		if err != nil {
			return err
		}
		if a == attrSpecVersion {
			e.SpecVersion = v
			return nil
		}
		if a == attrDataContentType {
			e.DataContentType = v // the last one counts, as for all others
			return nil
		}
		return e.set(a, name, v, &m.index)
	}
}

func (e *Event) setExtensionMember(name string, value []byte, m *members) error {
	if !ValidExtensionName(name) {
		return invalidName(name)
	}
	x := Extension{Name: name}
	switch c := value[0]; c {
	case '"':
		x.Value, _ = stringMember(name, value)
	case 't', 'f':
		x.Value, x.Kind = text(value), KindBoolean
	case '{', '[':
		var compact bytes.Buffer
		_ = json.Compact(&compact, value) // cannot fail: the scanner has been over it
		x.Value = compact.String()
	default:
		if bytes.ContainsAny(value, ".eE") {
			return &InvalidError{name, "a number must be an integer: " + quote(text(value))}
		}
		x.Value, x.Kind = text(value), KindInteger
		if x.Value == "-0" {
			x.Value = "0"
		}
	}
	e.put(x, &m.index)
	return nil
}

// finish sorts out what depends on the version and the content type.
func (e *Event) finish(m *members) error {
	schema, other, otherName := m.dataSchema, m.schemaURL, "schemaurl"
	if e.SpecVersion == V03 {
		schema, other, otherName = other, schema, "dataschema"
	}
	if schema != nil {
		v, err := stringMember(e.schemaName(), schema)
		if err != nil {
			return err
		}
		e.DataSchema = v
	}
	if other != nil {
		if err := e.setExtensionMember(otherName, other, m); err != nil {
			return err
		}
	}
	if m.encoding != nil {
		if err := e.applyEncoding(m); err != nil {
			return err
		}
	}
	return e.setData(m)
}

// applyEncoding makes data of version 0.3 that is encoded look as in 1.0, where datacontentencoding is only an extension.
func (e *Event) applyEncoding(m *members) error {
	const name = "datacontentencoding"
	if e.SpecVersion != V03 {
		return e.setExtensionMember(name, m.encoding, m)
	}
	v, err := stringMember(name, m.encoding)
	if err != nil {
		return err
	}
	if !strings.EqualFold(v, "base64") {
		return &InvalidError{name, "not base64: " + quote(v)}
	}
	if m.base64 == nil && m.data != nil && m.data[0] != 'n' {
		m.base64, m.data = m.data, nil
	}
	return nil
}

func (e *Event) setData(m *members) error {
	switch {
	case m.base64 != nil && m.data != nil:
		return &InvalidError{"data", "there is data_base64 too"}
	case m.base64 != nil:
		v, err := stringMember("data_base64", m.base64)
		if err != nil {
			return err
		}
		e.Data, err = base64.StdEncoding.DecodeString(v)
		if err != nil {
			return &InvalidError{"data_base64", err.Error()}
		}
	case m.data == nil:
	case isJSON(e.DataContentType):
		e.Data = m.data
	case m.data[0] == 'n':
	default:
		v, err := stringMember("data", m.data)
		if err != nil {
			return &InvalidError{"data", "must be a string when datacontenttype is not JSON"}
		}
		e.Data = octets(v)
	}
	return nil
}

// stringMember returns the string that value must be.
func stringMember(name string, value []byte) (string, error) {
	if value[0] != '"' {
		return "", &InvalidError{name, "must be a JSON string"}
	}
	raw := value[1 : len(value)-1]
	return decoded(raw, bytes.IndexByte(raw, '\\') >= 0), nil
}

func decoded(raw []byte, escaped bool) string {
	if escaped {
		raw = unescape(raw)
	}
	return text(raw)
}

// isJSON tells whether data of this content type is JSON: none at all, or a subtype json or +json (IN-36).
func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	_, subtype, ok := strings.Cut(mediaType(contentType), "/")
	if !ok || len(subtype) < len("json") || !strings.EqualFold(subtype[len(subtype)-len("json"):], "json") {
		return false
	}
	return len(subtype) == len("json") || subtype[len(subtype)-len("+json")] == '+'
}
