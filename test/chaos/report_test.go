package chaos

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"knative.dev/eventing-kafka-go/test/chaos/account"
)

// report prints the figures of both runs beside each other.
func report(t *testing.T, seed uint64, lasts time.Duration, outcomes []outcome) {
	var text strings.Builder
	fmt.Fprintf(&text, "chaos: %v each, seed %d\n\n", lasts, seed)
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, o := range outcomes {
		o.print(table)
	}
	if err := table.Flush(); err != nil {
		t.Error(err)
	}
	for _, o := range outcomes {
		o.printPauses(&text)
	}
	t.Log(text.String())
}

// names are the egresses in the order in which they are printed.
var names = []string{"unordered", "ordered", "key"}

func (o outcome) print(w io.Writer) {
	fmt.Fprintf(w, "%s\t%d sent\t%d refused\t%d deeds\t%d kills\tin %v\twindow %v\t\n", o.name, o.sent, o.refused, len(o.deeds),
		o.kills, o.took.Round(time.Second), o.window.Round(10*time.Millisecond))
	fmt.Fprintln(w, "\tevents\trequests\tdead letters\tlost\tinversions\tagain\tmay be\tstale\tunexplained\tmiscounted\tmost failures\tlongest pause\t")
	for _, name := range names {
		f := o.findings[name]
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d of %d\t%v\t\n", name, f.Events, f.Requests, f.Letters, len(f.Lost), len(f.Inversions),
			f.Repeats, f.Bound, f.Stale, len(f.Unexplained), len(f.Miscounted), f.Most, retries+1, longestOf(f.Pauses).Took.Round(10*time.Millisecond))
	}
	fmt.Fprintln(w)
}

func longestOf(pauses []account.Pause) account.Pause {
	if len(pauses) == 0 {
		return account.Pause{}
	}
	return pauses[0]
}

// printPauses says after which deed the longest pause of each partition began.
func (o outcome) printPauses(w io.Writer) {
	fmt.Fprintf(w, "\n%s: longest pause of any partition, by what was done last before it began\n", o.name)
	longest := map[deed]map[string]time.Duration{}
	count, took := map[deed]int{}, map[deed]time.Duration{}
	for _, d := range o.deeds {
		count[d.deed]++
		took[d.deed] = max(took[d.deed], d.took)
	}
	for _, name := range names {
		for _, p := range o.findings[name].Pauses {
			cause := deed("the start")
			for _, d := range o.deeds {
				if !d.at.After(p.From.Add(o.window)) { // what stands still was waiting already
					cause = d.deed
				}
			}
			if longest[cause] == nil {
				longest[cause] = map[string]time.Duration{}
			}
			longest[cause][name] = max(longest[cause][name], p.Took)
		}
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "\ttimes\ttook\t%s\t\n", strings.Join(names, "\t"))
	deeds := slices.Sorted(maps.Keys(count))
	if longest["the start"] != nil {
		deeds = append(deeds, "the start")
	}
	for _, d := range deeds {
		fmt.Fprintf(table, "%s\t%d\t%v", d, count[d], took[d].Round(10*time.Millisecond))
		for _, name := range names {
			fmt.Fprintf(table, "\t%v", longest[d][name].Round(10*time.Millisecond))
		}
		fmt.Fprint(table, "\t\n")
	}
	_ = table.Flush() // into memory
}
