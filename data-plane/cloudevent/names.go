package cloudevent

import "unsafe"

// attribute tells the attributes of CloudEvents 1.0 and 0.3 from extensions.
type attribute uint8

const (
	attrNone attribute = iota // an extension
	attrSpecVersion
	attrID
	attrSource
	attrType
	attrSubject
	attrTime
	attrDataContentType
	attrDataSchema // 1.0; an extension in 0.3
	attrSchemaURL  // 0.3; an extension in 1.0
)

func attributeOf(name string) attribute {
	switch name {
	case "specversion":
		return attrSpecVersion
	case "id":
		return attrID
	case "source":
		return attrSource
	case "type":
		return attrType
	case "subject":
		return attrSubject
	case "time":
		return attrTime
	case "datacontenttype":
		return attrDataContentType
	case "dataschema":
		return attrDataSchema
	case "schemaurl":
		return attrSchemaURL
	}
	return attrNone
}

// set stores attribute a, read from a header, or the extension called name when a is no attribute of e's version.
// SpecVersion must be set before, and DataContentType when the message has a content type, which wins over a ce header of
// that name. Values are checked by validateAttributes afterwards, except that an empty time is refused here, where it
// can be told from an absent one.
func (e *Event) set(a attribute, name, value string, index *map[string]int) error {
	switch a {
	case attrSpecVersion:
		return nil
	case attrID:
		e.ID = value
		return nil
	case attrSource:
		e.Source = value
		return nil
	case attrType:
		e.Type = value
		return nil
	case attrSubject:
		e.Subject = value
		return nil
	case attrTime:
		if value == "" {
			return invalidTime(value)
		}
		e.Time = value
		return nil
	case attrDataContentType:
		if e.DataContentType == "" {
			e.DataContentType = value
		}
		return nil
	case attrDataSchema:
		if e.SpecVersion != V03 {
			e.DataSchema = value
			return nil
		}
	case attrSchemaURL:
		if e.SpecVersion == V03 {
			e.DataSchema = value
			return nil
		}
	}
	if !ValidExtensionName(name) {
		return invalidName(name)
	}
	e.put(Extension{Name: name, Value: value}, index)
	return nil
}

// headerNames returns the names of a well-known extension's headers in HTTP and in Kafka, both empty for any other
// extension. They are constants, so that events with these extensions cost no allocation.
func headerNames(extension string) (http, kafka string) {
	switch extension {
	case "partitionkey":
		return "ce-partitionkey", "ce_partitionkey"
	case "key":
		return "ce-key", "ce_key"
	case "traceparent":
		return "ce-traceparent", "ce_traceparent"
	case "tracestate":
		return "ce-tracestate", "ce_tracestate"
	case "sequence":
		return "ce-sequence", "ce_sequence"
	case "dataref":
		return "ce-dataref", "ce_dataref"
	case "correlationid":
		return "ce-correlationid", "ce_correlationid"
	case "causationid":
		return "ce-causationid", "ce_causationid"
	case "knativearrivaltime":
		return "ce-knativearrivaltime", "ce_knativearrivaltime"
	case "knativebrokerttl":
		return "ce-knativebrokerttl", "ce_knativebrokerttl"
	case "knativehistory":
		return "ce-knativehistory", "ce_knativehistory"
	case "knativekafkapartition":
		return "ce-knativekafkapartition", "ce_knativekafkapartition"
	case "knativekafkaoffset":
		return "ce-knativekafkaoffset", "ce_knativekafkaoffset"
	case "knativeerrordest":
		return "ce-knativeerrordest", "ce_knativeerrordest"
	case "knativeerrorcode":
		return "ce-knativeerrorcode", "ce_knativeerrorcode"
	case "knativeerrordata":
		return "ce-knativeerrordata", "ce_knativeerrordata"
	}
	return "", ""
}

const prefixLen = len("ce-")

// prefixer makes the header names of the extensions that are not well known, all of one event in one allocation.
type prefixer struct {
	prefix string // ce- or ce_
	slab
}

func newPrefixer(prefix string, extensions []Extension) prefixer {
	need := 0
	for i := range extensions {
		if known, _ := headerNames(extensions[i].Name); known == "" {
			need += prefixLen + len(extensions[i].Name)
		}
	}
	return prefixer{prefix: prefix, slab: newSlab(need)}
}

func (p *prefixer) name(extension string) string {
	start := len(p.slab)
	p.slab = append(append(p.slab, p.prefix...), extension...)
	return text(p.slab[start:])
}

// slab is memory for several strings. Its capacity must suffice: strings point into it.
type slab []byte

func newSlab(size int) slab {
	if size == 0 {
		return nil
	}
	return make(slab, 0, size)
}

func (s *slab) copy(v string) string {
	start := len(*s)
	*s = append(*s, v...)
	return text((*s)[start:])
}

// text views bytes that will not change as a string.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// octets views a string as bytes that nobody may change. It is never nil.
func octets(s string) []byte {
	if s == "" {
		return []byte{}
	}
	return unsafe.Slice(unsafe.StringData(s), len(s))
}

// lowerInto writes s in lower case into buf and returns that as a string, or a new string when buf is too small.
func lowerInto(buf []byte, s string) string {
	if len(s) > len(buf) {
		return lower(s)
	}
	for i := 0; i < len(s); i++ {
		buf[i] = lowerByte(s[i])
	}
	return text(buf[:len(s)])
}

// lower returns s in lower case; letters beyond ASCII, which no name may have, are left for the check of names to find.
func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] != lowerByte(s[i]) {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				b[j] = lowerByte(b[j])
			}
			return text(b)
		}
	}
	return s
}

func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c |= 0x20
	}
	return c
}
