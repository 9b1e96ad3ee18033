package environment

import (
	"context"
	"errors"
	"io"
	"net/http"
	"syscall"
	"time"

	"k8s.io/client-go/rest"
)

// lookAgain is how often an API server that is away is asked whether it is there again.
const lookAgain = time.Second

// Patiently has lists and watches of a config wait for an API server that is away, until ctx ends. Failing at once, as
// client-go does, makes its caches wait longer and longer, up to a minute, when the API server is long back.
func Patiently(ctx context.Context, config *rest.Config) {
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &patient{ctx: ctx, next: next, wait: lookAgain} })
}

// patient is a transport whose lists and watches wait for the API server.
type patient struct {
	ctx  context.Context //nolint:containedctx // the life of the process, which requests that wait end with
	next http.RoundTripper
	wait time.Duration
}

// RoundTrip implements http.RoundTripper.
func (p *patient) RoundTrip(r *http.Request) (*http.Response, error) {
	for {
		response, err := p.next.RoundTrip(r)
		if err == nil || !fillsCache(r) || !isAway(err) {
			return response, err
		}
		again := time.NewTimer(p.wait)
		select {
		case <-again.C:
			continue
		case <-r.Context().Done():
		case <-p.ctx.Done():
		}
		again.Stop()
		return nil, err
	}
}

// fillsCache: a request of a cache has no limit of time, and no reconcile waits for it.
func fillsCache(r *http.Request) bool {
	query := r.URL.Query()
	return r.Method == http.MethodGet && (query.Has("watch") || query.Has("resourceVersion"))
}

// isAway is true when nobody has answered. Certificates that are not trusted are no such case.
func isAway(err error) bool {
	for _, away := range []error{
		syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ETIMEDOUT, syscall.EPIPE, io.EOF, io.ErrUnexpectedEOF,
	} {
		if errors.Is(err, away) {
			return true
		}
	}
	return false
}
