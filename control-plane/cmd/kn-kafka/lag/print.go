package lag

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/offsets"
)

// shownRetries is how many events of a partition are listed that are being retried.
const shownRetries = 10

// WriteJSON prints everything.
func WriteJSON(w io.Writer, groups []Group) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(groups)
}

// WriteTable prints the groups for reading, one after the other.
func WriteTable(w io.Writer, groups []Group) error {
	for i, g := range groups {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s: %s, members %d, lag %d records, %s\n", g.Group, g.State, g.Members, g.Records, age(g.Seconds))
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "  TOPIC\tPARTITION\tCOMMITTED\tFINISHED ABOVE\tEND\tLAG\tAGE\tRETRYING\tNOTE")
		for _, p := range g.Partitions {
			fmt.Fprintf(table, "  %s\t%d\t%s\t%d\t%d\t%d\t%s\t%s\t%s\n",
				p.Topic, p.Partition, committed(p), p.Finished, p.End, p.Records, age(p.Seconds), retrying(p), note(p))
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func committed(p Partition) string {
	if p.Committed < 0 {
		return "none"
	}
	return strconv.FormatInt(p.Committed, 10)
}

func age(seconds *float64) string {
	if seconds == nil {
		return "unknown"
	}
	d := time.Duration(*seconds * float64(time.Second))
	if d < time.Minute {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// retrying lists the first events that are being retried, each with the attempts that were made.
func retrying(p Partition) string {
	if len(p.Retrying) == 0 {
		return "-"
	}
	var shown []string
	for _, r := range p.Retrying[:min(len(p.Retrying), shownRetries)] {
		shown = append(shown, fmt.Sprintf("%d (tried %d)", r.Offset, r.Attempts))
	}
	if n := len(p.Retrying) - len(shown); n > 0 {
		shown = append(shown, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(shown, ", ")
}

// note says why nothing is known of what is above the committed offset.
func note(p Partition) string {
	switch p.Ledger {
	case offsets.Foreign.String():
		return fmt.Sprintf("committed by another program: %.40q", p.Metadata)
	case offsets.Newer.String():
		return "its ledger is of a newer version than this program knows"
	case offsets.Moved.String():
		return "its ledger is of another offset: a tool has moved the offset"
	case offsets.Corrupt.String():
		return "its ledger is damaged"
	}
	return "-"
}
