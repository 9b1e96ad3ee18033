// Package report keeps the figures of a benchmark and prints them: for every measurement our value, the floor's and
// their ratio. It owns no measuring. A Report belongs to one goroutine.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Names of the two that are compared.
const (
	Ours  = "ours"
	Floor = "floor"
)

// Report is a whole run.
type Report struct {
	Started time.Time `json:"started"`
	Kafka   string    `json:"kafka"` // which broker it ran against
	CPUs    int       `json:"cpus"`
	Go      string    `json:"go"`
	Rows    []*Row    `json:"rows"`
	// Wrong lists what must never happen, however slow the machine: lost events, refused events, broken order.
	Wrong []string `json:"wrong,omitempty"`
}

// Row is one measurement of one case.
type Row struct {
	Section string `json:"section"` // e.g. "ingress, closed loop"
	Case    string `json:"case"`    // e.g. "64 connections"
	Name    string `json:"name"`    // e.g. "CPU per event"
	Unit    string `json:"unit"`    // e.g. "µs"
	// Rounds are the values in the order in which they were measured, by who was measured.
	Rounds map[string][]float64 `json:"rounds"`
	// Medians of the rounds.
	Medians map[string]float64 `json:"medians"`
	// Ratio is our median by the floor's, absent without one of them.
	Ratio *float64 `json:"ratio,omitempty"`
}

// Figure is one value of one round.
type Figure struct {
	Name, Unit string
	Value      float64
}

// Add puts figures of a round in; who is Ours or Floor. Rows stand in the order in which they first came.
func (r *Report) Add(section, what, who string, figures ...Figure) {
	for _, f := range figures {
		if math.IsNaN(f.Value) || math.IsInf(f.Value, 0) {
			continue // nothing was measured, e.g. a broker's processor time that cannot be read
		}
		row := r.row(section, what, f)
		row.Rounds[who] = append(row.Rounds[who], f.Value)
		row.Medians[who] = median(row.Rounds[who])
		ours, haveOurs := row.Medians[Ours]
		floor, haveFloor := row.Medians[Floor]
		if haveOurs && haveFloor && floor != 0 {
			ratio := ours / floor
			row.Ratio = &ratio
		}
	}
}

// Wrongly notes something that must never happen.
func (r *Report) Wrongly(format string, args ...any) {
	r.Wrong = append(r.Wrong, fmt.Sprintf(format, args...))
}

func (r *Report) row(section, what string, f Figure) *Row {
	for _, row := range r.Rows {
		if row.Section == section && row.Case == what && row.Name == f.Name {
			return row
		}
	}
	row := &Row{
		Section: section, Case: what, Name: f.Name, Unit: f.Unit,
		Rounds: map[string][]float64{}, Medians: map[string]float64{},
	}
	r.Rows = append(r.Rows, row)
	return row
}

// WriteText prints a table for reading, a section at a time.
func (r *Report) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "%s, %s, %d CPUs, %s; medians\n", r.Started.UTC().Format("2006-01-02 15:04Z"), r.Kafka, r.CPUs, r.Go)
	for _, section := range r.sections() {
		fmt.Fprintf(w, "\n%s\n", section)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintf(t, "\tours\tfloor\tratio\t\n")
		for _, row := range r.Rows {
			if row.Section == section {
				fmt.Fprintln(t, row.line())
			}
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	for _, wrong := range r.Wrong {
		fmt.Fprintf(w, "\nWRONG: %s", wrong)
	}
	_, err := fmt.Fprintln(w)
	return err
}

// WriteJSON prints everything, every round included.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

func (r *Report) sections() []string {
	var names []string
	for _, row := range r.Rows {
		if !slices.Contains(names, row.Section) {
			names = append(names, row.Section)
		}
	}
	return names
}

func (row *Row) line() string {
	cells := []string{strings.TrimPrefix(row.Case+", "+row.Name+", "+row.Unit, ", ")}
	for _, who := range []string{Ours, Floor} {
		cell := "–"
		if v, ok := row.Medians[who]; ok {
			cell = number(v)
		}
		cells = append(cells, cell)
	}
	ratio := "–"
	if row.Ratio != nil {
		ratio = fmt.Sprintf("%.2f", *row.Ratio)
	}
	return strings.Join(append(cells, ratio), "\t") + "\t"
}

// number prints three digits that matter.
func number(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
