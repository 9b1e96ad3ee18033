// Package lag is kn-kafka lag: how far consumer groups are behind, as the delivery ledger in their commits tells it, which
// other tools cannot read.
//
// It reads Kafka and changes nothing: no group is joined, no offset committed. A Reader belongs to one goroutine.
package lag

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// options are the flags.
type options struct {
	servers string
	secret  string
	groups  []string
	output  string
	timeout time.Duration
}

// The values of --output.
const (
	asTable = "table"
	asJSON  = "json"
)

// Command returns kn-kafka lag.
func Command() *cobra.Command {
	o := options{output: asTable, timeout: time.Minute}
	var servers []string
	cmd := &cobra.Command{
		Use:   "lag",
		Short: "Show how far consumer groups are behind, and what they retry",
		Long: "Lag reads what consumer groups have committed: for each partition the committed offset, how many events above it\n" +
			"are finished, which ones are being retried and how often they were tried, and the lag in records and in time (the\n" +
			"age of the oldest record that is not finished). Offsets that another program has committed have no such ledger;\n" +
			"everything from them on counts as not finished.",
		Example: "  kn-kafka lag --bootstrap-servers kafka:9092 --group knative-trigger-default-orders\n" +
			"  kn-kafka lag --bootstrap-servers kafka:9092 --group 'knative-trigger-*' --output json\n" +
			"  kn-kafka lag --bootstrap-servers kafka:9093 --secret kafka-secret.yaml",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, list := range servers {
				o.servers += "," + list
			}
			if o.output != asTable && o.output != asJSON {
				return fmt.Errorf("--output %q: expected %s or %s", o.output, asTable, asJSON)
			}
			if len(kafka.ParseServers(o.servers)) == 0 {
				return errors.New("--bootstrap-servers: expected HOST:PORT")
			}
			cmd.SilenceUsage = true
			return run(cmd, o)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVarP(&servers, "bootstrap-servers", "b", nil, "servers of Kafka, HOST:PORT, comma separated; may be repeated")
	flags.StringSliceVarP(&o.groups, "group", "g", nil,
		"consumer groups, comma separated; * stands for any text; may be repeated (default: all groups)")
	flags.StringVar(&o.secret, "secret", "", "manifest of the Secret by which Kafka admits its clients, in the format of Brokers and KafkaChannels")
	flags.StringVarP(&o.output, "output", "o", o.output, "form of the answer: table or json")
	flags.DurationVar(&o.timeout, "timeout", o.timeout, "time limit of all of it")
	return cmd
}

func run(cmd *cobra.Command, o options) error {
	connection, err := connectionOf(o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), o.timeout)
	defer cancel()
	reader, err := NewReader(connection)
	if err != nil {
		return err
	}
	defer reader.Close()
	groups, err := reader.Read(ctx, o.groups)
	if err != nil {
		return err
	}
	if o.output == asJSON {
		return WriteJSON(cmd.OutOrStdout(), groups)
	}
	return WriteTable(cmd.OutOrStdout(), groups)
}

// connectionOf is the connection that the flags ask for: as a resource of the contract would, so that what works here
// works in a data plane.
func connectionOf(o options) (kafka.Connection, error) {
	resource := &contract.Resource{BootstrapServers: o.servers}
	secrets := kafka.Credentials{}
	if o.secret != "" {
		secret, err := readSecret(o.secret)
		if err != nil {
			return kafka.Connection{}, fmt.Errorf("--secret: %w", err)
		}
		ref := &contract.Reference{Namespace: secret.Namespace, Name: secret.Name}
		secrets[credentials.Name(ref)] = secret.Data
		one, keys := credentials.Auth(ref, secret.Data)
		if one != nil {
			resource.Auth = &contract.Resource_AuthSecret{AuthSecret: one}
		} else {
			resource.Auth = &contract.Resource_MultiAuthSecret{MultiAuthSecret: keys}
		}
	}
	return kafka.ConnectionOf(resource, secrets)
}

func readSecret(path string) (*corev1.Secret, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	secret := &corev1.Secret{}
	if err := yaml.UnmarshalStrict(text, secret); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if secret.Kind != "Secret" {
		return nil, fmt.Errorf("%s: kind %q, expected one Secret", path, secret.Kind)
	}
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	for key, value := range secret.StringData {
		secret.Data[key] = []byte(value)
	}
	return secret, nil
}
