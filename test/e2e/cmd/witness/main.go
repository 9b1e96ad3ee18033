// Command witness is the pod with which end-to-end tests send and receive: package witness at port 8080, and with TLS at 8443.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"knative.dev/eventing-kafka-go/test/e2e/witness"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := witness.Serve(ctx, ":8080", ":8443"); err != nil {
		fmt.Fprintln(os.Stderr, "witness:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be stopped
	}
}
