package dev

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/dev/demo"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/display"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/manifest"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/send"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
)

const (
	// checkTime bounds a check: what has not arrived by then does not count.
	checkTime = 60 * time.Second
	// checkPoll is how often the state is looked at meanwhile.
	checkPoll = 50 * time.Millisecond
	// sendTime bounds the sending of one event.
	sendTime = 30 * time.Second
)

// check sends what --once asks for and compares what arrives. A nil check does nothing.
type check struct {
	expected *demo.Expectations
	ledger   *demo.Ledger
}

// newCheck reads the expectations, if there is to be a check.
func newCheck(o options) (*check, error) {
	if o.once == "" {
		return nil, nil
	}
	name := o.once
	if name == onceDefault {
		var err error
		if name, err = findExpectations(o.paths); err != nil {
			return nil, err
		}
	}
	expected, err := demo.Read(name)
	if err != nil {
		return nil, fmt.Errorf("--once: %w", err)
	}
	return &check{expected: expected, ledger: demo.NewLedger()}, nil
}

// findExpectations finds the one file of expectations beside the manifests.
func findExpectations(paths []string) (string, error) {
	var found []string
	for _, path := range paths {
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			path = filepath.Dir(path)
		}
		names, err := filepath.Glob(filepath.Join(path, onceDefault))
		if err != nil {
			return "", fmt.Errorf("--once: %w", err)
		}
		found = append(found, names...)
	}
	if len(found) != 1 {
		return "", fmt.Errorf("--once: expected one file %s beside the manifests, found %d: %s", onceDefault, len(found), strings.Join(found, ", "))
	}
	return found[0], nil
}

// received notes a delivery to a built-in display.
func (c *check) received(id manifest.ID, d display.Delivery) {
	if c == nil {
		return
	}
	e := event.Event{}
	if d.Event != nil {
		e = *d.Event
	}
	c.ledger.Add(id.Namespace+"/"+id.Name, e)
}

// prepare takes what the check needs from the loop, on its goroutine, and returns the check.
func (c *check) prepare(l *loop) func(context.Context) error {
	refused, groups, address, admin, a := len(l.account.problems), l.groups(), l.address, l.deployer.Admin(), l.account
	return func(ctx context.Context) error {
		if refused > 0 {
			return fmt.Errorf("%d problems with the manifests, see above", refused)
		}
		return c.run(ctx, address, groups, admin, a)
	}
}

// run sends the events, waits until nothing is under way and compares.
func (c *check) run(ctx context.Context, address string, groups []string, admin *kafkaadmin.Admin, a *account) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	if err := c.send(ctx, address, a); err != nil {
		return err
	}
	settled := c.settle(ctx, groups, admin)
	differences := c.expected.Compare(c.ledger)
	names, expected, got := c.expected.Places(c.ledger)
	a.say("\n%d events were sent, %d deliveries were expected and %d happened", len(c.expected.Send), sum(expected), sum(got))
	for _, name := range names {
		a.say("  %-24s %3d expected  %3d happened", name, expected[name], got[name])
	}
	for _, difference := range differences {
		a.say("wrong: %s", difference)
	}
	switch {
	case len(differences) > 0:
		return errors.Join(fmt.Errorf("%d differences from what was expected", len(differences)), settled)
	case settled != nil:
		return settled
	}
	a.say("every event arrived where it should and nowhere else")
	return nil
}

func (c *check) send(ctx context.Context, address string, a *account) error {
	for _, s := range c.expected.Send {
		summary := send.Run(ctx, send.Options{
			URLs: []string{address + s.To}, Host: s.Host, Structured: s.Structured,
			Event: func(int) event.Event { return s.Event() }, Count: 1, Parallel: 1, Timeout: sendTime,
		})
		summary.Print(a)
		if summary.Sent() != 1 || summary.Refused() > 0 {
			return fmt.Errorf("event %s was not accepted", s.ID)
		}
	}
	return nil
}

// settle returns when all that was expected has arrived and Kafka says that every group has finished everything, twice
// with nothing arriving in between: an event that is not expected anywhere must have had its chance.
func (c *check) settle(ctx context.Context, groups []string, admin *kafkaadmin.Admin) error {
	poll := time.NewTicker(checkPoll)
	defer poll.Stop()
	quiet, before := false, -1
	for {
		total := c.ledger.Total()
		finished, err := allFinished(ctx, groups, admin)
		switch {
		case !finished || c.expected.Missing(c.ledger) > 0:
			quiet = false
		case quiet && total == before:
			return nil
		default:
			quiet, before = true, total
		}
		select {
		case <-ctx.Done():
			return errors.Join(errors.New("gave up waiting for the deliveries to end"), err)
		case <-poll.C:
		}
	}
}

func allFinished(ctx context.Context, groups []string, admin *kafkaadmin.Admin) (bool, error) {
	for _, group := range groups {
		lag, err := admin.Lag(ctx, group)
		if err != nil || lag.Total > 0 {
			return false, err
		}
	}
	return true, nil
}

func sum(counts map[string]int) int {
	total := 0
	for _, n := range counts {
		total += n
	}
	return total
}
