// Package source is kn source kafka: it creates, changes, shows and deletes KafkaSources, with the flags and words of kn's own
// plugin of that name (KN-07).
//
// It writes KafkaSources and nothing else; what is left out of them is defaulted by the webhook. Every command ends with what
// the API server answered.
package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
	typed "knative.dev/eventing-kafka-go/control-plane/client/clientset/versioned/typed/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/cluster"
)

// command is what all subcommands share.
type command struct {
	flags   cluster.Flags
	connect func(*cluster.Flags) (*cluster.Cluster, error) // tests have another
}

// Command returns the commands under the name by which they are called: kn-source-kafka as a plugin of kn, else source.
func Command(name string) *cobra.Command {
	return newCommand(name, (*cluster.Flags).Connect)
}

func newCommand(name string, connect func(*cluster.Flags) (*cluster.Cluster, error)) *cobra.Command {
	c := &command{connect: connect}
	root := &cobra.Command{
		Use:           name,
		Short:         "Manage KafkaSources",
		Long:          "Manage KafkaSources: they deliver the records of Kafka topics to a sink, as CloudEvents.",
		SilenceErrors: true,
	}
	c.flags.Add(root.PersistentFlags())
	root.AddCommand(c.create(), c.update(), c.remove(), c.list(), c.describe())
	return root
}

// settings are the flags of create and update.
type settings struct {
	servers, topics, overrides []string
	group, sink                string
}

func (s *settings) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&s.servers, "servers", nil, "Kafka bootstrap servers, HOST:PORT, comma separated; may be repeated")
	flags.StringSliceVar(&s.topics, "topics", nil, "topics to read, comma separated; may be repeated")
	flags.StringVar(&s.group, "consumergroup", "", "consumer group that reads (default: a name of its own)")
	flags.StringVarP(&s.sink, "sink", "s", "", "where events go: a URL, ksvc:NAME, svc:NAME, broker:NAME, channel:NAME or GROUP/VERSION/RESOURCE:NAME")
	flags.StringArrayVar(&s.overrides, "ce-override", nil, "extension that is set on every event, NAME=VALUE; NAME- takes one away; may be repeated")
}

// apply writes what the flags say, and leaves the rest.
func (s *settings) apply(source *sourcesv1beta1.KafkaSource, c *cluster.Cluster) error {
	if len(s.servers) > 0 {
		source.Spec.BootstrapServers = s.servers
	}
	if len(s.topics) > 0 {
		source.Spec.Topics = s.topics
	}
	if s.group != "" {
		source.Spec.ConsumerGroup = s.group
	}
	if s.sink != "" {
		sink, err := parseSink(s.sink, source.Namespace, c.KindOf)
		if err != nil {
			return err
		}
		source.Spec.Sink = sink
	}
	return override(&source.Spec.SourceSpec, s.overrides)
}

// override sets and takes away extensions.
func override(spec *duckv1.SourceSpec, overrides []string) error {
	for _, o := range overrides {
		name, value, set := strings.Cut(o, "=")
		gone := !set && strings.HasSuffix(name, "-")
		if name = strings.TrimSuffix(name, "-"); name == "" || !set && !gone {
			return fmt.Errorf("--ce-override %q: expected NAME=VALUE or NAME-", o)
		}
		if spec.CloudEventOverrides == nil {
			spec.CloudEventOverrides = &duckv1.CloudEventOverrides{}
		}
		if gone {
			delete(spec.CloudEventOverrides.Extensions, name)
			continue
		}
		if spec.CloudEventOverrides.Extensions == nil {
			spec.CloudEventOverrides.Extensions = map[string]string{}
		}
		spec.CloudEventOverrides.Extensions[name] = value
	}
	return nil
}

// action does something with one source and returns what is said about it.
type action func(ctx context.Context, cl *cluster.Cluster, sources typed.KafkaSourceInterface, name string) (string, error)

// run is a subcommand for one source.
func (c *command) run(do action) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		cmd.SilenceUsage = true
		cl, err := c.connect(&c.flags)
		if err != nil {
			return err
		}
		text, err := do(cmd.Context(), cl, cl.Kafka.SourcesV1beta1().KafkaSources(cl.Namespace), args[0])
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(cmd.OutOrStdout(), text)
		return err
	}
}

func (c *command) create() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use: "create NAME --servers SERVERS --topics TOPICS --sink SINK", Short: "Create a KafkaSource", Args: cobra.ExactArgs(1),
		Example: "  kn source kafka create orders --servers my-cluster-kafka-bootstrap.kafka:9092 --topics orders --sink ksvc:receiver",
	}
	s.add(cmd)
	create := c.run(func(ctx context.Context, cl *cluster.Cluster, sources typed.KafkaSourceInterface, name string) (string, error) {
		source := &sourcesv1beta1.KafkaSource{ObjectMeta: metav1.ObjectMeta{Namespace: cl.Namespace, Name: name}}
		if err := s.apply(source, cl); err != nil {
			return "", err
		}
		if _, err := sources.Create(ctx, source, metav1.CreateOptions{}); err != nil {
			return "", fmt.Errorf("create Kafka source %q in namespace %q: %w", name, cl.Namespace, err)
		}
		return fmt.Sprintf("Kafka source '%s' created in namespace '%s'.\n", name, cl.Namespace), nil
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var missing []string
		for flag, given := range map[string]bool{"--servers": len(s.servers) > 0, "--topics": len(s.topics) > 0, "--sink": s.sink != ""} {
			if !given {
				missing = append(missing, flag)
			}
		}
		if slices.Sort(missing); len(missing) > 0 {
			return errors.New("required: " + strings.Join(missing, ", "))
		}
		return create(cmd, args)
	}
	return cmd
}

func (c *command) update() *cobra.Command {
	var s settings
	cmd := &cobra.Command{Use: "update NAME", Short: "Change a KafkaSource; what is not named stays", Args: cobra.ExactArgs(1)}
	s.add(cmd)
	cmd.RunE = c.run(func(ctx context.Context, cl *cluster.Cluster, sources typed.KafkaSourceInterface, name string) (string, error) {
		err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
			source, err := sources.Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			if err := s.apply(source, cl); err != nil {
				return err
			}
			_, err = sources.Update(ctx, source, metav1.UpdateOptions{})
			return err
		})
		if err != nil {
			return "", fmt.Errorf("update Kafka source %q in namespace %q: %w", name, cl.Namespace, err)
		}
		return fmt.Sprintf("Kafka source '%s' updated in namespace '%s'.\n", name, cl.Namespace), nil
	})
	return cmd
}

func (c *command) remove() *cobra.Command {
	cmd := &cobra.Command{Use: "delete NAME", Short: "Delete a KafkaSource", Args: cobra.ExactArgs(1)}
	cmd.RunE = c.run(func(ctx context.Context, cl *cluster.Cluster, sources typed.KafkaSourceInterface, name string) (string, error) {
		if err := sources.Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
			return "", fmt.Errorf("delete Kafka source %q in namespace %q: %w", name, cl.Namespace, err)
		}
		return fmt.Sprintf("Kafka source '%s' deleted in namespace '%s'.\n", name, cl.Namespace), nil
	})
	return cmd
}
