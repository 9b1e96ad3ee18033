package cloudevent

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestCanonicalTime(t *testing.T) { // IN-31, EG-17
	same := "="
	for in, want := range map[string]string{
		"2026-01-02T03:04:05Z":                same,
		"2026-01-02T03:04:05.1Z":              same,
		"2026-01-02T03:04:05.123456789Z":      same,
		"2026-01-02T03:04:05.1234567890123Z":  same,
		"2026-01-02T03:04:05+01:00":           same,
		"2026-01-02T03:04:05.5-23:59":         same,
		"2024-02-29T00:00:00Z":                same,
		"2000-02-29T00:00:00Z":                same,
		"0000-01-01T00:00:00Z":                same,
		"9999-12-31T23:59:59.999999999+14:00": same,
		"2026-01-02t03:04:05z":                "2026-01-02T03:04:05Z",
		"2026-01-02T03:04Z":                   "2026-01-02T03:04:00Z",
		"2026-01-02T03:04+01:00":              "2026-01-02T03:04:00+01:00",
		"2026-01-02t03:04z":                   "2026-01-02T03:04:00Z",
		"":                                    "",
		"yesterday":                           "",
		"2026-01-02":                          "",
		"2026-01-02 03:04:05Z":                "",
		"2026-01-02T03:04:05":                 "",
		"2026-01-02T03:04:05.Z":               "",
		"2026-01-02T03:04:05,5Z":              "",
		"2026-01-02T3:04:05Z":                 "",
		"2026-1-02T03:04:05Z":                 "",
		"2026-01-02T24:00:00Z":                "",
		"2026-01-02T03:60:05Z":                "",
		"2026-01-02T03:04:60Z":                "",
		"2026-13-02T03:04:05Z":                "",
		"2026-00-02T03:04:05Z":                "",
		"2026-01-00T03:04:05Z":                "",
		"2026-01-32T03:04:05Z":                "",
		"2026-04-31T03:04:05Z":                "",
		"2025-02-29T00:00:00Z":                "",
		"1900-02-29T00:00:00Z":                "",
		"2026-01-02T03:04:05+0100":            "",
		"2026-01-02T03:04:05+01":              "",
		"2026-01-02T03:04:05+24:00":           "",
		"2026-01-02T03:04:05+01:60":           "",
		"2026-01-02T03:04:05ZZ":               "",
		"2026-01-02T03:04:05.5":               "",
		"2026-01-02T03:04:":                   "",
		"+026-01-02T03:04:05Z":                "",
	} {
		got, ok := canonicalTime(in)
		if want == same {
			want = in
		}
		if ok != (want != "") || ok && got != want {
			t.Errorf("%q became %q, %v; want %q", in, got, ok, want)
		}
	}
}

func TestInstant(t *testing.T) { // EG-04
	for in, want := range map[string]string{
		"":                               "",
		"2026-01-02T03:04:05Z":           "2026-01-02T03:04:05Z",
		"2026-01-02T03:04:05.100Z":       "2026-01-02T03:04:05.100Z",
		"2026-01-02T03:04:05.1Z":         "2026-01-02T03:04:05.100Z",
		"2026-01-02T03:04:05.000Z":       "2026-01-02T03:04:05Z",
		"2026-01-02T03:04:05.120000Z":    "2026-01-02T03:04:05.120Z",
		"2026-01-02T03:04:05.000001Z":    "2026-01-02T03:04:05.000001Z",
		"2026-01-02T03:04:05.000000001Z": "2026-01-02T03:04:05.000000001Z",
		"2026-01-02T03:04:05.123456000Z": "2026-01-02T03:04:05.123456Z",
		"2026-01-02T03:04:05+02:00":      "2026-01-02T01:04:05Z",
		"2026-01-01T00:30:00.25+01:00":   "2025-12-31T23:30:00.250Z",
		"no time":                        "no time",
	} {
		if got := instant(in); got != want {
			t.Errorf("instant of %q is %q, want %q", in, got, want)
		}
	}
}

func FuzzTime(f *testing.F) {
	f.Add("2026-01-02T03:04:05.5+01:00")
	f.Add("2026-01-02t03:04z")
	f.Add("2025-02-29T00:00:00Z")
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := canonicalTime(s)
		if !ok {
			return
		}
		when, err := time.Parse(time.RFC3339Nano, got)
		if err != nil {
			t.Fatalf("%q was made %q, which does not parse: %v", s, got, err)
		}
		if again, ok := canonicalTime(got); !ok || again != got {
			t.Fatalf("%q is not stable: %q", got, again)
		}
		if i, err := time.Parse(time.RFC3339Nano, instant(got)); when.UTC().Year() >= 0 && when.UTC().Year() <= 9999 && (err != nil || !i.Equal(when)) {
			t.Fatalf("instant of %q is %q: %v", got, instant(got), err)
		}
	})
}

func TestURIReference(t *testing.T) { // IN-31
	for s, want := range map[string]bool{
		"/apis/v1/namespaces/ns/kafkasources/name#topic": true,
		"https://user@example.com:8080/a;b=c/?q=1&r#f":   true,
		"urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66":  true,
		"mailto:a@example.com":                           true,
		"1-555-123-4567":                                 true,
		"a/b:c":                                          true,
		"?a:b":                                           true,
		"#a:b":                                           true,
		"//[2001:db8::1]/x":                              true,
		"sensors/tn-1234567/alerts":                      true,
		"/é/日本":                                          true,
		"/a%20b":                                         true,
		"cloudevents://x~y!z$(*)+,'":                     true,
		"/a b":                                           false,
		"/a%2":                                           false,
		"/a%zz":                                          false,
		"/%":                                             false,
		"/a\tb":                                          false,
		"/a\x00":                                         false,
		"/a\x7f":                                         false,
		"<x>":                                            false,
		"/{id}":                                          false,
		"/a|b":                                           false,
		`/a"b`:                                           false,
		`\a`:                                             false,
		"/a^b":                                           false,
		"/a`b":                                           false,
		"1a:b":                                           false,
		":b":                                             false,
		"a#b#c":                                          false,
		"http://[::1":                                    false,
	} {
		if got := validURIReference(s); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}

// uriReference is the grammar of RFC 3986, appendix A, without IP literals and with characters beyond ASCII.
var uriReference = func() *regexp.Regexp {
	const (
		noColon = `(?:[A-Za-z0-9._~!$&'()*+,;=@\x{80}-\x{10FFFF}-]|%[0-9A-Fa-f]{2})`
		char    = `(?:` + noColon + `|:)`
		path    = `(?:` + char + `|/)*`
		query   = `(?:` + char + `|[/?])*`
	)
	return regexp.MustCompile(`^(?:[A-Za-z][A-Za-z0-9+.-]*:` + path + `|` + noColon + `*(?:/` + path + `)?)(?:\?` + query + `)?(?:#` + query + `)?$`)
}()

func FuzzURIReference(f *testing.F) {
	for _, s := range []string{"https://user@example.com:8080/a;b=c/?q=1&r#f", "1a:b", "a/b:c", "?a:b#c:d", "/%41%", "/é", "\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, "[]") {
			return
		}
		if got, want := validURIReference(s), uriReference.MatchString(s); got != want {
			t.Fatalf("%q: %v, the grammar says %v", s, got, want)
		}
	})
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
