package installation

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
)

// Planes are the data planes of an installation, and those of the namespaces with Brokers of class KafkaNamespaced, by the
// name of their contract.
type Planes struct {
	installed map[dataplane.Kind]dataplane.DataPlane
	brokers   eventinglisters.BrokerLister
}

// Planes returns the data planes.
func (in *Installation) Planes(ctx context.Context) Planes {
	return Planes{in.DataPlanes, broker.Get(ctx).Lister()}
}

// All are the names of their contracts.
func (p Planes) All() (ids []types.NamespacedName) {
	for _, d := range p.installed {
		ids = append(ids, types.NamespacedName{Namespace: d.Namespace, Name: d.ContractName})
	}
	brokers, err := p.brokers.List(labels.Everything())
	if err != nil {
		return ids // a cache does not fail
	}
	for _, b := range brokers {
		id := types.NamespacedName{Namespace: b.Namespace, Name: p.installed[dataplane.Broker].ContractName}
		if isNamespaced(b) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// Of is the data plane whose contract has this name.
func (p Planes) Of(contract types.NamespacedName) (dataplane.DataPlane, bool) {
	for _, d := range p.installed {
		if d.Key() == contract.String() {
			return d, true
		}
	}
	shared := p.installed[dataplane.Broker]
	brokers, err := p.brokers.Brokers(contract.Namespace).List(labels.Everything())
	if err != nil || contract.Name != shared.ContractName || !slices.ContainsFunc(brokers, isNamespaced) {
		return dataplane.DataPlane{}, false
	}
	return shared.In(contract.Namespace), true
}

func isNamespaced(b *eventingv1.Broker) bool {
	return b.Annotations[eventing.BrokerClassAnnotation] == eventing.NamespacedKafkaBrokerClass
}
