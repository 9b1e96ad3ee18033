// Package migrate is `kn kafka migrate`: what the takeover of older installations would do to a cluster.
//
// It shows and changes nothing: takeovers are carried out in the cluster, by the Job of the installation.
package migrate

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"knative.dev/eventing-kafka-go/control-plane/migration"
	"knative.dev/eventing-kafka-go/control-plane/migration/installed"
	"knative.dev/eventing-kafka-go/control-plane/migration/kube"
)

type options struct{ kubeconfig, context, namespace, config string }

// Command returns `kn-kafka migrate`.
func Command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Show what a takeover of older installations would do",
		Long: "migrate shows what the Job kafka-controller-post-install would do: each channel with where its Service leads, its topic and groups, " +
			"settings that are lost, and each step with what it waits for. It changes nothing.\n\nPods and Kafka are asked as well: from outside of a " +
			"cluster they may not answer, and what depends on them is shown as waiting or in the way.",
		Args:         cobra.NoArgs,
		SilenceUsage: true, // what is said by then is about the cluster
		RunE:         func(cmd *cobra.Command, _ []string) error { return o.run(cmd, cmd.OutOrStdout()) },
	}
	flags := c.Flags()
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig file (default: $KUBECONFIG or the one of kubectl)")
	flags.StringVar(&o.context, "context", "", "context of the kubeconfig")
	flags.StringVarP(&o.namespace, "namespace", "n", "knative-eventing", "namespace of the installation")
	flags.StringVar(&o.config, "channel-config", "kafka-channel-config", "ConfigMap with the settings of channels")
	return c
}

func (o options) run(cmd *cobra.Command, w io.Writer) error {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: o.context}).ClientConfig()
	if err != nil {
		return fmt.Errorf("read the kubeconfig: %w", err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	all, err := installed.New(cmd.Context(), installed.Options{
		Kube: kube.Client{Dynamic: client}, Namespace: o.namespace, ConfigName: o.config, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	defer all.Close()
	return migration.DryRun(cmd.Context(), w, all.Takeovers()...)
}
