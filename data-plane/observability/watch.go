package observability

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"knative.dev/eventing-kafka-go/data-plane/filewatch"
)

// maxValue bounds the size of one value.
const maxValue = 64 << 10

// Read returns the keys that are in a mounted folder. Those that are missing, or cannot be read, are absent.
func Read(dir string) map[string]string {
	values := map[string]string{}
	for _, key := range keys {
		f, err := os.Open(filepath.Join(dir, key))
		if err != nil {
			continue
		}
		content, err := io.ReadAll(io.LimitReader(f, maxValue))
		if f.Close(); err == nil {
			values[key] = string(content)
		}
	}
	return values
}

// Watch calls changed with the keys of a mounted folder whenever one of them is another than in before, comes or goes,
// until ctx ends. changed is not called concurrently.
func Watch(ctx context.Context, dir string, before map[string]string, log *slog.Logger, changed func(map[string]string)) error {
	files, ctx := errgroup.WithContext(ctx)
	news := make(chan struct{}, 1)
	notify := func() {
		select {
		case news <- struct{}{}:
		default: // it is looked at in any case
		}
	}
	for _, key := range keys {
		o := filewatch.Options{MaxBytes: maxValue, Log: log, OnError: func(error) { notify() }}
		files.Go(func() error {
			return filewatch.Watch(ctx, filepath.Join(dir, key), o, func([]byte) { notify() })
		})
	}
	files.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-news:
			}
			if now := Read(dir); !maps.Equal(before, now) {
				before = now
				changed(now)
			}
		}
	})
	return files.Wait()
}
