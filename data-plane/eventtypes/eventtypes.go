// Package eventtypes remembers which types of events a resource has seen, so that the control plane can create an
// EventType for each (IN-57).
//
// It owns the bound on how much is remembered. It must not report, log, or know what a resource is. A Seen may be used by
// any number of goroutines; an event of a known type costs one look-up and takes no lock.
package eventtypes

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	// most is how many types one resource may have. A sender that writes an id into the type or the source would fill any
	// memory, and the cluster with objects.
	most = 500
	// longest is the size of a type, a source or a schema up to which it is remembered, in bytes.
	longest = 1 << 10
)

// Type is what an EventType says of an event. Two events with the same type and source have the same EventType, whatever
// their schema is (IN-52).
type Type struct {
	Type, Source string
	Schema       string // of the first event that had one; "" = none
}

// key is what an EventType is named after, besides its resource.
type key struct{ typ, source string }

// Seen is what one resource has seen. Its zero value is ready for use; nil remembers nothing.
type Seen struct {
	known   atomic.Pointer[map[key]string] // to the schema; replaced under mu, never changed in place
	dropped atomic.Uint64

	mu sync.Mutex
}

// Note remembers the type of an event. The strings may be used again afterwards.
func (s *Seen) Note(typ, source, schema string) {
	if s == nil || typ == "" {
		return
	}
	k := key{typ, source}
	if known := s.known.Load(); known != nil {
		if has, ok := (*known)[k]; ok && (has != "" || schema == "") {
			return
		}
		if len(*known) >= most {
			s.dropped.Add(1)
			return
		}
	}
	if max(len(typ), len(source), len(schema)) > longest {
		s.dropped.Add(1)
		return
	}
	s.add(k, schema)
}

func (s *Seen) add(k key, schema string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := map[key]string{}
	if known := s.known.Load(); known != nil {
		next = maps.Clone(*known)
	}
	if len(next) >= most {
		return
	}
	if has := next[k]; has != "" {
		return
	}
	next[key{strings.Clone(k.typ), strings.Clone(k.source)}] = strings.Clone(schema)
	s.known.Store(&next)
}

// List returns what was seen, sorted, and how many events were of types that did not fit.
func (s *Seen) List() (types []Type, dropped uint64) {
	if s == nil {
		return nil, 0
	}
	if known := s.known.Load(); known != nil {
		for k, schema := range *known {
			types = append(types, Type{Type: k.typ, Source: k.source, Schema: schema})
		}
	}
	slices.SortFunc(types, func(a, b Type) int {
		if n := strings.Compare(a.Type, b.Type); n != 0 {
			return n
		}
		return strings.Compare(a.Source, b.Source)
	})
	return types, s.dropped.Load()
}
