// Package process runs data planes as what they are in a cluster: processes of the command kafka-data-plane that are
// given a mounted contract, started, asked to end, or killed.
//
// It knows nothing of Kafka and sends no events. A Process and a Mount are used by the goroutine of the test, but for
// Process.Ingress, which any goroutine may call. Every process ends with its test.
package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const (
	command   = "knative.dev/eventing-kafka-go/data-plane/cmd/kafka-data-plane"
	buildTime = 10 * time.Minute
)

// program is what Build has made. TestMain, which has no other way to hand something to tests, sets it before any runs.
var program string

// Build compiles the command into a folder; with the race detector where the tests have it. TestMain calls it.
func Build(ctx context.Context, dir string) error {
	path, err := BuildFrom(ctx, dir, "")
	program = path
	return err
}

// BuildFrom compiles the command of a source tree into a folder, "" for this one, and returns the program.
func BuildFrom(ctx context.Context, dir, tree string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, buildTime)
	defer cancel()
	path := filepath.Join(dir, "kafka-data-plane")
	args := []string{"build", "-trimpath", "-buildvcs=false", "-o", path}
	if RaceEnabled {
		args = append(args, "-race")
	}
	build := exec.CommandContext(ctx, "go", append(args, command)...)
	build.Dir, build.Stderr = tree, os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("build %s: %w", command, err)
	}
	return path, nil
}
