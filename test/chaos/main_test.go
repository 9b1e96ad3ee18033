package chaos

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/test/integration/process"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Getenv("KAFKA") == "" {
		return m.Run() // nothing that needs the program
	}
	dir, err := os.MkdirTemp("", "chaos-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = process.Build(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// number reads a setting of the run.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		t.Fatalf("%s: %q is no number", name, text)
	}
	return n
}

// period is how long chaos lasts in each of the two runs.
func period(t *testing.T) time.Duration {
	t.Helper()
	return time.Duration(number(t, "CHAOS_SECONDS", 300)) * time.Second
}
