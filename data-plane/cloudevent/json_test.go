package cloudevent

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// doc is a JSON event with the required attributes and more members.
func doc(more string) string {
	if more != "" {
		more = "," + more
	}
	return `{"specversion":"1.0","id":"1","source":"/s","type":"t"` + more + `}`
}

func doc03(more string) string { return strings.Replace(doc(more), `"1.0"`, `"0.3"`, 1) }

func TestParseJSON(t *testing.T) {
	ext := func(name, value string, k Kind) Event {
		return minimal(func(e *Event) { e.Extensions = []Extension{{name, value, k}} })
	}
	data := func(contentType, data string) Event {
		return minimal(func(e *Event) { e.DataContentType, e.Data = contentType, []byte(data) })
	}
	v03 := func(e Event) Event {
		e.SpecVersion = V03
		return e
	}
	for name, c := range map[string]struct {
		json string
		want Event
	}{
		"the required attributes are enough":        {doc(""), minimal(nil)},
		"white space and a byte order mark":         {"\ufeff \t\r\n" + strings.ReplaceAll(doc(""), ":", " :\n") + " ", minimal(nil)},
		"the order of members does not matter":      {`{"data":"x","type":"t","source":"/s","datacontenttype":"text/plain","id":"1","specversion":"1.0"}`, data("text/plain", "x")},
		"the last of equal members counts":          {doc(`"id":"2","id":"1","datacontenttype":"a/b","datacontenttype":"text/plain","data":"a","data":"b"`), data("text/plain", "b")},
		"null is absent":                            {doc(`"subject":null,"time":null,"dataschema":null,"datacontenttype":null,"x":null,"data_base64":null`), minimal(nil)},
		"escapes in names and values":               {doc(`"su\u0062ject":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 é"`), minimal(func(e *Event) { e.Subject = "\"\\/\b\f\n\r\té😀 é" })},
		"half a surrogate pair is U+FFFD":           {doc(`"subject":"\ud83d \ude00\ud83dx\ud83d\u0041"`), minimal(func(e *Event) { e.Subject = "\ufffd \ufffd\ufffdx\ufffdA" })},
		"an integer extension (IN-39)":              {doc(`"partitionkey":42`), ext("partitionkey", "42", KindInteger)},
		"a negative one":                            {doc(`"x":-7`), ext("x", "-7", KindInteger)},
		"minus zero is zero":                        {doc(`"x":-0`), ext("x", "0", KindInteger)},
		"an offset of more than 32 bits (EG-12)":    {doc(`"knativekafkaoffset":9000000000`), ext("knativekafkaoffset", "9000000000", KindInteger)},
		"a boolean extension (IN-39)":               {doc(`"x":true`), ext("x", "true", KindBoolean)},
		"an empty string extension":                 {doc(`"x":""`), ext("x", "", KindString)},
		"an object as extension is its text":        {doc(`"x":{"a": [1, 2]}`), ext("x", `{"a":[1,2]}`, KindString)},
		"schemaurl in 1.0 is an extension":          {doc(`"schemaurl":"u"`), ext("schemaurl", "u", KindString)},
		"dataschema in 0.3 is an extension":         {doc03(`"dataschema":"u"`), v03(ext("dataschema", "u", KindString))},
		"schemaurl in 0.3 is the schema":            {doc03(`"schemaurl":"http://u"`), v03(minimal(func(e *Event) { e.DataSchema = "http://u" }))},
		"data without content type is JSON (IN-36)": {doc(`"data": {"a" : 1.50} `), data("", `{"a" : 1.50}`)},
		"JSON data keeps its bytes (IN-59)":         {doc(`"datacontenttype":"application/json","data":[1,  2e0,"\u0041"]`), data("application/json", `[1,  2e0,"\u0041"]`)},
		"a JSON string as data keeps its quotes":    {doc(`"datacontenttype":"application/json","data":"x"`), data("application/json", `"x"`)},
		"null as JSON data is data":                 {doc(`"data":null`), data("", "null")},
		"a type with +json is JSON":                 {doc(`"datacontenttype":"application/vnd.x+JSON; a=b","data":{}`), data("application/vnd.x+JSON; a=b", "{}")},
		"a type that only ends in json is not":      {doc(`"datacontenttype":"application/notjson","data":"x"`), data("application/notjson", "x")},
		"other data is a string (IN-36)":            {doc(`"datacontenttype":"text/plain","data":"a\nb"`), data("text/plain", "a\nb")},
		"an empty string is data of no bytes":       {doc(`"datacontenttype":"text/plain","data":""`), data("text/plain", "")},
		"null as other data is none":                {doc(`"datacontenttype":"text/plain","data":null`), minimal(func(e *Event) { e.DataContentType = "text/plain" })},
		"base64 data (IN-36)":                       {doc(`"datacontenttype":"image/png","data_base64":"AP8="`), data("image/png", "\x00\xff")},
		"base64 data with escaped slashes":          {doc(`"data_base64":"\/\/8="`), data("", "\xff\xff")},
		"base64 data of no bytes":                   {doc(`"data_base64":""`), data("", "")},
		"base64 data that is JSON":                  {doc(`"datacontenttype":"application/json","data_base64":"e30="`), data("application/json", "{}")},
		"0.3 says base64 with datacontentencoding":  {doc03(`"data":"AP8=","datacontentencoding":"base64"`), v03(data("", "\x00\xff"))},
		"0.3 without datacontentencoding":           {doc03(`"data":{"a":1}`), v03(data("", `{"a":1}`))},
		"datacontentencoding in 1.0 is an extension": {doc(`"datacontentencoding":"base64","data":"AP8="`), minimal(func(e *Event) {
			e.Data, e.Extensions = []byte(`"AP8="`), []Extension{{Name: "datacontentencoding", Value: "base64"}}
		})},
		"a minute without seconds is completed":        {doc(`"time":"2026-01-02T03:04Z"`), minimal(func(e *Event) { e.Time = "2026-01-02T03:04:00Z" })},
		"deeply nested data within the limit is taken": {doc(`"data":` + strings.Repeat("[", maxDepth-1) + strings.Repeat("]", maxDepth-1)), data("", strings.Repeat("[", maxDepth-1)+strings.Repeat("]", maxDepth-1))},
	} {
		t.Run(name, func(t *testing.T) {
			got := valid() // what was there must not show through
			if err := ParseJSON([]byte(c.json), &got); err != nil {
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

func TestParseJSONRefuses(t *testing.T) { // IN-12, IN-31, IN-33
	for name, json := range map[string]string{
		"nothing":                                 "",
		"white space":                             " \n",
		"no object":                               `"x"`,
		"an object that does not end":             doc("")[:20],
		"something behind the object":             doc("") + "x",
		"two objects":                             doc("") + doc(""),
		"a comma too much":                        doc(`"x":1,`),
		"a comma too few":                         `{"specversion":"1.0" "id":"1","source":"/s","type":"t"}`,
		"no colon":                                doc(`"x"`),
		"a name without quotes":                   doc(`x:1`),
		"single quotes":                           strings.ReplaceAll(doc(""), `"`, `'`),
		"a comment":                               doc("") + "//",
		"bytes that are no UTF-8":                 doc(`"subject":"` + "\xff" + `"`),
		"a control character in a string":         doc(`"subject":"` + "\n" + `"`),
		"an unknown escape":                       doc(`"subject":"\x41"`),
		"a short escape":                          doc(`"subject":"\u12"`),
		"a string that does not end":              doc(`"subject":"`),
		"a backslash at the end":                  `{"specversion":"\`,
		"a leading zero":                          doc(`"x":01`),
		"a plus sign":                             doc(`"x":+1`),
		"a point without digits":                  doc(`"data":1.`),
		"an exponent without digits":              doc(`"data":1e`),
		"not a number":                            doc(`"data":NaN`),
		"a broken literal":                        doc(`"data":nul`),
		"nesting without end":                     doc(`"data":` + strings.Repeat("[", 100_000)),
		"no specversion":                          `{"id":"1","source":"/s","type":"t"}`,
		"specversion null":                        `{"specversion":null,"id":"1","source":"/s","type":"t"}`,
		"an unknown specversion":                  `{"specversion":"2.0","id":"1","source":"/s","type":"t"}`,
		"no id":                                   `{"specversion":"1.0","source":"/s","type":"t"}`,
		"an empty type":                           `{"specversion":"1.0","id":"1","source":"/s","type":""}`,
		"an id that is a number":                  `{"specversion":"1.0","id":1,"source":"/s","type":"t"}`,
		"a subject that is an object":             doc(`"subject":{}`),
		"a time that is none":                     doc(`"time":"now"`),
		"an empty time":                           doc(`"time":""`),
		"a source that is no URI":                 doc(`"source":"a b"`),
		"a dataschema that is a number":           doc(`"dataschema":1`),
		"a dataschema that is no URI":             doc(`"dataschema":"a b"`),
		"upper case in a name":                    doc(`"Tenant":"x"`),
		"an empty name":                           doc(`"":"x"`),
		"a dash in a name":                        doc(`"a-b":"x"`),
		"a fraction as extension":                 doc(`"x":1.5`),
		"an exponent as extension":                doc(`"x":1e3`),
		"data and data_base64":                    doc(`"data":"x","data_base64":"AA=="`),
		"data_base64 that is a number":            doc(`"data_base64":1`),
		"data_base64 that is none":                doc(`"data_base64":"*"`),
		"data_base64 without padding":             doc(`"data_base64":"AA"`),
		"text data that is an object":             doc(`"datacontenttype":"text/plain","data":{}`),
		"0.3 with an unknown datacontentencoding": doc03(`"datacontentencoding":"gzip","data":"x"`),
		"0.3 with base64 that is none":            doc03(`"datacontentencoding":"base64","data":"*"`),
		"0.3 with base64 that is an object":       doc03(`"datacontentencoding":"base64","data":{}`),
	} {
		t.Run(name, func(t *testing.T) {
			var e Event
			err := ParseJSON([]byte(json), &e)
			var invalid *InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("error is %v; event %v", err, e)
			}
		})
	}
}

func TestHostileJSONTakesLinearTime(t *testing.T) {
	var b strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&b, `,"x%d":1`, i)
	}
	start := time.Now()
	var e Event
	if err := ParseJSON([]byte(doc(b.String()[1:])), &e); err != nil {
		t.Fatal(err)
	}
	if len(e.Extensions) != 100_000 {
		t.Errorf("%d extensions", len(e.Extensions))
	}
	// Comparing each name with each other takes some ten seconds here.
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestAppendJSON(t *testing.T) { // IN-36, EG-18
	for name, c := range map[string]struct {
		event Event
		want  string
	}{
		"the required attributes": {minimal(nil), doc("")},
		"everything": {
			valid(), `{"specversion":"1.0","id":"id-1","source":"/source","type":"type.1","datacontenttype":"application/json",` +
				`"dataschema":"https://schema.example/1","subject":"subject","time":"2026-01-02T03:04:05.6Z",` +
				`"partitionkey":"k","tenant":"blue","data":{"a":1}}`,
		},
		"integers and booleans are no strings": {
			minimal(func(e *Event) {
				e.SetExtension("i", "-5", KindInteger)
				e.SetExtension("b", "false", KindBoolean)
				e.SetExtension("y", "AA==", KindBinary)
			}), doc(`"i":-5,"b":false,"y":"AA=="`),
		},
		"an integer that is none is a string": {
			minimal(func(e *Event) {
				e.SetExtension("i", "05", KindInteger)
				e.SetExtension("j", "", KindInteger)
				e.SetExtension("k", "-", KindInteger)
				e.SetExtension("b", "yes", KindBoolean)
			}), doc(`"i":"05","j":"","k":"-","b":"yes"`),
		},
		"strings are escaped": {
			minimal(func(e *Event) { e.Subject = "\"\\\x00\n\x7fé\u2028\xff\xfe😀" }), doc(`"subject":"\"\\\u0000\u000a` + "\x7fé\u2028\ufffd\ufffd😀" + `"`),
		},
		"data without content type is inline when it is JSON": {minimal(func(e *Event) { e.Data = []byte(` {"a": 1}`) }), doc(`"data": {"a": 1}`)},
		"data that claims to be JSON and is not is base64":    {minimal(func(e *Event) { e.DataContentType, e.Data = "application/json", []byte("{") }), doc(`"datacontenttype":"application/json","data_base64":"ew=="`)},
		"JSON that is no UTF-8 is base64":                     {minimal(func(e *Event) { e.Data = []byte("\"\xff\"") }), doc(`"data_base64":"Iv8i"`)},
		"data of no bytes is base64":                          {minimal(func(e *Event) { e.Data = []byte{} }), doc(`"data_base64":""`)},
		"text is base64, as receivers know it":                {minimal(func(e *Event) { e.DataContentType, e.Data = "text/plain", []byte("hi") }), doc(`"datacontenttype":"text/plain","data_base64":"aGk="`)},
		"0.3 calls the schema schemaurl":                      {minimal(func(e *Event) { e.SpecVersion, e.DataSchema = V03, "http://x" }), doc03(`"schemaurl":"http://x"`)},
		"0.3 says that data is base64":                        {minimal(func(e *Event) { e.SpecVersion, e.DataContentType, e.Data = V03, "a/b", []byte("hi") }), doc03(`"datacontenttype":"a/b","datacontentencoding":"base64","data":"aGk="`)},
		"0.3 whose data is base64 text already": {
			minimal(func(e *Event) {
				e.SpecVersion, e.Data = V03, []byte("aGk=")
				e.SetExtension("datacontentencoding", "base64", KindString)
			}), doc03(`"datacontentencoding":"base64","data":"aGk="`),
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := string(c.event.AppendJSON([]byte("x")))[1:]
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if !json.Valid([]byte(got)) {
				t.Errorf("no JSON: %s", got)
			}
		})
	}
}

// FuzzValidJSON compares the scanner with the standard library's.
func FuzzValidJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,-0.5e+3,"\u00e9\n",true,null]}`, `[1,]`, `01`, `"` + "\x01" + `"`, ` {} `, `{"a"}`, `1e`, `[[[]]]`, `nul`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > maxDepth {
			return // may nest deeper than ours allows
		}
		if got, want := validJSON(b), json.Valid(b); got != want {
			t.Fatalf("%q: %v, the standard library says %v", b, got, want)
		}
	})
}

// FuzzUnescape compares what strings mean with the standard library.
func FuzzUnescape(f *testing.F) {
	f.Add(`\ud83d\ude00\ud83dA\\\/\"\u0000`)
	f.Add(`\ud83d\ud83d\ude00`)
	f.Fuzz(func(t *testing.T, inside string) {
		quoted := `"` + inside + `"`
		var want string
		if json.Unmarshal([]byte(quoted), &want) != nil || strings.ToValidUTF8(inside, "") != inside {
			return
		}
		if got := string(unescape([]byte(inside))); got != want {
			t.Fatalf("%q means %q, the standard library says %q", quoted, got, want)
		}
	})
}
