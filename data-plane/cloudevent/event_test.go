package cloudevent

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// valid returns an event with every attribute.
func valid() Event {
	return Event{
		SpecVersion: V1, ID: "id-1", Source: "/source", Type: "type.1", Subject: "subject", Time: "2026-01-02T03:04:05.6Z",
		DataContentType: "application/json", DataSchema: "https://schema.example/1", Data: []byte(`{"a":1}`),
		Extensions: []Extension{{Name: "partitionkey", Value: "k"}, {Name: "tenant", Value: "blue"}},
	}
}

func TestAttributeIsWhatFiltersSee(t *testing.T) { // EG-04
	e := valid()
	for name, want := range map[string]string{
		"specversion": "1.0", "id": "id-1", "source": "/source", "type": "type.1", "subject": "subject",
		"time": "2026-01-02T03:04:05.600Z", "datacontenttype": "application/json",
		"dataschema": "https://schema.example/1", "schemaurl": "https://schema.example/1",
		"tenant": "blue", "partitionkey": "k", "absent": "", "Tenant": "",
	} {
		if got := e.Attribute(name); got != want {
			t.Errorf("attribute %s is %q, want %q", name, got, want)
		}
	}
	var empty Event
	for _, name := range []string{"specversion", "subject", "time", "dataschema", "schemaurl", "datacontenttype", "x"} {
		if got := empty.Attribute(name); got != "" {
			t.Errorf("absent attribute %s is %q", name, got)
		}
	}
}

func TestSetExtensionReplacesAndAdds(t *testing.T) {
	e := valid()
	clone := e.Clone()
	clone.SetExtension("tenant", "red", KindString)
	clone.SetExtension("knativekafkaoffset", "42", KindInteger)
	if v, _ := e.Extension("tenant"); v != "blue" || len(e.Extensions) != 2 {
		t.Errorf("changing a clone changed the event: %v", e.Extensions)
	}
	if v, _ := clone.Extension("tenant"); v != "red" || len(clone.Extensions) != 3 {
		t.Errorf("clone has %v", clone.Extensions)
	}
	if _, ok := clone.Extension("nothing"); ok {
		t.Error("an extension that was never set is there")
	}
}

func TestManyExtensionsKeepTheirOrderAndTheLastValue(t *testing.T) {
	var e Event
	var index map[string]int
	for round := range 3 {
		for i := range 4 * manyExtensions {
			e.put(Extension{Name: fmt.Sprintf("x%d", i), Value: fmt.Sprint(round)}, &index)
		}
	}
	if len(e.Extensions) != 4*manyExtensions {
		t.Fatalf("%d extensions, want %d", len(e.Extensions), 4*manyExtensions)
	}
	for i, x := range e.Extensions {
		if x.Name != fmt.Sprintf("x%d", i) || x.Value != "2" {
			t.Fatalf("extension %d is %v", i, x)
		}
	}
}

func TestValidate(t *testing.T) { // IN-31, IN-33
	with := func(change func(*Event)) Event {
		e := valid()
		change(&e)
		return e
	}
	for name, c := range map[string]struct {
		event Event
		about string // attribute that the error names, "" = valid
	}{
		"a complete event is valid":             {valid(), ""},
		"version 0.3 is valid":                  {with(func(e *Event) { e.SpecVersion = V03 }), ""},
		"only the required attributes":          {Event{SpecVersion: V1, ID: "1", Source: "s", Type: "t"}, ""},
		"another version is refused":            {with(func(e *Event) { e.SpecVersion = "2.0" }), "specversion"},
		"no version is refused":                 {with(func(e *Event) { e.SpecVersion = "" }), "specversion"},
		"no id is refused":                      {with(func(e *Event) { e.ID = "" }), "id"},
		"no source is refused":                  {with(func(e *Event) { e.Source = "" }), "source"},
		"no type is refused":                    {with(func(e *Event) { e.Type = "" }), "type"},
		"a source with a space is refused":      {with(func(e *Event) { e.Source = "/a b" }), "source"},
		"a schema that is no URI is refused":    {with(func(e *Event) { e.DataSchema = "<x>" }), "dataschema"},
		"0.3 calls it schemaurl":                {with(func(e *Event) { e.SpecVersion, e.DataSchema = V03, "<x>" }), "schemaurl"},
		"a time that is none is refused":        {with(func(e *Event) { e.Time = "yesterday" }), "time"},
		"upper case in a name is refused":       {with(func(e *Event) { e.SetExtension("Tenant", "", KindString) }), `"Tenant"`},
		"an underscore in a name is refused":    {with(func(e *Event) { e.SetExtension("a_b", "", KindString) }), `"a_b"`},
		"an empty name is refused":              {with(func(e *Event) { e.SetExtension("", "", KindString) }), `""`},
		"an extension called data is refused":   {with(func(e *Event) { e.SetExtension("data", "", KindString) }), `"data"`},
		"an extension called id is refused":     {with(func(e *Event) { e.SetExtension("id", "", KindString) }), `"id"`},
		"dataschema is an attribute in 1.0":     {with(func(e *Event) { e.SetExtension("dataschema", "x", KindString) }), `"dataschema"`},
		"schemaurl is an extension in 1.0":      {with(func(e *Event) { e.SetExtension("schemaurl", "x", KindString) }), ""},
		"an extension without value is allowed": {with(func(e *Event) { e.SetExtension("flag", "", KindString) }), ""},
		"a name of any length is allowed":       {with(func(e *Event) { e.SetExtension(strings.Repeat("x", 300), "", KindString) }), ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.event.Validate()
			if c.about == "" {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			var invalid *InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("error is %v, want an *InvalidError", err)
			}
			if invalid.Attribute != c.about {
				t.Errorf("error is about %s, want %s: %v", invalid.Attribute, c.about, err)
			}
		})
	}
}

func TestErrorsShowValuesSafely(t *testing.T) {
	e := valid()
	e.Source = "bad \r\n" + strings.Repeat("é", 500)
	err := e.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	if msg := err.Error(); strings.ContainsAny(msg, "\r\n") || len(msg) > 1000 {
		t.Errorf("message has line breaks or is long (%d bytes): %s", len(msg), msg)
	}
}
