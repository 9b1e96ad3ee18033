package cloudevent

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Validate returns an *InvalidError unless e is a valid CloudEvent: a known version, id, source and type that are not empty,
// URI references and a time that parse, and extension names of [a-z0-9] that are no attribute's (IN-31, IN-33).
func (e *Event) Validate() error {
	if err := e.validateAttributes(); err != nil {
		return err
	}
	for i := range e.Extensions {
		if name := e.Extensions[i].Name; !ValidExtensionName(name) || e.isAttribute(name) {
			return invalidName(name)
		}
	}
	return nil
}

// validateAttributes is Validate for readers, which have checked the names while sorting them.
func (e *Event) validateAttributes() error {
	switch {
	case e.SpecVersion != V1 && e.SpecVersion != V03:
		return unknownVersion(e.SpecVersion)
	case e.ID == "":
		return missing("id")
	case e.Source == "":
		return missing("source")
	case e.Type == "":
		return missing("type")
	case !validURIReference(e.Source):
		return &InvalidError{"source", "no URI reference: " + quote(e.Source)}
	case e.DataSchema != "" && !validURIReference(e.DataSchema):
		return &InvalidError{e.schemaName(), "no URI reference: " + quote(e.DataSchema)}
	}
	if e.Time != "" {
		t, ok := canonicalTime(e.Time)
		if !ok {
			return invalidTime(e.Time)
		}
		e.Time = t
	}
	return nil
}

// schemaName is what this version calls the data schema.
func (e *Event) schemaName() string {
	if e.SpecVersion == V03 {
		return "schemaurl"
	}
	return "dataschema"
}

// isAttribute tells whether name is an attribute of e's version, so that no extension can be called that.
func (e *Event) isAttribute(name string) bool {
	switch attributeOf(name) {
	case attrNone:
		return false
	case attrDataSchema:
		return e.SpecVersion != V03
	case attrSchemaURL:
		return e.SpecVersion == V03
	}
	return true
}

// ValidExtensionName tells whether name can be an extension's by its characters: [a-z0-9]+, and not data, which
// CloudEvents reserves.
func ValidExtensionName(name string) bool {
	if name == "" || name == "data" {
		return false
	}
	for i := 0; i < len(name); i++ {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func missing(attribute string) error {
	return &InvalidError{attribute, "missing or empty"}
}

func unknownVersion(v string) error {
	return &InvalidError{"specversion", "neither 1.0 nor 0.3: " + quote(v)}
}

func invalidTime(v string) error {
	return &InvalidError{"time", "no RFC 3339 time: " + quote(v)}
}

func invalidName(name string) error {
	return &InvalidError{quote(name), "no name for an attribute: only a-z and 0-9 are allowed"}
}

// quote makes a value from a message safe and short enough for an error message.
func quote(s string) string {
	const most = 128
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "…"
	}
	return strconv.QuoteToASCII(s)
}

// canonicalTime tells whether s is a time and returns it as RFC 3339 asks. A valid time is returned as it is, offset and
// fraction included. What senders write besides RFC 3339 is accepted and rewritten: lower case t and z, and a missing :00
// of the seconds (which is how java.time prints a whole minute).
func canonicalTime(s string) (string, bool) {
	if len(s) < len("2006-01-02T15:04Z") || !validDate(s) || s[10]|0x20 != 't' || s[13] != ':' ||
		!digits(s[11:13], 23) || !digits(s[14:16], 59) {
		return "", false
	}
	rest := s[16:]
	seconds := rest[0] == ':'
	if seconds {
		if len(rest) < 4 || !digits(rest[1:3], 59) {
			return "", false
		}
		rest = rest[3:]
		if rest[0] == '.' {
			n := 1
			for n < len(rest) && isDigit(rest[n]) {
				n++
			}
			if n == 1 {
				return "", false
			}
			rest = rest[n:]
		}
	}
	if !validOffset(rest) {
		return "", false
	}
	if !seconds {
		s = s[:16] + ":00" + rest
	}
	if s[10] == 't' || s[len(s)-1] == 'z' {
		s = strings.ToUpper(s)
	}
	return s, true
}

// validDate tells whether s begins with a date of the calendar, yyyy-mm-dd.
func validDate(s string) bool {
	if s[4] != '-' || s[7] != '-' || !digits(s[0:4], 9999) || !digits(s[5:7], 12) {
		return false
	}
	month := number(s[5:7])
	if month == 0 {
		return false
	}
	days := 31
	switch month {
	case 4, 6, 9, 11:
		days = 30
	case 2:
		days = 28
		if y := number(s[0:4]); y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			days = 29
		}
	}
	return digits(s[8:10], days) && s[8:10] != "00"
}

func validOffset(s string) bool {
	if len(s) == 1 {
		return s[0]|0x20 == 'z'
	}
	return len(s) == len("+01:00") && (s[0] == '+' || s[0] == '-') && s[3] == ':' && digits(s[1:3], 23) && digits(s[4:6], 59)
}

// digits tells whether s is a decimal number of at most most.
func digits(s string, most int) bool {
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			return false
		}
	}
	return number(s) <= most
}

func number(s string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		n = 10*n + int(s[i]-'0')
	}
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// instant returns a valid time in UTC with no, three, six or nine decimals. The usual case, a time that already looks like
// that, costs nothing. What is no valid time is returned as it is.
func instant(s string) string {
	if isInstant(s) {
		return s
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return s
	}
	t = t.UTC()
	layout := "2006-01-02T15:04:05.000000000Z"
	switch ns := t.Nanosecond(); {
	case ns == 0:
		layout = "2006-01-02T15:04:05Z"
	case ns%1e6 == 0:
		layout = "2006-01-02T15:04:05.000Z"
	case ns%1e3 == 0:
		layout = "2006-01-02T15:04:05.000000Z"
	}
	return t.Format(layout)
}

// isInstant tells whether a valid time, or no time at all, needs no work to become an instant.
func isInstant(s string) bool {
	switch len(s) {
	case 0:
		return true
	case len("2006-01-02T15:04:05Z"):
		return s[19] == 'Z'
	case len("2006-01-02T15:04:05.000Z"), len("2006-01-02T15:04:05.000000Z"), len("2006-01-02T15:04:05.000000000Z"):
		return s[19] == '.' && s[len(s)-1] == 'Z' && s[len(s)-4:len(s)-1] != "000"
	}
	return false
}

// The ASCII characters of URI references: unreserved, reserved and %, without the brackets, which need a closer look. One
// bit each.
const (
	uriLow uint64 = 1<<'!' | 1<<'#' | 1<<'$' | 1<<'%' | 1<<'&' | 1<<'\'' | 1<<'(' | 1<<')' | 1<<'*' | 1<<'+' | 1<<',' | 1<<'-' |
		1<<'.' | 1<<'/' | 0x3ff<<'0' | 1<<':' | 1<<';' | 1<<'=' | 1<<'?'
	letters        = 0x3ffffff
	uriHigh uint64 = 1<<('@'-64) | letters<<('A'-64) | 1<<('_'-64) | letters<<('a'-64) | 1<<('~'-64)
)

// validURIReference tells whether s is a URI reference (RFC 3986), characters beyond ASCII allowed as in an IRI.
func validURIReference(s string) bool {
	beforePath, fragment := true, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 0x80:
		case c == '[' || c == ']':
			// Only around the IP address of an authority; rare, so left to the standard library.
			_, err := url.Parse(s)
			return err == nil
		case c < 64 && uriLow>>c&1 == 0, c >= 64 && uriHigh>>(c-64)&1 == 0:
			return false
		case c == ':' && beforePath:
			if !validScheme(s[:i]) {
				return false
			}
			beforePath = false
		case c == '%':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return false
			}
		case c == '#':
			if fragment {
				return false
			}
			beforePath, fragment = false, true
		case c == '/' || c == '?':
			beforePath = false
		}
	}
	return true
}

func validScheme(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || !isDigit(c) && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return s != ""
}

func isHex(c byte) bool {
	return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f'
}
