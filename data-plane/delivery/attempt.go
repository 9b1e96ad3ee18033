package delivery

import (
	"bufio"
	"bytes"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/valyala/fasthttp"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
	"knative.dev/eventing-kafka-go/data-plane/tracing"
)

// Job is one record on its way to an outcome.
type Job struct {
	Record *kgo.Record
	// Received is when the record was fetched.
	Received time.Time
	// Delivery is the state between attempts.
	Delivery
	// Spare, if not nil, is asked about a failure at the subscriber before it is counted. If it is true, the attempt was
	// none.
	Spare       func(Call) bool
	trace       tracing.Span // of receiving the record, which requests are part of
	first, last time.Time    // when attempts at the subscriber began, those of this owner
	inherited   bool         // there were others before
	reason      string       // why it is parked
}

// Restore is [Delivery.Restore].
func (j *Job) Restore(attempts, status int) {
	j.inherited = attempts > 0
	j.Delivery.Restore(attempts, status)
}

// Reason is why an attempt came to what it came to, "" where it went well.
func (j *Job) Reason(n Next) string {
	switch {
	case n.Outcome == Parked:
		return j.reason
	case n.Err != nil:
		return n.Err.Error()
	}
	return ""
}

// firstAttempt is zero if nobody here knows: an earlier owner made it.
func (j *Job) firstAttempt() time.Time {
	if j.inherited {
		return time.Time{}
	}
	return j.first
}

// Next is what an attempt came to.
type Next struct {
	// Outcome is Pending when the event is to be attempted again after Wait, which may be 0.
	Outcome Outcome
	Wait    time.Duration
	// Err is why the last request failed, nil if it did not.
	Err error
	// Subscriber says how the subscriber fared, if it was called.
	Subscriber Call
	// Held says that dead letter sink and parking topic failed, too.
	Held bool
	// NoReply says that the subscriber answered with a body that is no event and was taken for no reply.
	NoReply bool
}

// Call is one request to the subscriber, as those see it who decide how many there may be.
type Call struct {
	// Made is false if the subscriber was not called: the event was filtered out, or waits for something else.
	Made bool
	// Status of the answer, 0 if there was none; Cause says why.
	Status int
	Cause  Cause
	// Latency is the time from before the connection was made to the end of the answer.
	Latency time.Duration
	// RetryAfter is what a 429 or 503 asked for, whether or not the event obeys; below 0 if nothing.
	RetryAfter time.Duration
}

// Attempt takes the event as far as it gets without waiting: to its outcome, or to a wait before a retry. It blocks
// for the requests that it makes, each limited by the policy. The subscriber is called at most once.
func (t *Target) Attempt(j *Job) Next {
	s := t.scratch.get()
	defer t.scratch.put(s)
	if err := t.decode(j.Record, s); err != nil {
		return t.reject(j, s, err)
	}
	j.Unpark()
	var now time.Time
	if j.stage == ToSubscriber && j.first.IsZero() {
		t.receive(j, &s.event)
		passed := t.match(&s.event)
		now = time.Now()
		t.stats.Processed(s.event.Type, now.Sub(j.Received))
		j.trace.Ended(nil)
		if !passed {
			t.stats.Filtered()
			return Next{Outcome: Filtered}
		}
		j.first = now
	} else {
		now = time.Now()
	}
	if outcome := j.Resume(t.plan); outcome != Pending {
		t.countOutcome(outcome)
		return Next{Outcome: outcome}
	}
	return t.advance(j, s, now)
}

// reject ends a record that is no event (EG-59), or parks it.
func (t *Target) reject(j *Job, s *scratch, err error) Next {
	if !t.parkInvalid {
		t.stats.Discarded(telemetry.TypeInvalid, 1)
		return Next{Outcome: Discarded, Err: err}
	}
	j.Park()
	j.reason = err.Error()
	return t.advance(j, s, time.Now())
}

// advance makes requests until there is something to wait for, or an outcome. It begins now; what the clock says costs about
// as much as a lock, so it is asked when a request begins and when it has ended, and not in between.
func (t *Target) advance(j *Job, s *scratch, began time.Time) Next {
	var next Next
	for ; ; began = time.Now() {
		before := j.stage
		result := t.send(j, s, began)
		if !result.ok() {
			result.Random = rand.Float64() // of a wait
		}
		next.Err = result.Err
		if before == ToSubscriber {
			j.last, next.NoReply = began, result.NoReply
			result.Elapsed = began.Sub(j.first)
			next.Subscriber = Call{
				Made: true, Status: result.Status, Cause: result.Cause,
				Latency: s.ended.Sub(began), RetryAfter: result.RetryAfter,
			}
		}
		switch result.Cause {
		case CutOff:
			next.Wait = cutOffWait
			return next
		case NoToken:
			next.Wait, next.Subscriber.Made = tokenWait, false
			return next
		default:
		}
		if before == ToSubscriber && !result.ok() && j.Spare != nil && j.Spare(next.Subscriber) {
			return next
		}
		action := j.Next(t.plan, result)
		if before == ToDeadLetter && j.stage == ToParking {
			j.reason = "dead letter sink: " + result.Err.Error()
		}
		t.count(j, s, before, result, action)
		next.Outcome, next.Wait, next.Held = action.Outcome, action.Wait, action.Held
		if action.Outcome != Pending || action.Wait > 0 || j.stage == ToSubscriber {
			return next
		}
	}
}

// cutOffWait paces attempts that are cut off by something that goes by.
const cutOffWait = 100 * time.Millisecond

// tokenWait is how long an event waits before it is looked whether its token was mounted.
const tokenWait = time.Second

// decode reads the record and sets what every delivered event carries (EG-12, EG-13). The event aliases the record
// and the scratch.
func (t *Target) decode(rec *kgo.Record, s *scratch) error {
	s.event.Reset()
	if err := cloudevent.FromRecord(rec, &s.event); err != nil {
		if t.foreign == nil {
			return err
		}
		cloudevent.FromForeignRecord(rec, t.foreign.source, t.foreign.key, &s.event)
	}
	s.event.SetExtension("knativekafkapartition", strconv.FormatInt(int64(rec.Partition), 10), cloudevent.KindInteger)
	s.offset = strconv.AppendInt(s.offset[:0], rec.Offset, 10)
	s.event.SetExtension("knativekafkaoffset", unsafe.String(unsafe.SliceData(s.offset), len(s.offset)), cloudevent.KindInteger)
	for _, o := range t.overrides {
		s.event.SetExtension(o.Name, o.Value, o.Kind)
	}
	return nil
}

// send makes one request, or produces one record, for the current stage.
func (t *Target) send(j *Job, s *scratch, began time.Time) Result {
	switch j.stage {
	case ToSubscriber:
		return t.post(telemetry.OpSubscriber, t.subscriber, j, &s.event, s, began)
	case ToDeadLetter:
		letter := t.letter(j, &s.event)
		return t.post(telemetry.OpDeadLetter, t.deadLetter, j, &letter, s, began).lenient()
	case ToParking:
		if t.parking == nil {
			return Result{Err: errNoParking, RetryAfter: -1}
		}
		return t.parking.produce.await(t.parking.record(j, &s.event, began))
	}
	if t.replyTo != nil {
		return t.post(telemetry.OpReply, t.replyTo, j, j.reply, s, began).lenient()
	}
	return t.produceReply(j, j.reply)
}

// post makes one request, which begins now, and judges its answer.
func (t *Target) post(op telemetry.Operation, to *endpoint, j *Job, e *cloudevent.Event, s *scratch, began time.Time) Result {
	s.ended = began
	if err := t.fetchToken(to, s, began); err != nil {
		return Result{Err: err, Cause: NoToken, RetryAfter: -1}
	}
	span := t.request(j, to, e)
	header, body := t.appendRequest(s.header[:0], to, j.Record, span, e, s)
	if len(body) <= inlineBody {
		header, body = append(header, body...), nil
	}
	s.header = header
	t.stats.InFlight(op, 1)
	err := to.client.exchange(header, body, began.Add(t.plan.Policy.Timeout), s)
	t.stats.InFlight(op, -1)
	if err != nil {
		span.Answered(0, err.Error())
		return Result{Err: err, Cause: to.client.cause(err), RetryAfter: -1}
	}
	span.Answered(s.response.StatusCode(), "")
	return readResult(&s.response, s.ended, t.strict && op == telemetry.OpSubscriber)
}

// fetchToken gets the token that an endpoint is shown, "" for none.
func (t *Target) fetchToken(to *endpoint, s *scratch, now time.Time) (err error) {
	if s.token = ""; to.identity.Audience != "" {
		s.token, err = t.token(to.identity, now)
	}
	return err
}

// produceReply writes the reply to the resource's topic (EG-53), in the trace of the record that it answers.
func (t *Target) produceReply(j *Job, e *cloudevent.Event) Result {
	rec := &kgo.Record{Topic: t.replyTopic}
	e.ToRecord(cloudevent.Binary, rec)
	span := t.tracer.Send(j.trace, t.message(e, t.replyTopic))
	writeTrace(rec, span)
	for _, h := range j.Record.Headers {
		if key := cloudevent.TraceKey(h.Key); key != "" && !replaces(span, key) {
			rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: h.Key, Value: bytes.Clone(h.Value)})
		}
	}
	result := t.produce.await(rec)
	span.Ended(result.Err)
	return result
}

// count writes down what an attempt came to.
func (t *Target) count(j *Job, s *scratch, stage Stage, r Result, a Action) {
	if stage == ToSubscriber && (j.stage != ToSubscriber || a.Outcome != Pending) {
		t.stats.Dispatched(r.Status, s.event.Type, s.ended.Sub(j.first))
	}
	if r.ok() && (stage == ToReply || stage == ToDeadLetterReply) {
		t.stats.Replied()
		if j.reply != nil {
			t.types.Note(j.reply.Type, j.reply.Source, j.reply.DataSchema)
		}
	}
	if t.source && a.Outcome == Delivered {
		t.types.Note(s.event.Type, s.event.Source, s.event.DataSchema)
	}
	if a.Outcome == Pending && j.stage == stage {
		t.stats.Retried()
	}
	if r.NoReply && stage == ToSubscriber {
		t.stats.IgnoredReply()
	}
	t.countOutcome(a.Outcome)
}

func (t *Target) countOutcome(o Outcome) {
	switch o {
	case Delivered:
		t.stats.Delivered()
	case DeadLettered:
		t.stats.DeadLettered()
	case Lost:
		t.stats.Lost()
	case Parked:
		t.stats.Parked()
	}
}

// scratch is what one attempt needs and the next can use again.
type scratch struct {
	event    cloudevent.Event
	header   []byte    // of the request, and its body behind it unless that is large
	body     []byte    // an event as JSON
	offset   []byte    // of the record, as text
	token    string    // to be shown with the request
	ended    time.Time // of the last request: when its answer was there
	reader   *bufio.Reader
	response fasthttp.Response
}

// scratchPool hands scratches out to goroutines.
type scratchPool struct{ pool sync.Pool }

func newScratchPool() *scratchPool {
	return &scratchPool{sync.Pool{New: func() any { return &scratch{reader: newReader()} }}}
}

func (p *scratchPool) get() *scratch { return p.pool.Get().(*scratch) }

// keepBody is the largest response or request body whose memory is kept for the next attempt.
const keepBody = 64 << 10

func (p *scratchPool) put(s *scratch) {
	if cap(s.body) > keepBody || cap(s.header) > keepBody || len(s.response.Body()) > keepBody {
		return
	}
	s.response.Reset()
	s.reader.Reset(nil) // it must not keep the connection
	s.event.Reset()
	p.pool.Put(s)
}
