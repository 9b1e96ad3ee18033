package cloudevent

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// required are the headers of a minimal event.
func required(more ...Header) []Header {
	return append([]Header{{"ce-specversion", "1.0"}, {"ce-id", "1"}, {"ce-source", "/s"}, {"ce-type", "t"}}, more...)
}

func minimal(change func(*Event)) Event {
	e := Event{SpecVersion: V1, ID: "1", Source: "/s", Type: "t"}
	if change != nil {
		change(&e)
	}
	return e
}

func TestFromHTTPBinary(t *testing.T) {
	for name, c := range map[string]struct {
		contentType string
		headers     []Header
		body        string
		want        Event
	}{
		"the required attributes are enough (IN-27)": {"", required(), "", minimal(nil)},
		"header names have any case (IN-27)": {
			"text/plain", []Header{{"CE-SPECVERSION", "1.0"}, {"Ce-Id", "1"}, {"cE-sOURCE", "/s"}, {"ce-type", "t"}, {"Ce-TenantName", "Blue"}}, "x",
			minimal(func(e *Event) {
				e.DataContentType, e.Data, e.Extensions = "text/plain", []byte("x"), []Extension{{Name: "tenantname", Value: "Blue"}}
			}),
		},
		"all attributes are read (IN-27)": {
			"application/json; charset=utf-8",
			required(Header{"ce-subject", "sub"}, Header{"ce-time", "2026-01-02T03:04:05Z"}, Header{"ce-dataschema", "http://x/y"}), "{}",
			minimal(func(e *Event) {
				e.Subject, e.Time, e.DataSchema = "sub", "2026-01-02T03:04:05Z", "http://x/y"
				e.DataContentType, e.Data = "application/json; charset=utf-8", []byte("{}")
			}),
		},
		"version 0.3 is kept, with its schemaurl (IN-27)": {
			"", []Header{{"ce-schemaurl", "http://x/y"}, {"ce-id", "1"}, {"ce-source", "/s"}, {"ce-type", "t"}, {"ce-specversion", "0.3"}}, "",
			minimal(func(e *Event) { e.SpecVersion, e.DataSchema = V03, "http://x/y" }),
		},
		"schemaurl is an extension in 1.0, dataschema one in 0.3 (IN-33)": {
			"", []Header{{"ce-dataschema", "d"}, {"ce-id", "1"}, {"ce-source", "/s"}, {"ce-type", "t"}, {"ce-specversion", "0.3"}}, "",
			minimal(func(e *Event) { e.SpecVersion, e.Extensions = V03, []Extension{{Name: "dataschema", Value: "d"}} }),
		},
		"percent escapes stay as they are (IN-27, IN-28)": {
			"", required(Header{"ce-subject", "a%20b%C3%A9 é%"}), "",
			minimal(func(e *Event) { e.Subject = "a%20b%C3%A9 é%" }),
		},
		"quotes around a value stay": {
			"", required(Header{"ce-subject", `"x"`}), "", minimal(func(e *Event) { e.Subject = `"x"` }),
		},
		"bytes that are no UTF-8 stay": {
			"", required(Header{"ce-subject", "caf\xe9"}), "", minimal(func(e *Event) { e.Subject = "caf\xe9" }),
		},
		"of a header sent twice the last counts": {
			"", required(Header{"ce-id", "2"}, Header{"ce-x", "a"}, Header{"ce-X", "b"}), "",
			minimal(func(e *Event) { e.ID, e.Extensions = "2", []Extension{{Name: "x", Value: "b"}} }),
		},
		"an empty optional attribute is absent, an empty extension is there": {
			"", required(Header{"ce-subject", ""}, Header{"ce-dataschema", ""}, Header{"ce-x", ""}), "",
			minimal(func(e *Event) { e.Extensions = []Extension{{Name: "x"}} }),
		},
		"other headers are ignored (IN-41)": {
			"", required(Header{"traceparent", "x"}, Header{"Content-Type", "text/html"}, Header{"ce-", "x"}, Header{"ce", "x"}, Header{"cex-y", "x"}), "",
			minimal(nil),
		},
		"ce-datacontenttype counts only without Content-Type (IN-35)": {
			"", required(Header{"ce-datacontenttype", "text/a"}), "", minimal(func(e *Event) { e.DataContentType = "text/a" }),
		},
		"Content-Type wins over ce-datacontenttype (IN-27)": {
			"text/b", required(Header{"ce-datacontenttype", "text/a"}), "", minimal(func(e *Event) { e.DataContentType = "text/b" }),
		},
		"a whole minute without seconds is completed": {
			"", required(Header{"ce-time", "2026-01-02T03:04Z"}), "", minimal(func(e *Event) { e.Time = "2026-01-02T03:04:00Z" }),
		},
		"nothing is added (IN-32)": {
			"", required(Header{"ce-knativehistory", "h"}, Header{"ce-knativebrokerttl", "1"}), "",
			minimal(func(e *Event) {
				e.Extensions = []Extension{{Name: "knativehistory", Value: "h"}, {Name: "knativebrokerttl", Value: "1"}}
			}),
		},
		"a name longer than usual": {
			"", required(Header{"Ce-" + strings.Repeat("Ab1", 40), "v"}), "",
			minimal(func(e *Event) { e.Extensions = []Extension{{Name: strings.Repeat("ab1", 40), Value: "v"}} }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, own := range []Ownership{Borrowed, BodyOwned, Owned} {
				got, mode, err := FromHTTPOwned(own, c.contentType, c.headers, []byte(c.body), nil)
				if err != nil || mode != Binary {
					t.Fatalf("mode %v, error %v", mode, err)
				}
				if diff := cmp.Diff([]Event{c.want}, got); diff != "" {
					t.Errorf("ownership %v (-want +got):\n%s", own, diff)
				}
			}
		})
	}
}

func TestFromHTTPRefuses(t *testing.T) {
	without := func(name string) []Header {
		var h []Header
		for _, x := range required() {
			if x.Name != name {
				h = append(h, x)
			}
		}
		return h
	}
	for name, c := range map[string]struct {
		contentType string
		headers     []Header
		body        string
		notCE       bool
	}{
		"no CloudEvents header at all (IN-12)":      {"application/json", nil, "{}", true},
		"no specversion (IN-12)":                    {"", without("ce-specversion"), "", true},
		"an empty specversion (IN-12)":              {"", append(without("ce-specversion"), Header{"ce-specversion", ""}), "", true},
		"an unknown specversion (IN-27)":            {"", append(without("ce-specversion"), Header{"ce-specversion", "1.1"}), "", false},
		"no id (IN-31)":                             {"", without("ce-id"), "", false},
		"no source (IN-31)":                         {"", without("ce-source"), "", false},
		"no type (IN-31)":                           {"", without("ce-type"), "", false},
		"an empty id (IN-31)":                       {"", append(without("ce-id"), Header{"ce-id", ""}), "", false},
		"a time that is none (IN-31)":               {"", required(Header{"ce-time", "now"}), "", false},
		"an empty time (IN-31)":                     {"", required(Header{"ce-time", ""}), "", false},
		"a source that is no URI (IN-31)":           {"", append(without("ce-source"), Header{"ce-source", "a b"}), "", false},
		"a dataschema that is no URI (IN-31)":       {"", required(Header{"ce-dataschema", "{}"}), "", false},
		"an underscore in a name (IN-33)":           {"", required(Header{"ce-a_b", "x"}), "", false},
		"a dash in a name (IN-33)":                  {"", required(Header{"ce-a-b", "x"}), "", false},
		"a letter beyond ASCII in a name (IN-33)":   {"", required(Header{"ce-\u212a", "x"}), "", false},
		"an extension called data":                  {"", required(Header{"ce-data", "x"}), "", false},
		"another CloudEvents format (IN-30)":        {"application/cloudevents+avro", required(), "", false},
		"no format (IN-30)":                         {"application/cloudevents", required(), "", false},
		"a batch in another format (IN-30)":         {"application/cloudevents-batch+xml", required(), "", false},
		"structured without a body":                 {"application/cloudevents+json", required(), "", false},
		"a batch without a body":                    {"application/cloudevents-batch+json", required(), "", false},
		"one malformed event in a batch (IN-30)":    {"application/cloudevents-batch+json", nil, `[{"specversion":"1.0","id":"1","source":"s","type":"t"},{}]`, false},
		"a batch that is no array":                  {"application/cloudevents-batch+json", nil, `{"specversion":"1.0","id":"1","source":"s","type":"t"}`, false},
		"a batch with something behind it":          {"application/cloudevents-batch+json", nil, `[] []`, false},
		"a batch with a comma too much":             {"application/cloudevents-batch+json", nil, `[{"specversion":"1.0","id":"1","source":"s","type":"t"},]`, false},
		"a structured message with an array inside": {"application/cloudevents+json", nil, `[]`, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, own := range []Ownership{Borrowed, BodyOwned, Owned} {
				events, _, err := FromHTTPOwned(own, c.contentType, c.headers, []byte(c.body), nil)
				if err == nil || len(events) != 0 {
					t.Fatalf("accepted: %v", events)
				}
				var invalid *InvalidError
				if errors.Is(err, ErrNotCloudEvent) != c.notCE || errors.As(err, &invalid) == c.notCE {
					t.Errorf("error is %v", err)
				}
			}
		})
	}
}

func TestFromHTTPStructuredAndBatch(t *testing.T) {
	const one = `{"specversion":"1.0","id":"1","source":"/s","type":"t"}`
	two := minimal(func(e *Event) { e.ID, e.Data = "2", []byte(`{"a": 1}`) })
	for name, c := range map[string]struct {
		contentType, body string
		mode              Mode
		want              []Event
	}{
		"structured (IN-29)":                              {"application/cloudevents+json", one, Structured, []Event{minimal(nil)}},
		"parameters are ignored (IN-29)":                  {"application/cloudevents+json; charset=UTF-8", one, Structured, []Event{minimal(nil)}},
		"space before the parameters":                     {"application/cloudevents+json ;a=b", one, Structured, []Event{minimal(nil)}},
		"the media type has any case":                     {"Application/CloudEvents+JSON", one, Structured, []Event{minimal(nil)}},
		"an empty batch (IN-30)":                          {"application/cloudevents-batch+json", " [ ] ", Batch, []Event{}},
		"a batch of one (IN-30)":                          {"application/cloudevents-batch+json", "[" + one + "]", Batch, []Event{minimal(nil)}},
		"a batch of two keeps the order (IN-30)":          {"application/cloudevents-batch+json; x=y", "[" + one + ` , {"specversion":"1.0","id":"2","source":"/s","type":"t","data":{"a": 1}}]`, Batch, []Event{minimal(nil), two}},
		"ce headers beside a structured body are ignored": {"application/cloudevents+json", one, Structured, []Event{minimal(nil)}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, own := range []Ownership{Borrowed, BodyOwned, Owned} {
				got, mode, err := FromHTTPOwned(own, c.contentType, []Header{{"ce-id", "other"}}, []byte(c.body), []Event{})
				if err != nil || mode != c.mode {
					t.Fatalf("mode %v, error %v", mode, err)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			}
		})
	}
}

// Whatever is done to the request's memory afterwards, a borrowed event stays as it was; and events are reused without
// traces of what they were.
func TestBorrowedMemoryIsCopied(t *testing.T) {
	for name, size := range map[string]int{"one allocation": 100, "body apart": 2 * oneSlab} {
		t.Run(name, func(t *testing.T) {
			var memory []byte
			borrow := func(s string) string {
				start := len(memory)
				memory = append(memory, s...)
				return text(memory[start:])
			}
			memory = make([]byte, 0, 3*oneSlab)
			headers := []Header{
				{borrow("Ce-Specversion"), borrow("1.0")}, {borrow("Ce-Id"), borrow("id-1")}, {borrow("Ce-Source"), borrow("/source")},
				{borrow("Ce-Type"), borrow("type.1")}, {borrow("Ce-Dataschema"), borrow("http://x")}, {borrow("Ce-Tenant"), borrow("blue")},
				{borrow("Ce-Partitionkey"), borrow("k")}, {borrow("Ce-Schemaurl"), borrow("ext")},
			}
			body := octets(borrow(strings.Repeat("b", size)))
			contentType := borrow("text/plain")
			events := []Event{valid()}
			events, _, err := FromHTTP(contentType, headers, body, events)
			if err != nil {
				t.Fatal(err)
			}
			for i := range memory {
				memory[i] = '#'
			}
			want := Event{
				SpecVersion: V1, ID: "id-1", Source: "/source", Type: "type.1", DataSchema: "http://x", DataContentType: "text/plain",
				Extensions: []Extension{{Name: "tenant", Value: "blue"}, {Name: "partitionkey", Value: "k"}, {Name: "schemaurl", Value: "ext"}},
				Data:       bytes.Repeat([]byte("b"), size),
			}
			if diff := cmp.Diff([]Event{want}, events); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestBorrowedStructuredBodyIsCopied(t *testing.T) {
	body := []byte(`{"specversion":"1.0","id":"1","source":"/s","type":"t","ext":"v","data":{"a":1}}`)
	events, _, err := FromHTTP(ContentTypeStructured, nil, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range body {
		body[i] = '#'
	}
	want := minimal(func(e *Event) { e.Data, e.Extensions = []byte(`{"a":1}`), []Extension{{Name: "ext", Value: "v"}} })
	if diff := cmp.Diff(want, events[0]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestOwnedBodyIsNotCopied(t *testing.T) {
	body := []byte("body")
	for _, own := range []Ownership{BodyOwned, Owned} {
		events, _, err := FromHTTPOwned(own, "text/plain", required(), body, nil)
		if err != nil {
			t.Fatal(err)
		}
		if &events[0].Data[0] != &body[0] {
			t.Errorf("ownership %v copied the body", own)
		}
	}
}

func headersOf(e *Event) map[string]string {
	h := map[string]string{}
	e.VisitHTTPHeaders(func(name, value string) { h[name] = value })
	return h
}

func TestVisitHTTPHeaders(t *testing.T) {
	base := map[string]string{"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}
	with := func(more map[string]string) map[string]string {
		m := maps.Clone(base)
		maps.Copy(m, more)
		return m
	}
	for name, c := range map[string]struct {
		event Event
		want  map[string]string
	}{
		"no content type without datacontenttype (EG-25)": {minimal(nil), base},
		"content type even without data (EG-25)": {
			minimal(func(e *Event) { e.DataContentType = "text/plain" }), with(map[string]string{"content-type": "text/plain"}),
		},
		"all attributes (EG-16)": {
			minimal(func(e *Event) { e.Subject, e.Time, e.DataSchema = "sub", "2026-01-02T03:04:05.6+01:00", "http://x" }),
			with(map[string]string{"ce-subject": "sub", "ce-time": "2026-01-02T03:04:05.6+01:00", "ce-dataschema": "http://x"}),
		},
		"0.3 stays 0.3 (EG-15)": {
			minimal(func(e *Event) { e.SpecVersion, e.DataSchema = V03, "http://x" }),
			with(map[string]string{"ce-specversion": "0.3", "ce-schemaurl": "http://x"}),
		},
		"numbers, booleans and bytes are text (EG-12, EG-17)": {
			minimal(func(e *Event) {
				e.SetExtension("knativekafkapartition", "3", KindInteger)
				e.SetExtension("knativekafkaoffset", "9000000000", KindInteger)
				e.SetExtension("flag", "true", KindBoolean)
				e.SetExtension("bytes", "AQI=", KindBinary)
			}),
			with(map[string]string{"ce-knativekafkapartition": "3", "ce-knativekafkaoffset": "9000000000", "ce-flag": "true", "ce-bytes": "AQI="}),
		},
		"an extension without value": {
			minimal(func(e *Event) { e.SetExtension("empty", "", KindString) }), with(map[string]string{"ce-empty": ""}),
		},
		"a value cannot end its header": {
			minimal(func(e *Event) {
				e.Subject = "a\r\nEvil: 1"
				e.SetExtension("x", "\x00\x7f\ttab", KindString)
			}),
			with(map[string]string{"ce-subject": "a%0D%0AEvil: 1", "ce-x": "%00%7F\ttab"}),
		},
		"other values go out as they are (IN-28)": {
			minimal(func(e *Event) { e.Subject = "é %20%" }), with(map[string]string{"ce-subject": "é %20%"}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, headersOf(&c.event)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestDeadLettersAreVersion1(t *testing.T) { // EG-15
	e := minimal(func(e *Event) { e.SpecVersion, e.DataSchema = V03, "http://x" })
	e.UpgradeToV1()
	h := headersOf(&e)
	if h["ce-specversion"] != "1.0" || h["ce-dataschema"] != "http://x" || h["ce-schemaurl"] != "" {
		t.Errorf("headers are %v", h)
	}
}

func TestWellKnownNamesAreConsistent(t *testing.T) {
	for _, name := range []string{
		"partitionkey", "key", "traceparent", "tracestate", "sequence", "dataref", "correlationid", "causationid", "knativearrivaltime",
		"knativebrokerttl", "knativehistory", "knativekafkapartition", "knativekafkaoffset", "knativeerrordest", "knativeerrorcode", "knativeerrordata",
	} {
		if http, kafka := headerNames(name); http != "ce-"+name || kafka != "ce_"+name {
			t.Errorf("%s is called %q in HTTP and %q in Kafka", name, http, kafka)
		}
	}
}

func TestHotPathAllocations(t *testing.T) {
	headers, body, rec := sampleHeaders(), sampleBody(), sampleRecord(t)
	events := make([]Event, 0, 1)
	if n := testing.AllocsPerRun(100, func() {
		events, _, _ = FromHTTP("application/json", headers, body, events)
	}); n > 1 {
		t.Errorf("FromHTTP allocates %v times, want at most once", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		rec := *rec
		rec.Headers = nil
		events[0].ToRecord(Binary, &rec)
	}); n > 2 {
		t.Errorf("ToRecord allocates %v times, want at most two", n)
	}
	var e Event
	if n := testing.AllocsPerRun(100, func() {
		if err := FromRecord(rec, &e); err != nil {
			t.Fatal(err)
		}
		e.VisitHTTPHeaders(func(string, string) {})
	}); n > 1 {
		t.Errorf("FromRecord and VisitHTTPHeaders allocate %v times, want at most once", n)
	}
}

func TestControlCharactersAreEncodedWhereverTheyStand(t *testing.T) {
	for c := range 256 {
		for length := 1; length <= 20; length++ {
			for at := range length {
				value := []byte(strings.Repeat("é~ ", 7)[:length])
				value[at] = byte(c)
				want := string(value)
				if c != '\t' && (c < 0x20 || c == 0x7f) {
					want = fmt.Sprintf("%s%%%02X%s", value[:at], c, value[at+1:])
				}
				if got := headerValue(string(value)); got != want {
					t.Fatalf("%q became %q, want %q", value, got, want)
				}
			}
		}
	}
}
