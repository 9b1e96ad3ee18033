package cloudevent

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/cloudevents/sdk-go/v2/types"
)

// These tests hold this package against the CloudEvents SDK for Go, an implementation made by others.

// randomEvent makes a valid event that the SDK can express: its times are UTC without superfluous decimals, its integers
// have 32 bits, its values are printable ASCII, its JSON is compact, because the SDK compacts what it writes.
func randomEvent(r *rand.Rand) Event {
	word := func(alphabet string, least, most int) string {
		b := make([]byte, least+r.IntN(most-least+1))
		for i := range b {
			b[i] = alphabet[r.IntN(len(alphabet))]
		}
		return string(b)
	}
	const names, printable = "abcdefghijklmnopqrstuvwxyz0123456789", "azAZ09-._~%20\"'\\{}<>|/:;,=+*&^$#@!?()[]"
	e := Event{
		SpecVersion: []string{V1, V03}[r.IntN(2)], ID: word(printable, 1, 12), Type: word(printable, 1, 12),
		Source: []string{"/a/b?c=d#e", "urn:uuid:1", "https://user@example.com:8080/x%20y", "rel/ative"}[r.IntN(4)],
	}
	if r.IntN(2) == 0 {
		e.Subject = word(printable, 1, 12)
	}
	if r.IntN(2) == 0 {
		e.Time = types.FormatTime(time.Unix(r.Int64N(4e9), r.Int64N(1000)*r.Int64N(1e6)))
	}
	if r.IntN(2) == 0 {
		e.DataSchema = "https://example.com/schema/1"
	}
	for range r.IntN(4) {
		name := "x" + word(names, 0, 8)
		switch r.IntN(4) {
		case 0:
			e.SetExtension(name, word(printable, 1, 12), KindString)
		case 1:
			e.SetExtension(name, strconv.Itoa(int(int32(r.Uint32()))), KindInteger)
		case 2:
			e.SetExtension(name, strconv.FormatBool(r.IntN(2) == 0), KindBoolean)
		case 3:
			e.SetExtension(name, base64.StdEncoding.EncodeToString([]byte(word(printable, 1, 9))), KindBinary)
		}
	}
	switch r.IntN(4) {
	case 0:
		e.DataContentType, e.Data = "application/json", []byte(fmt.Sprintf(`{"n":%d,"s":%q}`, r.IntN(100), word(names, 0, 9)))
	case 1:
		e.DataContentType, e.Data = "text/plain", []byte(word(printable, 1, 30))
	case 2:
		e.DataContentType, e.Data = "application/octet-stream", []byte(word("\x00\xff\x80a", 1, 30))
	}
	return e
}

// toSDK makes the SDK's form of an event.
func toSDK(t *testing.T, e *Event) event.Event {
	t.Helper()
	out := event.New(e.SpecVersion)
	out.SetID(e.ID)
	out.SetSource(e.Source)
	out.SetType(e.Type)
	if e.Subject != "" {
		out.SetSubject(e.Subject)
	}
	if e.DataSchema != "" {
		out.SetDataSchema(e.DataSchema)
	}
	if e.Time != "" {
		when, err := types.ParseTime(e.Time)
		if err != nil {
			t.Fatal(err)
		}
		out.SetTime(when)
	}
	for _, x := range e.Extensions {
		var v any = x.Value
		switch x.Kind {
		case KindInteger:
			n, _ := strconv.Atoi(x.Value)
			v = n
		case KindBoolean:
			v = x.Value == "true"
		case KindBinary:
			v, _ = base64.StdEncoding.DecodeString(x.Value)
		}
		out.SetExtension(x.Name, v)
	}
	if e.Data != nil {
		out.SetDataContentType(e.DataContentType)
		out.DataEncoded = e.Data
		out.DataBase64 = !isJSON(e.DataContentType)
		if out.DataBase64 && e.SpecVersion == V03 {
			out.SetDataContentEncoding(event.Base64)
		}
	}
	if err := out.Validate(); err != nil {
		t.Fatalf("the SDK refuses %+v: %v", e, err)
	}
	return out
}

// compareSDK fails unless both forms say the same.
func compareSDK(t *testing.T, way string, ours *Event, theirs *event.Event) {
	t.Helper()
	if err := theirs.Validate(); err != nil {
		t.Fatalf("%s: the SDK finds the event invalid: %v", way, err)
	}
	for name, pair := range map[string][2]string{
		"specversion": {ours.SpecVersion, theirs.SpecVersion()}, "id": {ours.ID, theirs.ID()}, "source": {ours.Source, theirs.Source()},
		"type": {ours.Type, theirs.Type()}, "subject": {ours.Subject, theirs.Subject()}, "schema": {ours.DataSchema, theirs.DataSchema()},
		"datacontenttype": {ours.DataContentType, theirs.DataContentType()}, "data": {string(ours.Data), string(theirs.Data())},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %s is %q here and %q in the SDK", way, name, pair[0], pair[1])
		}
	}
	if when, _ := time.Parse(time.RFC3339Nano, ours.Time); !when.Equal(theirs.Time()) {
		t.Errorf("%s: time is %q here and %v in the SDK", way, ours.Time, theirs.Time())
	}
	extensions := theirs.Extensions()
	if len(extensions) != len(ours.Extensions) {
		t.Errorf("%s: extensions are %v here and %v in the SDK", way, ours.Extensions, extensions)
	}
	for _, x := range ours.Extensions {
		if v, err := types.Format(extensions[x.Name]); err != nil || v != x.Value {
			t.Errorf("%s: extension %s is %q here and %q in the SDK (%v)", way, x.Name, x.Value, v, err)
		}
	}
}

// sdkFromHTTP reads a message with the SDK, and validates it as its receivers do.
func sdkFromHTTP(contentType string, headers []Header, body []byte) (*event.Event, error) {
	h := http.Header{}
	for _, x := range headers {
		h.Add(x.Name, x.Value)
	}
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	e, err := binding.ToEvent(context.Background(), cehttp.NewMessage(h, io.NopCloser(bytes.NewReader(body))))
	if err != nil {
		return nil, err
	}
	return e, e.Validate()
}

// httpOf returns e as binary mode message.
func httpOf(e *Event) (contentType string, headers []Header) {
	e.VisitHTTPHeaders(func(name, value string) {
		if name == "content-type" {
			contentType = value
			return
		}
		headers = append(headers, Header{name, value})
	})
	return contentType, headers
}

func TestTheSDKReadsAndWritesTheSameEvents(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		e := randomEvent(r)
		contentType, headers := httpOf(&e)
		theirs, err := sdkFromHTTP(contentType, headers, e.Data)
		if err != nil {
			t.Fatalf("the SDK refuses %q: %v", headers, err)
		}
		compareSDK(t, "our binary message", &e, theirs)

		doc := e.AppendJSON(nil)
		var fromJSON event.Event
		if err := fromJSON.UnmarshalJSON(doc); err != nil {
			t.Fatalf("the SDK refuses %s: %v", doc, err)
		}
		compareSDK(t, "our JSON "+string(doc), &e, &fromJSON)

		sdk := toSDK(t, &e)
		readTheirs(t, "binary", binding.WithForceBinary(context.Background()), &sdk)
		readTheirs(t, "structured", binding.WithForceStructured(context.Background()), &sdk)
		if t.Failed() {
			t.Fatalf("event was %+v", e)
		}
	}
}

// readTheirs reads what the SDK sends.
func readTheirs(t *testing.T, mode string, ctx context.Context, sdk *event.Event) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := cehttp.WriteRequest(ctx, (*binding.EventMessage)(sdk), req); err != nil {
		t.Fatal(err)
	}
	var body []byte
	if req.Body != nil {
		if body, err = io.ReadAll(req.Body); err != nil {
			t.Fatal(err)
		}
	}
	var headers []Header
	for name := range req.Header {
		headers = append(headers, Header{name, req.Header.Get(name)})
	}
	events, _, err := FromHTTP(req.Header.Get("Content-Type"), headers, body, nil)
	if err != nil {
		t.Fatalf("their %s message %q %s: %v", mode, headers, body, err)
	}
	compareSDK(t, "their "+mode+" message", &events[0], sdk)
}

// TestAcceptanceAgreesWithTheSDK: what is refused here is refused there, or there is a reason.
func TestAcceptanceAgreesWithTheSDK(t *testing.T) {
	structured := func(more string) func() (string, []Header, []byte) {
		return func() (string, []Header, []byte) { return ContentTypeStructured, nil, []byte(doc(more)) }
	}
	binary := func(more ...Header) func() (string, []Header, []byte) {
		return func() (string, []Header, []byte) { return "", required(more...), nil }
	}
	for name, c := range map[string]struct {
		message func() (string, []Header, []byte)
		reason  string // why the SDK decides otherwise, "" = it agrees
	}{
		"minimal":                            {binary(), ""},
		"a bad time":                         {binary(Header{"ce-time", "now"}), ""},
		"a time with an offset":              {binary(Header{"ce-time", "2026-01-02T03:04:05+01:00"}), ""},
		"a time with lower case letters":     {binary(Header{"ce-time", "2026-01-02t03:04:05z"}), "RFC 3339 allows it, Go's parser does not"},
		"a time without seconds":             {binary(Header{"ce-time", "2026-01-02T03:04Z"}), "java.time writes whole minutes so; completed here"},
		"a subject":                          {binary(Header{"ce-subject", "s"}), ""},
		"an underscore in a name":            {binary(Header{"ce-a_b", "x"}), ""},
		"a relative dataschema":              {binary(Header{"ce-dataschema", "schema/1"}), "the SDK asks for an absolute URI, the Java SDK does not"},
		"no event at all":                    {func() (string, []Header, []byte) { return "text/plain", nil, nil }, ""},
		"structured minimal":                 {structured(""), ""},
		"structured with an integer":         {structured(`"x":5`), ""},
		"structured with a large integer":    {structured(`"x":5000000000`), "offsets have 64 bits (EG-12)"},
		"structured with a fraction":         {structured(`"x":1.5`), "the SDK cuts the fraction off"},
		"structured with an object":          {structured(`"x":{}`), "kept as text, as the Java SDK does"},
		"structured with a bad time":         {structured(`"time":"now"`), ""},
		"structured with a null extension":   {structured(`"x":null`), ""},
		"structured with a name in capitals": {structured(`"Tenant":"x"`), "the SDK lowers it"},
		"structured with a numeric id":       {structured(`"id":5`), ""},
		"structured with an empty id":        {structured(`"id":""`), ""},
		"structured that is cut":             {func() (string, []Header, []byte) { return ContentTypeStructured, nil, []byte(doc(""))[:30] }, ""},
		"text data that is an object":        {structured(`"datacontenttype":"text/plain","data":{}`), ""},
		"data and data_base64":               {structured(`"data":"x","data_base64":"eA=="`), "the SDK takes the last"},
		"broken base64":                      {structured(`"data_base64":"*"`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			contentType, headers, body := c.message()
			_, _, ours := FromHTTP(contentType, headers, body, nil)
			_, theirs := sdkFromHTTP(contentType, headers, body)
			if agree := (ours == nil) == (theirs == nil); agree != (c.reason == "") {
				t.Errorf("here: %v; SDK: %v; reason to differ: %q", ours, theirs, c.reason)
			}
		})
	}
}
