package loadgen

import (
	"context"
	"sync"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/pace"
)

// open sends each event when it is due, on whichever connection is idle. One goroutine waits and writes; every
// connection has one that reads. When no connection is idle, events wait, and their latency with them.
func (r *run) open(ctx context.Context, cancel context.CancelFunc, connections []*connection) {
	idle := make(chan *connection, len(connections))
	var readers sync.WaitGroup
	for _, c := range connections {
		idle <- c
		readers.Go(func() { c.read(ctx, idle) })
	}
	schedule := pace.NewSchedule(r.start, r.Rate)
	r.sendAll(ctx, schedule, r.total(schedule), idle)
	for range connections { // every answer, or the end of the run
		select {
		case <-idle:
		case <-ctx.Done():
		}
	}
	cancel()
	readers.Wait()
}

// total is the number of events of the run.
func (r *run) total(s pace.Schedule) uint64 {
	if r.Duration == 0 {
		return r.Count
	}
	n := s.Events(r.Duration)
	if r.Count > 0 {
		n = min(n, r.Count)
	}
	return n
}

func (r *run) sendAll(ctx context.Context, s pace.Schedule, total uint64, idle chan *connection) {
	waiter := pace.NewWaiter()
	defer waiter.Release()
	for i := range total {
		due := s.Due(i)
		waiter.Until(due)
		var c *connection
		select {
		case c = <-idle:
		case <-ctx.Done():
			return
		}
		if err := c.sendDue(i, due); err != nil {
			r.fail(err)
			idle <- c
		}
	}
}

// sendDue sends event i. On an error it is no longer in flight.
func (c *connection) sendDue(i uint64, due time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.due.Store(due.UnixNano())
	err := c.send(i, due)
	if err != nil {
		c.due.Store(0)
	}
	return err
}

// read takes the answers of a connection until the run is over or the connection can no longer be opened.
func (c *connection) read(ctx context.Context, idle chan<- *connection) {
	for {
		status, err := c.in.ReadResponse()
		if err == nil {
			c.answered(status, time.Unix(0, c.due.Swap(0)), time.Now())
			idle <- c
			continue
		}
		if err = c.recover(ctx, idle, err); err != nil {
			return
		}
	}
}

// recover counts the event in flight, if any, as failed by cause, opens the connection again and makes it idle. When
// it cannot be opened it stays closed, and whoever sends on it counts the failure.
func (c *connection) recover(ctx context.Context, idle chan<- *connection, cause error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	inFlight := c.due.Swap(0) != 0
	err := c.redial(ctx)
	if inFlight {
		c.fail(cause)
		idle <- c
	}
	return err
}
