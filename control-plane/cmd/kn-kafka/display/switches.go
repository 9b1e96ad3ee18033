package display

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/pflag"
)

// Switches are how a display answers.
type Switches struct {
	// Delay is waited before each answer.
	Delay time.Duration
	// Status is the answer of a delivery that does not fail.
	Status int
	// FailFirst is how many deliveries of each event fail before the others succeed.
	FailFirst int
	// FailEvery makes every n-th request fail; 0 none.
	FailEvery int
	// FailStatus is the answer of a delivery that fails.
	FailStatus int
	// Reply is the type of the event in the answer; "" is no event.
	Reply string
}

// DefaultSwitches accept everything.
func DefaultSwitches() Switches {
	return Switches{Status: http.StatusAccepted, FailStatus: http.StatusServiceUnavailable}
}

// Register adds a flag for each switch.
func (s *Switches) Register(flags *pflag.FlagSet) {
	flags.DurationVar(&s.Delay, "delay", s.Delay, "time before each answer")
	flags.IntVar(&s.Status, "status", s.Status, "status of an answer")
	flags.IntVar(&s.FailFirst, "fail-first", s.FailFirst, "how many deliveries of each event fail at first")
	flags.IntVar(&s.FailEvery, "fail-every", s.FailEvery, "every n-th request fails; 0 is none")
	flags.IntVar(&s.FailStatus, "fail-status", s.FailStatus, "status of a failure")
	flags.StringVar(&s.Reply, "reply", s.Reply, "answer with an event of this type and the same data")
}

// check returns what no answer can be.
func (s Switches) check() error {
	for name, status := range map[string]int{"status": s.Status, "fail-status": s.FailStatus} {
		if status < 200 || status > 599 {
			return fmt.Errorf("%s %d: expected 200 to 599", name, status)
		}
	}
	return nil
}

// with returns the switches as the query of a URL changes them. The names are those of the flags; others are ignored,
// as the address may serve other purposes too.
func (s Switches) with(query url.Values) (Switches, error) {
	if len(query) == 0 {
		return s, nil
	}
	flags := pflag.NewFlagSet("query", pflag.ContinueOnError)
	s.Register(flags)
	for name, values := range query {
		if flags.Lookup(name) == nil {
			continue
		}
		if err := flags.Set(name, values[len(values)-1]); err != nil {
			return s, err
		}
	}
	return s, s.check()
}
