package source

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"
	"knative.dev/pkg/apis"

	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
	typed "knative.dev/eventing-kafka-go/control-plane/client/clientset/versioned/typed/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/cluster"
)

func (c *command) list() *cobra.Command {
	var all bool
	var output string
	cmd := &cobra.Command{Use: "list", Aliases: []string{"ls"}, Short: "List KafkaSources", Args: cobra.NoArgs}
	cmd.Flags().BoolVarP(&all, "all-namespaces", "A", false, "of all namespaces")
	cmd.Flags().StringVarP(&output, "output", "o", "", "json; default: a table")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if output != "" && output != "json" {
			return fmt.Errorf("--output %q: expected json", output)
		}
		cmd.SilenceUsage = true
		cl, err := c.connect(&c.flags)
		if err != nil {
			return err
		}
		namespace := cl.Namespace
		if all {
			namespace = ""
		}
		sources, err := cl.Kafka.SourcesV1beta1().KafkaSources(namespace).List(cmd.Context(), metav1.ListOptions{})
		if err != nil {
			return fmt.Errorf("list Kafka sources: %w", err)
		}
		text, err := listText(sources, all, output, time.Now())
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(cmd.OutOrStdout(), text)
		return err
	}
	return cmd
}

func listText(list *sourcesv1beta1.KafkaSourceList, all bool, output string, now time.Time) (string, error) {
	if output == "json" {
		list.TypeMeta = metav1.TypeMeta{APIVersion: sourcesv1beta1.SchemeGroupVersion.String(), Kind: "KafkaSourceList"}
		text, err := json.MarshalIndent(list, "", "  ")
		return string(text) + "\n", err
	}
	if len(list.Items) == 0 {
		return "No Kafka source found.\n", nil
	}
	slices.SortFunc(list.Items, func(a, b sourcesv1beta1.KafkaSource) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return table(func(row func(...any)) {
		head := []any{"NAME", "TOPICS", "BOOTSTRAPSERVERS", "SINK", "AGE", "READY", "REASON"}
		if all {
			head = append([]any{"NAMESPACE"}, head...)
		}
		row(head...)
		for i := range list.Items {
			s := &list.Items[i]
			ready, reason := readiness(s)
			cells := []any{
				s.Name, strings.Join(s.Spec.Topics, ","), strings.Join(s.Spec.BootstrapServers, ","), sinkText(s.Spec.Sink),
				age(s, now), ready, reason,
			}
			if all {
				cells = append([]any{s.Namespace}, cells...)
			}
			row(cells...)
		}
	}), nil
}

// table lines columns up.
func table(fill func(row func(cells ...any))) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 8, 3, ' ', 0)
	fill(func(cells ...any) {
		parts := make([]string, len(cells))
		for i, c := range cells {
			parts[i] = fmt.Sprint(c)
		}
		_, _ = fmt.Fprintln(w, strings.TrimRight(strings.Join(parts, "\t"), "\t"))
	})
	_ = w.Flush() // into memory
	return text.String()
}

func age(s *sourcesv1beta1.KafkaSource, now time.Time) string {
	return duration.HumanDuration(now.Sub(s.CreationTimestamp.Time))
}

func readiness(s *sourcesv1beta1.KafkaSource) (ready, reason string) {
	c := s.Status.GetCondition(apis.ConditionReady)
	if c == nil {
		return string(corev1.ConditionUnknown), ""
	}
	return string(c.Status), c.Reason
}

func (c *command) describe() *cobra.Command {
	cmd := &cobra.Command{Use: "describe NAME", Short: "Show a KafkaSource", Args: cobra.ExactArgs(1)}
	cmd.RunE = c.run(func(ctx context.Context, cl *cluster.Cluster, sources typed.KafkaSourceInterface, name string) (string, error) {
		source, err := sources.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return "", fmt.Errorf("describe Kafka source %q in namespace %q: %w", name, cl.Namespace, err)
		}
		return describeText(source, time.Now()), nil
	})
	return cmd
}

func describeText(s *sourcesv1beta1.KafkaSource, now time.Time) string {
	return table(func(row func(...any)) {
		row("Name:", s.Name)
		row("Namespace:", s.Namespace)
		row("Age:", age(s, now))
		row("BootstrapServers:", strings.Join(s.Spec.BootstrapServers, ", "))
		row("Topics:", strings.Join(s.Spec.Topics, ", "))
		row("ConsumerGroup:", s.Spec.ConsumerGroup)
		row("Sink:", sinkText(s.Spec.Sink))
		if s.Status.SinkURI != nil {
			row("SinkURI:", s.Status.SinkURI)
		}
		if o := s.Spec.CloudEventOverrides; o != nil {
			for _, name := range slices.Sorted(maps.Keys(o.Extensions)) {
				row("CE Override:", name+"="+o.Extensions[name])
			}
		}
		row()
		row("Conditions:")
		row("  OK TYPE", "AGE", "REASON")
		for _, c := range s.Status.Conditions {
			row("  "+mark(c)+" "+string(c.Type), duration.HumanDuration(now.Sub(c.LastTransitionTime.Inner.Time)), strings.TrimSpace(c.Reason+" "+c.Message))
		}
	})
}

// mark is how kn shows a condition.
func mark(c apis.Condition) string {
	switch {
	case c.Status == corev1.ConditionTrue:
		return "++"
	case c.Status == corev1.ConditionUnknown:
		return "??"
	case c.Severity == apis.ConditionSeverityError:
		return "!!"
	}
	return " W"
}
