package features

import (
	"context"

	"knative.dev/eventing/pkg/apis/feature"
	"knative.dev/pkg/configmap"
)

// Stores follow both ConfigMaps with switches, config-features of Knative's core and config-kafka-features.
type Stores struct {
	Core  *feature.Store
	Kafka *Store
}

// Follow returns Stores that follow their ConfigMaps and tell changed of every change.
func Follow(cmw configmap.Watcher, log configmap.Logger, changed func(name string, value any)) *Stores {
	s := &Stores{Core: feature.NewStore(log, changed), Kafka: NewStore(log, changed)}
	Watch(cmw, s.Core.UntypedStore, s.Kafka.UntypedStore)
	return s
}

// ToContext implements reconciler.ConfigStore.
func (s *Stores) ToContext(ctx context.Context) context.Context {
	return s.Core.ToContext(s.Kafka.ToContext(ctx))
}
