// Package features owns config-kafka-features: the switches of this project and the templates of names.
//
// Values are immutable. A Store may be used by any goroutine.
package features

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/eventing/pkg/apis/feature"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/system"

	"knative.dev/eventing-kafka-go/control-plane/translate"
)

// ConfigName is the ConfigMap.
const ConfigName = "config-kafka-features"

// Config is what config-kafka-features says.
type Config struct {
	// Naming makes the names of topics and consumer groups.
	Naming *translate.Naming
	// RateLimiter limits ordered deliveries; OrderedExecutorMetrics measures their queues.
	RateLimiter, OrderedExecutorMetrics bool
	// KEDA has KEDA scale KafkaSources.
	KEDA bool
	// Warnings are values that mean nothing, each with its key; the default is used in their place.
	Warnings []string
}

// Parse reads the ConfigMap (CFG-31 to CFG-34). A template that cannot be used is an error, and then nothing of the
// ConfigMap is.
func Parse(cm *corev1.ConfigMap) (*Config, error) {
	naming, err := translate.NewNaming(translate.Templates{
		BrokerTopic:  first(cm.Data, "brokers-topic-template", "brokers.topic.template"),
		ChannelTopic: first(cm.Data, "channels-topic-template", "channels.topic.template"),
		TriggerGroup: first(cm.Data, "triggers-consumergroup-template", "triggers.consumergroup.template"),
	})
	if err != nil {
		return nil, fmt.Errorf("ConfigMap %s: %w", ConfigName, err)
	}
	c := &Config{Naming: naming}
	c.RateLimiter = c.enabled(cm.Data, "dispatcher-rate-limiter", "dispatcher.rate-limiter")
	c.OrderedExecutorMetrics = c.enabled(cm.Data, "dispatcher-ordered-executor-metrics", "dispatcher.ordered-executor-metrics")
	c.KEDA = c.enabled(cm.Data, "controller-autoscaler-keda", "controller.autoscaler")
	return c, nil
}

// first is the value under the first of the keys that is present.
func first(data map[string]string, keys ...string) string {
	for _, key := range keys {
		if value, ok := data[key]; ok {
			return value
		}
	}
	return ""
}

func (c *Config) enabled(data map[string]string, keys ...string) bool {
	value := strings.TrimSpace(first(data, keys...))
	switch strings.ToLower(value) {
	case "enabled":
		return true
	case "", "allowed", "disabled":
	default:
		c.Warnings = append(c.Warnings, fmt.Sprintf("%s: %q is none of enabled, allowed, disabled; it is off", keys[0], value))
	}
	return false
}

// Flags are the switches that reach the data plane, those of Knative's core among them.
func (c *Config) Flags(core feature.Flags) translate.Flags {
	return translate.Flags{
		EventTypeAutocreate:    core.IsEnabled(feature.EvenTypeAutoCreate),
		RateLimiter:            c.RateLimiter,
		OrderedExecutorMetrics: c.OrderedExecutorMetrics,
	}
}

// Store follows the ConfigMap; one that cannot be used leaves the last good one in force, the defaults at the start: a
// ConfigMap never keeps a program from starting (CFG-46).
type Store struct {
	*configmap.UntypedStore
}

// NewStore returns a store whose changes are told to changed. What means nothing is logged.
func NewStore(log configmap.Logger, changed ...func(name string, value any)) *Store {
	s := &Store{}
	parse := func(cm *corev1.ConfigMap) (*Config, error) {
		c, err := Parse(cm)
		if err != nil {
			log.Errorf("What was in force stays: %v", err)
			return s.Load(), nil
		}
		for _, warning := range c.Warnings {
			log.Infof("ConfigMap %s: %s", ConfigName, warning)
		}
		return c, nil
	}
	s.UntypedStore = configmap.NewUntypedStore("kafka-features", log, configmap.Constructors{ConfigName: parse}, changed...)
	return s
}

// Load returns what is in force, the defaults before anything was read.
func (s *Store) Load() *Config {
	if c, ok := s.UntypedLoad(ConfigName).(*Config); ok {
		return c
	}
	return Defaults()
}

// Defaults are what an installation without the ConfigMap has.
func Defaults() *Config {
	c, err := Parse(&corev1.ConfigMap{})
	if err != nil {
		panic(err) // the default templates parse: a test says so
	}
	return c
}

// Watch has stores follow their ConfigMaps. One that does not exist is as one that is empty.
func Watch(cmw configmap.Watcher, stores ...*configmap.UntypedStore) {
	for _, s := range stores {
		s.WatchConfigs(optional{cmw})
	}
}

// optional makes every ConfigMap one that may be missing.
type optional struct{ configmap.Watcher }

func (o optional) Watch(name string, observers ...configmap.Observer) {
	defaulting, ok := o.Watcher.(configmap.DefaultingWatcher)
	if !ok {
		o.Watcher.Watch(name, observers...)
		return
	}
	defaulting.WatchWithDefault(corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: system.Namespace()}}, observers...)
}

type configKey struct{}

// ToContext implements reconciler.ConfigStore.
func (s *Store) ToContext(ctx context.Context) context.Context { return WithConfig(ctx, s.Load()) }

// WithConfig attaches a configuration to a context.
func WithConfig(ctx context.Context, c *Config) context.Context {
	return context.WithValue(ctx, configKey{}, c)
}

// FromContext returns the configuration of a reconcile, the defaults where none is attached.
func FromContext(ctx context.Context) *Config {
	if c, ok := ctx.Value(configKey{}).(*Config); ok {
		return c
	}
	return Defaults()
}
