package cloudevent

import "strconv"

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
