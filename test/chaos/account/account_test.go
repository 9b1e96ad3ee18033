package account

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// history is written as a test reads it: times are milliseconds since the beginning.
type history struct{ *Account }

var beginning = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return beginning.Add(time.Duration(ms) * time.Millisecond) }

// try makes a request from a process that is answered after a while; status 0: never.
func (h history) try(offset int64, key, by string, letter bool, began, ended, status int) {
	where := Position{0, offset}
	a, _ := h.Begin(where, fmt.Sprintf("e-%d", offset), key, by, letter, at(began))
	if status > 0 {
		h.End(where, a, status, at(ended))
	}
}

func (h history) ok(offset int64, key, by string, began, ended int) {
	h.try(offset, key, by, false, began, ended, 202)
}

func TestJudge(t *testing.T) {
	sent := map[string]time.Time{"e-1": at(0), "e-2": at(0)}
	killed := Disruption{What: "kill", By: "p1", From: at(1000)}
	frozen := Disruption{What: "freeze", By: "p1", From: at(1000), To: at(9000)}
	held := Disruption{What: "kill", By: "p1", From: at(5000), Committed: func(p Position) (bool, int) { return p.Offset > 1, 1 }}
	outage := Disruption{What: "outage", From: at(1000), To: at(2000)}
	deliver := func(h history, failures, from int, by string) {
		for i := range failures {
			h.try(1, "", by, false, from+10*i, from+10*i+5, 503)
		}
	}
	for _, c := range []struct {
		name    string
		scope   Scope
		happens func(history)
		by      []Disruption
		want    Findings // only lengths of lists, and counts
	}{
		{"what was finished is not lost", Partition, func(h history) { h.ok(1, "", "p1", 0, 1); h.ok(2, "", "p1", 2, 3) }, nil, Findings{}},
		{"what was never answered is lost", Partition, func(h history) { h.ok(1, "", "p1", 0, 1); h.try(2, "", "p1", false, 2, 0, 0) }, nil,
			Findings{Lost: make([]string, 1)}},
		{"what only failed is lost", Nothing, func(h history) { h.ok(1, "", "p1", 0, 1); h.try(2, "", "p1", false, 2, 3, 503) }, nil,
			Findings{Lost: make([]string, 1)}},
		{"a later event of the partition is finished first", Partition, func(h history) { h.ok(2, "b", "p1", 0, 1); h.ok(1, "a", "p1", 2, 3) }, nil,
			Findings{Inversions: make([]string, 1)}},
		{"a later event of another key is finished first", Key, func(h history) { h.ok(2, "b", "p1", 0, 1); h.ok(1, "a", "p1", 2, 3) }, nil, Findings{}},
		{"a later event of the key is finished first", Key, func(h history) { h.ok(2, "a", "p1", 0, 1); h.ok(1, "a", "p1", 2, 3) }, nil,
			Findings{Inversions: make([]string, 1)}},
		{"what begins first may be answered last where nothing is in order", Nothing, func(h history) { h.ok(2, "a", "p1", 0, 9); h.ok(1, "a", "p1", 1, 3) }, nil, Findings{}},
		{"a repeat of an earlier event is no inversion", Partition,
			func(h history) { h.ok(1, "", "p1", 0, 1); h.ok(2, "", "p1", 2, 990); h.ok(1, "", "p2", 1100, 1101) }, []Disruption{killed},
			Findings{Repeats: 1, Bound: 1, Unexplained: make([]string, 1)}},
		{"a repeat without a disruption", Nothing, func(h history) { h.ok(1, "", "p1", 0, 1); h.ok(1, "", "p2", 2, 3); h.ok(2, "", "p1", 0, 1) }, nil,
			Findings{Repeats: 1, Unexplained: make([]string, 1)}},
		{"a repeat of what a killed process had just finished", Nothing,
			func(h history) { h.ok(1, "", "p1", 0, 900); h.ok(1, "", "p2", 2000, 2001); h.ok(2, "", "p1", 0, 1) },
			[]Disruption{killed}, Findings{Repeats: 1, Bound: 1}},
		{"a repeat of what was answered after the process was killed", Nothing,
			func(h history) { h.ok(1, "", "p1", 990, 1500); h.ok(1, "", "p2", 2000, 2001); h.ok(2, "", "p1", 0, 1) },
			[]Disruption{killed}, Findings{Repeats: 1, Bound: 1}},
		{"a repeat of what a killed process had finished long before", Nothing,
			func(h history) { h.ok(1, "", "p1", 0, 300); h.ok(1, "", "p2", 2000, 2001); h.ok(2, "", "p1", 0, 1) },
			[]Disruption{killed}, Findings{Repeats: 1, Unexplained: make([]string, 1)}},
		{"a repeat of what another process than the killed one had just finished", Nothing,
			func(h history) { h.ok(1, "", "p3", 0, 900); h.ok(1, "", "p2", 2000, 2001); h.ok(2, "", "p3", 0, 1) },
			[]Disruption{killed}, Findings{Repeats: 1, Unexplained: make([]string, 1)}},
		{"a process that was frozen delivers when it goes on what others have delivered", Nothing,
			func(h history) { h.ok(1, "", "p2", 7000, 7001); h.ok(1, "", "p1", 9100, 9101); h.ok(2, "", "p2", 0, 1) },
			[]Disruption{frozen}, Findings{Repeats: 1, Bound: 1}},
		{"a repeat of what the last commit did not have, however long ago", Nothing,
			func(h history) { h.ok(1, "", "p1", 0, 300); h.ok(1, "", "p2", 6000, 6001); h.ok(2, "", "p1", 0, 1) },
			[]Disruption{held}, Findings{Repeats: 1, Bound: 1, Stale: 1}},
		{"a repeat of what the last commit had", Nothing,
			func(h history) { h.ok(1, "", "p1", 0, 1); h.ok(2, "", "p1", 0, 300); h.ok(2, "", "p2", 6000, 6001) },
			[]Disruption{held}, Findings{Repeats: 1, Bound: 1, Unexplained: make([]string, 1)}},
		{"attempts that the last commit did not have", Nothing, func(h history) {
			deliver(h, 3, 0, "p1")
			deliver(h, 3, 6000, "p2")
			h.try(1, "", "p2", true, 7000, 7001, 202)
			h.ok(2, "", "p1", 0, 1)
		}, []Disruption{held}, Findings{Letters: 1}},
		{"more attempts than the last commit did not have", Nothing, func(h history) {
			deliver(h, 3, 0, "p1")
			deliver(h, 4, 6000, "p2")
			h.try(1, "", "p2", true, 7000, 7001, 202)
			h.ok(2, "", "p1", 0, 1)
		}, []Disruption{held}, Findings{Letters: 1, Miscounted: make([]string, 1)}},
		{"after an outage of Kafka anything of that time may be repeated", Nothing,
			func(h history) { h.ok(1, "", "p3", 1500, 1501); h.ok(1, "", "p2", 2600, 2601); h.ok(2, "", "p2", 0, 1) },
			[]Disruption{outage}, Findings{Repeats: 1, Bound: 1}},
		{"exactly the attempts of the policy, then the dead letter sink", Nothing, func(h history) {
			deliver(h, 4, 0, "p1")
			h.try(1, "", "p1", true, 100, 101, 202)
			h.ok(2, "", "p1", 0, 1)
		}, nil, Findings{Letters: 1}},
		{"a dead letter after too few attempts", Nothing, func(h history) {
			deliver(h, 3, 0, "p1")
			h.try(1, "", "p1", true, 100, 101, 202)
			h.ok(2, "", "p1", 0, 1)
		}, nil, Findings{Letters: 1, Miscounted: make([]string, 1)}},
		{"a counter that began anew", Nothing, func(h history) {
			deliver(h, 2, 0, "p1")
			deliver(h, 3, 500, "p2")
			h.ok(1, "", "p2", 600, 601)
			h.ok(2, "", "p1", 0, 1)
		}, nil, Findings{Miscounted: make([]string, 1)}},
		{"an attempt more where a kill met one", Nothing, func(h history) {
			h.try(1, "", "p1", false, 999, 0, 0)
			deliver(h, 4, 2000, "p2")
			h.try(1, "", "p2", true, 2100, 2101, 202)
			h.ok(2, "", "p1", 0, 1)
		}, []Disruption{killed}, Findings{Letters: 1}},
		{"two attempts more where a kill met one", Nothing, func(h history) {
			h.try(1, "", "p1", false, 999, 0, 0)
			deliver(h, 5, 2000, "p2")
			h.try(1, "", "p2", true, 2100, 2101, 202)
			h.ok(2, "", "p1", 0, 1)
		}, []Disruption{killed}, Findings{Letters: 1, Miscounted: make([]string, 1)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := history{New()}
			c.happens(h)
			got := h.Judge(Terms{Acknowledged: sent, Disruptions: c.by, Window: 500 * time.Millisecond, Scope: c.scope, Retries: 3})
			for _, n := range []struct {
				what      string
				got, want int
			}{
				{"lost", len(got.Lost), len(c.want.Lost)}, {"inversions", len(got.Inversions), len(c.want.Inversions)},
				{"repeats", got.Repeats, c.want.Repeats}, {"bound", got.Bound, c.want.Bound},
				{"stale", got.Stale, c.want.Stale},
				{"unexplained", len(got.Unexplained), len(c.want.Unexplained)}, {"letters", got.Letters, c.want.Letters},
				{"miscounted", len(got.Miscounted), len(c.want.Miscounted)},
			} {
				if n.got != n.want {
					t.Errorf("%s: %d, want %d; %+v", n.what, n.got, n.want, got)
				}
			}
		})
	}
}

func TestAPauseIsATimeInWhichAPartitionHadSomethingToDeliver(t *testing.T) {
	h := history{New()}
	h.ok(1, "", "p1", 0, 1)
	h.ok(2, "", "p1", 5000, 5010) // it came at 4000 only
	h.ok(3, "", "p1", 5600, 5601) // it waited all the time
	got := h.Judge(Terms{Acknowledged: map[string]time.Time{"e-1": at(0), "e-2": at(4000), "e-3": at(4500)}, Window: time.Second})
	want := []Pause{{Partition: 0, From: at(4000), Took: time.Second}}
	if !slices.Equal(got.Pauses, want) {
		t.Errorf("got %+v, want %+v", got.Pauses, want)
	}
}

func TestTheAccountCountsWhileItIsWritten(t *testing.T) {
	c := New()
	where := Position{3, 9}
	first, n := c.Begin(where, "e", "k", "p1", false, at(0))
	if n != 1 {
		t.Errorf("attempt %d, want 1", n)
	}
	c.End(where, first, 503, at(1))
	if n, one := c.Unfinished(map[string]time.Time{"e": at(0)}); n != 1 || one != "e" {
		t.Errorf("%d unfinished, %q", n, one)
	}
	second, n := c.Begin(where, "e", "k", "p1", false, at(2))
	if n != 2 {
		t.Errorf("attempt %d, want 2", n)
	}
	c.End(where, second, 202, at(3))
	if _, n = c.Begin(where, "e", "k", "p1", true, at(4)); n != 1 {
		t.Errorf("attempt %d at the dead letter sink, want 1", n)
	}
	if n, _ := c.Unfinished(map[string]time.Time{"e": at(0)}); n != 0 || c.Finished() != 1 || c.Again() != 1 {
		t.Errorf("%d unfinished, %d finished, %d again", n, c.Finished(), c.Again())
	}
}
