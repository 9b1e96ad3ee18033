package stage

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/collect"
	"knative.dev/eventing-kafka-go/test/performance/process"
)

// Sink is the subscriber of every run, a process of its own.
type Sink struct {
	child         *process.Child
	events, stats string
}

func (s *Stage) openSink(ctx context.Context) (*Sink, error) {
	events, err := freeAddress()
	if err != nil {
		return nil, err
	}
	stats, err := freeAddress()
	if err != nil {
		return nil, err
	}
	child, log, err := s.start("sink", nil, filepath.Join(s.Binaries, "sink"), "-listen", events, "-stats", stats)
	if err != nil {
		return nil, err
	}
	k := &Sink{child: child, events: events, stats: stats}
	err = Until(ctx, pollEvery, startLimit, "start the sink", func() bool { return listens(events) && listens(stats) }, child.Ended)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, tail(log))
	}
	return k, nil
}

// Path is where the events of a run go that are answered after delay.
func (*Sink) Path(delay time.Duration, run string) string { return fmt.Sprintf("/%s/%s", delay, run) }

// URL is a path's URL.
func (k *Sink) URL(path string) string { return "http://" + k.events + path }

// Stats reads the account of a path.
func (k *Sink) Stats(ctx context.Context, path string) (collect.Stats, error) {
	return k.account(ctx, http.MethodGet, path)
}

// Forget empties the account of a path.
func (k *Sink) Forget(ctx context.Context, path string) error {
	_, err := k.account(ctx, http.MethodDelete, path)
	return err
}

func (k *Sink) account(ctx context.Context, method, path string) (collect.Stats, error) {
	var stats collect.Stats
	req, err := http.NewRequestWithContext(ctx, method, "http://"+k.stats+path, http.NoBody)
	if err != nil {
		return stats, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return stats, fmt.Errorf("read the sink's account: %w", err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&stats); err != nil {
		return stats, fmt.Errorf("read the sink's account: %w", err)
	}
	return stats, nil
}

// Await waits until n different events have come at a path and returns the account. When they do not come in time, the
// account is of those that did, with an error.
func (k *Sink) Await(ctx context.Context, path string, n uint64, limit time.Duration) (stats collect.Stats, err error) {
	var broken error
	waited := Until(ctx, pollEvery, limit, fmt.Sprintf("receive %d events at %s", n, path), func() bool {
		stats, broken = k.Stats(ctx, path)
		return broken != nil || stats.Distinct >= n
	}, k.child.Ended)
	switch {
	case broken != nil:
		return stats, broken
	case waited != nil:
		return stats, fmt.Errorf("%w: %d came, last refusal %q", waited, stats.Distinct, stats.Refusal)
	}
	return stats, nil
}

func listens(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close() // nothing was sent
	return true
}
