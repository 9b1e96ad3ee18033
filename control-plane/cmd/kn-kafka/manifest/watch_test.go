package manifest

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWatchReportsEachKindOfChange(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), channel)
	write(t, filepath.Join(dir, "outside.txt"), "")
	named := filepath.Join(dir, "outside.txt")

	ctx, cancel := context.WithCancel(context.Background())
	calls := make(chan struct{}, 100)
	ended := make(chan error)
	go func() {
		ended <- Watch(ctx, []string{dir, named}, Options{}, func() { calls <- struct{}{} })
	}()
	// The first look is over when a change is noticed; until then changes go unseen by design.
	for noticed := false; !noticed; {
		write(t, named, time.Now().String())
		select {
		case <-calls:
			noticed = true
		case <-time.After(20 * time.Millisecond):
		}
	}
	drain(calls)

	steps := []struct {
		name   string
		change func()
	}{
		{"a file is written", func() { write(t, filepath.Join(dir, "a.yaml"), channel+"  x: 1\n") }},
		{"a file is added", func() { write(t, filepath.Join(dir, "b.yaml"), channel) }},
		{"a file is replaced by another, as editors do", func() {
			write(t, filepath.Join(dir, "b.tmp"), trigger)
			rename(t, filepath.Join(dir, "b.tmp"), filepath.Join(dir, "b.yaml"))
		}},
		{"a file is renamed", func() { rename(t, filepath.Join(dir, "b.yaml"), filepath.Join(dir, "c.yaml")) }},
		{"a file is removed", func() {
			if err := os.Remove(filepath.Join(dir, "c.yaml")); err != nil {
				t.Fatal(err)
			}
		}},
		{"a file named by itself is written", func() { write(t, named, trigger) }},
	}
	for _, step := range steps {
		step.change()
		select {
		case <-calls:
		case <-time.After(time.Minute):
			t.Fatalf("no report within a minute after: %s", step.name)
		}
		drain(calls)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// drain waits until nothing has been reported for longer than Watch lets changes settle and looks again.
func drain(calls chan struct{}) {
	for {
		select {
		case <-calls:
		case <-time.After(lookInterval + 2*settleTime):
			return
		}
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}
