// Package conformance holds the data plane against implementations of the same rules made by others.
package conformance

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
	"knative.dev/eventing/pkg/eventfilter"
	"knative.dev/eventing/pkg/eventfilter/attributes"
	"knative.dev/eventing/pkg/eventfilter/subscriptionsapi"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/data-plane/filter"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// Where ours and the filters of Knative Eventing are meant to differ:
//
//   - An expected value that is empty means any value, whether the attribute is there or not (EG-03). Theirs refuses it in
//     dialects, and in plain attributes asks for the attribute to be there.
//   - time is an instant in UTC with groups of three decimals (EG-04). Theirs keeps offset and decimals.
//   - datamediatype and datacontentencoding are names of extensions. Theirs reads them from the event.
//   - any of no filters passes nothing, not of nothing passes nothing (EG-06). Theirs has a third answer for both.
//   - A result of an expression that is no boolean is cast (EG-07). Theirs panics.
//
// Everything else must agree. Random filters over random events say so below, the differences are pinned after it.

// both is one filter in both forms. Theirs is made anew for each event: their all and any reorder themselves while they work,
// which the race detector objects to.
type both struct {
	ours   *contract.DialectedFilter
	theirs func() eventfilter.Filter
}

// choose picks one.
func choose[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// values that attributes have and filters ask for; few, so that they meet.
func word(r *rand.Rand) string {
	return choose(r, "a", "ab", "abc", "bc", "c", "1", "7", "true", "com.example", "com.example.a", "/s/a")
}

func attributeName(r *rand.Rand) string {
	return choose(r, "type", "source", "subject", "id", "specversion", "datacontenttype", "dataschema", "schemaurl", "x", "y", "n")
}

func randomEvent(r *rand.Rand) (*cloudevent.Event, event.Event) {
	e := &cloudevent.Event{SpecVersion: "1.0", ID: word(r), Source: word(r), Type: word(r)}
	if r.IntN(2) == 0 {
		e.Subject = word(r)
	}
	if r.IntN(2) == 0 {
		e.DataContentType = "a" + word(r)
	}
	if r.IntN(2) == 0 {
		e.DataSchema = "http://" + choose(r, "a", "b")
	}
	for _, name := range []string{"x", "y"} {
		if r.IntN(2) == 0 {
			e.SetExtension(name, word(r), cloudevent.KindString)
		}
	}
	if r.IntN(2) == 0 {
		e.SetExtension("n", strconv.Itoa(r.IntN(9)-1), cloudevent.KindInteger)
	}
	return e, sdk(e)
}

// sdk makes the same event for theirs.
func sdk(e *cloudevent.Event) event.Event {
	out := event.New(e.SpecVersion)
	out.SetID(e.ID)
	out.SetSource(e.Source)
	out.SetType(e.Type)
	out.SetSubject(e.Subject)
	out.SetDataContentType(e.DataContentType)
	out.SetDataSchema(e.DataSchema)
	if e.Time != "" {
		when, err := types.ParseTime(e.Time)
		if err != nil {
			panic(err)
		}
		out.SetTime(when)
	}
	for _, x := range e.Extensions {
		if n, err := strconv.Atoi(x.Value); err == nil && x.Kind == cloudevent.KindInteger {
			out.SetExtension(x.Name, n)
		} else {
			out.SetExtension(x.Name, x.Value)
		}
	}
	return out
}

func randomAttributes(r *rand.Rand) map[string]string {
	m := map[string]string{}
	for range 1 + r.IntN(2) {
		m[attributeName(r)] = word(r)
	}
	return m
}

func must(f eventfilter.Filter, err error) eventfilter.Filter {
	if err != nil {
		panic(err)
	}
	return f
}

func randomFilter(r *rand.Rand, depth int) both {
	kinds := 7
	if depth == 0 {
		kinds = 4
	}
	switch r.IntN(kinds) {
	case 0:
		m := randomAttributes(r)
		return both{exact(m), func() eventfilter.Filter { return must(subscriptionsapi.NewExactFilter(m)) }}
	case 1:
		m := randomAttributes(r)
		ours := &contract.DialectedFilter{Filter: &contract.DialectedFilter_Prefix{Prefix: &contract.Prefix{Attributes: m}}}
		return both{ours, func() eventfilter.Filter { return must(subscriptionsapi.NewPrefixFilter(m)) }}
	case 2:
		m := randomAttributes(r)
		ours := &contract.DialectedFilter{Filter: &contract.DialectedFilter_Suffix{Suffix: &contract.Suffix{Attributes: m}}}
		return both{ours, func() eventfilter.Filter { return must(subscriptionsapi.NewSuffixFilter(m)) }}
	case 3:
		s := expression(r, 2)
		return both{sql(s), func() eventfilter.Filter { return must(subscriptionsapi.NewCESQLFilter(s)) }}
	case 4:
		child := randomFilter(r, depth-1)
		return both{not(child.ours), func() eventfilter.Filter { return subscriptionsapi.NewNotFilter(child.theirs()) }}
	case 5:
		ours, theirs := children(r, depth)
		all := &contract.DialectedFilter{Filter: &contract.DialectedFilter_All{All: &contract.All{Filters: ours}}}
		return both{all, func() eventfilter.Filter { return subscriptionsapi.NewAllFilter(theirs()...) }}
	default:
		ours, theirs := children(r, depth)
		return both{anyOf(ours...), func() eventfilter.Filter { return subscriptionsapi.NewAnyFilter(theirs()...) }}
	}
}

func children(r *rand.Rand, depth int) ([]*contract.DialectedFilter, func() []eventfilter.Filter) {
	var (
		ours  []*contract.DialectedFilter
		makes []func() eventfilter.Filter
	)
	for range 1 + r.IntN(3) {
		child := randomFilter(r, depth-1)
		ours, makes = append(ours, child.ours), append(makes, child.theirs)
	}
	return ours, func() []eventfilter.Filter {
		theirs := make([]eventfilter.Filter, len(makes))
		for i, f := range makes {
			theirs[i] = f()
		}
		return theirs
	}
}

func exact(m map[string]string) *contract.DialectedFilter {
	return &contract.DialectedFilter{Filter: &contract.DialectedFilter_Exact{Exact: &contract.Exact{Attributes: m}}}
}

func not(f *contract.DialectedFilter) *contract.DialectedFilter {
	return &contract.DialectedFilter{Filter: &contract.DialectedFilter_Not{Not: &contract.Not{Filter: f}}}
}

func anyOf(f ...*contract.DialectedFilter) *contract.DialectedFilter {
	return &contract.DialectedFilter{Filter: &contract.DialectedFilter_Any{Any: &contract.Any{Filters: f}}}
}

func sql(expression string) *contract.DialectedFilter {
	return &contract.DialectedFilter{Filter: &contract.DialectedFilter_Cesql{Cesql: &contract.CESQL{Expression: expression}}}
}

// expression makes a boolean expression; a subject, x, y or n that is absent makes it an error.
func expression(r *rand.Rand, depth int) string {
	name := choose(r, "type", "source", "id", "subject", "x", "y", "n")
	if depth > 0 {
		switch r.IntN(4) {
		case 0:
			return fmt.Sprintf("(%s) %s (%s)", expression(r, depth-1), choose(r, "AND", "OR", "XOR"), expression(r, depth-1))
		case 1:
			return "NOT (" + expression(r, depth-1) + ")"
		}
	}
	switch r.IntN(6) {
	case 0:
		return fmt.Sprintf("%s = '%s'", name, word(r))
	case 1:
		return "EXISTS " + name
	case 2:
		return fmt.Sprintf("%s LIKE '%%%s%%'", name, word(r))
	case 3:
		return fmt.Sprintf("%s IN ('%s', '%s')", name, word(r), word(r))
	case 4:
		return fmt.Sprintf("%s %s %d", name, choose(r, "<", ">", "=", "<>", "<=", ">="), r.IntN(9)-1)
	default:
		return fmt.Sprintf("LENGTH(CONCAT(%s, '-')) > %d", name, r.IntN(9))
	}
}

// Their filters keep goroutines until the test ends: their Cleanup panics for some of these trees.
func TestFiltersAgreeWithKnativeEventing(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	passed, failed := 0, 0
	for range 1500 {
		f := randomFilter(r, 2)
		match, err := filter.Compile(nil, []*contract.DialectedFilter{f.ours})
		if err != nil {
			t.Fatalf("%v: %v", f.ours, err)
		}
		for range 5 {
			e, theirs := randomEvent(r)
			want := f.theirs().Filter(context.Background(), theirs)
			if got := match(e); got != (want == eventfilter.PassFilter) {
				t.Fatalf("filter %v, event %+v: passes %v, theirs says %v", f.ours, e, got, want)
			} else if got {
				passed++
			} else {
				failed++
			}
		}
	}
	if passed < 1000 || failed < 1000 {
		t.Errorf("%d passed and %d did not: too few of one to show anything", passed, failed)
	}
}

func TestPlainAttributesAgreeWithKnativeEventing(t *testing.T) { // EG-01
	r := rand.New(rand.NewPCG(5, 6))
	passed := 0
	for range 20_000 {
		m := randomAttributes(r)
		match, err := filter.Compile(&contract.Filter{Attributes: m}, nil)
		if err != nil {
			t.Fatal(err)
		}
		e, theirs := randomEvent(r)
		if _, isInteger := m["n"]; isInteger {
			continue // theirs compares an integer with text and never matches
		}
		want := attributes.NewAttributesFilter(m).Filter(context.Background(), theirs)
		if got := match(e); got != (want == eventfilter.PassFilter) {
			t.Fatalf("attributes %v, event %+v: passes %v, theirs says %v", m, e, got, want)
		} else if got {
			passed++
		}
	}
	if passed < 200 {
		t.Errorf("only %d passed: too few to show anything", passed)
	}
}

// The differences that are meant, so that one that disappears is noticed.
func TestFiltersDifferOnPurpose(t *testing.T) {
	e := &cloudevent.Event{SpecVersion: "1.0", ID: "1", Source: "/s", Type: "t", Time: "2026-01-02T04:04:05.6+01:00", DataContentType: "text/plain; a=b"}
	ours := func(f *contract.DialectedFilter) bool {
		match, err := filter.Compile(nil, []*contract.DialectedFilter{f})
		if err != nil {
			t.Fatal(err)
		}
		return match(e)
	}
	theirs := func(f eventfilter.Filter) bool {
		return f.Filter(context.Background(), sdk(e)) == eventfilter.PassFilter
	}
	differ := func(what string, ours, theirs, want bool) {
		t.Helper()
		if ours != want || theirs == want {
			t.Errorf("%s: ours %v, theirs %v, want ours %v", what, ours, theirs, want)
		}
	}
	plain, err := filter.Compile(&contract.Filter{Attributes: map[string]string{"x": ""}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	differ("an absent attribute of any value", plain(e), theirs(attributes.NewAttributesFilter(map[string]string{"x": ""})), true)
	instant := map[string]string{"time": "2026-01-02T03:04:05.600Z"}
	differ("time", ours(exact(instant)), theirs(must(subscriptionsapi.NewExactFilter(instant))), true)
	media := map[string]string{"datamediatype": "text/plain"}
	differ("datamediatype", ours(exact(media)), theirs(must(subscriptionsapi.NewExactFilter(media))), false)
	if _, err := subscriptionsapi.NewExactFilter(map[string]string{"x": ""}); err == nil || !ours(exact(map[string]string{"x": ""})) {
		t.Errorf("an empty value: ours must pass and theirs refuse it (%v)", err)
	}
	if ours(anyOf()) || ours(not(&contract.DialectedFilter{})) {
		t.Error("any of none or not of nothing passes")
	}
	if !ours(sql("LENGTH(type)")) || ours(sql("1 - 1")) {
		t.Error("results are not cast to booleans")
	}
}
