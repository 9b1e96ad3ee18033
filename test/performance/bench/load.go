package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"

	"knative.dev/eventing-kafka-go/test/performance/loadgen"
	"knative.dev/eventing-kafka-go/test/performance/report"
	"knative.dev/eventing-kafka-go/test/performance/stage"
)

// load runs the load generator as a process of its own. Anything but 202 is an error.
func (b *bench) load(ctx context.Context, d *stage.Deployment, o loadgen.Options) (loadgen.Result, error) {
	var result loadgen.Result
	cmd := exec.CommandContext(ctx, filepath.Join(b.Binaries, "load"), "-json", "-url", o.URL,
		"-connections", strconv.Itoa(o.Connections), "-rate", strconv.FormatFloat(o.Rate, 'f', -1, 64),
		"-duration", o.Duration.String(), "-count", strconv.FormatUint(o.Count, 10), "-size", strconv.Itoa(o.Size))
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return result, fmt.Errorf("load: %w: %s", err, exit.Stderr)
		}
		return result, fmt.Errorf("load: %w", err)
	}
	if err := json.Unmarshal(out, &result); err != nil {
		return result, fmt.Errorf("load: %w", err)
	}
	if accepted := result.Statuses[202]; accepted == 0 || accepted != result.Sent() {
		return result, errors.Join(fmt.Errorf("answers %v, %d without (%s)", result.Statuses, result.Failed, result.Error), d.Failed())
	}
	return result, nil
}

func latencyFigures(what string, r loadgen.Result) []report.Figure {
	return []report.Figure{
		{Name: what + "p50", Unit: "ms", Value: r.Latency.P50},
		{Name: what + "p99", Unit: "ms", Value: r.Latency.P99},
		{Name: what + "p99.9", Unit: "ms", Value: r.Latency.P999},
	}
}
