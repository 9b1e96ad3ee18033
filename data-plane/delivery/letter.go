package delivery

import (
	"encoding/base64"
	"slices"
	"strconv"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
)

// Extensions of a dead letter (EG-40).
const (
	errorDestination = "knativeerrordest"
	errorCode        = "knativeerrorcode"
	errorData        = "knativeerrordata"
)

// Extensions of a dead letter that say where it comes from and how it fared (EG-48), beside those of partition and offset
// that every delivered event has. Times are in RFC 3339. They count and date the requests to the subscriber.
const (
	letterTopic        = "knativekafkatopic"
	letterGroup        = "knativekafkagroup"
	letterAttempts     = "knativekafkaattempts"
	letterFirstAttempt = "knativekafkafirstattempt"
	letterLastAttempt  = "knativekafkalastattempt"
	letterLastStatus   = "knativekafkalaststatus"
)

// provenance is what all dead letters of an egress have in common.
type provenance struct{ group string }

// set adds the history of a job to its dead letter. What is not known is left out: the time of an attempt that another
// process made, the status of a subscriber that never answered.
func (p provenance) set(letter *cloudevent.Event, j *Job) {
	letter.SetExtension(letterTopic, j.Record.Topic, cloudevent.KindString)
	if p.group != "" {
		letter.SetExtension(letterGroup, p.group, cloudevent.KindString)
	}
	letter.SetExtension(letterAttempts, strconv.Itoa(j.Calls()), cloudevent.KindInteger)
	if first := j.firstAttempt(); !first.IsZero() {
		letter.SetExtension(letterFirstAttempt, timeText(first), cloudevent.KindString)
	}
	if !j.last.IsZero() {
		letter.SetExtension(letterLastAttempt, timeText(j.last), cloudevent.KindString)
	}
	if j.answered > 0 {
		letter.SetExtension(letterLastStatus, strconv.Itoa(j.answered), cloudevent.KindInteger)
	}
}

// letter is the event as its dead letter sink gets it. Extensions that the answer asked for may replace destination
// and code, not the data (EG-41); the event becomes version 1.0 (EG-15).
func (t *Target) letter(j *Job, e *cloudevent.Event) cloudevent.Event {
	letter := *e
	letter.Extensions = slices.Clone(e.Extensions)
	letter.UpgradeToV1()
	letter.SetExtension(errorDestination, t.subscriber.url, cloudevent.KindString)
	if j.status > 0 {
		letter.SetExtension(errorCode, strconv.Itoa(j.status), cloudevent.KindInteger)
	}
	for _, x := range j.failure.Extensions {
		letter.SetExtension(x.Name, x.Value, x.Kind)
	}
	if len(j.failure.Data) > 0 {
		letter.SetExtension(errorData, base64.StdEncoding.EncodeToString(j.failure.Data), cloudevent.KindString)
	}
	t.provenance.set(&letter, j)
	return letter
}
