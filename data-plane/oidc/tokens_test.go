package oidc

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/proto/tokens"
)

func identity(n int) tokens.Identity {
	return tokens.Identity{Namespace: "ns", ServiceAccount: fmt.Sprintf("sa-%d", n), Audience: "aud"}
}

// mount writes the tokens as a projected volume shows them.
func mount(t *testing.T, folder string, all ...tokens.Token) {
	t.Helper()
	shards := map[int][]tokens.Token{}
	for _, token := range all {
		shards[token.Shard()] = append(shards[token.Shard()], token)
	}
	for shard, some := range shards {
		content, err := tokens.Encode(some)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(folder, tokens.File(shard)), content)
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

func TestTokensFollowTheMountedFolder(t *testing.T) {
	folder, now := t.TempDir(), time.Now()
	all := NewTokens(slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- all.Watch(ctx, folder, 0) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	is := func(n int, want string) func() bool {
		return func() bool { got, _ := all.Get(identity(n), now); return got == want }
	}
	if _, err := all.Get(identity(0), now); err == nil || !strings.Contains(err.Error(), "ns/sa-0") {
		t.Errorf("a token that is not there: %v", err)
	}
	var mounted []tokens.Token
	for n := range 40 {
		mounted = append(mounted, tokens.Token{Identity: identity(n), Value: fmt.Sprint("first ", n), Expires: now.Add(time.Hour)})
	}
	mount(t, folder, mounted...)
	for n := range 40 {
		eventually(t, "the first tokens do not appear", is(n, fmt.Sprint("first ", n)))
	}
	mounted[7].Value = "renewed"
	mount(t, folder, mounted...)
	eventually(t, "a renewed token does not appear", is(7, "renewed"))
	if _, err := all.Get(identity(7), now.Add(time.Hour)); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("an expired token: %v", err)
	}
	write(t, filepath.Join(folder, tokens.File(identity(7).Shard())), []byte("secret"))
	eventually(t, "what is damaged is not said", func() bool {
		_, err := all.Get(tokens.Identity{Namespace: "ns", ServiceAccount: sameShard(7), Audience: "aud"}, now)
		return err != nil && strings.Contains(err.Error(), "damaged") && !strings.Contains(err.Error(), "secret")
	})
	if !is(7, "renewed")() {
		t.Error("damaged tokens replace those before")
	}
}

// sameShard is a ServiceAccount without a token whose token would be in the same Secret as that of another.
func sameShard(n int) string {
	for i := 1000; ; i++ {
		if identity(i).Shard() == identity(n).Shard() {
			return identity(i).ServiceAccount
		}
	}
}
