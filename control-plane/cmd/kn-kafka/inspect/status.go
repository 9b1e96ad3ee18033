// Package inspect is kn-kafka status and kn-kafka describe: what an installation in a cluster does at the moment, as its data
// planes tell it, and where the events of one object are.
//
// It reads objects and the status pages of pods, through the API server, and changes nothing.
package inspect

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/cluster"
	"knative.dev/eventing-kafka-go/data-plane/status"
)

type connect func(*cluster.Flags) (*cluster.Cluster, error)

// StatusCommand returns kn-kafka status.
func StatusCommand() *cobra.Command { return statusCommand((*cluster.Flags).Connect) }

func statusCommand(connect connect) *cobra.Command {
	var flags cluster.Flags
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how the data planes of a cluster fare",
		Long: "Status asks every pod of every data plane: which contract it runs, how many objects it serves, what is behind and what\n" +
			"is wrong. It takes the right to list pods and to reach them through the API server (pods/proxy).",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SilenceUsage = true
			cl, err := connect(&flags)
			if err != nil {
				return err
			}
			reports, err := cl.Reports(cmd.Context(), flags.Namespace)
			if err != nil {
				return err
			}
			return writeStatus(cmd.OutOrStdout(), reports)
		},
	}
	flags.Add(cmd.Flags())
	cmd.Flags().Lookup("namespace").Usage = "only the data planes of this namespace (default: of all)"
	return cmd
}

func writeStatus(out io.Writer, reports []cluster.Report) error {
	if len(reports) == 0 {
		_, err := fmt.Fprintln(out, "No data plane found.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 8, 3, ' ', 0)
	_, _ = fmt.Fprintln(w, "NAMESPACE\tPOD\tREADY\tRESTARTS\tGENERATION\tROUTES\tGROUPS\tBEHIND\tIN FLIGHT\tMEMORY")
	for i := range reports {
		r := &reports[i]
		if r.Err != nil {
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\n", r.Namespace, r.Pod, yes(r.Ready), r.Restarts)
			continue
		}
		lag, flight := int64(0), 0
		for g := range r.Status.Groups {
			lag, flight = lag+r.Status.Groups[g].LagRecords, flight+r.Status.Groups[g].InFlight
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d MiB\n", r.Namespace, r.Pod, yes(r.Ready), r.Restarts,
			r.Status.Contract.Generation, len(r.Status.Routes), len(r.Status.Groups), lag, flight, r.Status.Process.RSSBytes>>20)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return writeTroubles(out, reports)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// writeTroubles lists what is wrong, one line each.
func writeTroubles(out io.Writer, reports []cluster.Report) error {
	var lines []string
	for i := range reports {
		lines = append(lines, troubles(&reports[i])...)
	}
	if len(lines) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(out, "\nTroubles:\n  %s\n", strings.Join(lines, "\n  "))
	return err
}

func troubles(r *cluster.Report) (lines []string) {
	say := func(what, why string) {
		if why != "" {
			lines = append(lines, fmt.Sprintf("%s/%s: %s%s", r.Namespace, r.Pod, what, why))
		}
	}
	if r.Err != nil {
		say("", r.Err.Error())
		return lines
	}
	s := r.Status
	say("not ready: ", s.NotReadyReason)
	say("to be restarted: ", s.NotAliveReason)
	say("contract: ", s.Contract.LastError)
	say("credentials: ", s.Contract.CredentialsError)
	for i := range s.Contract.Rejected {
		x := &s.Contract.Rejected[i]
		say(fmt.Sprintf("%s %s/%s is refused: ", x.Kind, x.Namespace, x.Name), x.Reason)
	}
	for i := range s.Routes {
		x := &s.Routes[i]
		say(fmt.Sprintf("%s %s/%s takes no events: ", x.Kind, x.Namespace, x.Name), x.Problem)
	}
	for i := range s.Groups {
		x := &s.Groups[i]
		say(fmt.Sprintf("%s %s/%s delivers nothing: ", x.Kind, x.Namespace, x.Name), x.Problem+x.Halted)
	}
	for i := range s.Settings {
		x := &s.Settings[i]
		say(x.File+": ", x.LastError)
	}
	return lines
}

// ago is how long ago something was, for people.
func ago(now, then time.Time) string {
	if then.IsZero() {
		return "never"
	}
	return now.Sub(then).Round(time.Second).String() + " ago"
}

// groupsOf are the groups of an object in one pod: its own, or those of the kind readers that read what enters at it.
func groupsOf(s *status.Report, kind, readers, namespace, name string) (groups []*status.Group) {
	for i := range s.Groups {
		g := &s.Groups[i]
		own := readers == "" && g.Kind == kind && g.Namespace == namespace && g.Name == name
		if own || readers != "" && g.Kind == readers && g.Resource == namespace+"/"+name {
			groups = append(groups, g)
		}
	}
	return groups
}

func routesOf(s *status.Report, kind, namespace, name string) (routes []*status.Route) {
	for i := range s.Routes {
		if r := &s.Routes[i]; strings.EqualFold(r.Kind, kind) && r.Namespace == namespace && r.Name == name {
			routes = append(routes, r)
		}
	}
	return routes
}
