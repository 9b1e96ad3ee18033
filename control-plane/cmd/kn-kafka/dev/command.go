// Package dev runs manifests on one machine without a cluster: it reads them like an API server, makes of them what the
// controllers of a cluster would, and runs the data plane on the result, in this process and with the code that a
// cluster runs.
//
// It owns how these parts are put together and what people are told; each part has a package of its own below. One
// goroutine, the loop, decides what runs; others only watch files and tell counts.
package dev

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/display"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/manifest"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// options are the flags.
type options struct {
	paths          []string
	recursive      bool
	namespace      string
	kafka          string
	listen, status string
	data           string
	maps           map[string]string
	format         contract.Format
	events         display.Style
	once           string // file of expectations; "" is to run until interrupted
}

// onceDefault is the value of --once without a file.
const onceDefault = "*.expect"

// Command returns kn-kafka dev.
func Command() *cobra.Command {
	o := options{}
	var maps []string
	format, events := string(contract.FormatZstd), string(display.Line)
	cmd := &cobra.Command{
		Use:   "dev -f PATH…",
		Short: "Run manifests on this machine, without a cluster",
		Long: "Dev runs KafkaChannels, Subscriptions, Brokers of class Kafka and Triggers from the manifests that a cluster takes too.\n" +
			"A change of a manifest takes effect at once. Subscribers that are references get a display that shows what arrives,\n" +
			"unless --map says where they are. It is for development: nothing is replicated, encrypted or authenticated.",
		Example: "  kn-kafka dev -f samples\n" +
			"  kn-kafka dev -f orders.yaml --kafka localhost:9092 --map default/audit=http://localhost:3000\n" +
			"  kn-kafka dev -f orders.yaml --data ./data --listen 127.0.0.1:0",
		RunE: func(cmd *cobra.Command, args []string) error {
			o.paths = append(o.paths, args...)
			if err := o.complete(maps, format, events); err != nil {
				return err
			}
			cmd.SilenceUsage = true
			return run(cmd.Context(), o, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&o.paths, "filename", "f", nil, "manifest file, folder, or - for standard input; may be repeated")
	flags.BoolVarP(&o.recursive, "recursive", "R", false, "also read the folders in a folder")
	flags.StringVarP(&o.namespace, "namespace", "n", "default", "namespace of objects that name none")
	flags.StringVar(&o.kafka, "kafka", embeddedKafka, "embedded, or HOST:PORT,… of a real Kafka")
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8080", "address that takes events; port 0 picks a free one")
	flags.StringVar(&o.status, "status", "127.0.0.1:8081", "address of the status page; port 0 picks a free one")
	flags.StringVar(&o.data, "data", "", "folder that keeps events, offsets and state over restarts (default: a temporary one, removed at the end)")
	flags.StringArrayVar(&maps, "map", nil, "NAMESPACE/NAME=URL: where a referenced object is; may be repeated")
	flags.StringVar(&format, "contract-format", format, "protobuf-zstd, protobuf or json")
	flags.StringVar(&events, "events", events, "what the built-in displays show of an event: line, detail or json")
	flags.StringVar(&o.once, "once", "", "send the events of a file of expectations, check what arrives, and end (default file: *.expect beside the manifests)")
	flags.Lookup("once").NoOptDefVal = onceDefault
	return cmd
}

// complete checks the flags and fills in what follows from them.
func (o *options) complete(maps []string, format, events string) (err error) {
	if len(o.paths) == 0 {
		return errors.New("no manifests: give files or folders with -f")
	}
	if o.maps, err = parseMaps(maps); err != nil {
		return err
	}
	if o.format, err = contract.ParseFormat(format); err != nil {
		return fmt.Errorf("--contract-format: %w", err)
	}
	switch o.events = display.Style(events); o.events {
	case display.Line, display.Detail, display.JSON:
		return nil
	}
	return fmt.Errorf("--events %q: expected line, detail or json", events)
}

// readStdin reads standard input if a path names it.
func readStdin(paths []string, stdin io.Reader) ([]byte, error) {
	for _, path := range paths {
		if path == manifest.Stdin {
			data, err := io.ReadAll(stdin)
			if err != nil {
				return nil, fmt.Errorf("read standard input: %w", err)
			}
			return data, nil
		}
	}
	return nil, nil
}
