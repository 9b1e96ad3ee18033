package cluster

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// script is hack/kafka.sh, which owns the process of a real broker. KAFKA_DIR reaches it through the environment.
type script struct{ path string }

// findScript returns nil where the broker was not started by it.
func findScript(tb testing.TB) *script {
	tb.Helper()
	if os.Getenv("KAFKA_DIR") == "" {
		return nil
	}
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return &script{path: filepath.Join(dir, "hack", "kafka.sh")}
		}
		if dir == filepath.Dir(dir) {
			tb.Fatal("no go.mod in this folder or above it")
		}
	}
}

func (s *script) run(tb testing.TB, command string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), 2*timeout) // a thaw may come at the test's end
	defer cancel()
	if out, err := exec.CommandContext(ctx, s.path, command).CombinedOutput(); err != nil {
		tb.Fatalf("hack/kafka.sh %s: %v\n%s", command, err, out)
	}
}
