package annotation

import (
	"strings"
	"testing"
	"time"
)

func TestTuningOf(t *testing.T) {
	tests := []struct {
		name        string
		annotations map[string]string
		want        Tuning
		key, err    string
	}{
		{"nothing said", nil, Tuning{}, "", ""},
		{"everything said", map[string]string{
			MinConcurrency: "2", MaxConcurrency: "20", RateLimit: "100", RefusalGrace: "PT30S", Breaker: "true", StrictReplies: "True",
		}, Tuning{2, 20, 100, 30 * time.Second, true, true}, "", ""},
		{"switched off", map[string]string{Breaker: "false", StrictReplies: "false"}, Tuning{}, "", ""},
		{"as many always as at most", map[string]string{MinConcurrency: "5", MaxConcurrency: "5"}, Tuning{MinConcurrency: 5, MaxConcurrency: 5}, "", ""},
		{"more always than at most", map[string]string{MinConcurrency: "6", MaxConcurrency: "5"}, Tuning{}, MinConcurrency, "at most the 5 of " + MaxConcurrency},
		{"none at all", map[string]string{MaxConcurrency: "0"}, Tuning{}, MaxConcurrency, "a number from 1"},
		{"below none", map[string]string{MinConcurrency: "-1"}, Tuning{}, MinConcurrency, `got "-1"`},
		{"a fraction", map[string]string{RateLimit: "0.5"}, Tuning{}, RateLimit, `got "0.5"`},
		{"too many", map[string]string{RateLimit: "1000001"}, Tuning{}, RateLimit, "to 1000000"},
		{"a duration that is none", map[string]string{RefusalGrace: "30s"}, Tuning{}, RefusalGrace, `ISO-8601 duration, got "30s"`},
		{"a negative duration", map[string]string{RefusalGrace: "-PT1S"}, Tuning{}, RefusalGrace, "negative"},
		{"a switch that is none", map[string]string{Breaker: "yes"}, Tuning{}, Breaker, `expected "true" or "false", got "yes"`},
		{"another switch that is none", map[string]string{StrictReplies: ""}, Tuning{}, StrictReplies, `got ""`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, key, err := TuningOf(tt.annotations)
			if got != tt.want || key != tt.key || !mentions(err, tt.err) {
				t.Errorf("got %+v, %q, %v", got, key, err)
			}
			problem := Validate(tt.annotations, append(TuningKeys(), StrictReplies)...)
			if (problem != nil) != (tt.err != "") {
				t.Fatalf("validation says %v", problem)
			}
			if problem != nil && !strings.Contains(problem.Error(), Path(tt.key)) {
				t.Errorf("validation says %v", problem)
			}
		})
	}
}

func TestInvalidRecordsOf(t *testing.T) {
	for value, want := range map[string]Invalid{"discard": DiscardInvalid, "Wrap": WrapInvalid, "park": ParkInvalid} {
		if got, err := InvalidRecordsOf(map[string]string{InvalidRecords: value}); got != want || err != nil {
			t.Errorf("%s: %q, %v", value, got, err)
		}
	}
	if got, err := InvalidRecordsOf(nil); got != DiscardInvalid || err != nil {
		t.Errorf("absent: %q, %v", got, err)
	}
	wrong := map[string]string{InvalidRecords: "drop"}
	if _, err := InvalidRecordsOf(wrong); !mentions(err, `expected "discard" or "wrap" or "park", got "drop"`) {
		t.Error(err)
	}
	if err := Validate(wrong, InvalidRecords); err == nil || !strings.Contains(err.Error(), Path(InvalidRecords)) {
		t.Error(err)
	}
}
