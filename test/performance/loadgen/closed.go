package loadgen

import (
	"context"
	"sync"
	"time"
)

// closed lets every connection send one event after another, each at least one however late the machine lets it begin.
func (r *run) closed(ctx context.Context, connections []*connection) {
	var all sync.WaitGroup
	for _, c := range connections {
		all.Go(func() { c.loop(ctx) })
	}
	all.Wait()
}

func (c *connection) loop(ctx context.Context) {
	now := time.Now()
	for first := true; ctx.Err() == nil && (first || c.end.IsZero() || now.Before(c.end)); first = false {
		i, ok := c.take()
		if !ok {
			return
		}
		sent := now
		status, err := c.exchange(i, sent)
		now = time.Now()
		if err == nil {
			c.answered(status, sent, now)
			continue
		}
		c.fail(err)
		if c.redial(ctx) != nil {
			return
		}
	}
}

func (c *connection) exchange(i uint64, sent time.Time) (int, error) {
	if err := c.send(i, sent); err != nil {
		return 0, err
	}
	return c.in.ReadResponse()
}
