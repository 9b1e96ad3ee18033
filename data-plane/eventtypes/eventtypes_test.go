package eventtypes

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestEachTypeAndSourceIsRememberedOnce(t *testing.T) {
	var s Seen
	s.Note("b", "/s", "")
	s.Note("a", "/s2", "http://example.com/schema")
	s.Note("a", "/s1", "")
	s.Note("b", "/s", "later")
	s.Note("b", "/s", "another")
	s.Note("", "/s", "")
	types, dropped := s.List()
	want := []Type{{"a", "/s1", ""}, {"a", "/s2", "http://example.com/schema"}, {"b", "/s", "later"}}
	if !slices.Equal(types, want) || dropped != 0 {
		t.Errorf("%v, %d; want %v", types, dropped, want)
	}
	var none *Seen
	none.Note("a", "b", "c")
	if types, dropped := none.List(); types != nil || dropped != 0 {
		t.Errorf("%v, %d", types, dropped)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	var s Seen
	for i := range most + 10 {
		s.Note(fmt.Sprint("type-", i), "/s", "")
	}
	s.Note(strings.Repeat("x", longest+1), "/s", "")
	s.Note("type-1", "/s", "")
	if types, dropped := s.List(); len(types) != most || dropped != 11 {
		t.Errorf("%d types, %d dropped", len(types), dropped)
	}
	var long Seen
	long.Note("t", strings.Repeat("x", longest+1), "")
	if types, dropped := long.List(); len(types) != 0 || dropped != 1 {
		t.Errorf("%d types, %d dropped", len(types), dropped)
	}
}

func TestManyAtOnce(t *testing.T) {
	var s Seen
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 200 {
				s.Note(fmt.Sprint("t", (i+g)%100), "/s", "")
			}
		})
	}
	all.Wait()
	if types, _ := s.List(); len(types) != 100 {
		t.Errorf("%d types, want 100", len(types))
	}
}

func TestAKnownTypeCostsNoMemory(t *testing.T) {
	var s Seen
	s.Note("t", "/s", "")
	if n := testing.AllocsPerRun(100, func() { s.Note("t", "/s", "") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
