// Package demo holds what a set of manifests is expected to do: which events are sent and the complete list of what must
// arrive where. It is written by hand, so that it does not share the mistakes of what it checks.
//
// It owns the file format and the comparison, and sends nothing itself. A Ledger may be used by many goroutines.
package demo

import (
	"fmt"
	"os"
	"strings"

	"github.com/cloudevents/sdk-go/v2/event"
	"sigs.k8s.io/yaml"
)

// Expectations are the content of a file.
type Expectations struct {
	// Send are the events, sent one after the other.
	Send []Sent `json:"send"`
	// Ordered are the displays at which events of the same partitionkey must arrive in the order in which they are sent.
	Ordered []string `json:"ordered,omitempty"`
}

// Sent is an event and what must come of it.
type Sent struct {
	// To is the path, and Host the Host header if it is not that of the address.
	To   string `json:"to"`
	Host string `json:"host,omitempty"`

	ID         string            `json:"id"`
	Type       string            `json:"type"`
	Source     string            `json:"source"`
	Subject    string            `json:"subject,omitempty"`
	Extensions map[string]string `json:"extensions,omitempty"`
	Data       string            `json:"data,omitempty"`
	Structured bool              `json:"structured,omitempty"`

	// Arrives is every delivery that must happen, and no other.
	Arrives []Arrival `json:"arrives"`
}

// Arrival is an event at a display.
type Arrival struct {
	// At is NAMESPACE/NAME of the object that the display stands for.
	At string `json:"at"`
	// ID and Type are those of the event that arrives; default: those of the event that was sent.
	ID   string `json:"id,omitempty"`
	Type string `json:"type,omitempty"`
	// Times is how often it is delivered, failures included; default 1.
	Times int `json:"times,omitempty"`
	// With are extensions that the last delivery must have.
	With map[string]string `json:"with,omitempty"`
}

// Read reads a file. Unknown fields are errors.
func Read(name string) (*Expectations, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read expectations: %w", err)
	}
	e := &Expectations{}
	if err := yaml.UnmarshalStrict(data, e); err != nil {
		return nil, fmt.Errorf("read expectations: %s: %w", name, err)
	}
	ids := map[string]bool{}
	for i, s := range e.Send {
		if !strings.HasPrefix(s.To, "/") || s.ID == "" || s.Type == "" || s.Source == "" {
			return nil, fmt.Errorf("read expectations: %s: send[%d]: to (a path), id, type and source are needed", name, i)
		}
		if ids[s.ID] {
			return nil, fmt.Errorf("read expectations: %s: send[%d]: id %q is used twice", name, i, s.ID)
		}
		ids[s.ID] = true
	}
	if len(e.Send) == 0 {
		return nil, fmt.Errorf("read expectations: %s: nothing is sent", name)
	}
	return e, nil
}

// Event makes the event that is sent.
func (s Sent) Event() event.Event {
	e := event.New(event.CloudEventsVersionV1)
	e.SetID(s.ID)
	e.SetType(s.Type)
	e.SetSource(s.Source)
	if s.Subject != "" {
		e.SetSubject(s.Subject)
	}
	for name, value := range s.Extensions {
		e.SetExtension(name, value)
	}
	if s.Data != "" {
		_ = e.SetData(event.ApplicationJSON, []byte(s.Data)) // bytes are taken as they are
		e.DataBase64 = false
	}
	return e
}
