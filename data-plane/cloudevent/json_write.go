package cloudevent

import (
	"encoding/base64"
	"unicode/utf8"
)

// AppendJSON appends the structured form of e, a valid event. Data is written inline when its content type is absent or JSON
// and it is JSON indeed, otherwise as base64 (IN-36), so that any bytes survive.
func (e *Event) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"specversion":`...)
	dst = appendString(dst, e.SpecVersion)
	dst = appendMember(dst, "id", e.ID)
	dst = appendMember(dst, "source", e.Source)
	dst = appendMember(dst, "type", e.Type)
	dst = appendOptional(dst, "datacontenttype", e.DataContentType)
	dst = appendOptional(dst, e.schemaName(), e.DataSchema)
	dst = appendOptional(dst, "subject", e.Subject)
	dst = appendOptional(dst, "time", e.Time)
	encoded := false
	for i := range e.Extensions {
		x := &e.Extensions[i]
		if x.Kind == KindInteger && isInteger(x.Value) || x.Kind == KindBoolean && (x.Value == "true" || x.Value == "false") {
			dst = append(appendName(dst, x.Name), x.Value...)
		} else {
			dst = appendMember(dst, x.Name, x.Value)
		}
		// In 0.3 a binary message says in this way that its data is base64 text, and that is how 0.3 writes it here.
		encoded = encoded || e.SpecVersion == V03 && x.Name == "datacontentencoding" && x.Value == "base64"
	}
	if e.Data != nil {
		dst = e.appendData(dst, encoded)
	}
	return append(dst, '}')
}

func (e *Event) appendData(dst []byte, encoded bool) []byte {
	switch {
	case encoded:
		return appendMember(dst, "data", text(e.Data))
	case isJSON(e.DataContentType) && utf8.Valid(e.Data) && validJSON(e.Data):
		return append(appendName(dst, "data"), e.Data...)
	case e.SpecVersion == V03:
		dst = appendMember(dst, "datacontentencoding", "base64")
		dst = appendName(dst, "data")
	default:
		dst = appendName(dst, "data_base64")
	}
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, e.Data)
	return append(dst, '"')
}

func appendOptional(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	return appendMember(dst, name, value)
}

func appendMember(dst []byte, name, value string) []byte {
	return appendString(appendName(dst, name), value)
}

// appendName appends the name of one more member; names need no escaping.
func appendName(dst []byte, name string) []byte {
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	return append(dst, '"', ':')
}

// appendString appends s as a JSON string; what is not UTF-8 in it becomes U+FFFD.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[start:i]...), "\ufffd"...)
				start = i + 1
			}
			i += size
			continue
		}
		dst = append(dst, s[start:i]...)
		if c == '"' || c == '\\' {
			dst = append(dst, '\\', c)
		} else {
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}

// isInteger tells whether s is an integer as JSON writes it.
func isInteger(s string) bool {
	if s != "" && s[0] == '-' {
		s = s[1:]
	}
	if s == "" || s[0] == '0' && len(s) > 1 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}
