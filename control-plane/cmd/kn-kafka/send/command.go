package send

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

// template is the part of the flags that describes the event.
type template struct {
	eventType, source, subject string
	data, contentType          string
	extensions                 []string
	idPrefix                   string
}

// Command returns kn-kafka send.
func Command() *cobra.Command {
	var o Options
	var t template
	cmd := &cobra.Command{
		Use:   "send URL…",
		Short: "Send CloudEvents to addresses over HTTP",
		Long: "Send posts CloudEvents and says how they were answered. It ends with an error when an event was not accepted.\n" +
			"Every event has the same attributes and data but its own id.",
		Example: "  kn-kafka send http://127.0.0.1:8080/default/orders --type order.created --data '{\"total\": 12}'\n" +
			"  kn-kafka send http://127.0.0.1:8080/default/orders --data @order.json --count 1000 --rate 200 --extension partitionkey=7",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, urls []string) error {
			o.URLs = urls
			return run(cmd, o, t)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&t.eventType, "type", "dev.knative.kafka.test", "attribute type")
	flags.StringVar(&t.source, "source", "/kn-kafka/send", "attribute source")
	flags.StringVar(&t.subject, "subject", "", "attribute subject")
	flags.StringVarP(&t.data, "data", "d", "", "data; @FILE reads a file, @- standard input")
	flags.StringVar(&t.contentType, "content-type", "", "attribute datacontenttype (default: application/json for data that is JSON, else text/plain)")
	flags.StringArrayVarP(&t.extensions, "extension", "e", nil, "extension as NAME=VALUE; may be repeated")
	flags.StringVar(&t.idPrefix, "id-prefix", "", "ids are PREFIX-1, PREFIX-2, … (default: a random UUID)")
	flags.IntVarP(&o.Count, "count", "c", 1, "number of events for each address; 0 is until interrupted")
	flags.Float64Var(&o.Rate, "rate", 0, "events a second for each address; 0 is as fast as they are answered")
	flags.IntVar(&o.Parallel, "parallel", 1, "requests that may be open at a time for each address; only 1 keeps the order")
	flags.BoolVar(&o.Structured, "structured", false, "send the whole event as JSON in the body")
	flags.StringVar(&o.Host, "host", "", "Host header, to address a channel as in a cluster")
	flags.DurationVar(&o.Timeout, "timeout", 2*time.Minute, "time limit of one attempt")
	flags.IntVar(&o.Retries, "retries", 0, "attempts after the first, for answers 429 and 5xx and when there is none")
	return cmd
}

func run(cmd *cobra.Command, o Options, t template) error {
	if err := check(o); err != nil {
		return err
	}
	cmd.SilenceUsage = true
	var err error
	if o.Event, err = t.maker(cmd.InOrStdin()); err != nil {
		return err
	}
	summary := Run(cmd.Context(), o)
	summary.Print(cmd.OutOrStdout())
	if refused := summary.Refused(); refused > 0 {
		return fmt.Errorf("%d of %d events were not accepted", refused, summary.Sent())
	}
	if o.Count > 0 && summary.Sent() < o.Count*len(o.URLs) {
		return fmt.Errorf("interrupted: %d of %d events were sent", summary.Sent(), o.Count*len(o.URLs))
	}
	return nil
}

func check(o Options) error {
	for _, text := range o.URLs {
		u, err := url.Parse(text)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return fmt.Errorf("address %q: expected a URL such as http://127.0.0.1:8080/default/orders", text)
		}
	}
	switch {
	case o.Count < 0:
		return fmt.Errorf("--count %d: expected 0 or more", o.Count)
	case o.Rate < 0:
		return fmt.Errorf("--rate %g: expected 0 or more", o.Rate)
	case o.Parallel < 1:
		return fmt.Errorf("--parallel %d: expected 1 or more", o.Parallel)
	case o.Retries < 0:
		return fmt.Errorf("--retries %d: expected 0 or more", o.Retries)
	}
	return nil
}

// maker returns what makes the events, after it has made one to see that it is valid.
func (t template) maker(stdin io.Reader) (func(n int) event.Event, error) {
	data, err := t.read(stdin)
	if err != nil {
		return nil, err
	}
	prefix := t.idPrefix
	if prefix == "" {
		prefix = uuid.NewString()
	}
	e := event.New(event.CloudEventsVersionV1)
	e.SetType(t.eventType)
	e.SetSource(t.source)
	if t.subject != "" {
		e.SetSubject(t.subject)
	}
	if data != nil {
		if err := t.setData(&e, data); err != nil {
			return nil, err
		}
	}
	for _, pair := range t.extensions {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, fmt.Errorf("extension %q: expected NAME=VALUE", pair)
		}
		e.SetExtension(name, value)
	}
	numbered := func(n int) event.Event {
		made := e.Clone()
		made.SetID(prefix + "-" + strconv.Itoa(n))
		made.SetTime(time.Now())
		return made
	}
	return numbered, numbered(1).Validate()
}

// setData keeps the bytes as they are. In structured mode those that are no text, or are not the JSON that they are said
// to be, can only travel as base64.
func (t template) setData(e *event.Event, data []byte) error {
	contentType := t.contentType
	isJSON := json.Valid(data)
	if contentType == "" && isJSON {
		contentType = event.ApplicationJSON
	} else if contentType == "" {
		contentType = event.TextPlain
	}
	if err := e.SetData(contentType, data); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	e.DataBase64 = !utf8.Valid(data) || (strings.Contains(contentType, "json") && !isJSON)
	return nil
}

func (t template) read(stdin io.Reader) ([]byte, error) {
	name, isFile := strings.CutPrefix(t.data, "@")
	switch {
	case t.data == "":
		return nil, nil
	case !isFile:
		return []byte(t.data), nil
	case name == "-":
		data, err := io.ReadAll(stdin)
		if err != nil {
			return nil, fmt.Errorf("data from standard input: %w", err)
		}
		return data, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	return data, nil
}
