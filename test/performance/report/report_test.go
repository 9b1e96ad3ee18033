package report

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

func TestRatiosAreOfMedians(t *testing.T) {
	var r Report
	for _, v := range []float64{30, 10, 1000} {
		r.Add("ingress", "64 connections", Ours, Figure{"CPU per event", "µs", v})
	}
	for _, v := range []float64{18, 22} {
		r.Add("ingress", "64 connections", Floor, Figure{"CPU per event", "µs", v})
	}
	row := r.Rows[0]
	if len(r.Rows) != 1 || row.Medians[Ours] != 30 || row.Medians[Floor] != 20 || *row.Ratio != 1.5 {
		t.Errorf("%+v", row)
	}
}

func TestAddSkipsWhatWasNotMeasured(t *testing.T) {
	var r Report
	r.Add("idle", "", Ours, Figure{"broker", "%", math.NaN()}, Figure{"rate", "1/s", math.Inf(1)})
	if len(r.Rows) != 0 {
		t.Errorf("%+v", r.Rows[0])
	}
}

func TestThereIsNoRatioToNothing(t *testing.T) {
	var r Report
	r.Add("idle", "", Ours, Figure{"CPU", "%", 3})
	r.Add("idle", "", Floor, Figure{"CPU", "%", 0})
	if r.Rows[0].Ratio != nil {
		t.Errorf("ratio %v", *r.Rows[0].Ratio)
	}
}

func TestText(t *testing.T) {
	r := Report{Started: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), Kafka: "Apache Kafka 4.2.1", CPUs: 2, Go: "go1.26"}
	r.Add("ingress", "1 connection", Ours, Figure{"events/s", "1/s", 24_900})
	r.Add("start", "", Ours, Figure{"first 202", "ms", 16.25})
	r.Add("ingress", "1 connection", Floor, Figure{"events/s", "1/s", 30_000})
	r.Wrongly("lost %d events", 3)
	var text strings.Builder
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	const want = `2026-11-21 12:00Z, Apache Kafka 4.2.1, 2 CPUs, go1.26; medians

ingress
                                ours  floor  ratio
  1 connection, events/s, 1/s  24900  30000   0.83

start
                 ours  floor  ratio
  first 202, ms  16.2      –      –

WRONG: lost 3 events
`
	if got := text.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestJSONHasEveryRound(t *testing.T) {
	var r Report
	r.Add("ingress", "1 connection", Ours, Figure{"events/s", "1/s", 1}, Figure{"p50", "ms", 2})
	r.Add("ingress", "1 connection", Ours, Figure{"events/s", "1/s", 3})
	var text strings.Builder
	if err := r.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal([]byte(text.String()), &back); err != nil {
		t.Fatal(err)
	}
	if got := back.Rows[0].Rounds[Ours]; len(got) != 2 || got[1] != 3 || back.Rows[1].Medians[Ours] != 2 {
		t.Errorf("%s", text.String())
	}
}
