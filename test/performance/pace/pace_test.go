package pace

import (
	"testing"
	"time"
)

func TestEventsAreDueAtTheRateFromTheStart(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	tests := map[string]struct {
		rate  float64
		event uint64
		want  time.Duration
	}{
		"the first at once":                {rate: 200, event: 0, want: 0},
		"the second after one interval":    {rate: 200, event: 1, want: 5 * time.Millisecond},
		"a late one without rounding up":   {rate: 3, event: 3_000_000, want: 1_000_000 * time.Second},
		"one of a rate below one a second": {rate: 0.5, event: 2, want: 4 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := NewSchedule(start, test.rate).Due(test.event).Sub(start); got != test.want {
				t.Errorf("due after %v, want %v", got, test.want)
			}
		})
	}
}

func TestEventsWithinADurationAreRateTimesDuration(t *testing.T) {
	if got := NewSchedule(time.Time{}, 2000).Events(1500 * time.Millisecond); got != 3000 {
		t.Errorf("got %d events, want 3000", got)
	}
}

func TestWaiterNeverReturnsEarly(t *testing.T) {
	w := NewWaiter()
	defer w.Release()
	for range 20 {
		due := time.Now().Add(300 * time.Microsecond)
		w.Until(due)
		if early := time.Until(due); early > 0 {
			t.Fatalf("returned %v early", early)
		}
	}
	w.Until(time.Now().Add(-time.Hour))
}
