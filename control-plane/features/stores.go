package features

import (
	"context"

	"knative.dev/eventing/pkg/apis/feature"
	"knative.dev/pkg/configmap"
)

// Stores follow the ConfigMaps that change what reconcilers do: config-features of Knative's core, config-kafka-features
// and config-kafka-autoscaler.
type Stores struct {
	Core       *feature.Store
	Kafka      *Store
	Autoscaler *AutoscalerStore
}

// Follow returns Stores that follow their ConfigMaps and tell changed of every change.
func Follow(cmw configmap.Watcher, log configmap.Logger, changed func(name string, value any)) *Stores {
	s := &Stores{Core: feature.NewStore(log, changed), Kafka: NewStore(log, changed), Autoscaler: NewAutoscalerStore(log, changed)}
	Watch(cmw, s.Core.UntypedStore, s.Kafka.UntypedStore)
	if _, ok := cmw.(configmap.DefaultingWatcher); ok { // others watch nothing that may be missing
		Watch(cmw, s.Autoscaler.UntypedStore)
	}
	return s
}

// ToContext implements reconciler.ConfigStore.
func (s *Stores) ToContext(ctx context.Context) context.Context {
	return s.Core.ToContext(s.Kafka.ToContext(s.Autoscaler.ToContext(ctx)))
}
