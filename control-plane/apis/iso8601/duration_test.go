package iso8601

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/rickb777/date/period"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want time.Duration
	}{
		{"tenths of a second (EG-31)", "PT0.3S", 300 * time.Millisecond},
		{"hundredths are kept", "PT0.25S", 250 * time.Millisecond},
		{"milliseconds are kept", "PT0.001S", time.Millisecond},
		{"a comma is a decimal point", "PT0,5S", 500 * time.Millisecond},
		{"hours, the default retention (CH-10)", "PT168H", 168 * time.Hour},
		{"weeks", "P1W", 7 * 24 * time.Hour},
		{"days and time", "P1DT1H1M1S", 25*time.Hour + time.Minute + time.Second},
		{"a month is estimated (CH-10)", "P1M", 2629746 * time.Second},
		{"a year is estimated", "P1Y", 31556952 * time.Second},
		{"M before T is months and after it minutes", "P1MT1M", 2629746*time.Second + time.Minute},
		{"many days are exact", "P4000D", 4000 * 24 * time.Hour},
		{"many seconds are exact", "PT604800S", 7 * 24 * time.Hour},
		{"a sign in front", "-PT5S", -5 * time.Second},
		{"a sign inside", "PT-5S", -5 * time.Second},
		{"zero", "P0", 0},
		{"longer than a duration can be", "P3000Y", math.MaxInt64},
		{"shorter than a duration can be", "-P3000Y", -math.MaxInt64},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(tt.in)
			if err != nil || got != tt.want {
				t.Errorf("Parse(%q) = %v, %v, want %v", tt.in, got, err, tt.want)
			}
			abs, err := ParseAbsolute(tt.in)
			if err != nil || abs != max(tt.want, -tt.want) {
				t.Errorf("ParseAbsolute(%q) = %v, %v", tt.in, abs, err)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{"", "+", "-", "P", "PT", "5s", "10", "PT5", "PT1S1M", "P1X", "PT1S "} {
		if d, err := Parse(in); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", in, d)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"PT0.3S", "P1Y2M3W4DT5H6M7.8S", "-P1D", "+", "PT-1,5H", "PT9999999999999999999S"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := Parse(s)
		if s == "+" || s == "-" {
			return // the library panics
		}
		if _, theirs := period.Parse(s); (err == nil) != (theirs == nil) {
			t.Fatalf("Parse(%q) = %v, %v; the library: %v", s, d, err, theirs)
		}
	})
}

// What both can represent has the same value in both.
func TestParseAgreesWithTheLibrary(t *testing.T) {
	for h := range 100 {
		for tenths := range 10 {
			s := fmt.Sprintf("PT%dH%d.%dS", h, h%60, tenths)
			p, err := period.Parse(s)
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := Parse(s); got != p.DurationApprox() {
				t.Errorf("Parse(%q) = %v, the library %v", s, got, p.DurationApprox())
			}
		}
	}
}
