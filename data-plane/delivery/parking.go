package delivery

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// parkedPrefix begins the headers that say where a parked record comes from and why. No attribute of an event has it.
const parkedPrefix = "kn-parked-"

// maxReason bounds the text of the reason, in bytes.
const maxReason = 1024

// parking writes events that nothing takes to the parking topic.
type parking struct {
	topic   string
	produce Produce
	headers []kgo.RecordHeader // of every record of this egress
}

// parkingOf returns nil where the contract names no parking topic. An egress that reads the parking topic has none: what
// fails there would be read, fail and be written again for ever.
func parkingOf(s Spec) (*parking, error) {
	topic := s.Resource.GetParkingTopic()
	if topic == "" || slices.Contains(s.Resource.GetTopics(), topic) {
		return nil, nil
	}
	if s.Produce == nil {
		return nil, errors.New("parking topic: there is nothing to produce with")
	}
	p := &parking{topic: topic, produce: s.Produce}
	p.headers = appendParked(p.headers, "group", s.Egress.GetConsumerGroup())
	p.headers = appendParked(p.headers, "resource", referenceText(s.Resource.GetReference()))
	p.headers = appendParked(p.headers, "resource-uid", s.Resource.GetUid())
	p.headers = appendParked(p.headers, "egress", referenceText(named(s.Egress)))
	p.headers = appendParked(p.headers, "egress-uid", s.Egress.GetUid())
	p.headers = appendParked(p.headers, "subscriber", Shown(s.Egress.GetDestination()))
	return p, nil
}

// named is the object that users know an egress by.
func named(e *contract.Egress) *contract.Reference {
	if r := e.GetSubscription(); r != nil {
		return r
	}
	return e.GetReference()
}

// referenceText is Kind namespace/name, "" for no reference.
func referenceText(r *contract.Reference) string {
	if r == nil {
		return ""
	}
	return strings.TrimSpace(r.GetKind() + " " + r.GetNamespace() + "/" + r.GetName())
}

func appendParked(to []kgo.RecordHeader, name, value string) []kgo.RecordHeader {
	if value == "" {
		return to
	}
	return append(to, kgo.RecordHeader{Key: parkedPrefix + name, Value: []byte(value)})
}

// record makes the record to park. A record that is an event in binary mode, or no event at all, stays as it is; any
// other is written in binary mode, with its key. Nothing in the result aliases e.
func (p *parking) record(j *Job, e *cloudevent.Event, now time.Time) *kgo.Record {
	parked := &kgo.Record{Topic: p.topic, Key: j.Record.Key, Value: j.Record.Value}
	source := j.Record.Headers
	if !j.invalid && !isBinary(j.Record) {
		var made kgo.Record
		e.ToRecord(cloudevent.Binary, &made)
		parked.Value, source = bytes.Clone(made.Value), made.Headers
	}
	for _, h := range source {
		if !strings.HasPrefix(h.Key, parkedPrefix) {
			parked.Headers = append(parked.Headers, kgo.RecordHeader{Key: strings.Clone(h.Key), Value: bytes.Clone(h.Value)})
		}
	}
	parked.Headers = append(parked.Headers, p.headers...)
	parked.Headers = j.appendHistory(parked.Headers)
	parked.Headers = appendParked(parked.Headers, "at", timeText(now))
	return parked
}

// appendHistory says where the record was read and what became of it.
func (j *Job) appendHistory(to []kgo.RecordHeader) []kgo.RecordHeader {
	to = appendParked(to, "reason", strings.ToValidUTF8(j.reason[:min(len(j.reason), maxReason)], ""))
	to = appendParked(to, "topic", j.Record.Topic)
	to = appendParked(to, "partition", strconv.Itoa(int(j.Record.Partition)))
	to = appendParked(to, "offset", strconv.FormatInt(j.Record.Offset, 10))
	to = appendParked(to, "timestamp", timeText(j.Record.Timestamp))
	if j.invalid {
		return to
	}
	to = appendParked(to, "attempts", strconv.Itoa(j.Calls()))
	to = appendParked(to, "first-attempt", timeText(j.firstAttempt()))
	to = appendParked(to, "last-attempt", timeText(j.last))
	if j.answered > 0 {
		to = appendParked(to, "last-status", strconv.Itoa(j.answered))
	}
	return to
}

// isBinary says whether a record that is an event is one in binary mode.
func isBinary(rec *kgo.Record) bool {
	marked := false
	for _, h := range rec.Headers {
		switch {
		case h.Key == "ce_specversion":
			marked = true
		case h.Key == "content-type" && bytes.HasPrefix(bytes.ToLower(h.Value), []byte("application/cloudevents")):
			return false
		}
	}
	return marked
}

// timeText is RFC 3339 in UTC, "" for the zero time.
func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// produceWait bounds the wait for Kafka to take a record, beyond the producer's own limit.
const produceWait = 150 * time.Second

var (
	errProduceTimeout = errors.New("Kafka did not take the record in time")
	errNoParking      = errors.New("there is no parking topic")
)

// await produces a record and waits until Kafka took it.
func (p Produce) await(rec *kgo.Record) Result {
	done := make(chan error, 1)
	p(rec, func(_ *kgo.Record, err error) { done <- err })
	limit := time.NewTimer(produceWait)
	defer limit.Stop()
	select {
	case err := <-done:
		return Result{Err: kafka.Needs(err, "Write", ""), Cause: causeOfProduce(err), RetryAfter: -1}
	case <-limit.C:
		return Result{Err: errProduceTimeout, Cause: TimedOut, RetryAfter: -1}
	}
}

// causeOfProduce tells why Kafka did not take a record.
func causeOfProduce(err error) Cause {
	switch {
	case err == nil:
		return Answered
	case errors.Is(err, kgo.ErrClientClosed), errors.Is(err, context.Canceled):
		return CutOff
	}
	return Broken
}
