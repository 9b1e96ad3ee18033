package delivery

import (
	"net/http"
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
	// ToParking writes the event to the parking topic.
	ToParking
)

func (s Stage) String() string {
	return [...]string{"subscriber", "reply", "dead letter sink", "reply of the dead letter sink", "parking topic"}[s]
}

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
	// Parked was written to the parking topic: its dead letter sink has failed, or it was no CloudEvent.
	Parked
)

// Result is what became of one attempt.
type Result struct {
	// Status of the HTTP response, 0 if there was none.
	Status int
	// Cause says how a request without an answer failed.
	Cause Cause
	// Err says why there was no response, or why it could not be used; nil after a success.
	Err error
	// RetryAfter is what a 429 or 503 asked for, below 0 if nothing.
	RetryAfter time.Duration
	// Reply is the event in the answer, nil if there was none.
	Reply *cloudevent.Event
	// NoReply says that the answer had a body that is no event, and was taken for no reply.
	NoReply bool
	// Failure says what the dead letter shall carry of this answer.
	Failure Failure
	// Elapsed is the time since the first attempt at the subscriber.
	Elapsed time.Duration
	// Random is in [0, 1), and says how much of the jitter a wait gets.
	Random float64
}

// Failure is what a dead letter says, beside its status, of the answer that made it one (EG-40 to EG-43).
type Failure struct {
	// Data is the first part of the answer's body.
	Data []byte
	// Extensions are what the answer asked to be set.
	Extensions []cloudevent.Extension
}

// ok says whether the attempt succeeded (EG-24).
func (r Result) ok() bool { return r.Err == nil }

// refused says whether the other side took no request, as while it scales from zero.
func (r Result) refused() bool {
	return r.Cause == Unreachable || r.Status == http.StatusTooManyRequests || r.Status == http.StatusServiceUnavailable
}

// Delivery is the state of one event; the zero value is one not tried yet.
type Delivery struct {
	stage    Stage
	restored bool // attempts were made by an owner before, and none since
	attempts int  // made in this stage
	tried    int  // attempts at the subscriber, once its stage is over
	spent    int  // attempts that the policy allowed when they were used up
	free     int  // attempts at the subscriber that used up no retry
	holds    int  // how often dead letter sink and parking topic have both failed
	invalid  bool // the record is no CloudEvent: it is parked as it is
	status   int  // of the answer that decides: the last one of the subscriber, then that of a reply that failed
	answered int  // the last status that the subscriber answered at all
	failure  Failure
	reply    *cloudevent.Event
}

// Stage is where the next attempt goes.
func (d *Delivery) Stage() Stage { return d.stage }

// Attempts is the number of attempts made in the current stage.
func (d *Delivery) Attempts() int { return d.attempts }

// Restore presets what an earlier owner of the event wrote down of Tried and Status, before the first attempt. If the
// attempts are used up, Resume has the event go to the dead letter sink without calling the subscriber again.
func (d *Delivery) Restore(attempts, status int) {
	d.attempts, d.status, d.answered, d.restored = max(attempts, 0), status, status, attempts > 0
}

// Tried is the number of attempts at the subscriber that a later owner of the event has to count, whatever its stage:
// those that failed. Once there is nothing left to try it is at least what the policy allows, 1 + retry, also where an
// answer that may not be retried came sooner. An event whose reply is on its way has a last attempt to repeat.
func (d *Delivery) Tried() int {
	switch d.stage {
	case ToSubscriber:
		return d.attempts
	case ToReply:
		return d.tried - 1
	}
	return max(d.tried, d.spent)
}

// Calls is the number of requests made to the subscriber, those that used up no retry among them.
func (d *Delivery) Calls() int {
	if d.stage == ToSubscriber {
		return d.attempts + d.free
	}
	return d.tried + d.free
}

// Status is the last HTTP status that a dead letter would carry, 0 for none.
func (d *Delivery) Status() int { return d.status }

// Plan is what the machine needs to know of an egress.
type Plan struct {
	Policy Policy
	// Replies says whether replies go anywhere; if not they are dropped.
	Replies bool
	// DeadLetter says whether there is a dead letter sink.
	DeadLetter bool
	// Parking says whether there is a parking topic.
	Parking bool
}

// Action is what to do next: finish with an outcome; else wait, which may be 0, and make the next attempt.
type Action struct {
	Outcome Outcome
	Wait    time.Duration
	// Held says that nothing took the event though all that its policies allow was done.
	Held bool
}

// Next takes the result of an attempt in the current stage and says what follows.
func (d *Delivery) Next(p Plan, r Result) Action {
	d.restored = false
	if d.stage == ToSubscriber {
		d.status = r.Status
		if r.Status > 0 {
			d.answered = r.Status
		}
		if p.Policy.free(r) {
			d.free++
			return Action{Wait: p.Policy.freeWait(d.free, r)}
		}
	}
	d.attempts++
	if !r.ok() && d.retries(p.Policy, r) {
		return Action{Wait: p.Policy.Wait(d.attempts, r)}
	}
	return d.conclude(p, r)
}

// conclude goes on after the last attempt in a stage.
func (d *Delivery) conclude(p Plan, r Result) Action {
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
		switch {
		case r.ok():
			return d.withReply(p, r, ToDeadLetterReply, DeadLettered)
		case p.Parking:
			d.leave(ToParking)
			return Action{}
		}
		return Action{Wait: holdWait(d.attempts - p.Policy.Retries), Held: true}
	case ToParking:
		if r.ok() {
			return Action{Outcome: Parked}
		}
		return d.hold(p)
	default: // ToDeadLetterReply: the event itself is safe
		return Action{Outcome: DeadLettered}
	}
}

// hold keeps an event that could not be parked. One that has a dead letter sink gets one more attempt at that before the
// parking topic is tried again: either may be the first to come back.
func (d *Delivery) hold(p Plan) Action {
	d.holds++
	if !d.invalid && p.DeadLetter {
		d.leave(ToDeadLetter)
		d.attempts = p.Policy.Retries
	}
	return Action{Wait: holdWait(d.holds), Held: true}
}

// Park sends a record that is no CloudEvent to the parking topic, and nowhere else.
func (d *Delivery) Park() {
	if !d.invalid {
		*d = Delivery{stage: ToParking, invalid: true}
	}
}

// Unpark begins anew with a record that could not be parked and that a changed contract makes an event of.
func (d *Delivery) Unpark() {
	if d.invalid {
		*d = Delivery{}
	}
}

// Resume says what a plan that may have changed since the last attempt makes of the event: an outcome where the plan has
// nowhere to send it any more, Pending where the next attempt goes on.
func (d *Delivery) Resume(p Plan) Outcome {
	if d.stage == ToParking && !p.Parking && !d.invalid {
		d.leave(ToDeadLetter)
	}
	switch {
	case d.stage == ToSubscriber && d.restored && d.attempts > p.Policy.Retries:
		return d.fail(p, Result{Status: d.status}).Outcome
	case d.stage == ToDeadLetter && !p.DeadLetter:
		return Lost
	case d.stage == ToReply && !p.Replies:
		return Delivered
	case d.stage == ToDeadLetterReply && !p.Replies:
		return DeadLettered
	}
	return Pending
}

// retries says whether the failed attempt is followed by another one under the policy. Producers have a policy of their
// own.
func (d *Delivery) retries(p Policy, r Result) bool {
	return d.stage != ToParking && d.attempts <= p.Retries && Retryable(r.Status)
}

// withReply goes on with the reply in a successful answer, if there is one that goes anywhere.
func (d *Delivery) withReply(p Plan, r Result, stage Stage, otherwise Outcome) Action {
	if r.Reply == nil || !p.Replies {
		return Action{Outcome: otherwise}
	}
	d.leave(stage)
	d.reply = r.Reply
	return Action{}
}

// fail goes on to the dead letter sink.
func (d *Delivery) fail(p Plan, r Result) Action {
	if !p.DeadLetter {
		return Action{Outcome: Lost}
	}
	d.leave(ToDeadLetter)
	d.spent, d.status, d.failure, d.reply = p.Policy.Retries+1, r.Status, r.Failure, nil
	return Action{}
}

// leave goes on to another stage.
func (d *Delivery) leave(to Stage) {
	if d.stage == ToSubscriber {
		d.tried = d.attempts
	}
	d.stage, d.attempts, d.restored = to, 0, false
}

const (
	holdFirst = time.Second
	holdMax   = time.Minute
)

// holdWait is the time before an event that nothing takes is tried again, for the n-th time. The event is neither
// committed nor dropped meanwhile: a dead letter sink and a parking topic that are away delay, they lose nothing.
func holdWait(n int) time.Duration {
	return min(holdFirst<<min(max(n-1, 0), 6), holdMax)
}
