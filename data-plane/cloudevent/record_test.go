package cloudevent

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
)

// record makes a record of headers given as name, value, name, value; a value of "<null>" is a null header.
func record(value []byte, headers ...string) *kgo.Record {
	rec := &kgo.Record{Value: value}
	for i := 0; i < len(headers); i += 2 {
		h := kgo.RecordHeader{Key: headers[i], Value: []byte(headers[i+1])}
		if headers[i+1] == "<null>" {
			h.Value = nil
		}
		rec.Headers = append(rec.Headers, h)
	}
	return rec
}

// required headers of a binary record, and more.
func requiredRecord(value []byte, more ...string) *kgo.Record {
	return record(value, append([]string{"ce_specversion", "1.0", "ce_id", "1", "ce_source", "/s", "ce_type", "t"}, more...)...)
}

// show writes a record's headers one a line and its key and value with nil told from empty.
func show(rec *kgo.Record) []string {
	var lines []string
	for _, h := range rec.Headers {
		lines = append(lines, fmt.Sprintf("%s: %s", h.Key, h.Value))
		if h.Value == nil {
			lines[len(lines)-1] += "<null>"
		}
	}
	part := func(name string, b []byte) string {
		if b == nil {
			return name + " null"
		}
		return fmt.Sprintf("%s %q", name, b)
	}
	return append(lines, part("key", rec.Key), part("value", rec.Value))
}

func TestToRecord(t *testing.T) {
	for name, c := range map[string]struct {
		mode  Mode
		event Event
		want  []string
	}{
		"binary: everything has its header, in UTF-8 (IN-35)": {Binary, valid(), []string{
			"ce_specversion: 1.0", "ce_id: id-1", "ce_source: /source", "ce_type: type.1", "ce_subject: subject",
			"ce_time: 2026-01-02T03:04:05.6Z", "ce_dataschema: https://schema.example/1", "ce_partitionkey: k", "ce_tenant: blue",
			"content-type: application/json", `key "k"`, `value "{\"a\":1}"`,
		}},
		"binary: no data is a null value, no content type no header, no key a null key (IN-35, IN-37)": {Binary, minimal(nil), []string{
			"ce_specversion: 1.0", "ce_id: 1", "ce_source: /s", "ce_type: t", "key null", "value null",
		}},
		"binary: data of no bytes is an empty value": {Binary, minimal(func(e *Event) { e.Data = []byte{} }), []string{
			"ce_specversion: 1.0", "ce_id: 1", "ce_source: /s", "ce_type: t", "key null", `value ""`,
		}},
		"binary: 0.3 has a schemaurl (IN-27)": {Binary, minimal(func(e *Event) { e.SpecVersion, e.DataSchema = V03, "http://x" }), []string{
			"ce_specversion: 0.3", "ce_id: 1", "ce_source: /s", "ce_type: t", "ce_schemaurl: http://x", "key null", "value null",
		}},
		"binary: an integer as partitionkey is its text (IN-39)": {Binary, minimal(func(e *Event) { e.SetExtension("partitionkey", "42", KindInteger) }), []string{
			"ce_specversion: 1.0", "ce_id: 1", "ce_source: /s", "ce_type: t", "ce_partitionkey: 42", `key "42"`, "value null",
		}},
		"binary: an empty partitionkey is an empty key, an empty extension an empty header": {Binary, minimal(func(e *Event) {
			e.SetExtension("partitionkey", "", KindString)
			e.SetExtension("x", "", KindString)
		}), []string{
			"ce_specversion: 1.0", "ce_id: 1", "ce_source: /s", "ce_type: t", "ce_partitionkey: ", "ce_x: ", `key ""`, "value null",
		}},
		"no subject, source or id becomes the key (IN-37)": {Binary, minimal(func(e *Event) { e.Subject = "sub" }), []string{
			"ce_specversion: 1.0", "ce_id: 1", "ce_source: /s", "ce_type: t", "ce_subject: sub", "key null", "value null",
		}},
		"structured: one header, JSON, the same key (IN-36, IN-37)": {Structured, minimal(func(e *Event) {
			e.SetExtension("partitionkey", "7", KindInteger)
			e.Data = []byte(`{"a":1}`)
		}), []string{
			"content-type: application/cloudevents+json", `key "7"`,
			`value "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\",\"partitionkey\":7,\"data\":{\"a\":1}}"`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			rec := record([]byte("old"), "old", "header")
			rec.Key, rec.Topic, rec.Partition = []byte("old"), "topic", 3
			c.event.ToRecord(c.mode, rec)
			if diff := cmp.Diff(c.want, show(rec)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if rec.Topic != "topic" || rec.Partition != 3 {
				t.Errorf("topic or partition were changed: %v", rec)
			}
		})
	}
}

func TestFromRecord(t *testing.T) {
	const structured = `{"specversion":"1.0","id":"1","source":"/s","type":"t","x":5}`
	fromJSON := minimal(func(e *Event) { e.Extensions = []Extension{{"x", "5", KindInteger}} })
	for name, c := range map[string]struct {
		rec  *kgo.Record
		want Event
	}{
		"binary (EG-58)": {
			requiredRecord([]byte("v"), "content-type", "text/plain", "ce_subject", "s", "ce_time", "2026-01-02T03:04:05Z", "ce_dataschema", "u", "ce_tenant", "b", "other", "x"),
			minimal(func(e *Event) {
				e.DataContentType, e.Subject, e.Time, e.DataSchema = "text/plain", "s", "2026-01-02T03:04:05Z", "u"
				e.Extensions, e.Data = []Extension{{Name: "tenant", Value: "b"}}, []byte("v")
			}),
		},
		"a null value is an event without data (EG-66)": {requiredRecord(nil), minimal(nil)},
		"an empty value is data of no bytes":            {requiredRecord([]byte{}), minimal(func(e *Event) { e.Data = []byte{} })},
		"structured (EG-58)":                            {record([]byte(structured), "content-type", "application/cloudevents+json; charset=UTF-8"), fromJSON},
		"structured wins over ce headers (EG-58)":       {requiredRecord([]byte(structured), "content-type", "application/cloudevents+json"), fromJSON},
		"of equal headers the last counts": {
			requiredRecord(nil, "ce_id", "0", "ce_id", "1", "content-type", "a/b", "content-type", "c/d", "ce_x", "1", "ce_x", "2"),
			minimal(func(e *Event) { e.DataContentType, e.Extensions = "c/d", []Extension{{Name: "x", Value: "2"}} }),
		},
		"upper case in a name is lowered":       {requiredRecord(nil, "ce_Tenant", "B"), minimal(func(e *Event) { e.Extensions = []Extension{{Name: "tenant", Value: "B"}} })},
		"a null header is an empty one (EG-65)": {requiredRecord(nil, "ce_x", "<null>", "ce_subject", "<null>", "content-type", "<null>"), minimal(func(e *Event) { e.Extensions = []Extension{{Name: "x"}} })},
		"bytes that are no UTF-8 stay (EG-68)":  {requiredRecord(nil, "ce_x", "\xff"), minimal(func(e *Event) { e.Extensions = []Extension{{Name: "x", Value: "\xff"}} })},
		"0.3 is kept (EG-15)": {
			requiredRecord(nil, "ce_specversion", "0.3", "ce_schemaurl", "u"), minimal(func(e *Event) { e.SpecVersion, e.DataSchema = V03, "u" }),
		},
		"ce_datacontenttype of other writers counts without content-type": {
			requiredRecord(nil, "ce_datacontenttype", "a/b"), minimal(func(e *Event) { e.DataContentType = "a/b" }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := valid()
			if err := FromRecord(c.rec, &got); err != nil {
				t.Fatal(err)
			}
			if len(got.Extensions) == 0 {
				got.Extensions = nil
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestFromRecordRefuses(t *testing.T) { // EG-58, EG-59
	for name, c := range map[string]struct {
		rec   *kgo.Record
		notCE bool
	}{
		"no header":                               {record([]byte("x")), true},
		"other headers":                           {record(nil, "content-type", "application/json", "x", "y"), true},
		"ce headers without specversion":          {record(nil, "ce_id", "1", "ce_source", "/s", "ce_type", "t"), true},
		"Content-Type in other case is no marker": {record([]byte(doc("")), "Content-Type", ContentTypeStructured), true},
		"an unknown specversion":                  {requiredRecord(nil, "ce_specversion", "2.0"), false},
		"a null specversion":                      {requiredRecord(nil, "ce_specversion", "<null>"), false},
		"an empty id":                             {requiredRecord(nil, "ce_id", ""), false},
		"a null type":                             {requiredRecord(nil, "ce_type", "<null>"), false},
		"a time that is none":                     {requiredRecord(nil, "ce_time", "now"), false},
		"an underscore in a name":                 {requiredRecord(nil, "ce_a_b", "now"), false},
		"structured with a null value":            {record(nil, "content-type", ContentTypeStructured), false},
		"structured that is no JSON":              {record([]byte("x"), "content-type", ContentTypeStructured), false},
		"another CloudEvents format":              {requiredRecord([]byte("x"), "content-type", "application/cloudevents+avro"), false},
		"a batch":                                 {requiredRecord([]byte("[]"), "content-type", ContentTypeBatch), false},
	} {
		t.Run(name, func(t *testing.T) {
			var e Event
			err := FromRecord(c.rec, &e)
			var invalid *InvalidError
			if errors.Is(err, ErrNotCloudEvent) != c.notCE || errors.As(err, &invalid) == c.notCE {
				t.Errorf("error is %v", err)
			}
		})
	}
}

// A CloudEvent inside a CloudEvent: in binary mode readers would find the inner one, or nothing valid, and the outer one
// would be lost.
func TestAnEventInAnEventSurvives(t *testing.T) {
	for _, inner := range []string{doc(`"id":"inner"`), `{"broken":true}`} {
		outer := minimal(func(e *Event) {
			e.DataContentType, e.Data = "application/cloudevents+json; charset=utf-8", []byte(inner)
		})
		if outer.FitsBinary() {
			t.Fatal("fits binary mode")
		}
		var rec kgo.Record
		outer.ToRecord(Binary, &rec)
		var got Event
		if err := FromRecord(&rec, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(outer, got, sameEvents); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}
