// Command load sends CloudEvents to an address and prints what was answered and how fast.
//
//	load -url http://127.0.0.1:8080/default/orders -connections 64 -duration 10s
//	load -url http://127.0.0.1:8080/default/orders -rate 2000 -count 10000 -json
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/loadgen"
)

func main() {
	var o loadgen.Options
	flag.StringVar(&o.URL, "url", "", "where events are sent, http://HOST:PORT/PATH")
	flag.IntVar(&o.Connections, "connections", 64, "keep-alive connections")
	flag.Float64Var(&o.Rate, "rate", 0, "events per second, due at fixed moments (open loop); 0 = as fast as answers come (closed loop)")
	flag.Uint64Var(&o.Count, "count", 0, "events to send; 0 = until the duration ends")
	flag.DurationVar(&o.Duration, "duration", 0, "how long to send; 0 = until the count is reached")
	flag.IntVar(&o.Size, "size", 1024, "bytes of data of each event")
	flag.Uint64Var(&o.FirstSeq, "first", 0, "number of the first event")
	flag.DurationVar(&o.AnswerLimit, "answer-limit", 30*time.Second, "end when nothing was answered for so long")
	asJSON := flag.Bool("json", false, "print the result as JSON")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	result, err := loadgen.Run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if *asJSON {
		err = json.NewEncoder(os.Stdout).Encode(result)
	} else {
		err = write(result)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(r loadgen.Result) error {
	codes := make([]int, 0, len(r.Statuses))
	for code := range r.Statuses {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	text := fmt.Sprintf("sent %d in %v: %.0f events/s\n", r.Sent(), r.Elapsed.Round(time.Millisecond), r.Rate)
	for _, code := range codes {
		text += fmt.Sprintf("  %d: %d\n", code, r.Statuses[code])
	}
	if r.Failed > 0 {
		text += fmt.Sprintf("  no answer: %d (first: %s)\n", r.Failed, r.Error)
	}
	l := r.Latency
	text += fmt.Sprintf("latency ms: p50 %.3f, p90 %.3f, p99 %.3f, p99.9 %.3f, max %.3f\n", l.P50, l.P90, l.P99, l.P999, l.Max)
	_, err := os.Stdout.WriteString(text)
	return err
}
