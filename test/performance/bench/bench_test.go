package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/report"
	"knative.dev/eventing-kafka-go/test/performance/stage"
)

// TestMain lets the test's own binary be the fake broker, as the command's is.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == stage.FakeCommand {
		if err := stage.ServeFake(context.Background(), os.Args[2]); err != nil { // ended by its parent
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestEverySectionMeasuresBoth runs the whole benchmark, as small as it can be, on a machine that is told to have no
// Java, with the real programs: nothing may be lost, refused or out of order, and no figure may be missing.
func TestEverySectionMeasuresBoth(t *testing.T) {
	if testing.Short() || runtime.GOOS != "linux" {
		t.Skip("builds and runs programs, and reads /proc")
	}
	folder := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", folder,
		"../floor", "../load", "../sink", "../../../data-plane/cmd/kafka-data-plane")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	script := filepath.Join(folder, "no-java")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n[ \"$1\" = down ] || exit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s, err := stage.Open(t.Context(), stage.Options{
		Folder: folder, Binaries: folder, Plane: filepath.Join(folder, "kafka-data-plane"), KafkaScript: script, Self: self,
	})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{Stage: s, settings: settings{
		rounds: 1, loadFor: 100 * time.Millisecond, starts: 1, drainEvents: 500, drainSeconds: 0.1,
		idle: []int{1, 3}, settle: time.Millisecond, quiet: 20 * time.Millisecond,
		triggers: []int{1, 3}, evaluations: 300, filterFor: time.Millisecond, processes: []int{1, 2}, shareEvents: 100,
		active: []int{1, 2}, activeFor: 100 * time.Millisecond, keysFor: 200 * time.Millisecond,
		turns: 1,
	}}
	b.run(t.Context(), sections())
	var text strings.Builder
	if err := b.report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	t.Log(text.String())
	if len(b.report.Wrong) > 0 || len(b.report.Rows) < 60 {
		t.Errorf("%d rows; wrong: %q", len(b.report.Rows), b.report.Wrong)
	}
	for _, row := range b.report.Rows {
		for _, who := range []string{report.Ours, report.Floor} {
			if who == report.Floor && slices.Contains([]string{sectionFilters, sectionTriggers, sectionKeys, sectionReach, sectionLedger, sectionCommits}, row.Section) {
				continue
			}
			if len(row.Rounds[who]) == 0 {
				t.Errorf("%s, %s, %s: no figure of %s", row.Section, row.Case, row.Name, who)
			}
		}
	}
}

func TestChoose(t *testing.T) {
	tests := map[string]struct {
		list string
		want string
		fail bool
	}{
		"nothing chooses everything":    {list: "", want: sectionNames()},
		"names choose, in their order":  {list: "idle,start", want: "idle,start"},
		"a name that is not is refused": {list: "start,finish", fail: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			chosen, err := choose(test.list)
			var names []string
			for _, s := range chosen {
				names = append(names, s.name)
			}
			if got := strings.Join(names, ","); got != test.want || (err != nil) != test.fail {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestBacklogsTakeAboutAsLongAsIsSet(t *testing.T) {
	b := &bench{settings: settings{drainEvents: 1234, drainSeconds: 2}}
	for _, c := range []struct {
		order ordering
		delay time.Duration
		want  uint64
	}{{ordered, 0, 1234}, {ordered, 100 * time.Millisecond, 200}, {unordered, 10 * time.Millisecond, 20_000}, {byKey, 0, 1234}} {
		if got := b.backlog(c.order, c.delay); got != c.want {
			t.Errorf("%s, delay %v: %d events, want %d", c.order, c.delay, got, c.want)
		}
	}
}

func TestAFailingSubjectDoesNotEndTheOther(t *testing.T) {
	b := &bench{}
	measured := map[string]int{}
	b.inTurns(t.Context(), 3, "section", "case", []stage.Subject{{Who: report.Ours}, {Who: report.Floor}},
		func(s stage.Subject) ([]report.Figure, error) {
			measured[s.Who]++
			if s.Who == report.Ours {
				return nil, fmt.Errorf("lost 3 events")
			}
			return []report.Figure{{Name: "n", Value: float64(measured[s.Who])}, {Name: "unknown", Value: math.NaN()}}, nil
		})
	if measured[report.Ours] != 1 || measured[report.Floor] != 3 {
		t.Errorf("measured %v", measured)
	}
	if len(b.report.Wrong) != 1 || len(b.report.Rows) != 1 || b.report.Rows[0].Medians[report.Floor] != 2 {
		t.Errorf("%+v", b.report)
	}
}

func TestQuartiles(t *testing.T) {
	for _, c := range []struct{ values, want []float64 }{
		{[]float64{7}, []float64{7, 7, 7}}, {[]float64{9, 1, 5}, []float64{5, 5, 9}}, {[]float64{5, 4, 3, 2, 1}, []float64{2, 3, 4}},
	} {
		if low, middle, high := quartiles(c.values); !slices.Equal([]float64{low, middle, high}, c.want) {
			t.Errorf("%v: %v, %v, %v, want %v", c.values, low, middle, high, c.want)
		}
	}
}

func TestCount(t *testing.T) {
	for want, got := range map[string]string{
		"1 connection": count(1, "connection"), "16 connections": count(16, "connection"), "500 egresses": count(500, "egress"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
