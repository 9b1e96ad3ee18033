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

// readResult judges an answer. now is used for a Retry-After that is a date. Nothing in the result aliases resp.
func readResult(resp *fasthttp.Response, now time.Time) Result {
	resp.Header.SetNoDefaultContentType(true) // else one is made up where there is none
	status := resp.StatusCode()
	if status < http.StatusMultipleChoices {
		return readSuccess(resp, status)
	}
	return Result{
		Status:     status,
		Err:        errStatus(status),
		RetryAfter: retryAfter(resp, status, now),
		Failure:    readFailure(resp),
	}
}

func readSuccess(resp *fasthttp.Response, status int) Result {
	reply, err := readReply(resp)
	if err != nil { // it said that it is an event, and is not: this must not vanish
		return Result{Status: status, RetryAfter: -1, Err: fmt.Errorf("reply is no CloudEvent: %w", err), Failure: readFailure(resp)}
	}
	return Result{Status: status, RetryAfter: -1, Reply: reply}
}

// readReply returns the event in a successful answer, nil if there is none: an empty body without event headers
// (EG-51), or a body that does not claim to be an event, e.g. "ok" (EG-52).
func readReply(resp *fasthttp.Response) (*cloudevent.Event, error) {
	contentType := string(resp.Header.ContentType())
	if len(resp.Header.Peek("Ce-Specversion")) == 0 && !strings.HasPrefix(contentType, "application/cloudevents") {
		return nil, nil
	}
	var headers []cloudevent.Header
	for name, value := range resp.Header.All() {
		headers = append(headers, cloudevent.Header{Name: string(name), Value: string(value)})
	}
	events, _, err := cloudevent.FromHTTP(contentType, headers, resp.Body(), nil) // copies what it keeps
	switch {
	case errors.Is(err, cloudevent.ErrNotCloudEvent):
		return nil, nil
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
