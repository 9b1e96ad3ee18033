// Package filter decides which events a Trigger gets.
//
// It owns the meaning of the contract's filters (EG-01..EG-08): they are compiled once into closures, which the control
// plane calls too, so that what it proves is what the data plane does. It must not do I/O, read a clock, log or count.
//
// A Match may be called from any number of goroutines.
package filter

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// Match tells whether an event passes. It does not change the event and keeps nothing of it.
type Match func(*cloudevent.Event) bool

// Compile makes one Match of what an egress asks for (EG-01): all of dialected must pass if there are any, else f's attributes
// must be equal, else every event passes. The Match is nil only with an error, which says which filter cannot be understood
// (EG-08).
func Compile(f *contract.Filter, dialected []*contract.DialectedFilter) (Match, error) {
	return CompileWith(nil, f, dialected)
}

// Keys returns the data of a Secret of the system namespace that an expression names (EG-09), nil if there is none. It is
// asked for each event, so that a rotation needs no new filter.
type Keys func(secret string) map[string][]byte

// CompileWith is Compile for filters that may need keys.
func CompileWith(keys Keys, f *contract.Filter, dialected []*contract.DialectedFilter) (Match, error) {
	if len(dialected) == 0 {
		return attributes(f.GetAttributes(), equal), nil
	}
	matches, err := compiler{keys}.each(dialected)
	if err != nil {
		return nil, err
	}
	return all(matches), nil
}

// compiler is what filters are compiled with.
type compiler struct{ keys Keys }

func (c compiler) each(filters []*contract.DialectedFilter) ([]Match, error) {
	matches := make([]Match, len(filters))
	for i, f := range filters {
		m, err := c.compile(f)
		if err != nil {
			return nil, fmt.Errorf("filter %d: %w", i, err)
		}
		matches[i] = m
	}
	return matches, nil
}

// compile compiles one filter; one that says nothing passes every event (EG-06).
func (c compiler) compile(f *contract.DialectedFilter) (Match, error) {
	switch d := f.GetFilter().(type) {
	case *contract.DialectedFilter_Exact:
		return attributes(d.Exact.GetAttributes(), equal), nil
	case *contract.DialectedFilter_Prefix:
		return attributes(d.Prefix.GetAttributes(), strings.HasPrefix), nil
	case *contract.DialectedFilter_Suffix:
		return attributes(d.Suffix.GetAttributes(), strings.HasSuffix), nil
	case *contract.DialectedFilter_All:
		matches, err := c.each(d.All.GetFilters())
		if err != nil {
			return nil, fmt.Errorf("all: %w", err)
		}
		return all(matches), nil
	case *contract.DialectedFilter_Any:
		matches, err := c.each(d.Any.GetFilters())
		if err != nil {
			return nil, fmt.Errorf("any: %w", err)
		}
		return anyOf(matches), nil
	case *contract.DialectedFilter_Not:
		m, err := c.compile(d.Not.GetFilter())
		if err != nil {
			return nil, fmt.Errorf("not: %w", err)
		}
		return func(e *cloudevent.Event) bool { return !m(e) }, nil
	case *contract.DialectedFilter_Cesql:
		return c.expression(d.Cesql.GetExpression())
	case nil:
		return pass, nil
	default:
		return nil, fmt.Errorf("unknown dialect %T", d)
	}
}

func pass(*cloudevent.Event) bool { return true }

func equal(value, expected string) bool { return value == expected }

// all passes an event that passes each; the event that every one passes if there is none.
func all(matches []Match) Match {
	switch len(matches) {
	case 0:
		return pass
	case 1:
		return matches[0]
	}
	return func(e *cloudevent.Event) bool {
		for _, m := range matches {
			if !m(e) {
				return false
			}
		}
		return true
	}
}

// anyOf passes an event that passes one; none if there is none.
func anyOf(matches []Match) Match {
	if len(matches) == 1 {
		return matches[0]
	}
	return func(e *cloudevent.Event) bool {
		for _, m := range matches {
			if m(e) {
				return true
			}
		}
		return false
	}
}

// expectation is one entry of an exact, prefix or suffix filter.
type expectation struct {
	name, value string
	get         func(*cloudevent.Event, string) string
}

// attributes passes an event whose attributes all compare with what is expected. An expected value that is empty means any
// (EG-03); an absent attribute is empty and so never compares (EG-04, EG-05).
func attributes(expected map[string]string, compare func(value, expected string) bool) Match {
	var list []expectation
	for name, value := range expected {
		if value != "" {
			list = append(list, expectation{name, value, getter(name)})
		}
	}
	slices.SortFunc(list, func(a, b expectation) int {
		return cmp.Or(cmp.Compare(rank(a.name), rank(b.name)), strings.Compare(a.name, b.name))
	})
	switch len(list) {
	case 0:
		return pass
	case 1:
		only := list[0]
		return func(e *cloudevent.Event) bool { return compare(only.get(e, only.name), only.value) }
	}
	return func(e *cloudevent.Event) bool {
		for i := range list {
			if x := &list[i]; !compare(x.get(e, x.name), x.value) {
				return false
			}
		}
		return true
	}
}

// rank puts first what usually decides and is cheap to read.
func rank(name string) int {
	switch name {
	case "type":
		return 0
	case "source":
		return 1
	case "time":
		return 3
	}
	return 2
}

// getter returns how to read an attribute (EG-04), resolved once where that saves looking its name up for every event.
func getter(name string) func(*cloudevent.Event, string) string {
	switch name {
	case "type":
		return func(e *cloudevent.Event, _ string) string { return e.Type }
	case "source":
		return func(e *cloudevent.Event, _ string) string { return e.Source }
	case "subject":
		return func(e *cloudevent.Event, _ string) string { return e.Subject }
	case "id":
		return func(e *cloudevent.Event, _ string) string { return e.ID }
	}
	return (*cloudevent.Event).Attribute
}
