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
	return letter
}
