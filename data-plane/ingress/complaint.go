package ingress

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// complaints logs the answers that people look for when events do not arrive (OBS-36). A sender that is refused a
// thousand times a second does not fill the log: what exceeds the pace is counted, and said with the next line.
type complaints struct {
	log     *slog.Logger
	pace    *rate.Limiter
	dropped atomic.Int64
}

const (
	complaintsPerSecond = 10
	complaintsAtOnce    = 50
)

func newComplaints(log *slog.Logger) *complaints {
	return &complaints{log: log, pace: rate.NewLimiter(complaintsPerSecond, complaintsAtOnce)}
}

// level is that of an answer, or false when there is nothing to say. Refused tokens are for debugging.
func (c *complaints) level(status int) (slog.Level, bool) {
	switch status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusServiceUnavailable:
		return slog.LevelWarn, true
	case http.StatusUnauthorized, http.StatusForbidden:
		return slog.LevelDebug, true
	}
	return 0, false
}

// answered is for the answer of a route.
func (c *complaints) answered(r *route, a Answer) {
	if _, ok := c.level(a.Status); !ok {
		return
	}
	path := r.host
	if len(r.paths) > 0 {
		path = r.paths[0]
	}
	c.say(a, "path", path, "kind", r.labels.Kind, "namespace", r.labels.Namespace, "resource", r.labels.Name, "topic", r.topic)
}

// refused is for requests without a route.
func (c *complaints) refused(a Answer, path, host string) {
	if _, ok := c.level(a.Status); ok {
		c.say(a, "path", describe(path, host))
	}
}

func (c *complaints) say(a Answer, about ...any) {
	level, ok := c.level(a.Status)
	ctx := context.Background() // a log line belongs to no request, and nothing waits for it
	if !ok || !c.log.Enabled(ctx, level) {
		return
	}
	if !c.pace.AllowN(time.Now(), 1) {
		c.dropped.Add(1)
		return
	}
	about = append(about, "status", a.Status, "reason", a.Reason)
	if n := c.dropped.Swap(0); n > 0 {
		about = append(about, "notLogged", n)
	}
	c.log.Log(ctx, level, "Request refused", about...)
}
