package cloudevent

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
)

func foreignRecord(change func(*kgo.Record)) *kgo.Record {
	rec := &kgo.Record{Topic: "orders", Partition: 3, Offset: 42, Timestamp: time.UnixMilli(1767323045600), Value: []byte("v")}
	if change != nil {
		change(rec)
	}
	return rec
}

func foreignEvent(change func(*Event)) Event {
	e := Event{
		SpecVersion: V1, ID: "partition:3/offset:42", Source: "/apis/v1/namespaces/ns/kafkasources/src#orders", Type: "dev.knative.kafka.event",
		Subject: "partition:3#42", Time: "2026-01-02T03:04:05.6Z", Data: []byte("v"),
	}
	if change != nil {
		change(&e)
	}
	return e
}

func TestFromForeignRecord(t *testing.T) {
	keys := func(value string, k Kind) func(*Event) {
		return func(e *Event) { e.Extensions = []Extension{{"partitionkey", value, k}, {"key", value, k}} }
	}
	headers := func(h ...string) func(*kgo.Record) {
		return func(r *kgo.Record) { r.Headers = record(nil, h...).Headers }
	}
	key := func(b ...byte) func(*kgo.Record) { return func(r *kgo.Record) { r.Key = b } }
	for name, c := range map[string]struct {
		rec  func(*kgo.Record)
		key  KeyType
		want func(*Event)
	}{
		"metadata become attributes (EG-61)":             {nil, KeyString, nil},
		"a null value is no data (EG-66)":                {func(r *kgo.Record) { r.Value = nil }, KeyString, func(e *Event) { e.Data = nil }},
		"content-type in any case, lower-cased (EG-62)":  {headers("Content-Type", "Text/Plain"), KeyString, func(e *Event) { e.DataContentType = "text/plain" }},
		"headers become extensions (EG-64)":              {headers("X-My_Header.1", "é"), KeyString, func(e *Event) { e.Extensions = []Extension{{Name: "kafkaheaderxmyheader1", Value: "é"}} }},
		"of names that become equal the last counts":     {headers("a-b", "1", "AB", "2"), KeyString, func(e *Event) { e.Extensions = []Extension{{Name: "kafkaheaderab", Value: "2"}} }},
		"a header without letters":                       {headers("--", "1"), KeyString, func(e *Event) { e.Extensions = []Extension{{Name: "kafkaheader", Value: "1"}} }},
		"a null header is empty (EG-65)":                 {headers("a", "<null>"), KeyString, func(e *Event) { e.Extensions = []Extension{{Name: "kafkaheadera"}} }},
		"a header that is no UTF-8 (EG-68)":              {headers("a", "x\xff\xfe"), KeyString, func(e *Event) { e.Extensions = []Extension{{Name: "kafkaheadera", Value: "x\ufffd\ufffd"}} }},
		"ce headers of broken events are headers too":    {headers("ce_id", "1"), KeyString, func(e *Event) { e.Extensions = []Extension{{Name: "kafkaheaderceid", Value: "1"}} }},
		"a string key (EG-63)":                           {key('k', '1'), KeyString, keys("k1", KindString)},
		"an empty key is none (EG-67)":                   {key(), KeyString, nil},
		"a string key that is no UTF-8 (EG-68)":          {key('k', 0xff), KeyString, keys("k\ufffd", KindString)},
		"an integer key (EG-67)":                         {key(0xff, 0xff, 0xff, 0xfe), KeyInteger, keys("-2", KindInteger)},
		"an integer key of another length is a string":   {key('1', '2'), KeyInteger, keys("12", KindString)},
		"a float key of 4 bytes (EG-67)":                 {key(0x3f, 0xc0, 0, 0), KeyDouble, keys("1.5", KindString)},
		"a float key of 8 bytes (EG-67)":                 {key(0x3f, 0xf8, 0, 0, 0, 0, 0, 0), KeyDouble, keys("1.5", KindString)},
		"a float key of another length is a string":      {key('1', '.', '5'), KeyDouble, keys("1.5", KindString)},
		"a byte-array key (EG-67)":                       {key(0, 0xff), KeyByteArray, keys("AP8=", KindBinary)},
		"a time beyond what can be written is left out":  {func(r *kgo.Record) { r.Timestamp = time.UnixMilli(math.MaxInt64) }, KeyString, func(e *Event) { e.Time = "" }},
		"an unknown key type is a string, as by default": {key('k'), KeyType(9), keys("k", KindString)},
	} {
		t.Run(name, func(t *testing.T) {
			want, got := foreignEvent(c.want), valid()
			FromForeignRecord(foreignRecord(c.rec), ForeignSource("ns", "kafkasources", "src"), c.key, &got)
			if len(got.Extensions) == 0 {
				got.Extensions = nil
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if err := got.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFloatsAreWrittenAsInJava(t *testing.T) { // EG-67
	for want, f := range map[string]float64{
		"0.0": 0, "-0.0": math.Copysign(0, -1), "1.0": 1, "-1.5": -1.5, "100.0": 100, "0.001": 0.001, "9999999.0": 9999999, "1.0E7": 1e7,
		"1.2345678E7": 12345678, "9.99E-4": 0.000999, "1.0E-5": 1e-5, "1.7976931348623157E308": math.MaxFloat64, "2.5E-300": 2.5e-300,
		"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1),
	} {
		if got := floatText(f, 64); got != want {
			t.Errorf("%v is written %s, want %s", f, got, want)
		}
	}
	if got := floatText(float64(float32(0.1)), 32); got != "0.1" {
		t.Errorf("a short 0.1 is written %s", got)
	}
}
