// Package loadgen sends CloudEvents over HTTP/1.1 keep-alive connections and measures the answers. A closed loop keeps
// every connection busy: the next event leaves when the one before is answered. An open loop sends at a fixed rate
// whatever the answers do, and counts latency from the moment an event was due, so that waiting for a slow server is
// not left out. It must stay cheap, since it shares its machine with what is measured.
//
// Run starts a goroutine for each connection and returns when all have ended.
package loadgen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"knative.dev/eventing-kafka-go/test/performance/latency"
	"knative.dev/eventing-kafka-go/test/performance/wire"
)

// Options say what to send. A run ends after Count events or after Duration, whichever is first; one of them must be
// above zero, so that a run always ends.
type Options struct {
	URL         string        // http://HOST:PORT/PATH
	Connections int           // at least 1
	Rate        float64       // events per second, open loop; 0 = closed loop
	Count       uint64        // 0 = no limit
	Duration    time.Duration // 0 = no limit
	Size        int           // bytes of data of each event
	FirstSeq    uint64        // number of the first event
	// AnswerLimit ends a run in which nothing was answered for so long. 0 = 30 s.
	AnswerLimit time.Duration
}

// Result is what came of a run.
type Result struct {
	Statuses map[int]uint64  `json:"statuses"` // answers by HTTP status
	Failed   uint64          `json:"failed"`   // events without an answer
	Error    string          `json:"error,omitempty"`
	Elapsed  time.Duration   `json:"elapsed_ns"` // from the first event to the last answer
	Rate     float64         `json:"events_per_second"`
	Latency  latency.Summary `json:"latency"`
}

// Sent is the number of events that were sent, answered or not.
func (r Result) Sent() uint64 {
	n := r.Failed
	for _, c := range r.Statuses {
		n += c
	}
	return n
}

type run struct {
	Options
	host, path string
	start, end time.Time // end is zero without a limit of time

	next     atomic.Uint64
	latency  latency.Histogram
	statuses [1000]atomic.Uint64
	failed   atomic.Uint64
	last     atomic.Int64 // when the latest answer arrived, since start
	firstErr sync.Once
	err      error
}

// Run sends events until the limits of o are reached or ctx ends. It fails when o is invalid or no connection can be
// opened; failures of single events are in the result.
func Run(ctx context.Context, o Options) (Result, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return Result{}, fmt.Errorf("load: %q is no http URL", o.URL)
	}
	if o.Count == 0 && o.Duration == 0 {
		return Result{}, errors.New("load: neither a count nor a duration ends this run")
	}
	if o.AnswerLimit == 0 {
		o.AnswerLimit = 30 * time.Second
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // closes all connections
	r := &run{Options: o, host: u.Host, path: u.RequestURI()}
	connections, err := r.dial(ctx)
	if err != nil {
		return Result{}, err
	}
	r.start = time.Now()
	if o.Duration > 0 {
		r.end = r.start.Add(o.Duration)
	}
	over := make(chan struct{})
	defer close(over)
	go r.watch(over, cancel)
	if o.Rate > 0 {
		r.open(ctx, cancel, connections)
	} else {
		r.closed(ctx, connections)
	}
	return r.result(), nil
}

func (r *run) dial(ctx context.Context) ([]*connection, error) {
	connections := make([]*connection, max(r.Connections, 1))
	var group errgroup.Group
	group.SetLimit(32)
	for i := range connections {
		connections[i] = &connection{run: r, request: wire.NewRequest(r.host, r.path, r.Size)}
		group.Go(func() error { return connections[i].dial(ctx) })
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	return connections, nil
}

// watch ends a run whose answers have stopped. Deadlines of single answers would cost as much as reading them.
func (r *run) watch(over <-chan struct{}, end context.CancelFunc) {
	tick := time.NewTicker(r.AnswerLimit)
	defer tick.Stop()
	for before := int64(-1); ; {
		select {
		case <-over:
			return
		case <-tick.C:
		}
		now := r.last.Load()
		if now == before {
			end()
		}
		before = now
	}
}

// take returns the index of the next event to send; ok is false when the run is over.
func (r *run) take() (i uint64, ok bool) {
	i = r.next.Add(1) - 1
	return i, r.Count == 0 || i < r.Count
}

// answered notes the answer of an event that was due, or in a closed loop sent, at due.
func (r *run) answered(status int, due, now time.Time) {
	r.latency.Record(now.Sub(due))
	r.statuses[min(status, len(r.statuses)-1)].Add(1)
	since := int64(now.Sub(r.start))
	for old := r.last.Load(); since > old && !r.last.CompareAndSwap(old, since); old = r.last.Load() {
	}
}

func (r *run) fail(err error) {
	r.failed.Add(1)
	r.firstErr.Do(func() { r.err = err })
}

func (r *run) result() Result {
	res := Result{Statuses: map[int]uint64{}, Failed: r.failed.Load(), Latency: r.latency.Summary()}
	for code := range r.statuses {
		if n := r.statuses[code].Load(); n > 0 {
			res.Statuses[code] = n
		}
	}
	res.Elapsed = time.Duration(r.last.Load())
	if s := res.Elapsed.Seconds(); s > 0 {
		res.Rate = float64(res.Latency.Count) / s
	}
	if r.err != nil {
		res.Error = r.err.Error()
	}
	return res
}

// connection is a keep-alive connection and the request that is sent on it again and again.
type connection struct {
	*run
	request *wire.Request
	in      *wire.Conn

	mu   sync.Mutex // open loop: nobody sends while the connection is opened again
	conn net.Conn
	due  atomic.Int64 // open loop: when the event in flight was due, in nanoseconds since 1970; 0 = none
}

// dial opens the connection, or opens it again. It is closed when ctx ends.
func (c *connection) dial(ctx context.Context) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", c.host)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() }) // nothing is waiting in it
	c.conn, c.in = conn, wire.NewConn(conn)
	return nil
}

// redial replaces a connection that failed: the server may have closed it for reasons of its own.
func (c *connection) redial(ctx context.Context) error {
	_ = c.conn.Close() // it has failed already
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return c.dial(ctx)
}

// send writes event i as sent at due.
func (c *connection) send(i uint64, due time.Time) error {
	_, err := c.conn.Write(c.request.Stamp(0, c.FirstSeq+i, due.UnixNano()))
	return err
}
