// Package iso8601 owns the meaning of durations in API objects, such as PT0.3S or P7D.
//
// It accepts exactly what Knative's webhooks accept (github.com/rickb777/date/period) and computes the value itself,
// because that library keeps one decimal of a field: PT0.25S would be 200 ms and PT0.05S nothing at all.
// It does no I/O. All functions are safe for concurrent use.
package iso8601

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/rickb777/date/period"
)

// Mean lengths of the fields that have none of their own: a Gregorian year has 365.2425 days.
const (
	secondsPerDay   = 24 * 60 * 60
	secondsPerYear  = 365.2425 * secondsPerDay
	secondsPerMonth = secondsPerYear / 12
)

// field is one letter of a duration and how many seconds its number counts.
type field struct {
	mark    byte
	seconds float64
}

// Parse returns the length of an ISO-8601 duration, with a precision of a millisecond. Years and months count with
// their mean length. A value beyond what time.Duration holds (292 years) becomes the longest one. The error says what
// is wrong with the text.
func Parse(s string) (time.Duration, error) {
	if err := check(s); err != nil {
		return 0, err
	}
	negative := strings.HasPrefix(s, "-")
	date, clock, _ := strings.Cut(strings.TrimLeft(s, "+-")[1:], "T")
	seconds := sum(date, []field{{'Y', secondsPerYear}, {'M', secondsPerMonth}, {'W', 7 * secondsPerDay}, {'D', secondsPerDay}}) +
		sum(clock, []field{{'H', 60 * 60}, {'M', 60}, {'S', 1}})
	if negative {
		seconds = -seconds
	}
	return duration(seconds), nil
}

// ParseAbsolute is Parse without the sign: what delivery settings mean.
func ParseAbsolute(s string) (time.Duration, error) {
	d, err := Parse(s)
	if d < 0 {
		d = -d // never overflows: duration saturates symmetrically
	}
	return d, err
}

// check asks the library whether s is a duration. The library panics on a lone sign.
func check(s string) error {
	if s == "+" || s == "-" {
		return fmt.Errorf("expected 'P' period mark after the sign: %s", s)
	}
	_, err := period.Parse(s)
	return err
}

// sum adds up the fields of one half of a duration that check has passed.
func sum(s string, fields []field) float64 {
	total := 0.0
	for _, f := range fields {
		number, rest, found := strings.Cut(s, string(f.mark))
		if !found || number == "" {
			continue
		}
		n, _ := strconv.ParseFloat(strings.ReplaceAll(number, ",", "."), 64) // checked by the library
		total += n * f.seconds
		s = rest
	}
	return total
}

// duration rounds to a millisecond and saturates.
func duration(seconds float64) time.Duration {
	const longest = float64(math.MaxInt64) / float64(time.Second)
	if math.Abs(seconds) >= longest {
		return time.Duration(math.Copysign(1, seconds)) * math.MaxInt64
	}
	return time.Duration(math.Round(seconds*1000)) * time.Millisecond
}
