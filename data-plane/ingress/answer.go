package ingress

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/excerpt"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

// Answer is what a request is answered with.
type Answer struct {
	// Status is the HTTP status code.
	Status int
	// Reason says in one line what is wrong; it is the body (text/plain). "" means no body.
	Reason string
	// Headers are those that the meaning of the answer needs; nil mostly.
	Headers []Field
}

// Field is a header of an Answer, its name in canonical case.
type Field struct{ Name, Value string }

// Headers of requests and answers.
const (
	HeaderNetworkProbe = "K-Network-Probe"
	headerNetworkHash  = "K-Network-Hash"
	allowed            = "POST, OPTIONS"
	probeValue         = "probe"
)

// retryAfter is the number of seconds after which a sender should try again when the producer's buffer is full: it
// drains as fast as Kafka takes records, which is much less than a second unless Kafka is in trouble.
const retryAfter = "1"

// surelyFits is a record size that no sensible topic refuses. Brokers refuse a batch as a whole, so a small record in
// the company of large ones can be refused without being too large.
const surelyFits = 16 << 10

func accepted() Answer { return Answer{Status: http.StatusAccepted} }

func methodNotAllowed() Answer {
	return Answer{Status: http.StatusMethodNotAllowed, Reason: "events are sent with POST",
		Headers: []Field{{"Allow", allowed}}}
}

// handshake accepts senders that ask before they send, as the webhook specification of CloudEvents has it (IN-07).
func handshake() Answer {
	return Answer{Status: http.StatusOK, Headers: []Field{
		{"Allow", allowed}, {"WebHook-Allowed-Origin", "*"}, {"WebHook-Allowed-Rate", "*"},
	}}
}

func notFound(what string) Answer {
	return Answer{Status: http.StatusNotFound, Reason: "no resource is served at " + what}
}

func badRequest(err error) Answer {
	return Answer{Status: http.StatusBadRequest, Reason: oneLine(err.Error())}
}

func unavailable(reason string) Answer {
	return Answer{Status: http.StatusServiceUnavailable, Reason: oneLine(reason)}
}

func tooLarge(limit int) Answer {
	return Answer{Status: http.StatusRequestEntityTooLarge,
		Reason: "the event is larger than the " + strconv.Itoa(limit) + " bytes that are accepted"}
}

func tryLater(reason string) Answer {
	return Answer{Status: http.StatusTooManyRequests, Reason: reason, Headers: []Field{{"Retry-After", retryAfter}}}
}

// produceFailed is the answer when a record was not acknowledged (IN-13, IN-17).
func produceFailed(r *route, record *kgo.Record, err error) Answer {
	switch failure := kafka.Classify(err); {
	case failure == kafka.BufferFull:
		return tryLater("too many events wait for Kafka")
	case failure == kafka.TooLarge && (recordBytes(record) > surelyFits || exceeds(record, r.sink.MaxRecordBytes)):
		return Answer{Status: http.StatusRequestEntityTooLarge,
			Reason: fmt.Sprintf("the event is larger than topic %s accepts: %s", r.topic, oneLine(err.Error()))}
	case errors.Is(err, kgo.ErrClientClosed):
		return unavailable("the connection to Kafka was closed before the event was written")
	}
	reason := fmt.Sprintf("topic %s was not written: %v", r.topic, kafka.Needs(err, "Write", ""))
	trouble := ""
	if r.sink.Trouble != nil {
		trouble = r.sink.Trouble()
	}
	if trouble != "" {
		reason += "; " + trouble
	}
	if r.blame != nil && (trouble != "" || kafka.Classify(err) == kafka.Auth) {
		reason = r.blame(reason)
	}
	return unavailable(reason)
}

// exceeds reports whether a record may be refused for its own size by a client with the limit, framing of headers included.
// Where max.request.size is small, that can be one which otherwise surely fits.
func exceeds(r *kgo.Record, limit int) bool {
	return recordBytes(r)+headerFraming*len(r.Headers) > limit
}

// headerFraming is the most that the two lengths of a header of a record take, of the sizes that HTTP lets pass.
const headerFraming = 6

// recordBytes is the size of a record as kafka.Producer.MaxRecordBytes counts it.
func recordBytes(r *kgo.Record) int {
	size := len(r.Key) + len(r.Value)
	for i := range r.Headers {
		size += len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	return size
}

// maxReason bounds reasons that quote what a sender or a contract wrote.
const maxReason = 2048

// oneLine makes a reason of the text of an error.
func oneLine(s string) string {
	if strings.ContainsAny(s, "\r\n") {
		lines := strings.FieldsFunc(s, func(c rune) bool { return c == '\n' || c == '\r' })
		s = strings.Join(lines, "; ")
	}
	return excerpt.Of(s, maxReason)
}
