package cloudevent

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kgo"
)

// sameEvents compares events; no extensions and none left of reused ones are the same.
var sameEvents = cmpopts.EquateEmpty()

// requireSame fails when two events differ; data is compared apart, because nil and empty data are not the same.
func requireSame(t *testing.T, way string, want, got *Event) {
	t.Helper()
	if diff := cmp.Diff(want, got, sameEvents); diff != "" {
		t.Fatalf("%s changed the event (-want +got):\n%s", way, diff)
	}
	if (want.Data == nil) != (got.Data == nil) {
		t.Fatalf("%s: data was nil: %v, is nil: %v", way, want.Data == nil, got.Data == nil)
	}
}

// toHTTP and back, as ingress and egress see each other.
func throughHTTP(t *testing.T, e *Event) Event {
	t.Helper()
	var headers []Header
	contentType := ""
	e.VisitHTTPHeaders(func(name, value string) {
		if name == "content-type" {
			contentType = value
			return
		}
		headers = append(headers, Header{name, value})
	})
	events, _, err := FromHTTP(contentType, headers, e.Data, nil)
	if err != nil {
		t.Fatalf("headers %q: %v", headers, err)
	}
	return events[0]
}

func throughRecord(t *testing.T, mode Mode, e *Event) Event {
	t.Helper()
	var rec kgo.Record
	e.ToRecord(mode, &rec)
	var got Event
	if err := FromRecord(&rec, &got); err != nil {
		t.Fatalf("record %q: %v", show(&rec), err)
	}
	return got
}

// asText forgets the kinds of extensions and data of no bytes, as binary HTTP messages do.
func asText(e *Event) Event {
	c := e.Clone()
	for i := range c.Extensions {
		c.Extensions[i].Kind = KindString
	}
	return c
}

// TestDataIsNeverChanged sends data of many sizes every way there is (IN-59).
func TestDataIsNeverChanged(t *testing.T) {
	for _, size := range []int{0, 1, 2, 100, 1024, oneSlab - 1, oneSlab, oneSlab + 1, 1 << 20} {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(i * 7)
		}
		e := minimal(func(e *Event) { e.DataContentType, e.Data = "application/octet-stream", data })
		viaHTTP := throughHTTP(t, &e)
		binary, structured := throughRecord(t, Binary, &viaHTTP), throughRecord(t, Structured, &viaHTTP)
		for way, got := range map[string][]byte{"HTTP": viaHTTP.Data, "a binary record": binary.Data, "a structured record": structured.Data} {
			if !bytes.Equal(got, data) {
				t.Errorf("%s changed %d bytes", way, size)
			}
		}
	}
}

// FuzzHTTP: whatever is accepted from HTTP goes through Kafka and out again unchanged.
func FuzzHTTP(f *testing.F) {
	f.Add("application/json", "id", "/source", "type", "subject", "2026-01-02T03:04:05Z", "http://schema", "partitionkey", "k", []byte(`{}`))
	f.Add("", "1", "a", "b", "", "", "", "x", "", []byte(nil))
	f.Add("text/plain", "1", "urn:a", "b\xff", "é %20\r\n", "2026-01-02t03:04z", "", "dataschema", "v", []byte("\xff"))
	f.Add(ContentTypeStructured, "", "", "", "", "", "", "", "", []byte(doc(`"x":1,"data":{"a":1}`)))
	f.Add(ContentTypeStructured, "", "", "", "", "", "", "", "", []byte(doc(`"datacontenttype":"application/cloudevents+json","data":{}`)))
	f.Add(ContentTypeBatch, "", "", "", "", "", "", "", "", []byte(`[`+doc(`"y":true,"data_base64":"AA=="`)+`]`))
	f.Fuzz(func(t *testing.T, contentType, id, source, typ, subject, time, schema, name, value string, body []byte) {
		headers := []Header{{"ce-specversion", "1.0"}, {"ce-id", id}, {"ce-source", source}, {"ce-type", typ}, {"ce-" + name, value}}
		if subject != "" {
			headers = append(headers, Header{"CE-Subject", subject})
		}
		if time != "" {
			headers = append(headers, Header{"Ce-Time", time})
		}
		if schema != "" {
			headers = append(headers, Header{"ce-dataschema", schema})
		}
		events, mode, err := FromHTTP(contentType, headers, body, nil)
		if err != nil {
			return
		}
		for i := range events {
			e := &events[i]
			if err := e.Validate(); err != nil {
				t.Fatalf("accepted and yet: %v", err)
			}
			if mode == Binary && !bytes.Equal(e.Data, body) {
				t.Fatal("data changed")
			}
			checkBinaryRecord(t, e)
			checkStructured(t, e)
			checkHTTP(t, e)
		}
	})
}

// checkBinaryRecord: a binary record keeps everything but the kinds of extensions.
func checkBinaryRecord(t *testing.T, e *Event) {
	t.Helper()
	got := throughRecord(t, Binary, e)
	if !e.FitsBinary() {
		requireSame(t, "a record that had to be structured", e, &got)
		return
	}
	text := asText(e)
	requireSame(t, "a binary record", &text, &got)
}

// checkStructured: a structured record keeps everything that JSON can hold.
func checkStructured(t *testing.T, e *Event) {
	t.Helper()
	got := throughRecord(t, Structured, e)
	again := throughRecord(t, Structured, &got)
	requireSame(t, "a second structured record", &got, &again)
	if isJSON(e.DataContentType) {
		if got, want := bytes.TrimSpace(got.Data), bytes.TrimSpace(e.Data); !bytes.Equal(got, want) {
			t.Fatalf("data %q became %q", want, got)
		}
	} else if _, encoded := e.Extension("datacontentencoding"); !encoded && !bytes.Equal(got.Data, e.Data) {
		t.Fatalf("data %q became %q", e.Data, got.Data)
	}
}

// checkHTTP: what goes out in headers comes back in, control characters encoded, which a second time changes nothing.
func checkHTTP(t *testing.T, e *Event) {
	t.Helper()
	out := asText(e)
	for _, s := range []*string{&out.ID, &out.Source, &out.Type, &out.Subject, &out.DataContentType, &out.DataSchema} {
		*s = headerValue(*s)
	}
	for i := range out.Extensions {
		out.Extensions[i].Value = headerValue(out.Extensions[i].Value)
	}
	if len(out.Data) == 0 {
		out.Data = nil
	}
	if !e.FitsBinary() {
		return
	}
	got := throughHTTP(t, e)
	requireSame(t, "HTTP", &out, &got)
}

// FuzzParseJSON: what is accepted is valid and, written again, means the same.
func FuzzParseJSON(f *testing.F) {
	for _, s := range []string{doc(""), doc(`"x":-5,"y":true,"z":{"a":[1]},"data":{"a":1}`), doc03(`"datacontentencoding":"base64","data":"AA=="`),
		doc(`"datacontenttype":"text/plain","data":"\ud83d\ude00\u0000"`), doc(`"schemaurl":"x","dataschema":"y","time":"2026-01-02T03:04Z"`)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var e, again Event
		if ParseJSON(b, &e) != nil {
			return
		}
		if err := e.Validate(); err != nil {
			t.Fatalf("accepted and yet: %v", err)
		}
		out := e.AppendJSON(nil)
		if err := ParseJSON(out, &again); err != nil {
			t.Fatalf("%q written as %q: %v", b, out, err)
		}
		requireSame(t, "writing "+string(out), &e, &again)
	})
}

// FuzzFromRecord: no record stops a reader, and what is accepted is valid and survives another record (EG-68).
func FuzzFromRecord(f *testing.F) {
	f.Add("ce_id", []byte("1"), "ce_source", []byte("/s"), "ce_type", []byte("t"), "content-type", []byte("a/b"), []byte("v"))
	f.Add("ce_id", []byte("\xff"), "ce_source", []byte("/s"), "ce_type", []byte("t"), "ce_X", []byte(nil), []byte(nil))
	f.Add("", []byte(nil), "ce_", []byte("/s"), "ce_a-b", []byte("t"), "content-type", []byte(ContentTypeStructured), []byte(doc(`"x":1`)))
	f.Fuzz(func(t *testing.T, k1 string, v1 []byte, k2 string, v2 []byte, k3 string, v3 []byte, k4 string, v4, value []byte) {
		rec := &kgo.Record{Topic: "t", Value: value, Key: v1, Headers: []kgo.RecordHeader{
			{Key: "ce_specversion", Value: []byte("1.0")}, {Key: k1, Value: v1}, {Key: k2, Value: v2}, {Key: k3, Value: v3}, {Key: k4, Value: v4},
		}}
		var e Event
		for _, key := range []KeyType{KeyString, KeyInteger, KeyDouble, KeyByteArray} {
			FromForeignRecord(rec, ForeignSource("ns", "kafkasources", "name"), key, &e)
			if err := e.Validate(); err != nil {
				t.Fatalf("foreign record: %v", err)
			}
		}
		if FromRecord(rec, &e) != nil {
			return
		}
		if err := e.Validate(); err != nil {
			t.Fatalf("accepted and yet: %v", err)
		}
		checkBinaryRecord(t, &e)
		checkHTTP(t, &e)
	})
}
