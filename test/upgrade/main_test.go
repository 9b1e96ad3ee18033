// Package upgrade runs an older release and this one side by side: what one writes the other reads, and processes of one
// are replaced by those of the other while events flow.
package upgrade

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"knative.dev/eventing-kafka-go/test/integration/process"
)

// older is the program of the release before this one, and from what it was built.
var older struct{ program, from string }

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "upgrade-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = build(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// build makes the program of this source tree, and that of the tag before it. Without a tag nothing was released, and the
// older program is the same one.
func build(ctx context.Context, dir string) error {
	if err := process.Build(ctx, dir); err != nil {
		return err
	}
	tag := os.Getenv("UPGRADE_FROM")
	if tag == "" {
		out, err := exec.CommandContext(ctx, "git", "describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD^").Output()
		if err != nil {
			older.from = "this commit, as no release is tagged"
			return nil //nolint:nilerr // no repository, or no tag
		}
		tag = strings.TrimSpace(string(out))
	}
	tree := filepath.Join(dir, "older")
	if err := os.Mkdir(tree, 0o755); err != nil {
		return err
	}
	root, err := exec.CommandContext(ctx, "git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return err
	}
	archive := exec.CommandContext(ctx, "sh", "-c", `git -C "$1" archive "$2" | tar -x -C "$3"`, "sh", strings.TrimSpace(string(root)), tag, tree)
	archive.Stderr = os.Stderr
	if err := archive.Run(); err != nil {
		return fmt.Errorf("sources of %s: %w", tag, err)
	}
	older.from = tag
	older.program, err = process.BuildFrom(ctx, tree, tree)
	return err
}
