// Command kn-kafka runs and tries Knative Eventing for Apache Kafka from the command line, by itself or as a plugin of
// kn: on the PATH it is `kn kafka`.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/dev"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/display"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/lag"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/migrate"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/send"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once: the first only begins the orderly end.
	context.AfterFunc(ctx, stop)
	if err := command().ExecuteContext(ctx); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "kn-kafka:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be stopped
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "kn-kafka",
		Short:         "Run and try Knative Eventing for Apache Kafka",
		Long:          "kn-kafka runs Knative Eventing for Apache Kafka on your machine and helps to try it. On the PATH it is also `kn kafka`.",
		SilenceErrors: true, // main prints them, once
	}
	root.AddCommand(dev.Command(), send.Command(), display.Command(), lag.Command(), migrate.Command())
	return root
}
