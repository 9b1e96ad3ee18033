// Package send posts CloudEvents to HTTP addresses and says what became of them.
//
// It owns the sending and the counting, and the flags of kn-kafka send. It makes its requests with the CloudEvents SDK
// and nothing of the data plane, so that what it shows is what any client would see. Run starts its workers and returns
// when all have ended; a Summary belongs to the goroutine that it was returned to.
package send

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"golang.org/x/sync/errgroup"
)

// Options are what is sent, where and how.
type Options struct {
	// URLs are the addresses; each gets Count events.
	URLs []string
	// Host replaces the Host header, to address a channel as in a cluster. "" is the URL's.
	Host string
	// Event makes the event with a number, from 1.
	Event func(n int) event.Event
	// Count is how many events; 0 is without end.
	Count int
	// Rate is events per second and address; 0 is as fast as they are answered.
	Rate float64
	// Parallel is how many requests to an address may be open. Events are sent in order only with 1.
	Parallel int
	// Structured sends the whole event as JSON in the body.
	Structured bool
	// Timeout is for one attempt.
	Timeout time.Duration
	// Retries is how often an event is sent again after 429, 5xx or no answer at all.
	Retries int
}

// Run sends the events until all are sent or the context ends, which lets those under way finish.
func Run(ctx context.Context, o Options) *Summary {
	summary := newSummary(o.URLs)
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: o.Parallel, IdleConnTimeout: time.Minute}
	defer transport.CloseIdleConnections()
	// A redirected POST would not be the request that was asked for, and the data plane follows none either.
	client := &http.Client{Transport: transport, Timeout: o.Timeout, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	var group errgroup.Group
	for _, url := range o.URLs {
		numbers := make(chan int)
		group.Go(func() error { o.pace(ctx, numbers); return nil })
		for range max(o.Parallel, 1) {
			group.Go(func() error {
				for n := range numbers {
					summary.add(url, o.send(ctx, client, url, o.Event(n)))
				}
				return nil
			})
		}
	}
	_ = group.Wait() // the functions return no errors, the summary has them
	return summary
}

// pace hands out the numbers of the events when their time has come. It keeps to the schedule of the start: a slow
// answer delays the events behind it and those make up for it.
func (o Options) pace(ctx context.Context, numbers chan<- int) {
	defer close(numbers)
	start := time.Now()
	for n := 1; o.Count == 0 || n <= o.Count; n++ {
		if o.Rate > 0 && !sleep(ctx, time.Until(start.Add(time.Duration(float64(n-1)/o.Rate*float64(time.Second))))) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case numbers <- n:
		}
	}
}

// sleep returns false when the context ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// send sends one event, again if it must.
func (o Options) send(ctx context.Context, client *http.Client, url string, e event.Event) Outcome {
	start := time.Now()
	var last Outcome
	for attempt := 1; ; attempt++ {
		var wait time.Duration
		last, wait = o.attempt(ctx, client, url, e)
		last.Event, last.Attempts, last.Duration = e, attempt, time.Since(start)
		if last.Accepted() || !last.retryable() || attempt > o.Retries {
			return last
		}
		if !sleep(ctx, max(wait, min(100*time.Millisecond<<min(attempt-1, 6), 5*time.Second))) {
			return last
		}
	}
}

// attempt makes one request; wait is what the answer asks for.
func (o Options) attempt(ctx context.Context, client *http.Client, url string, e event.Event) (out Outcome, wait time.Duration) {
	// The end of the program does not cut off a request: whether it was accepted would never be known.
	request, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, url, nil)
	if err != nil {
		return Outcome{Err: err}, 0
	}
	request.Host = o.Host
	mode := binding.WithForceBinary(ctx)
	if o.Structured {
		mode = binding.WithForceStructured(ctx)
	}
	if err := cehttp.WriteRequest(mode, binding.ToMessage(&e), request); err != nil {
		return Outcome{Err: fmt.Errorf("encode event %q: %w", e.ID(), err)}, 0
	}
	response, err := client.Do(request) //nolint:bodyclose // answer closes it
	if err != nil {
		return Outcome{Err: err}, 0
	}
	return answer(response)
}
