package inspect

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/cluster"
	"knative.dev/eventing-kafka-go/data-plane/status"
)

// described is a kind of object whose events can be looked for.
type described struct {
	resource schema.GroupVersionResource
	// readers is the kind of the groups that read what enters at it, "" if it is a group itself.
	readers string
}

func kinds() map[string]described {
	eventing := schema.GroupVersion{Group: "eventing.knative.dev", Version: "v1"}
	messaging := schema.GroupVersion{Group: "messaging.knative.dev", Version: "v1beta1"}
	return map[string]described{
		"broker":       {eventing.WithResource("brokers"), "trigger"},
		"trigger":      {eventing.WithResource("triggers"), ""},
		"kafkachannel": {messaging.WithResource("kafkachannels"), "subscription"},
		"subscription": {schema.GroupVersionResource{Group: "messaging.knative.dev", Version: "v1", Resource: "subscriptions"}, ""},
		"kafkasink":    {schema.GroupVersionResource{Group: "eventing.knative.dev", Version: "v1alpha1", Resource: "kafkasinks"}, ""},
		"kafkasource":  {schema.GroupVersionResource{Group: "sources.knative.dev", Version: "v1beta1", Resource: "kafkasources"}, ""},
	}
}

// kindNamed finds a kind by what people call it: singular, plural, or kc.
func kindNamed(text string) (string, described, error) {
	all := kinds()
	name := strings.ToLower(text)
	if name == "kc" {
		name = "kafkachannel"
	}
	for _, candidate := range []string{name, strings.TrimSuffix(name, "s")} {
		if d, ok := all[candidate]; ok {
			return candidate, d, nil
		}
	}
	return "", described{}, fmt.Errorf("%q: expected one of %s", text, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
}

// DescribeCommand returns kn-kafka describe.
func DescribeCommand() *cobra.Command { return describeCommand((*cluster.Flags).Connect) }

func describeCommand(connect connect) *cobra.Command {
	var flags cluster.Flags
	cmd := &cobra.Command{
		Use:   "describe KIND NAME",
		Short: "Show where the events of an object are",
		Long: "Describe shows an object's conditions, topic and consumer group, and what the pods of its data plane do for it: events\n" +
			"taken and refused, delivered, retried, dead-lettered and parked, how far it is behind and what went wrong last.\n" +
			"KIND is broker, trigger, kafkachannel (kc), subscription, kafkasink or kafkasource.",
		Example: "  kn-kafka describe trigger orders -n shop",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			kind, d, err := kindNamed(args[0])
			if err != nil {
				return err
			}
			cmd.SilenceUsage = true
			cl, err := connect(&flags)
			if err != nil {
				return err
			}
			object, err := cl.Dynamic.Resource(d.resource).Namespace(cl.Namespace).Get(cmd.Context(), args[1], metav1.GetOptions{})
			if err != nil {
				return fmt.Errorf("describe %s %s/%s: %w", kind, cl.Namespace, args[1], err)
			}
			reports, err := cl.Reports(cmd.Context(), "")
			return errors.Join(writeObject(cmd.OutOrStdout(), kind, d, object, reports, time.Now()), err)
		},
	}
	flags.Add(cmd.Flags())
	return cmd
}

// writeObject shows one object. What pods tell is left out where they could not be asked.
func writeObject(out io.Writer, kind string, d described, object *unstructured.Unstructured, reports []cluster.Report, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	line := func(cells ...any) {
		_, _ = fmt.Fprintln(w, strings.TrimRight(strings.Join(texts(cells), "\t"), "\t"))
	}
	line("Name:", object.GetName())
	line("Namespace:", object.GetNamespace())
	line("Kind:", object.GetKind())
	var known duckv1.KResource
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &known); err != nil {
		return fmt.Errorf("the status of %s is not understood: %w", object.GetName(), err)
	}
	for _, name := range slices.Sorted(maps.Keys(known.Status.Annotations)) {
		line(name+":", known.Status.Annotations[name])
	}
	writeConditions(line, known.Status.Conditions)
	for i := range reports {
		if r := &reports[i]; r.Status != nil {
			writePod(line, kind, d, object, r, now)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func texts(cells []any) []string {
	all := make([]string, len(cells))
	for i, c := range cells {
		all[i] = fmt.Sprint(c)
	}
	return all
}

func writeConditions(line func(...any), conditions []apis.Condition) {
	line()
	line("Conditions:")
	for _, c := range conditions {
		line("  "+string(c.Type), string(c.Status), strings.TrimSpace(c.Reason+" "+c.Message))
	}
}

// writePod shows what one pod does for the object; nothing if it has no part in it.
func writePod(line func(...any), kind string, d described, object *unstructured.Unstructured, r *cluster.Report, now time.Time) {
	routes := routesOf(r.Status, kind, object.GetNamespace(), object.GetName())
	groups := groupsOf(r.Status, kind, d.readers, object.GetNamespace(), object.GetName())
	if len(routes)+len(groups) == 0 {
		return
	}
	line()
	line("Pod " + r.Pod + ":")
	for _, x := range routes {
		line("  takes events for", x.Topic, fmt.Sprintf("%d accepted, %s", x.Accepted, refused(x)))
		if x.LastError != "" {
			line("    last refusal", ago(now, x.LastErrorAt), x.LastError)
		}
		if x.Problem != "" {
			line("    serves nothing:", x.Problem)
		}
	}
	for _, g := range groups {
		writeGroup(line, g, now)
	}
}

func refused(r *status.Route) string {
	var parts []string
	for _, code := range slices.Sorted(maps.Keys(r.Answers)) {
		parts = append(parts, fmt.Sprintf("%d × %s", r.Answers[code], code))
	}
	return cmp.Or(strings.Join(parts, ", "), "none refused")
}

func writeGroup(line func(...any), g *status.Group, now time.Time) {
	line("  "+g.Kind+" "+g.Name, g.State, "group "+g.GroupID)
	line("    to", g.Destination)
	line("    behind", fmt.Sprintf("%d events, %.0f s", g.LagRecords, g.LagSeconds),
		fmt.Sprintf("%d in flight, %d waiting for a retry", g.InFlight, g.Waiting))
	line("    finished", fmt.Sprintf("%d delivered, %d filtered", g.Delivered, g.Filtered),
		fmt.Sprintf("%d dead-lettered, %d parked, %d lost, %d discarded; %d retries", g.DeadLettered, g.Parked, g.Lost, g.Discarded, g.Retried))
	if why := g.Problem + g.Halted; why != "" {
		line("    stands still:", why)
	}
	if !g.NextRetry.IsZero() {
		line("    next retry", "in "+until(now, g.NextRetry))
	}
	if g.LastError != "" {
		line("    last error", ago(now, g.LastErrorAt), g.LastError)
	}
	for _, p := range g.Partitions {
		line(fmt.Sprintf("    %s/%d", p.Topic, p.Partition), fmt.Sprintf("committed %d of %d", p.Committed, p.End), unfinished(p, now))
	}
}

// unfinished says what a partition waits for.
func unfinished(p status.Partition, now time.Time) string {
	text := fmt.Sprintf("%d unfinished", p.Unfinished)
	if e := p.Oldest; e != nil {
		text += fmt.Sprintf("; the oldest at %d is %s", e.Offset, e.State)
		if !e.NextAttempt.IsZero() {
			text += ", next attempt in " + until(now, e.NextAttempt)
		}
		if e.Attempts > 0 {
			text += fmt.Sprintf(", after %d at the %s (%d)", e.Attempts, e.To, e.Status)
		}
	}
	if p.PausedReason != "" {
		text += "; not fetched: " + p.PausedReason
	}
	return text
}

// until is a time to come, in seconds.
func until(now, at time.Time) string { return fmt.Sprintf("%.0f s", max(at.Sub(now).Seconds(), 0)) }
