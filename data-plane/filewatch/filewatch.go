// Package filewatch turns a file in a mounted directory into calls with its content, each time that the content is
// another one. It knows how Kubernetes exchanges mounted files (a symlink in the directory is replaced) but nothing
// about what is in them: it does not parse, and what it reads it does not keep.
//
// Everything happens on the goroutine that calls Watch, but for one that takes notifications from the kernel and ends
// before Watch returns; the callbacks are never called concurrently.
package filewatch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/time/rate"
)

const (
	defaultInterval = 30 * time.Second
	defaultMaxBytes = 64 << 20
	// pollInterval is how often the file is read while the kernel gives no notifications, which happens on nodes where
	// other processes have used up the inotify instances or watches.
	pollInterval = time.Second
	// A notification is served at once, also the handful that one exchange of a mounted file causes. Only a storm that
	// has used up readBurst is slowed down, to one read per readEvery.
	readEvery = 10 * time.Millisecond
	readBurst = 32
)

// Options tune Watch. The zero value is usable.
type Options struct {
	// Interval is how often the file is read without a notification, and how long a change that gives none may stay
	// unseen. Default 30 s.
	Interval time.Duration
	// MaxBytes is the size above which a file is not read but reported as an error. Default 64 MiB.
	MaxBytes int64
	// OnError hears each failure to read the file (fs.ErrNotExist while it is missing), and nil when the first read after
	// failures succeeds. Default: failures are logged as warnings.
	OnError func(error)
	// Log gets what makes watching slower than it should be. Default: slog.Default.
	Log *slog.Logger
}

// Watch calls changed with the content of the file at path when it is first read and whenever it differs from the
// content of the call before, until ctx ends; then it returns nil. Content that is replaced before it was read is
// skipped. A missing file or directory is waited for; that the file goes away is no change.
//
// changed owns the slice. While it runs nothing is read, and afterwards only the latest content counts.
func Watch(ctx context.Context, path string, opts Options, changed func(content []byte)) error {
	return watch(ctx, path, opts, fsnotify.NewWatcher, changed)
}

func watch(ctx context.Context, path string, opts Options, open func() (*fsnotify.Watcher, error),
	changed func([]byte)) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("watch %q: %w", path, err)
	}
	f := &file{path: abs, opts: opts.withDefaults(path), changed: changed}
	n := newNotifier(filepath.Dir(abs), open)
	defer n.close()

	limit := rate.NewLimiter(rate.Every(readEvery), readBurst)
	timer := time.NewTimer(f.opts.Interval)
	defer timer.Stop()
	var watching error
	for due := true; ctx.Err() == nil; {
		if n.takeMoved() || due {
			watching = f.report(n.arm(), watching)
			timer.Reset(f.opts.wait(watching))
		}
		f.read()
		due = n.next(ctx, timer, limit)
	}
	return nil
}

// next waits until the file is to be read again, or ctx ends; it reports whether the timer said so.
func (n *notifier) next(ctx context.Context, timer *time.Timer, limit *rate.Limiter) (due bool) {
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	case <-n.wake:
	}
	if limit.Wait(ctx) != nil { // ctx ends, or will before the next read is allowed
		<-ctx.Done()
	}
	n.drain()
	return false
}

func (o Options) withDefaults(path string) Options {
	if o.Interval <= 0 {
		o.Interval = defaultInterval
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.OnError == nil {
		o.OnError = func(err error) {
			if err != nil {
				o.Log.Warn("Cannot read the file", "path", path, "error", err)
			}
		}
	}
	return o
}

// wait returns how long the file may stay unread, given the error of watching it.
func (o Options) wait(watching error) time.Duration {
	if watching != nil {
		return min(o.Interval, pollInterval)
	}
	return o.Interval
}

// file is what is known of the watched file.
type file struct {
	path    string
	opts    Options
	changed func([]byte)

	seen    bool // sum is valid
	sum     [sha256.Size]byte
	failing bool
}

// read reads the file and reports what is new about it.
func (f *file) read() {
	content, err := readFile(f.path, f.opts.MaxBytes)
	if err != nil { // once more: the directory that "..data" led to can be exchanged and removed at this very moment
		content, err = readFile(f.path, f.opts.MaxBytes)
	}
	if err != nil {
		f.failing = true
		f.opts.OnError(err)
		return
	}
	if f.failing {
		f.failing = false
		f.opts.OnError(nil)
	}
	if sum := sha256.Sum256(content); !f.seen || sum != f.sum {
		f.seen, f.sum = true, sum
		f.changed(content)
	}
}

// report logs when watching begins to fail or works again, and returns the present state.
func (f *file) report(now, before error) error {
	switch {
	case now != nil && (before == nil || now.Error() != before.Error()):
		f.opts.Log.Warn("No notifications of changes, the file is read at intervals instead", "path", f.path,
			"interval", f.opts.wait(now), "error", now)
	case now == nil && before != nil:
		f.opts.Log.Info("Notifications of changes work again", "path", f.path)
	}
	return now
}

var errNotRegular = errors.New("not a regular file")

// readFile reads a regular file of at most limit bytes; opening anything else, such as a pipe, could block.
func readFile(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: %w", path, errNotRegular)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("read %s: more than %d bytes", path, limit)
	}
	return content, nil
}
