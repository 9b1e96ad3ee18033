package filter

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// FuzzCompile: no filter that a contract can hold stops an egress, and those that are understood say what they mean: the
// opposite under not, the same under all and any, and nothing about an event is changed by asking.
func FuzzCompile(f *testing.F) {
	for _, d := range []*contract.DialectedFilter{
		empty(), exact(m{"type": "com.example.order.created", "tenant": "blue"}), prefix(m{"source": "/orders", "time": "2026"}),
		suffix(m{"subject": "4711"}), allOf(exact(m{"id": ""}), oneOf()), oneOf(empty(), sql("EXISTS tenant")),
		not(allOf(not(nil), suffix(m{"dataschema": "r"}))), sql("priority > 6 AND type LIKE '%.created'"), exact(m{"": "x", "TENANT": "blue"}),
	} {
		b, err := proto.Marshal(d)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	events := []*cloudevent.Event{sample(), bare(), {}}
	f.Fuzz(func(t *testing.T, b []byte) {
		var d contract.DialectedFilter
		if len(b) > 1000 || strings.Count(string(b), "(") > 20 || proto.Unmarshal(b, &d) != nil {
			return // the parser of expressions takes its time with nesting
		}
		match, err := Compile(nil, []*contract.DialectedFilter{&d})
		if err != nil {
			if match != nil {
				t.Fatal("a filter along with an error")
			}
			return
		}
		opposite := mustCompile(t, nil, not(&d))
		same := mustCompile(t, nil, allOf(&d, oneOf(&d)), empty())
		for _, e := range events {
			before := string(e.AppendJSON(nil))
			got := match(e)
			if opposite(e) == got || same(e) != got || match(e) != got {
				t.Fatalf("%v: %v, not %v, all and any %v, again %v", &d, got, opposite(e), same(e), match(e))
			}
			if after := string(e.AppendJSON(nil)); after != before {
				t.Fatalf("%s became %s", before, after)
			}
		}
	})
}
