package contract

import (
	"context"
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	corev1listers "k8s.io/client-go/listers/core/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1"
	"knative.dev/pkg/logging"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	sinklisters "knative.dev/eventing-kafka-go/control-plane/client/listers/eventing/v1alpha1"
	channellisters "knative.dev/eventing-kafka-go/control-plane/client/listers/messaging/v1beta1"
	sourcelisters "knative.dev/eventing-kafka-go/control-plane/client/listers/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// trustBundleLabel selects the ConfigMaps with trust bundles (ST-19).
const trustBundleLabel = "networking.knative.dev/trust-bundle"

// source is where contracts are made from: caches alone.
type source struct {
	builder    *entries.Builder
	flags      func() entries.Flags
	brokers    eventinglisters.BrokerLister
	triggers   eventinglisters.TriggerLister
	channels   channellisters.KafkaChannelLister
	sinks      sinklisters.KafkaSinkLister
	sources    sourcelisters.KafkaSourceLister
	configMaps corev1listers.ConfigMapLister
	used       *usage
	memos      memos
}

// memos remember the entries of Brokers, by data plane. What is handed out belongs to who reconciles that data plane.
type memos struct {
	mu sync.Mutex
	of map[string]*translate.Memo
}

func (m *memos) get(key string) *translate.Memo {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of[key] == nil {
		if m.of == nil {
			m.of = map[string]*translate.Memo{}
		}
		m.of[key] = &translate.Memo{}
	}
	return m.of[key]
}

func (m *memos) forget(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.of, key)
}

// dataPlane returns the data plane whose contract has this name: one of the installation, or that of the
// KafkaNamespaced Brokers of a namespace that has some.
func (s *source) dataPlane(id types.NamespacedName) (dataplane.DataPlane, bool) {
	for _, d := range s.builder.DataPlanes {
		if d.Key() == id.String() {
			return d, true
		}
	}
	shared := s.builder.DataPlanes[dataplane.Broker]
	if id.Name != shared.ContractName {
		return dataplane.DataPlane{}, false
	}
	brokers, err := s.brokers.Brokers(id.Namespace).List(labels.Everything())
	if err != nil || !slices.ContainsFunc(brokers, eventing.IsNamespaced) {
		return dataplane.DataPlane{}, false
	}
	return shared.In(id.Namespace), true
}

// namespaces are those with KafkaNamespaced Brokers.
func (s *source) namespaces() []string {
	brokers, err := s.brokers.List(labels.Everything())
	if err != nil {
		return nil // a cache does not fail
	}
	set := map[string]bool{}
	for _, b := range brokers {
		if eventing.IsNamespaced(b) {
			set[b.Namespace] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// mounts returns the data plane whose pods mount a Secret: its credentials, or its certificate.
func (s *source) mounts(id types.NamespacedName) (dataplane.DataPlane, bool) {
	for _, d := range s.builder.DataPlanes {
		if id.Name == d.CredentialsName || id.Name == d.TLSSecretName {
			return s.dataPlane(types.NamespacedName{Namespace: id.Namespace, Name: d.ContractName})
		}
	}
	return dataplane.DataPlane{}, false
}

// owners are who the contract and the credentials of a data plane belong to: nobody where it is installed.
func (s *source) owners(d dataplane.DataPlane) ([]metav1.OwnerReference, error) {
	if s.isInstalled(d) {
		return nil, nil
	}
	brokers, err := s.brokers.Brokers(d.Namespace).List(labels.Everything())
	if err != nil {
		return nil, err
	}
	return eventing.Owners(brokers), nil
}

// isInstalled tells a data plane of the installation from that of a namespace.
func (s *source) isInstalled(d dataplane.DataPlane) bool {
	return s.builder.DataPlanes[d.Kind].Namespace == d.Namespace
}

// resources returns the entries of a data plane, sorted by nothing. before is what is in force: an entry that cannot be
// made now stays as it was for as long as its object is there (CT-27).
func (s *source) resources(ctx context.Context, d dataplane.DataPlane, before *contract.Contract) ([]*contract.Resource, error) {
	g := &gathering{ctx: ctx, before: map[string]*contract.Resource{}, flags: s.flags()}
	for _, r := range before.GetResources() {
		g.before[r.GetUid()] = r
	}
	var err error
	switch d.Kind {
	case dataplane.Broker:
		err = s.gatherBrokers(g, d)
	case dataplane.Channel:
		err = s.gatherChannels(g)
	case dataplane.Sink:
		err = s.gatherSinks(g)
	case dataplane.Source:
		err = s.gatherSources(g)
	}
	return g.resources, err
}

// gathering is one listing of entries.
type gathering struct {
	ctx       context.Context //nolint:containedctx // lives as long as one reconcile, for its logger
	before    map[string]*contract.Resource
	flags     entries.Flags
	resources []*contract.Resource
}

// add takes an entry in. alive are the uids of the egresses whose objects are there.
func (g *gathering) add(object metav1.Object, r *contract.Resource, errs []*translate.Error, err error, alive map[string]bool) {
	was := g.before[string(object.GetUID())]
	// Its own reconciler says it in a condition; here it would be said with every change of anything.
	if err != nil {
		logging.FromContext(g.ctx).Debugw("Entry not made, what was before stays", "object", object.GetNamespace()+"/"+object.GetName(), "error", err)
	}
	for _, e := range errs {
		logging.FromContext(g.ctx).Debugw("Entry not made, what was before stays", "error", e)
	}
	if r = translate.Keep(r, was, alive); r != nil {
		g.resources = append(g.resources, r)
	}
}

func (s *source) gatherBrokers(g *gathering, d dataplane.DataPlane) error {
	byBroker, err := s.triggersByBroker()
	if err != nil {
		return err
	}
	brokers, err := s.brokers.List(labels.Everything())
	if err != nil {
		return err
	}
	shared := s.builder.DataPlanes[dataplane.Broker].Namespace
	memo, present := s.memos.get(d.Key()), map[types.UID]bool{}
	for _, b := range brokers {
		class := b.Annotations[eventing.BrokerClassAnnotation]
		ours := class == eventing.KafkaBrokerClass && d.Namespace == shared ||
			class == eventing.NamespacedKafkaBrokerClass && d.Namespace == b.Namespace
		if !ours || b.DeletionTimestamp != nil {
			continue
		}
		alive := map[string]bool{}
		triggers := byBroker[types.NamespacedName{Namespace: b.Namespace, Name: b.Name}]
		for _, t := range triggers {
			alive[string(t.UID)] = true
		}
		present[b.UID] = true
		r, errs, err := s.builder.BrokerAgain(memo, b, triggers, g.flags)
		g.add(b, r, errs, err, alive)
	}
	memo.Forget(present)
	return nil
}

// triggersByBroker returns the Triggers that are not on their way out.
func (s *source) triggersByBroker() (map[types.NamespacedName][]*eventingv1.Trigger, error) {
	triggers, err := s.triggers.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	by := map[types.NamespacedName][]*eventingv1.Trigger{}
	for _, t := range triggers {
		if t.DeletionTimestamp == nil {
			key := types.NamespacedName{Namespace: t.Namespace, Name: t.Spec.Broker}
			by[key] = append(by[key], t)
		}
	}
	return by, nil
}

func (s *source) gatherChannels(g *gathering) error {
	channels, err := s.channels.List(labels.Everything())
	if err != nil {
		return err
	}
	for _, c := range channels {
		if c.DeletionTimestamp != nil {
			continue
		}
		alive := map[string]bool{}
		for _, subscriber := range c.Spec.Subscribers {
			alive[string(subscriber.UID)] = true
		}
		r, errs, err := s.builder.Channel(c, g.flags)
		g.add(c, r, errs, err, alive)
	}
	return nil
}

func (s *source) gatherSinks(g *gathering) error {
	sinks, err := s.sinks.List(labels.Everything())
	if err != nil {
		return err
	}
	for _, k := range sinks {
		if k.DeletionTimestamp != nil {
			continue
		}
		r, err := s.builder.Sink(k, g.flags)
		g.add(k, r, nil, err, nil)
	}
	return nil
}

func (s *source) gatherSources(g *gathering) error {
	sources, err := s.sources.List(labels.Everything())
	if err != nil {
		return err
	}
	for _, k := range sources {
		if k.DeletionTimestamp != nil {
			continue
		}
		r, err := s.builder.Source(k, g.flags)
		g.add(k, r, nil, err, map[string]bool{string(k.UID): true})
	}
	return nil
}

// trustBundles returns the PEM bundles of the system namespace.
func (s *source) trustBundles() ([]string, error) {
	selector := labels.SelectorFromSet(labels.Set{trustBundleLabel: "true"})
	configMaps, err := s.configMaps.ConfigMaps(s.builder.SystemNamespace).List(selector)
	if err != nil {
		return nil, err
	}
	var bundles []string
	for _, cm := range configMaps {
		bundles = append(bundles, valuesOf(cm)...)
	}
	return bundles, nil
}

func valuesOf(cm *corev1.ConfigMap) []string {
	values := make([]string, 0, len(cm.Data))
	for _, pem := range cm.Data {
		values = append(values, pem)
	}
	return values
}
