// Command post-install takes over what older installations left, as far as everything that it needs is there: the
// consolidated KafkaChannel of eventing-kafka, and what releases with a data plane in Java leave behind. It says what it
// does, and changes nothing where something is not as it must be. It may be killed and run again at any time.
//
//	post-install             take over
//	post-install dry-run     print what would be done, and change nothing
//	post-install rollback    give consolidated channels back to the old installation, as long as that is there
//
// It is configured by environment variables: SYSTEM_NAMESPACE (required), CHANNEL_GENERAL_CONFIG_MAP_NAME, DRY_RUN (true shows
// what would be done, of a rollback too), TAKEOVER_PATIENCE (how long each step may wait, default 10m), TAKEOVER_SETTLE (how long the old ingress goes on
// after the last Service was switched, default 2m), KUBECONFIG outside of a cluster.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"knative.dev/pkg/signals"

	"knative.dev/eventing-kafka-go/control-plane/environment"
	"knative.dev/eventing-kafka-go/control-plane/migration"
	"knative.dev/eventing-kafka-go/control-plane/migration/installed"
	"knative.dev/eventing-kafka-go/control-plane/migration/kube"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	if err := run(signals.NewContext(), os.Args[1:], log); err != nil {
		fmt.Fprintln(os.Stderr, "post-install:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, log *slog.Logger) error {
	if err := environment.CheckSystemNamespace(); err != nil {
		return err
	}
	config, err := clientConfig()
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 50, 100
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	what, dry, err := command(args, os.Getenv("DRY_RUN"))
	if err != nil {
		return err
	}
	patience, err := duration("TAKEOVER_PATIENCE")
	if err != nil {
		return err
	}
	settle, err := duration("TAKEOVER_SETTLE")
	if err != nil {
		return err
	}
	namespace := os.Getenv("SYSTEM_NAMESPACE")
	kubeClient := kube.Client{Dynamic: client}
	all, err := installed.New(ctx, installed.Options{
		Kube: kubeClient, Namespace: namespace, Settle: settle, Log: log,
		ConfigName: environment.Or("CHANNEL_GENERAL_CONFIG_MAP_NAME", "kafka-channel-config"),
	})
	if err != nil {
		return err
	}
	defer all.Close()
	runner := &migration.Runner{
		Report: &migration.Report{Kube: kubeClient, Namespace: namespace, Now: time.Now}, Log: log, Patience: patience,
	}
	takeovers := all.Takeovers()
	if what == "rollback" {
		takeovers = []migration.Takeover{all.Rollback()}
	}
	if dry {
		return migration.DryRun(ctx, os.Stdout, takeovers...)
	}
	return runner.Run(ctx, takeovers...)
}

// command says what is to be done, and whether only to be shown. Whoever asks for a dry run in a way that is not understood
// must not get a real one.
func command(args []string, dryRun string) (what string, dry bool, err error) {
	what = "takeover"
	if len(args) > 0 {
		what = args[0]
	}
	if dryRun != "" {
		if dry, err = strconv.ParseBool(dryRun); err != nil {
			return "", false, fmt.Errorf("DRY_RUN: %q is neither true nor false", dryRun)
		}
	}
	switch {
	case len(args) > 1:
	case what == "dry-run":
		return "takeover", true, nil
	case what == "takeover" || what == "rollback":
		return what, dry, nil
	}
	return "", false, fmt.Errorf("%q is none of takeover, dry-run, rollback", args)
}

// clientConfig is that of the pod, or of the kubeconfig that the environment names.
func clientConfig() (*rest.Config, error) {
	config, err := rest.InClusterConfig()
	if errors.Is(err, rest.ErrNotInCluster) {
		return clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	}
	return config, err
}

func duration(variable string) (time.Duration, error) {
	text := os.Getenv(variable)
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%s: %q is no duration above 0", variable, text)
	}
	return d, nil
}
