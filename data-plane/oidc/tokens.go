package oidc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"knative.dev/eventing-kafka-go/data-plane/filewatch"
	"knative.dev/eventing-kafka-go/proto/tokens"
)

// Tokens are those that this process shows to subscribers, as they are mounted at the moment.
type Tokens struct {
	log *slog.Logger

	mu     sync.RWMutex
	shards [tokens.Shards]shard
}

type shard struct {
	tokens  map[tokens.Identity]tokens.Token
	problem string
}

// NewTokens returns no tokens; Watch brings them. log may be nil.
func NewTokens(log *slog.Logger) *Tokens {
	if log == nil {
		log = slog.Default()
	}
	return &Tokens{log: log}
}

// Get returns the token of an identity. The error says why there is none that a subscriber could accept.
func (t *Tokens) Get(id tokens.Identity, now time.Time) (string, error) {
	t.mu.RLock()
	s := &t.shards[id.Shard()]
	token, ok := s.tokens[id]
	problem := s.problem
	t.mu.RUnlock()
	switch {
	case ok && now.Before(token.Expires):
		return token.Value, nil
	case problem != "":
		return "", fmt.Errorf("no token of %s: %s", id, problem)
	case ok:
		return "", fmt.Errorf("the token of %s expired at %s and was not renewed", id, token.Expires.Format(time.RFC3339))
	}
	return "", fmt.Errorf("no token of %s was mounted yet", id)
}

// Watch reads the tokens of a mounted folder, and again when they change, until ctx ends. interval is how often that happens
// without a notification, 0 for the default.
func (t *Tokens) Watch(ctx context.Context, folder string, interval time.Duration) error {
	work, ctx := errgroup.WithContext(ctx)
	for i := range tokens.Shards {
		work.Go(func() error {
			path := filepath.Join(folder, tokens.File(i))
			err := filewatch.Watch(ctx, path, filewatch.Options{
				Interval: interval, MaxBytes: tokens.MaxDecodedBytes, Log: t.log,
				OnError: func(err error) { t.failed(i, path, err) },
			}, func(content []byte) { t.load(i, path, content) })
			if err != nil {
				return fmt.Errorf("read tokens: %w", err)
			}
			return nil
		})
	}
	return work.Wait()
}

// load takes the content of a shard. What is damaged leaves the tokens that there are.
func (t *Tokens) load(i int, path string, content []byte) {
	all, err := tokens.Decode(content)
	if err != nil {
		t.failed(i, path, err)
		return
	}
	byIdentity := make(map[tokens.Identity]tokens.Token, len(all))
	for _, token := range all {
		byIdentity[token.Identity] = token
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shards[i] = shard{tokens: byIdentity}
}

// failed notes why a shard cannot be read; nil says that it can. One that is missing has no tokens.
func (t *Tokens) failed(i int, path string, err error) {
	problem := ""
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		problem = err.Error()
		t.log.Warn("Cannot read mounted tokens, those before stay in use", "path", path, "error", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shards[i].problem = problem
}
