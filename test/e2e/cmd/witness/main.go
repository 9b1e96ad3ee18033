// Command witness is the pod with which end-to-end tests send and receive: package witness at port 8080, and with TLS at 8443. witness fill FILE
// BYTES writes a file instead, for want of a shell where a test needs one.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"knative.dev/eventing-kafka-go/test/e2e/witness"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) == 4 && os.Args[1] == "fill" {
		if err := fill(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, "witness:", err)
			os.Exit(1) //nolint:gocritic // nothing is left to be stopped
		}
		return
	}
	if err := witness.Serve(ctx, ":8080", ":8443"); err != nil {
		fmt.Fprintln(os.Stderr, "witness:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be stopped
	}
}

// fill writes a file in pieces, as all of it may be more than this process may have of memory.
func fill(name, size string) error {
	left, err := strconv.Atoi(size)
	if err != nil {
		return err
	}
	f, err := os.Create(filepath.Clean(name))
	if err != nil {
		return err
	}
	for piece := make([]byte, 1<<20); left > 0 && err == nil; left -= len(piece) {
		_, err = f.Write(piece)
	}
	return errors.Join(err, f.Close())
}
