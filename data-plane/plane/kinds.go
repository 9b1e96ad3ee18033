package plane

import (
	"context"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/egress"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/data-plane/properties"
)

// sourceKind is the kind whose consumers have another default than the rest.
const sourceKind = "KafkaSource"

// baseOf is what consumers of a kind have where their file says nothing. The topics of a KafkaSource are written by
// others, who may abort their transactions (CFG-24).
func (p *Plane) baseOf(kind string) properties.ConsumerSettings {
	base := properties.ConsumerSettings{ConsumerConfig: p.config.Consumer}
	if kind == sourceKind {
		base.IsolationLevel = kgo.ReadCommitted()
	}
	return base
}

// add is how loadSettings takes a file up.
type add func(path string, parse func(string, []byte) ([]properties.Warning, error), use func(context.Context))

// loadConsumers reads the files of consumers. Kinds without a file of their own have the general one, sources over their
// own defaults.
func (p *Plane) loadConsumers(add add) {
	p.consumers = map[string]*properties.ConsumerSettings{}
	general := []string{"", sourceKind}
	if p.config.KindConsumers[sourceKind] != "" {
		general = general[:1]
	}
	for _, kind := range append(slices.Sorted(maps.Keys(p.config.KindConsumers)), general...) {
		base := p.baseOf(kind)
		p.consumers[kind] = &base
	}
	for kind, path := range p.config.KindConsumers {
		p.addConsumers(add, path, kind)
	}
	p.addConsumers(add, p.config.Settings.Consumer, general...)
}

// addConsumers takes up one file for the consumers of some kinds.
func (p *Plane) addConsumers(add add, path string, kinds ...string) {
	add(path, func(name string, content []byte) (warnings []properties.Warning, err error) {
		for _, kind := range kinds { // what is wrong for one is wrong for all
			if warnings, err = parser(properties.Consumer, p.baseOf(kind), p.consumers[kind])(name, content); err != nil {
				return nil, err
			}
		}
		return warnings, nil
	}, func(ctx context.Context) {
		p.complete(consumerFallback+kinds[0], p.consumers[kinds[0]].Fallback)
		for _, kind := range kinds {
			p.egress.Configure(ctx, kind, egressSettings(*p.consumers[kind], p.config.Name))
		}
	})
	p.complete(consumerFallback+kinds[0], p.consumers[kinds[0]].Fallback)
}

// kinds are the settings of the kinds that have their own, as an egress begins with.
func (p *Plane) kinds() map[string]egress.Settings {
	kinds := map[string]egress.Settings{}
	for kind, settings := range p.consumers {
		if kind != "" {
			kinds[kind] = egressSettings(*settings, p.config.Name)
		}
	}
	return kinds
}

// Where fallbacks are from. Consumers have one for each file, with the kind appended.
const (
	producerFallback = "producer"
	consumerFallback = "consumer"
)

func isProducerFallback(from string) bool { return from == producerFallback }
func isConsumerFallback(from string) bool { return from != producerFallback }

// complete takes over what a file says about Secrets that are incomplete, and applies it.
func (p *Plane) complete(from string, f credentials.Fallback) {
	p.applying.Lock()
	defer p.applying.Unlock()
	if maps.Equal(p.fallbacks[from], f) {
		return
	}
	p.fallbacks[from] = f
	if p.applied != nil {
		p.handOver(*p.applied)
	}
}

// completed returns credentials with what the files add. applying is held.
func (p *Plane) completed(creds kafka.Credentials, from func(string) bool) kafka.Credentials {
	for _, name := range slices.Sorted(maps.Keys(p.fallbacks)) {
		if from(name) {
			creds = p.fallbacks[name].Complete(creds)
		}
	}
	return creds
}
