// Command floor is the least that a Go program can do for an event, with kgo and fasthttp and nothing else: the figures
// of the data plane are given as ratios to it. It has no filters, retries, metrics, limits or validation beyond what
// keeps it correct, so it is no example of how to serve events.
//
// It is frozen: a change to it changes the meaning of every ratio that was ever printed.
//
//	floor -kafka 127.0.0.1:9092 -routes FILE -listen 127.0.0.1:8080 ingress
//	floor -kafka 127.0.0.1:9092 -routes FILE egress
//
// ingress takes binary CloudEvents, produces them with acks=all by the idempotent producer without linger, and answers
// 202 when Kafka has acknowledged. egress consumes, posts and commits. What they serve is in the routes file, which is
// read again whenever something in its folder changes:
//
//	ingress PATH TOPIC
//	egress GROUP TOPIC URL ordered|unordered
//
// An event that cannot be produced is answered by 503; one that cannot be delivered ends the program, so that nothing
// is lost unnoticed.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	kafka := flag.String("kafka", "127.0.0.1:9092", "bootstrap servers, comma separated")
	routes := flag.String("routes", "", "file of routes")
	listen := flag.String("listen", "127.0.0.1:8080", "address of ingress")
	inFlight := flag.Int("in-flight", 100, "deliveries in flight of an unordered egress")
	commitEvery := flag.Duration("commit-every", 250*time.Millisecond, "how long something finished waits at most for its commit")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch servers := strings.Split(*kafka, ","); flag.Arg(0) {
	case "ingress":
		var listener net.Listener
		if listener, err = net.Listen("tcp", *listen); err == nil {
			err = runIngress(ctx, servers, *routes, listener)
		}
	case "egress":
		err = runEgress(ctx, servers, *routes, pace{inFlight: *inFlight, commitEvery: *commitEvery})
	default:
		flag.Usage()
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}
