// Command kafka-data-plane runs a contract: it takes CloudEvents over HTTP into Kafka (role ingress) and delivers them
// from Kafka over HTTP (role egress).
//
//	kafka-data-plane ingress|egress|all
//
// It is configured by environment variables, with the names and defaults of eventing-kafka-broker where it has one:
//
//	DATA_PLANE_CONFIG_FILE_PATH     the mounted contract (required)
//	CREDENTIALS_DIR_PATH            the folder with the mounted credentials for Kafka; none: without
//	TOKENS_DIR_PATH                 /etc/tokens, if that is there: the folder with the mounted OIDC tokens for subscribers
//	PRODUCER_CONFIG_FILE_PATH, CONSUMER_CONFIG_FILE_PATH, WEBCLIENT_CONFIG_FILE_PATH, HTTPSERVER_CONFIG_FILE_PATH
//	                                mounted .properties files, taken up when they change ; none: defaults
//	INGRESS_HOST                    the address to take events at; none: every one
//	INGRESS_PORT                    8080
//	INGRESS_TLS_PORT                8443, open while there is a certificate
//	INGRESS_TLS_DIR_PATH            /etc/receiver-tls-secret: the folder of tls.crt and tls.key
//	POD_NAME                        the name by which the contract's list of dispatchers places consumer groups, and the id of
//	                                static members; none: it joins all groups, as a dynamic member
//	DELIVERY_LEDGER                 off keeps what is finished above the committed offset, and attempts, to the process: for comparison
//	LIVENESS_PROBE_PATH, READINESS_PROBE_PATH
//	                                /healthz and /readyz: where INGRESS_PORT answers probes; the status address keeps its own
//	STATUS_ADDRESS                  0.0.0.0:8081: page, JSON, health, readiness, profiles
//	METRICS_ADDRESS                 METRICS_HOST (0.0.0.0), port 9090; "none" leaves the metrics to the status address alone
//	METRICS_DISABLE_EVENT_TYPE_TAG  true leaves the event type out of the metrics
//	DISABLE_KAFKA_CLIENTS_METRICS   true leaves the figures of Kafka clients out of the metrics
//	METRICS_PEM_CERT_PATH, METRICS_PEM_KEY_PATH
//	                                certificate and key: the metrics address then has TLS
//	METRICS_JVM_ENABLED             true pushes the figures of the Go runtime, too, where metrics are pushed; scrapes always have them
//	CONFIG_OBSERVABILITY_PATH       /etc/observability: the mounted config-observability: where metrics are pushed and
//	                                traces go, taken up when it changes
//	SERVICE_NAME, SERVICE_NAMESPACE kafka-data-plane and Knative: what this process is called in what it exports
//	LOGGING_CONFIG_FILE_PATH        /etc/logging/config.xml: logback's configuration, of which levels are used, also when
//	                                they change; none: LOG_LEVEL
//	CONTRACT_LAST_GOOD_FILE_PATH    a file in the temporary directory, named after the contract's path
//	GOGC                            how much garbage there may be beside what is in use, in percent; 100, and up to 400 for 32 MiB
//	                                more of it while the process is busy
//	GOMEMLIMIT                      what the garbage collector keeps the process below; nine tenths of the container's limit
//	EVENT_MEMORY_BYTES              memory for events that are fetched or being delivered; half of GOMEMLIMIT or of the
//	                                container's limit, else 512 MiB
//	SHUTDOWN_GRACE_SECONDS          25
//	DELIVERY_BACKOFF_MAX            the longest wait before a retry, e.g. 10m; none: 24h
//	DELIVERY_BACKOFF_JITTER         the part of a wait that is added at random at most, 0 (default) to 1
//	LOG_LEVEL                       debug, info (default), warn, error
//
// Variables of eventing-kafka-broker that are not listed are accepted; those that ask for something that is not done are
// logged as warnings.
package main

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"knative.dev/eventing-kafka-go/data-plane/delivery"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/logging"
	"knative.dev/eventing-kafka-go/data-plane/plane"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "kafka-data-plane:", err)
		os.Exit(1)
	}
}

func run() error {
	config, err := configure(os.Args[1:], os.Getenv)
	if err != nil {
		return err
	}
	plane.LimitMemory()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	p, err := plane.Start(ctx, config.Config)
	if err != nil {
		return err
	}
	var watching errgroup.Group
	watching.Go(func() error { return config.watchLevels(ctx) })
	watching.Go(func() error { plane.FollowCollections(ctx); return nil })
	config.Log.Info("started", "ingress", text(p.IngressAddr()), "status", text(p.StatusAddr()), "contract", config.ContractPath)
	err = p.Wait()
	stop()
	config.Log.Info("ended", "error", err)
	return errors.Join(err, watching.Wait())
}

// configuration is that of the plane and of what it logs.
type configuration struct {
	plane.Config
	handler *logging.Handler
	level   slog.Level // where no file says otherwise
	logging string     // the file, "" for none
}

// watchLevels uses the levels of the mounted file until ctx ends.
func (c *configuration) watchLevels(ctx context.Context) error {
	if c.logging == "" {
		return nil
	}
	return c.handler.Watch(ctx, c.logging, c.level)
}

// bytesOf is a number of bytes, 0 for none.
func bytesOf(env func(string) string, name string) (int64, error) {
	text := env(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("%s: %q is no number of bytes", name, text)
	}
	return n, nil
}

// configure reads the role and the environment.
func configure(args []string, env func(string) string) (configuration, error) {
	c := configuration{Config: plane.Config{
		Name:              env("POD_NAME"),
		ContractPath:      env("DATA_PLANE_CONFIG_FILE_PATH"),
		LastGoodPath:      env("CONTRACT_LAST_GOOD_FILE_PATH"),
		CredentialsPath:   env("CREDENTIALS_DIR_PATH"),
		TokensPath:        mounted(env("TOKENS_DIR_PATH"), "/etc/tokens"),
		IngressAddress:    net.JoinHostPort(env("INGRESS_HOST"), or(env("INGRESS_PORT"), "8080")),
		StatusAddress:     or(env("STATUS_ADDRESS"), "0.0.0.0:8081"),
		MetricsAddress:    or(env("METRICS_ADDRESS"), net.JoinHostPort(or(env("METRICS_HOST"), "0.0.0.0"), "9090")),
		MetricsCertFile:   env("METRICS_PEM_CERT_PATH"),
		MetricsKeyFile:    env("METRICS_PEM_KEY_PATH"),
		ObservabilityPath: mounted(env("CONFIG_OBSERVABILITY_PATH"), "/etc/observability"),
		ServiceName:       or(env("SERVICE_NAME"), "kafka-data-plane"),
		ServiceNamespace:  env("SERVICE_NAMESPACE"),
		LedgerOff:         env("DELIVERY_LEDGER") == "off",
		Producer:          kafka.DefaultProducerConfig(),
		Consumer:          kafka.DefaultConsumerConfig(),
		Version:           version(),
		Settings: plane.SettingsPaths{
			Producer: env("PRODUCER_CONFIG_FILE_PATH"), Consumer: env("CONSUMER_CONFIG_FILE_PATH"),
			WebClient: env("WEBCLIENT_CONFIG_FILE_PATH"), HTTPServer: env("HTTPSERVER_CONFIG_FILE_PATH"),
		},
	}}
	certificates := or(env("INGRESS_TLS_DIR_PATH"), "/etc/receiver-tls-secret")
	c.IngressTLSAddress = net.JoinHostPort(env("INGRESS_HOST"), or(env("INGRESS_TLS_PORT"), "8443"))
	c.CertFile, c.KeyFile = filepath.Join(certificates, "tls.crt"), filepath.Join(certificates, "tls.key")
	if c.MetricsAddress == "none" {
		c.MetricsAddress = ""
	}
	if c.ContractPath == "" {
		return c, errors.New("DATA_PLANE_CONFIG_FILE_PATH is not set: it names the mounted contract")
	}
	if c.LastGoodPath == "" { // two data planes on one machine must not find each other's
		c.LastGoodPath = filepath.Join(os.TempDir(), fmt.Sprintf("contract-%08x.last-good", crc32.ChecksumIEEE([]byte(c.ContractPath))))
	}
	if len(args) != 1 {
		return c, errors.New("usage: kafka-data-plane ingress|egress|all")
	}
	switch args[0] {
	case "ingress":
		c.Ingress = true
	case "egress":
		c.Egress = true
	case "all":
		c.Ingress, c.Egress = true, true
	default:
		return c, fmt.Errorf("unknown role %q: ingress, egress or all", args[0])
	}
	var err error
	if c.EventMemory, err = bytesOf(env, "EVENT_MEMORY_BYTES"); err != nil {
		return c, err
	}
	if err := c.switches(env); err != nil {
		return c, err
	}
	if err := c.probes(env); err != nil {
		return c, err
	}
	if c.ShutdownGrace, err = seconds(env, "SHUTDOWN_GRACE_SECONDS", 25); err != nil {
		return c, err
	}
	if c.Backoff, err = backoff(env); err != nil {
		return c, err
	}
	for _, name := range []string{"INGRESS_PORT", "INGRESS_TLS_PORT"} {
		if err := port(env, name); err != nil {
			return c, err
		}
	}
	if err := c.level.UnmarshalText([]byte(or(env("LOG_LEVEL"), "info"))); err != nil {
		return c, fmt.Errorf("LOG_LEVEL: %q is none of debug, info, warn, error", env("LOG_LEVEL"))
	}
	c.logging = mounted(env("LOGGING_CONFIG_FILE_PATH"), "/etc/logging/config.xml")
	c.handler = logging.New(os.Stdout, c.level, map[string]string{"org.apache.kafka": kafka.LogPrefix})
	c.Log = slog.New(c.handler)
	for _, u := range unsupported(env) {
		c.Log.Warn("Environment variable without the effect that it asks for", "name", u.name, "reason", u.instead)
	}
	return c, nil
}

// switches reads what is on or off.
func (c *configuration) switches(env func(string) string) error {
	for name, on := range map[string]*bool{
		"METRICS_DISABLE_EVENT_TYPE_TAG": &c.DisableEventTypeTag, "DISABLE_KAFKA_CLIENTS_METRICS": &c.NoKafkaMetrics,
		"METRICS_JVM_ENABLED": &c.PushGoMetrics,
	} {
		var err error
		if *on, err = enabled(env, name); err != nil {
			return err
		}
	}
	return nil
}

// probes reads where the ingress answers probes (CFG-69).
func (c *configuration) probes(env func(string) string) (err error) {
	if c.LivenessPath, err = probePath(env, "LIVENESS_PROBE_PATH", "/healthz"); err != nil {
		return err
	}
	c.ReadinessPath, err = probePath(env, "READINESS_PROBE_PATH", "/readyz")
	return err
}

// backoff reads what bounds and spreads the waits before retries, of every egress.
func backoff(env func(string) string) (delivery.Backoff, error) {
	var b delivery.Backoff
	if text := env("DELIVERY_BACKOFF_MAX"); text != "" {
		limit, err := time.ParseDuration(text)
		if err != nil || limit <= 0 {
			return b, fmt.Errorf("DELIVERY_BACKOFF_MAX: %q is no duration above 0, e.g. 10m", text)
		}
		b.Max = limit
	}
	if text := env("DELIVERY_BACKOFF_JITTER"); text != "" {
		part, err := strconv.ParseFloat(text, 64)
		if err != nil || !(part >= 0 && part <= 1) { // not a number is neither
			return b, fmt.Errorf("DELIVERY_BACKOFF_JITTER: %q is no part of a wait from 0 to 1, e.g. 0.2", text)
		}
		b.Jitter = part
	}
	return b, nil
}

// text is an address as people write it, "" for none.
func text(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}
