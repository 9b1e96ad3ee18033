package delivery

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
)

const (
	// failureData is how much of an answer's body a dead letter carries, before base64 (EG-40).
	failureData = 1024
	// failurePrefix begins the names of headers that become extensions of the dead letter (EG-41).
	failurePrefix = "kne-"
)

// errStatus is a response with a status of 300 or above.
type errStatus int

func (e errStatus) Error() string {
	return fmt.Sprintf("answered %d %s", int(e), http.StatusText(int(e)))
}

// readResult judges an answer. now is used for a Retry-After that is a date. strict makes a body that is no event a
// failure. Nothing in the result aliases resp.
func readResult(resp *fasthttp.Response, now time.Time, strict bool) Result {
	resp.Header.SetNoDefaultContentType(true) // else one is made up where there is none
	status := resp.StatusCode()
	if status < http.StatusMultipleChoices {
		return readSuccess(resp, status, strict)
	}
	return Result{
		Status:     status,
		Err:        errStatus(status),
		RetryAfter: retryAfter(resp, status, now),
		Failure:    readFailure(resp),
	}
}

// readSuccess reads the reply in a successful answer, if there is one: neither an empty body without event headers
// (EG-51), nor a body that does not claim to be an event, e.g. "ok", unless strict (EG-52). One that claims to be an
// event and is none must not vanish.
func readSuccess(resp *fasthttp.Response, status int, strict bool) Result {
	r := Result{Status: status, RetryAfter: -1}
	reply, err := readReply(resp)
	switch {
	case errors.Is(err, cloudevent.ErrNotCloudEvent) && (!strict || len(resp.Body()) == 0):
		r.NoReply = len(resp.Body()) > 0
	case err != nil:
		r.Err, r.Failure = fmt.Errorf("reply is no CloudEvent: %w", err), readFailure(resp)
	default:
		r.Reply = reply
	}
	return r
}

// lenient forgives what a successful answer holds: it is that of somebody who was told something, and took it (EG-54).
func (r Result) lenient() Result {
	if r.Status > 0 && r.Status < http.StatusMultipleChoices {
		r.Err = nil
	}
	return r
}

// readReply returns the event in a successful answer.
func readReply(resp *fasthttp.Response) (*cloudevent.Event, error) {
	contentType := string(resp.Header.ContentType())
	if len(resp.Header.Peek("Ce-Specversion")) == 0 && !strings.HasPrefix(contentType, "application/cloudevents") {
		return nil, cloudevent.ErrNotCloudEvent
	}
	var headers []cloudevent.Header
	for name, value := range resp.Header.All() {
		headers = append(headers, cloudevent.Header{Name: string(name), Value: string(value)})
	}
	events, _, err := cloudevent.FromHTTP(contentType, headers, resp.Body(), nil) // copies what it keeps
	switch {
	case err != nil:
		return nil, err
	case len(events) != 1:
		return nil, fmt.Errorf("%d events in one answer", len(events))
	}
	return &events[0], nil
}

func readFailure(resp *fasthttp.Response) Failure {
	var f Failure
	if body := resp.Body(); len(body) > 0 {
		f.Data = append([]byte(nil), body[:min(len(body), failureData)]...)
	}
	for name, value := range resp.Header.All() {
		if extension := failureExtension(string(name)); extension != "" {
			f.Extensions = append(f.Extensions, cloudevent.Extension{Name: extension, Value: string(value)})
		}
	}
	return f
}

// failureExtension returns the name of the extension that a response header asks for, "" for none. A name that no
// extension can have is dropped (EG-42).
func failureExtension(header string) string {
	name, ok := strings.CutPrefix(strings.ToLower(header), failurePrefix)
	if !ok || name == "" {
		return ""
	}
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return ""
		}
	}
	return name
}

// retryAfter reads Retry-After of a 429 or 503: seconds or an HTTP date (RFC 9110, 10.2.3); below 0 for none.
func retryAfter(resp *fasthttp.Response, status int, now time.Time) time.Duration {
	if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return -1
	}
	value := string(resp.Header.Peek(fasthttp.HeaderRetryAfter))
	if value == "" {
		return -1
	}
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return -1
}
