// Command bench measures the data plane beside the floor against one Kafka and prints both and their ratios. What is
// compared is measured in turns, several rounds, and the medians are given: absolute figures hold for a machine and an
// hour, ratios travel, and processor time per event is what disturbs least.
//
//	bench -bin DIR [-plane FILE] [-short] [-sections start,ingress,…] [-json FILE]
//
// It runs Apache Kafka by hack/kafka.sh, or uses the one that BENCH_KAFKA=HOST:PORT names, or, on a machine that cannot
// run Kafka, a fake. It fails on wrong behaviour (events lost, refused or out of order), never on slow figures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/report"
	"knative.dev/eventing-kafka-go/test/performance/stage"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if len(os.Args) == 3 && os.Args[1] == stage.FakeCommand {
		err = stage.ServeFake(ctx, os.Args[2])
	} else {
		err = run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	binaries := flag.String("bin", "", "folder with floor, load and sink")
	plane := flag.String("plane", "", "kafka-data-plane; without it only the floor is measured")
	script := flag.String("kafka-script", "hack/kafka.sh", "starts and ends Apache Kafka")
	folder := flag.String("folder", "", "for files and logs, kept; default a temporary one, removed")
	short := flag.Bool("short", false, "fewer and shorter measurements, about six minutes")
	sections := flag.String("sections", "", "comma separated, default all: "+sectionNames())
	jsonFile := flag.String("json", "", "write every figure to this file")
	flag.Parse()
	if runtime.GOOS != "linux" {
		return errors.New("needs Linux, whose /proc tells what processes use")
	}
	chosen, err := choose(*sections)
	if err != nil {
		return err
	}
	if *folder == "" {
		if *folder, err = os.MkdirTemp("", "bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(*folder)
	} else if *folder, err = filepath.Abs(*folder); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	s, err := stage.Open(ctx, stage.Options{
		Folder: *folder, Binaries: *binaries, Plane: *plane, KafkaScript: *script, Kafka: os.Getenv("BENCH_KAFKA"), Self: self,
	})
	defer func() {
		if closed := s.Close(); err == nil {
			err = closed
		}
	}()
	if err != nil {
		return err
	}
	b := &bench{Stage: s, settings: full, report: report.Report{
		Started: time.Now(), Kafka: s.Broker.Label, CPUs: runtime.NumCPU(), Go: runtime.Version(),
	}}
	if *short {
		b.settings = quick
	}
	b.run(ctx, chosen)
	return b.finish(ctx, *jsonFile)
}

// finish prints what there is, of an interrupted run as well.
func (b *bench) finish(ctx context.Context, jsonFile string) error {
	if err := b.report.WriteText(os.Stdout); err != nil {
		return err
	}
	if jsonFile != "" {
		file, err := os.Create(jsonFile)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := b.report.WriteJSON(file); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if n := len(b.report.Wrong); n > 0 {
		return fmt.Errorf("%d things went wrong", n)
	}
	return nil
}
