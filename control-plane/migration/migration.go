// Package migration carries out takeovers of older installations: what is planned, what is waited for, what was done.
//
// A takeover is a list of steps. What a step has to do is found out from the cluster each time, never remembered: so a
// run that was killed anywhere is simply run again, and one that has nothing to do changes nothing. Steps come in order,
// a step's changes only when what it waits for is so, and when they were made it is looked whether anything is left of
// them. Takeovers do not depend on one another: one that fails does not keep the others from running.
//
// It must not know what a takeover is about. A Runner belongs to one goroutine.
package migration

import (
	"context"
	"fmt"
)

// Takeover is an older installation that is taken over.
type Takeover interface {
	// Name of it, for people.
	Name() string
	// Survey looks at what there is, and changes nothing.
	Survey(ctx context.Context) (Survey, error)
	// Steps are what is to be done, in this order.
	Steps() []Step
}

// Survey is what a takeover has found.
type Survey struct {
	// Skip is why nothing is done, "" when something may be.
	Skip string
	// Blockers are what must be put right by somebody first: while there are any nothing is changed.
	Blockers []string
	// Notes are what users should know, such as settings that are lost.
	Notes []string
	// Objects are how far each object has come.
	Objects []Object
}

// Object is how far an object has come (MIG-05).
type Object struct {
	// Name of it, with its kind and namespace.
	Name  string `json:"name"`
	Phase Phase  `json:"phase"`
	// Detail says where it comes from and goes to, and how many events it has waiting.
	Detail string `json:"detail,omitempty"`
}

// Phase is how far an object has come.
type Phase string

// The phases, in order.
const (
	Pending         Phase = "Pending"
	Adopted         Phase = "Adopted"
	IngressSwitched Phase = "IngressSwitched"
	Drained         Phase = "Drained"
	Done            Phase = "Done"
)

// Step is a part of a takeover.
type Step struct {
	Name string
	// Plan returns what is left to do; nothing when the step is done. It changes nothing. What cannot be read is an error.
	Plan func(ctx context.Context) ([]Change, error)
	// Gate says what all of its changes wait for, "" when they may be made. nil: nothing.
	Gate Gate
}

// Left is how many changes are left to do in steps.
func Left(ctx context.Context, steps []Step) (n int, err error) {
	for _, step := range steps {
		changes, err := step.Plan(ctx)
		if err != nil {
			return 0, err
		}
		n += len(changes)
	}
	return n, nil
}

// Gate says what is waited for, "" for nothing. It changes nothing.
type Gate func(ctx context.Context) (waiting string, err error)

// Change is one write.
type Change struct {
	// What is done to what, such as: delete deployments.apps ns/name.
	What string
	// Gate says what this change alone waits for. nil: nothing.
	Gate Gate
	Do   func(ctx context.Context) error
}

// All is a gate of several gates, which says what the first of them waits for.
func All(gates ...Gate) Gate {
	return func(ctx context.Context) (string, error) {
		for _, g := range gates {
			if g == nil {
				continue
			}
			if waiting, err := g(ctx); waiting != "" || err != nil {
				return waiting, err
			}
		}
		return "", nil
	}
}

// NotYetError says that a step could not be finished within the time that a run has, because something that it waits for
// is not so. Everything is in a state that events flow in, and the next run goes on.
type NotYetError struct{ Step, Waiting string }

func (e *NotYetError) Error() string { return fmt.Sprintf("%s: waits for: %s", e.Step, e.Waiting) }

// BlockedError says what must be put right first. Nothing was changed.
type BlockedError struct{ Blockers []string }

func (e *BlockedError) Error() string {
	text := "nothing was changed:"
	for _, b := range e.Blockers {
		text += "\n  " + b
	}
	return text
}
