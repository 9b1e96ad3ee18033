package filewatch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/fsnotify/fsnotify"
)

// notifier tells that something happened in a directory, which may come, go and be replaced. It watches the directory
// and its parent; while the directory is missing, the nearest ancestor that exists.
type notifier struct {
	dir  string
	open func() (*fsnotify.Watcher, error)
	// wake holds one token when something may have changed in the directory. It is never closed.
	wake chan struct{}
	// moved is set when the directory or an ancestor came, went or was replaced: arm must be called again.
	moved atomic.Bool

	events *fsnotify.Watcher // nil until it could be opened
	armed  []string
	pump   sync.WaitGroup
}

func newNotifier(dir string, open func() (*fsnotify.Watcher, error)) *notifier {
	return &notifier{dir: dir, open: open, wake: make(chan struct{}, 1)}
}

func (n *notifier) close() {
	if n.events != nil {
		n.events.Close()
	}
	n.pump.Wait()
}

// takeMoved reports whether arm is due and takes that as done.
func (n *notifier) takeMoved() bool { return n.moved.Swap(false) }

// drain takes the token: what it stood for is covered by a read that begins now.
func (n *notifier) drain() {
	select {
	case <-n.wake:
	default:
	}
}

func (n *notifier) signal() {
	select {
	case n.wake <- struct{}{}:
	default: // the token that is there already stands for this one
	}
}

// arm makes the watches fit what exists now. What happened before it returned is not notified reliably, so that the
// caller reads the file afterwards. An error means that there will be no notifications until it is called again.
func (n *notifier) arm() error {
	if n.events == nil {
		events, err := n.open()
		if err != nil {
			return fmt.Errorf("open a watch: %w", err)
		}
		n.events = events
		n.pump.Go(n.forward)
	}
	for _, p := range n.armed {
		// Fails if the directory is gone; else it ends the watch of what has been moved away from this path.
		_ = n.events.Remove(p)
	}
	n.armed = n.armed[:0]
	return n.armNearest()
}

// armNearest watches the nearest ancestor of the directory that exists and that one's parent. When the way down has
// grown meanwhile, it starts again: nobody would tell about that.
func (n *notifier) armNearest() error {
	for range 10 {
		missing, nearest := n.nearest()
		if parent := filepath.Dir(nearest); parent != nearest {
			// First, as a removal is only notified by the parent once both are watched. It need not be readable.
			_ = n.add(parent)
		}
		err := n.add(nearest)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil && !isDir(missing) {
			return nil
		}
	}
	n.moved.Store(true) // somebody creates and removes directories all the time
	n.signal()
	return nil
}

// nearest returns the directory if it exists, else the nearest ancestor that does and the missing step below it.
func (n *notifier) nearest() (missing, nearest string) {
	nearest = n.dir
	for !isDir(nearest) && filepath.Dir(nearest) != nearest {
		missing, nearest = nearest, filepath.Dir(nearest)
	}
	return missing, nearest
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func (n *notifier) add(path string) error {
	if err := n.events.Add(path); err != nil {
		return fmt.Errorf("watch %s: %w", path, err)
	}
	n.armed = append(n.armed, path)
	return nil
}

// forward empties the channels of the watcher until it is closed. It never waits for anything: the watcher can hold
// its lock while it sends, and arm needs that lock.
func (n *notifier) forward() {
	events, errs := n.events.Events, n.events.Errors
	for events != nil || errs != nil {
		select {
		case e, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			n.note(e.Name)
		case _, ok := <-errs:
			if !ok {
				errs = nil
				continue
			}
			// Notifications were lost, or a watch was: whatever it is, look at everything again.
			n.moved.Store(true)
			n.signal()
		}
	}
}

// note sorts an event by the path that it is about.
func (n *notifier) note(path string) {
	if filepath.Dir(path) == n.dir && path != n.dir {
		n.signal()
		return
	}
	for p := n.dir; ; p = filepath.Dir(p) {
		if p == path {
			n.moved.Store(true)
			n.signal()
			return
		}
		if filepath.Dir(p) == p {
			return
		}
	}
}
