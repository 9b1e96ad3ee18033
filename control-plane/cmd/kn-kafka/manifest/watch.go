package manifest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// lookInterval is how often the files are compared with what they were. Events are not sent by every file system
	// (network file systems, folders mounted into virtual machines), and one folder may be replaced by another.
	lookInterval = 400 * time.Millisecond
	// settleTime is for how long nothing may happen before a change is reported: an editor writes a file in steps.
	settleTime = 60 * time.Millisecond
	// settleLimit bounds the wait for a folder in which something always happens.
	settleLimit = 300 * time.Millisecond
)

// Watch calls changed after each change of the files that the paths name, until the context ends. Changes within a
// moment are reported once. It does not call changed at the start.
func Watch(ctx context.Context, paths []string, o Options, changed func()) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch manifests: %w", err)
	}
	defer func() { _ = watcher.Close() }()
	look := time.NewTicker(lookInterval)
	defer look.Stop()
	known := fingerprint(paths, o, watcher)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-watcher.Errors: //nolint:errcheck // the next look sees what an event would have told
		case event := <-watcher.Events:
			if event.Op == fsnotify.Chmod {
				continue
			}
			settle(ctx, watcher)
			// A file may be written twice within the resolution of its time, so an event of one counts by itself;
			// other files of the folder do not.
			now := fingerprint(paths, o, watcher)
			if !slices.Equal(known, now) || isListed(now, event.Name) {
				changed()
			}
			known = now
		case <-look.C:
			if now := fingerprint(paths, o, watcher); !slices.Equal(known, now) {
				known = now
				changed()
			}
		}
	}
}

// settle returns when no event has come for a moment.
func settle(ctx context.Context, watcher *fsnotify.Watcher) {
	limit := time.NewTimer(settleLimit)
	defer limit.Stop()
	quiet := time.NewTimer(settleTime)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-limit.C:
			return
		case <-quiet.C:
			return
		case <-watcher.Events:
			quiet.Reset(settleTime)
		}
	}
}

// look is what can be told of a file without reading it.
type look struct {
	name string
	size int64
	time time.Time
}

func isListed(looks []look, name string) bool {
	name = filepath.Clean(name)
	return slices.ContainsFunc(looks, func(l look) bool { return l.name == name })
}

// fingerprint looks at all files and makes the watcher watch their folders: a file that is replaced by another of its
// name is no longer the file that was watched.
func fingerprint(paths []string, o Options, watcher *fsnotify.Watcher) []look {
	names, _ := find(paths, o) // Read reports the problems
	folders := map[string]bool{}
	for _, path := range append(slices.Clone(paths), names...) {
		if info, err := os.Stat(path); err == nil && info.IsDir() && path != Stdin {
			folders[filepath.Clean(path)] = true
		} else if path != Stdin {
			folders[filepath.Dir(path)] = true
		}
	}
	for folder := range folders {
		// Adding a folder again is harmless. One that is not there yet is found by a later look.
		if err := watcher.Add(folder); errors.Is(err, fsnotify.ErrClosed) {
			return nil
		}
	}
	looks := make([]look, 0, len(names))
	for _, name := range names {
		if info, err := os.Stat(name); err == nil {
			looks = append(looks, look{name: name, size: info.Size(), time: info.ModTime()})
		}
	}
	return looks
}
