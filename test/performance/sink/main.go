// Command sink is a cheap subscriber: it answers 202 after a delay and counts what it received, by path.
//
//	sink -listen 127.0.0.1:9000 -stats 127.0.0.1:9001
//
// Events go to http://127.0.0.1:9000/DELAY/RUN, e.g. /10ms/a; their account is at http://127.0.0.1:9001/DELAY/RUN. When
// both addresses serve, it prints them in one line: "ready EVENTS STATS".
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/collect"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address for events")
	stats := flag.String("stats", "127.0.0.1:0", "address for accounts")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, *stats); err != nil {
		fmt.Fprintln(os.Stderr, "sink:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, listen, stats string) error {
	events, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	accounts, err := net.Listen("tcp", stats)
	if err != nil {
		return err
	}
	s := collect.New()
	server := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() { _ = server.Serve(accounts) }() // ends with ctx; without it accounts cannot be read, which the reader sees
	fmt.Printf("ready %s %s\n", events.Addr(), accounts.Addr())
	return s.Serve(ctx, events)
}
