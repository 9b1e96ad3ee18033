package display

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
)

// Style is how much of an event is shown.
type Style string

// The styles: a line an event, the line with all attributes and data below it, or the event as a line of JSON.
const (
	Line   Style = "line"
	Detail Style = "detail"
	JSON   Style = "json"
)

// maxShown bounds how many bytes of data are shown.
const maxShown = 4096

// Printer writes deliveries for people.
type Printer struct {
	Style Style

	mu sync.Mutex // keeps events apart
	w  io.Writer
}

// NewPrinter returns a printer to w, which it alone should write to.
func NewPrinter(w io.Writer, style Style) *Printer { return &Printer{Style: style, w: w} }

// Print writes a delivery to a display of the given name; "" is left out.
func (p *Printer) Print(name string, d Delivery) {
	var out bytes.Buffer
	switch p.Style {
	case JSON:
		writeJSON(&out, name, d)
	default:
		out.WriteString(Describe(name, d) + "\n")
		if p.Style == Detail && d.Event != nil {
			writeDetail(&out, d.Event)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = p.w.Write(out.Bytes())
}

// Describe is a delivery in one line.
func Describe(name string, d Delivery) string {
	parts := []string{d.At.Format("15:04:05.000")}
	if name != "" {
		parts = append(parts, name)
	}
	if d.Event == nil {
		return strings.Join(append(parts, "← no CloudEvent: "+printable(d.Err.Error())), "  ")
	}
	e := d.Event
	parts = append(parts, "← "+printable(e.Type()), "id="+printable(e.ID()), "source="+printable(e.Source()))
	if e.Subject() != "" {
		parts = append(parts, "subject="+printable(e.Subject()))
	}
	parts = append(parts, size(e))
	for _, known := range []struct{ extension, text string }{
		{"partitionkey", "key="}, {"knativekafkapartition", "partition="}, {"knativekafkaoffset", "offset="},
		{"knativeerrorcode", "dead letter, last answer "},
	} {
		if value, ok := e.Extensions()[known.extension]; ok {
			parts = append(parts, known.text+printable(fmt.Sprint(value)))
		}
	}
	if d.Attempt > 1 {
		parts = append(parts, fmt.Sprintf("attempt %d", d.Attempt))
	}
	if d.Reply != nil {
		parts = append(parts, "→ "+printable(d.Reply.Type()))
	}
	if d.Status >= http.StatusMultipleChoices {
		parts = append(parts, fmt.Sprintf("→ %d", d.Status))
	}
	return strings.Join(parts, "  ")
}

func size(e *event.Event) string {
	if len(e.Data()) == 0 {
		return "no data"
	}
	return strings.TrimSpace(fmt.Sprintf("%d B %s", len(e.Data()), printable(e.DataContentType())))
}

func writeDetail(out *bytes.Buffer, e *event.Event) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(out, "    %-16s %s\n", name, printable(value))
		}
	}
	if !e.Time().IsZero() {
		line("time", types.FormatTime(e.Time()))
	}
	line("specversion", e.SpecVersion())
	line("dataschema", e.DataSchema())
	extensions := e.Extensions()
	names := make([]string, 0, len(extensions))
	for name := range extensions {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		line(name, fmt.Sprint(extensions[name]))
	}
	for text := range strings.Lines(shown(e.Data())) {
		fmt.Fprintf(out, "    | %s\n", strings.TrimRight(text, "\n"))
	}
}

// shown is data for people: JSON is indented, bytes are in base64, what is long is cut.
func shown(data []byte) string {
	if len(data) == 0 {
		return ""
	}
	rest := ""
	if len(data) > maxShown {
		rest = fmt.Sprintf("\n… %d bytes more", len(data)-maxShown)
		data = data[:maxShown]
		for len(data) > 0 && !utf8.RuneStart(data[len(data)-1]) { // do not cut a character
			data = data[:len(data)-1]
		}
		data = data[:max(len(data)-1, 0)]
	}
	var indented bytes.Buffer
	if json.Indent(&indented, data, "", "  ") == nil {
		data = indented.Bytes()
	}
	if !utf8.Valid(data) {
		return base64.StdEncoding.EncodeToString(data) + rest
	}
	var lines []string
	for line := range strings.Lines(string(data)) {
		lines = append(lines, printable(strings.TrimRight(line, "\r\n")))
	}
	return strings.Join(lines, "\n") + rest
}

// printable keeps an event from controlling the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, text)
}

// writeJSON writes the delivery as a line of JSON, for programs.
func writeJSON(out *bytes.Buffer, name string, d Delivery) {
	line := struct {
		Display   string       `json:"display,omitempty"`
		Namespace string       `json:"namespace,omitempty"`
		Attempt   int          `json:"attempt,omitempty"`
		Status    int          `json:"status"`
		Error     string       `json:"error,omitempty"`
		Event     *event.Event `json:"event,omitempty"`
	}{Display: name, Namespace: d.Namespace, Attempt: d.Attempt, Status: d.Status}
	if d.Err != nil {
		line.Error = d.Err.Error()
	}
	if d.Event != nil {
		// The SDK marks all data that came in as bytes for base64; only bytes that are no text need it.
		e := d.Event.Clone()
		isJSON := strings.Contains(e.DataContentType(), "json")
		e.DataBase64 = !utf8.Valid(e.Data()) || (isJSON && !json.Valid(e.Data()))
		line.Event = &e
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(line); err != nil {
		out.Reset()
		fmt.Fprintf(out, "{\"error\":%q}\n", err.Error())
	}
}
