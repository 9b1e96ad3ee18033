// Package attempts bounds how often something is tried before it is given up, so that no object waits for ever to be
// deleted.
//
// What was tried is written into status.annotations, so that neither a restart nor another leader begins again. It keeps
// no state of its own; a Record belongs to the one reconcile that uses it.
package attempts

import (
	"encoding/json"
	"fmt"
	"time"

	duckv1 "knative.dev/pkg/apis/duck/v1"
)

const (
	// StatusAnnotation holds, as JSON, how often and when something was tried.
	StatusAnnotation = "kafka.eventing.knative.dev/attempts"
	// Max is how often something is tried.
	Max = 5
	// Pause is between two attempts.
	Pause = 5 * time.Second
)

// WaitError says that the next attempt has to wait.
type WaitError struct {
	After time.Duration
	// Err is what went wrong the last time, nil when something was only not over yet.
	Err error
}

func (e *WaitError) Error() string {
	return fmt.Sprintf("try again in %v: %v", e.After, e.Err)
}

func (e *WaitError) Unwrap() error { return e.Err }

// GivenUpError says that something was tried for the last time.
type GivenUpError struct {
	What string
	Err  error
}

func (e *GivenUpError) Error() string {
	return fmt.Sprintf("%s was given up after %d attempts: %v", e.What, Max, e.Err)
}

func (e *GivenUpError) Unwrap() error { return e.Err }

// Record is what was tried about one object.
type Record struct {
	status *duckv1.Status
	now    time.Time
	tried  map[string]try
}

type try struct {
	// Count of attempts that failed.
	Count int       `json:"count,omitempty"`
	Last  time.Time `json:"last"`
	Error string    `json:"error,omitempty"`
}

// Of reads the record of an object.
func Of(status *duckv1.Status, now time.Time) *Record {
	r := &Record{status: status, now: now.UTC().Truncate(time.Second), tried: map[string]try{}}
	if text := status.Annotations[StatusAnnotation]; text != "" {
		if err := json.Unmarshal([]byte(text), &r.tried); err != nil {
			r.tried = map[string]try{} // somebody else wrote it: counted from the beginning
		}
	}
	return r
}

// Try does something, or not yet when it failed a moment ago. The error is a *WaitError, a *GivenUpError when it failed
// for the last time, or nil.
func (r *Record) Try(what string, do func() error) error {
	before := r.tried[what]
	if before.Count >= Max {
		return &GivenUpError{what, fmt.Errorf("%s", before.Error)}
	}
	if wait := before.Last.Add(Pause).Sub(r.now); before.Count > 0 && wait > 0 {
		return &WaitError{wait, fmt.Errorf("%s", before.Error)}
	}
	err := do()
	if err == nil {
		r.Forget(what)
		return nil
	}
	before.Count++
	before.Last, before.Error = r.now, err.Error()
	r.tried[what] = before
	r.write()
	if before.Count >= Max {
		return &GivenUpError{what, err}
	}
	return &WaitError{Pause, err}
}

// Waiting says whether something that has to happen by itself may still be waited for: until limit after the first call.
func (r *Record) Waiting(what string, limit time.Duration) bool {
	first, ok := r.tried[what]
	if !ok {
		first = try{Last: r.now}
		r.tried[what] = first
		r.write()
	}
	return r.now.Sub(first.Last) < limit
}

// Forget removes what is known about something.
func (r *Record) Forget(what string) {
	if _, ok := r.tried[what]; ok {
		delete(r.tried, what)
		r.write()
	}
}

func (r *Record) write() {
	if len(r.tried) == 0 {
		delete(r.status.Annotations, StatusAnnotation)
		return
	}
	if r.status.Annotations == nil {
		r.status.Annotations = map[string]string{}
	}
	text, _ := json.Marshal(r.tried) // texts, numbers and times
	r.status.Annotations[StatusAnnotation] = string(text)
}
