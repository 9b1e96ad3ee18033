// Command kn-kafka runs and tries Knative Eventing for Apache Kafka from the command line, by itself or as a plugin of
// kn: on the PATH it is `kn kafka`, and under the name kn-source-kafka `kn source kafka`.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/dev"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/display"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/inspect"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/lag"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/migrate"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/send"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/source"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once: the first only begins the orderly end.
	context.AfterFunc(ctx, stop)
	if err := command(os.Args[0]).ExecuteContext(ctx); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "kn-kafka:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be stopped
	}
}

// sourcePlugin is the name under which kn calls the program for `kn source kafka`.
const sourcePlugin = "kn-source-kafka"

// command returns the commands for the name that the program was called by.
func command(called string) *cobra.Command {
	if strings.TrimSuffix(filepath.Base(called), ".exe") == sourcePlugin {
		return source.Command(sourcePlugin)
	}
	root := &cobra.Command{
		Use:           "kn-kafka",
		Short:         "Run and try Knative Eventing for Apache Kafka",
		Long:          "kn-kafka runs Knative Eventing for Apache Kafka on your machine and helps to try it. On the PATH it is also `kn kafka`.",
		SilenceErrors: true, // main prints them, once
	}
	root.AddCommand(dev.Command(), send.Command(), display.Command(), lag.Command(), migrate.Command(), source.Command("source"),
		inspect.StatusCommand(), inspect.DescribeCommand())
	return root
}
