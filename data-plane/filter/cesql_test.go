package filter

import (
	"strconv"
	"strings"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
)

// sdkEvent builds the event that the library expects, in full, as its other users do.
func sdkEvent(t testing.TB, e *cloudevent.Event) event.Event {
	t.Helper()
	out := event.New(e.SpecVersion)
	out.SetID(e.ID)
	out.SetSource(e.Source)
	out.SetType(e.Type)
	if e.Subject != "" {
		out.SetSubject(e.Subject)
	}
	if e.DataContentType != "" {
		out.SetDataContentType(e.DataContentType)
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
		if n, err := strconv.ParseInt(x.Value, 10, 32); err == nil && x.Kind == cloudevent.KindInteger {
			v = n
		} else if x.Kind == cloudevent.KindBoolean {
			v = x.Value == "true"
		}
		out.SetExtension(x.Name, v)
	}
	if err := out.Validate(); err != nil {
		t.Fatal(err)
	}
	return out
}

// FuzzSQL: no expression stops an egress, and the view of an event says what the library's own event says.
func FuzzSQL(f *testing.F) {
	for _, s := range []string{
		"type = 'com.example.order.created'", "EXISTS tenant AND (priority > 6 OR urgent)", "NOT (subject LIKE 'order/%')", "source IN ('/a', \"/orders/eu\")",
		"SUBSTRING(type, 3, -2)", "CONCAT_WS('-', id, source)", "1 / 0", "knativekafkapartition % 2 = 1 XOR TRUE", "time = '2026-01-02T03:04:05.6Z'",
		"ABS(-2147483648)", "type LIKE '\\%_%'", "(((", "LEFT(id, 2) <> RIGHT(id, 2)", "'a' = \"b\"", "-knativekafkaoffset",
	} {
		f.Add(s)
	}
	events := []*cloudevent.Event{sample(), bare()}
	f.Fuzz(func(t *testing.T, expression string) {
		if len(expression) > 200 || strings.Count(expression, "(") > 20 {
			return // the parser's time grows with nesting
		}
		match, err := (compiler{}).expression(expression)
		if err != nil || expression == "" {
			return
		}
		parsed, err := parse(expression)
		if err != nil {
			t.Fatalf("parsed once and then not: %v", err)
		}
		for _, e := range events {
			if got, want := match(e), evaluate(parsed, sdkEvent(t, e)); got != want {
				t.Fatalf("%q: %v, with the library's event %v", expression, got, want)
			}
		}
	})
}
