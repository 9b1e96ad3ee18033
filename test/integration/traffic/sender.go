// Package traffic is the two ends of what integration tests send: senders that write down which events were answered 202,
// and subscribers that write down which events reached them. What lies between is none of its business.
//
// Senders and subscribers work on goroutines of their own; their methods may be called by any. All of them end with
// their test.
package traffic

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// sendTimeout bounds one request. It exceeds every outage that a test makes, so that a request that hangs shows.
const sendTimeout = 90 * time.Second

// Client sends single events.
type Client struct{ http *http.Client }

// NewClient makes a client that keeps a connection for each of so many senders.
func NewClient(tb testing.TB, connections int) *Client {
	tb.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}
	tb.Cleanup(transport.CloseIdleConnections)
	return &Client{&http.Client{Transport: transport, Timeout: sendTimeout}}
}

// Event is what is sent: the rest of a CloudEvent is always the same.
type Event struct {
	ID   string
	Key  string // extension partitionkey, "" for none
	Body io.Reader
	// Length of the body; below 0 it is sent in chunks.
	Length int64
}

// Text makes an event whose body is a line of text.
func Text(id, text string) Event {
	return Event{ID: id, Body: strings.NewReader(text), Length: int64(len(text))}
}

// Bytes makes an event with this body, in chunks or with its length.
func Bytes(id string, body []byte, chunked bool) Event {
	if chunked {
		return Event{ID: id, Body: struct{ io.Reader }{bytes.NewReader(body)}, Length: -1}
	}
	return Event{ID: id, Body: bytes.NewReader(body), Length: int64(len(body))}
}

// Type is that of every event.
const Type = "integration.test"

// Send posts an event and returns the status code and the reason that came with it. An error means that there was no
// answer, so that nobody knows what became of the event.
func (c *Client) Send(ctx context.Context, url string, e Event) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, e.Body)
	if err != nil {
		return 0, "", err
	}
	request.ContentLength = e.Length
	if e.Length == 0 {
		request.Body = http.NoBody
	}
	request.Header.Set("Content-Type", "application/octet-stream")
	request.Header.Set("ce-specversion", "1.0")
	request.Header.Set("ce-id", e.ID)
	request.Header.Set("ce-source", "/integration")
	request.Header.Set("ce-type", Type)
	if e.Key != "" {
		request.Header.Set("ce-partitionkey", e.Key)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	reason, err := io.ReadAll(response.Body)
	return response.StatusCode, strings.TrimSpace(string(reason)), err
}

// Load sends events until it is stopped.
type Load struct {
	client *Client
	url    func() string
	end    context.CancelFunc
	done   sync.WaitGroup

	mu       sync.Mutex
	accepted map[string]time.Time // ids that were answered 202, and when they were due
	refused  map[string]int       // other answers and failures
	longest  time.Duration        // that a request took
}

// NewLoad begins to send: so many senders, each an event every interval unless it waits for an answer. The ids begin with
// the name of the load. url is asked before each event; it may change.
func NewLoad(tb testing.TB, name string, senders int, interval time.Duration, url func() string) *Load {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	l := &Load{
		client: NewClient(tb, senders), url: url, end: cancel,
		accepted: map[string]time.Time{}, refused: map[string]int{},
	}
	for i := range senders {
		offset := interval * time.Duration(i) / time.Duration(senders)
		l.done.Go(func() { l.send(ctx, fmt.Sprintf("%s-%d", name, i), offset, interval) })
	}
	tb.Cleanup(l.Stop)
	return l
}

// send is one sender. It is never more than one event behind its schedule: what it could not send while it waited is
// left out.
func (l *Load) send(ctx context.Context, name string, offset, interval time.Duration) {
	timer := time.NewTimer(offset)
	defer timer.Stop()
	due := time.Now().Add(offset)
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		id := fmt.Sprintf("%s-%d", name, n)
		// An event that was begun is waited for: what is not answered is not in the ledger.
		began := time.Now()
		code, reason, err := l.client.Send(context.WithoutCancel(ctx), l.url(), Text(id, id))
		l.note(id, due, time.Since(began), code, reason, err)
		due = due.Add(interval)
		if now := time.Now(); due.Before(now) {
			due = now
		}
		timer.Reset(time.Until(due))
	}
}

// What Refused counts besides answers: nobody listened, so the event was not sent; or it was, perhaps, and no answer came.
const (
	NoConnection = "no connection"
	NoAnswer     = "no answer"
)

func (l *Load) note(id string, due time.Time, took time.Duration, code int, reason string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.longest = max(l.longest, took)
	switch {
	case err == nil && code == http.StatusAccepted:
		l.accepted[id] = due
	case errors.Is(err, syscall.ECONNREFUSED):
		l.refused[NoConnection]++
	case err != nil:
		l.refused[NoAnswer]++
	default:
		l.refused[fmt.Sprintf("%d %s", code, reason)]++
	}
}

// Stop ends the senders and waits for the answers that they wait for. It may be called again.
func (l *Load) Stop() {
	l.end()
	l.done.Wait()
}

// Accepted is how many events were answered 202.
func (l *Load) Accepted() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.accepted)
}

// Ledger returns the ids that were answered 202, with the time at which each was to be sent.
func (l *Load) Ledger() map[string]time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.accepted)
}

// Refused returns how often which other answer came.
func (l *Load) Refused() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.refused)
}

// Longest is the longest time that an answer took.
func (l *Load) Longest() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.longest
}
