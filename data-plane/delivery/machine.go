package delivery

import (
	"time"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
)

// Stage is where an event is on its way.
type Stage uint8

// Stages, in the order in which an event meets them.
const (
	// ToSubscriber is the attempt to deliver to the subscriber.
	ToSubscriber Stage = iota
	// ToReply delivers the event that the subscriber answered.
	ToReply
	// ToDeadLetter delivers the event to the dead letter sink.
	ToDeadLetter
	// ToDeadLetterReply delivers the event that the dead letter sink answered (EG-44).
	ToDeadLetterReply
)

// Outcome is how an event ended. Each one counts as finished (OF-08).
type Outcome uint8

// Outcomes. Pending is none: the event is still on its way.
const (
	Pending Outcome = iota
	// Delivered to the subscriber, and its reply too.
	Delivered
	// Filtered out.
	Filtered
	// DeadLettered was taken by the dead letter sink.
	DeadLettered
	// Lost failed and had no dead letter sink (EG-45): what the user chose by not setting one; counted and logged.
	Lost
	// Discarded was no CloudEvent (EG-59).
	Discarded
)

// Result is what became of one attempt.
type Result struct {
	// Status of the HTTP response, 0 if there was none.
	Status int
	// Err says why there was no response, or why it could not be used; nil after a success.
	Err error
	// RetryAfter is what a 429 or 503 asked for, below 0 if nothing.
	RetryAfter time.Duration
	// Reply is the event in the answer, nil if there was none.
	Reply *cloudevent.Event
	// Failure says what the dead letter shall carry of this answer.
	Failure Failure
}

// Failure is what a dead letter says of the answer that made it one (EG-40 to EG-43).
type Failure struct {
	// Status of the answer, 0 for none.
	Status int
	// Data is the first part of the answer's body.
	Data []byte
	// Extensions are what the answer asked to be set.
	Extensions []cloudevent.Extension
}

// ok says whether the attempt succeeded (EG-24).
func (r Result) ok() bool { return r.Err == nil }

// Delivery is the state of one event; the zero value is one not tried yet.
type Delivery struct {
	stage    Stage
	attempts int // made in this stage
	failure  Failure
	reply    *cloudevent.Event
}

// Stage is where the next attempt goes.
func (d *Delivery) Stage() Stage { return d.stage }

// Attempts is the number of attempts made in the current stage.
func (d *Delivery) Attempts() int { return d.attempts }

// Plan is what the machine needs to know of an egress.
type Plan struct {
	Policy Policy
	// Replies says whether replies go anywhere; if not they are dropped.
	Replies bool
	// DeadLetter says whether there is a dead letter sink.
	DeadLetter bool
}

// Action is what to do next: finish with an outcome; else wait, which may be 0, and make the next attempt.
type Action struct {
	Outcome Outcome
	Wait    time.Duration
}

// Next takes the result of an attempt in the current stage and says what follows.
func (d *Delivery) Next(p Plan, r Result) Action {
	d.attempts++
	if !r.ok() && d.retries(p.Policy, r) {
		return Action{Wait: p.Policy.Wait(d.attempts, r.RetryAfter)}
	}
	switch d.stage {
	case ToSubscriber:
		if r.ok() {
			return d.withReply(p, r, ToReply, Delivered)
		}
		return d.fail(p, r)
	case ToReply:
		if r.ok() {
			return Action{Outcome: Delivered}
		}
		return d.fail(p, r) // without calling the subscriber again (EG-46)
	case ToDeadLetter:
		if r.ok() {
			return d.withReply(p, r, ToDeadLetterReply, DeadLettered)
		}
		return Action{Wait: holdWait(d.attempts - p.Policy.Retries)}
	default: // ToDeadLetterReply: the event itself is safe
		return Action{Outcome: DeadLettered}
	}
}

// Resume says what a plan that may have changed since the last attempt makes of the event: an outcome where the plan has
// nowhere to send it any more, Pending where the next attempt goes on.
func (d *Delivery) Resume(p Plan) Outcome {
	switch {
	case d.stage == ToDeadLetter && !p.DeadLetter:
		return Lost
	case d.stage == ToReply && !p.Replies:
		return Delivered
	case d.stage == ToDeadLetterReply && !p.Replies:
		return DeadLettered
	}
	return Pending
}

// retries says whether the failed attempt is followed by another one under the policy.
func (d *Delivery) retries(p Policy, r Result) bool {
	return d.attempts <= p.Retries && Retryable(r.Status)
}

// withReply goes on with the reply in a successful answer, if there is one that goes anywhere.
func (d *Delivery) withReply(p Plan, r Result, stage Stage, otherwise Outcome) Action {
	if r.Reply == nil || !p.Replies {
		return Action{Outcome: otherwise}
	}
	d.stage, d.attempts, d.reply = stage, 0, r.Reply
	return Action{}
}

// fail goes on to the dead letter sink.
func (d *Delivery) fail(p Plan, r Result) Action {
	if !p.DeadLetter {
		return Action{Outcome: Lost}
	}
	d.stage, d.attempts, d.failure, d.reply = ToDeadLetter, 0, r.Failure, nil
	return Action{}
}

const (
	holdFirst = time.Second
	holdMax   = time.Minute
)

// holdWait is the time before the dead letter sink is tried again after its policy was used up, for the n-th time.
// The event is neither committed nor dropped meanwhile: a dead letter sink that is away delays, it loses nothing.
func holdWait(n int) time.Duration {
	return min(holdFirst<<min(max(n-1, 0), 6), holdMax)
}
