// Package installed puts the takeovers together that an installation knows, for the program that carries them out and for
// the one that shows them.
//
// It decides nothing. A Set belongs to one goroutine.
package installed

import (
	"context"
	"log/slog"
	"time"

	"knative.dev/pkg/network"

	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/migration"
	"knative.dev/eventing-kafka-go/control-plane/migration/consolidated"
	"knative.dev/eventing-kafka-go/control-plane/migration/kube"
	"knative.dev/eventing-kafka-go/control-plane/migration/leftovers"
	"knative.dev/eventing-kafka-go/control-plane/migration/legacysource"
	"knative.dev/eventing-kafka-go/control-plane/migration/served"
)

// Options of a Set.
type Options struct {
	Kube kube.Client
	// Namespace of the installation. ConfigName is the ConfigMap of channels.
	Namespace, ConfigName string
	// Settle is how long an old ingress goes on after the last Service was switched; 0 is the default.
	Settle time.Duration
	Log    *slog.Logger
}

// Set is all takeovers.
type Set struct {
	consolidated *consolidated.Takeover
	leftovers    *leftovers.Takeover
	sources      *legacysource.Takeover
	admins       *kafkaadmin.Pool
}

// New makes a Set, which asks pods until ctx ends.
func New(ctx context.Context, o Options) (*Set, error) {
	checker, err := served.New(ctx, o.Kube, o.Namespace, o.Log)
	if err != nil {
		return nil, err
	}
	admins := kafkaadmin.NewPool(o.Log)
	return &Set{
		admins:    admins,
		leftovers: &leftovers.Takeover{Kube: o.Kube, Served: checker, Namespace: o.Namespace},
		sources:   &legacysource.Takeover{Kube: o.Kube, Served: checker, Namespace: o.Namespace},
		consolidated: &consolidated.Takeover{
			Kube: o.Kube, Served: checker, Admins: admins, Namespace: o.Namespace, ConfigName: o.ConfigName,
			Domain: network.GetClusterDomainName(), Settle: o.Settle, Now: time.Now,
		},
	}, nil
}

// Close ends the connections to Kafka.
func (s *Set) Close() { s.admins.Close() }

// Takeovers returns all of them, in the order that they are carried out in.
func (s *Set) Takeovers() []migration.Takeover {
	return []migration.Takeover{s.consolidated, s.sources, s.leftovers}
}

// Rollback gives consolidated channels back.
func (s *Set) Rollback() migration.Takeover { return s.consolidated.Rollback() }
