package egress

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/delivery"
)

// notices logs what became of events where people should know: lost, parked, discarded, held, and answers that were taken
// for no reply. Each kind is logged at most once an interval, with the number of events since the last time: a subscriber
// that fails fails for every event. The zero value of each field but log is ready to use.
type notices struct {
	log *slog.Logger

	mu    sync.Mutex
	kinds [noticeKinds]struct {
		told  time.Time
		since int
	}
}

// noticeInterval is the least time between two lines of one kind.
const noticeInterval = time.Second

type noticeKind int

const (
	noticeLost noticeKind = iota
	noticeParked
	noticeDiscarded
	noticeHeld
	noticeNoReply
	noticeKinds // their number
	noticeNone
)

var noticeTexts = [noticeKinds]string{
	noticeLost:      "event lost: its delivery failed and there is no dead letter sink",
	noticeParked:    "event parked",
	noticeDiscarded: "record discarded: it is no CloudEvent",
	noticeHeld:      "event held: nothing takes it, it is tried again",
	noticeNoReply:   "answer with a body that is no CloudEvent taken for no reply",
}

func noticeOf(next delivery.Next) noticeKind {
	switch {
	case next.Outcome == delivery.Lost:
		return noticeLost
	case next.Outcome == delivery.Parked:
		return noticeParked
	case next.Outcome == delivery.Discarded:
		return noticeDiscarded
	case next.Held:
		return noticeHeld
	case next.NoReply:
		return noticeNoReply
	}
	return noticeNone
}

// tell logs what an attempt came to, if that is worth a line now. No mutex may be held.
func (n *notices) tell(j *delivery.Job, next delivery.Next) {
	kind := noticeOf(next)
	if kind == noticeNone {
		return
	}
	now := time.Now()
	n.mu.Lock()
	k := &n.kinds[kind]
	k.since++
	events := k.since
	if now.Sub(k.told) < noticeInterval {
		n.mu.Unlock()
		return
	}
	k.told, k.since = now, 0
	n.mu.Unlock()
	level := slog.LevelWarn
	if kind == noticeNoReply {
		level = slog.LevelInfo
	}
	attributes := []any{"topic", j.Record.Topic, "partition", j.Record.Partition, "offset", j.Record.Offset, "events", events}
	if reason := j.Reason(next); reason != "" {
		attributes = append(attributes, "reason", reason)
	}
	// The context of a delivery would say nothing to the log.
	n.log.Log(context.Background(), level, noticeTexts[kind], attributes...)
}
