// Package legacysource takes over the KafkaSource of eventing-kafka: sources stay what they are, with their consumer groups
// and committed offsets, and are served by this installation afterwards (MIG-12, MIG-24, MIG-48).
//
// It owns the order: the old webhooks are asked of nothing, the old controller stops, as it would make its adapters again,
// then the adapters go as our members have their groups, and last what is left. Until then applying the old release brings
// all of it back. It must not delete a KafkaSource. A Takeover belongs to one goroutine.
package legacysource

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"knative.dev/eventing-kafka-go/control-plane/contractmap"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/migration"
	"knative.dev/eventing-kafka-go/control-plane/migration/kube"
	"knative.dev/eventing-kafka-go/control-plane/migration/served"
)

// Names of the old installation.
const (
	manager      = "kafka-controller-manager"
	adapterLabel = "eventing.knative.dev/source=kafka-source-controller"
	sourceLabel  = "eventing.knative.dev/sourceName"
	multiTenant  = "kafkasource-mt-adapter"
	rolePrefix   = "eventing-sources-kafka-controller"
)

// Takeover of the KafkaSource of eventing-kafka.
type Takeover struct {
	Kube      kube.Client
	Served    *served.Checker
	Namespace string
}

var _ migration.Takeover = (*Takeover)(nil)

// Name implements migration.Takeover.
func (t *Takeover) Name() string { return "legacy-source" }

// Survey implements migration.Takeover.
func (t *Takeover) Survey(ctx context.Context) (migration.Survey, error) {
	var s migration.Survey
	left, err := migration.Left(ctx, t.Steps())
	if err != nil {
		return s, err
	}
	if left == 0 {
		s.Skip = "nothing is left of the KafkaSource of eventing-kafka"
		return s, nil
	}
	installed, err := t.Served.Installed(ctx, t.plane().Namespace, t.plane().Dispatcher)
	if err != nil {
		return s, err
	}
	if !installed {
		s.Skip = fmt.Sprintf("Deployment %s is not installed: the KafkaSource of eventing-kafka goes on as it is", t.plane().Dispatcher)
		return s, nil
	}
	if s.Blockers, err = t.Kube.Missing(ctx, t.rights()); err != nil {
		return s, err
	}
	sources, err := t.Kube.List(ctx, kube.KafkaSources, kube.Select{})
	for _, o := range sources {
		group, _, _ := unstructured.NestedString(o.Object, "spec", "consumerGroup")
		s.Objects = append(s.Objects, migration.Object{
			Name: "KafkaSource " + o.GetNamespace() + "/" + o.GetName(), Phase: migration.Pending, Detail: "group " + group + " stays",
		})
	}
	return s, err
}

// Steps implements migration.Takeover.
func (t *Takeover) Steps() []migration.Step {
	ours := migration.All(t.Served.Available(t.Namespace, "kafka-controller"), t.Served.Available(t.Namespace, "kafka-webhook-eventing"),
		t.Served.Available(t.plane().Namespace, t.plane().Dispatcher), t.Served.WebhookServes)
	ended := t.Served.Ended(t.Namespace, manager)
	return []migration.Step{
		{Name: "stop the old controller", Plan: t.stop, Gate: ours},
		{Name: "remove the adapters of sources", Plan: t.adapters, Gate: migration.All(ended, t.Served.Controller)},
		{Name: "remove the adapter of all sources", Plan: t.shared, Gate: migration.All(ended, t.Served.Controller, t.all)},
		{Name: "remove what is left", Plan: t.rest, Gate: ended},
	}
}

func (t *Takeover) plane() dataplane.DataPlane { return t.Served.Planes[dataplane.Source] }

// named is an object of the old installation.
type named struct {
	resource  kube.Resource
	namespace string
	name      string
}

func (t *Takeover) webhooks() []named {
	return []named{
		{kube.MutatingWebhooks, "", "defaulting.webhook.kafka.sources.knative.dev"},
		{kube.ValidatingWebhooks, "", "validation.webhook.kafka.sources.knative.dev"},
		{kube.ValidatingWebhooks, "", "config.webhook.kafka.sources.knative.dev"},
	}
}

// old is what goes last: what is asked before what answers, programs before their rights.
func (t *Takeover) old() []named {
	all := append(t.webhooks(), named{kube.Services, t.Namespace, "kafka-source-webhook"}, named{kube.Services, t.Namespace, "kafka-controller"},
		named{kube.Deployments, t.Namespace, manager}, named{kube.ServiceAccounts, t.Namespace, manager},
		named{kube.Secrets, t.Namespace, "kafka-source-webhook-certs"})
	for _, suffix := range []string{"", "-addressable-resolver", "-podspecable-binding"} {
		all = append(all, named{kube.ClusterRoleBindings, "", rolePrefix + suffix}, named{kube.ClusterRoles, "", rolePrefix + suffix})
	}
	return all
}

func (t *Takeover) rights() []kube.Right {
	rights := []kube.Right{
		{Verb: "patch", Resource: kube.Deployments, Namespace: t.Namespace, Name: manager},
		{Verb: "delete", Resource: kube.Deployments},
		{Verb: "delete", Resource: kube.StatefulSets, Namespace: t.Namespace, Name: multiTenant},
		{Verb: "delete", Resource: kube.ConfigMaps, Namespace: t.Namespace},
	}
	for _, w := range t.webhooks() {
		rights = append(rights, kube.Right{Verb: "patch", Resource: w.resource, Name: w.name})
	}
	for _, n := range t.old() {
		rights = append(rights, kube.Right{Verb: "delete", Resource: n.resource, Namespace: n.namespace, Name: n.name})
	}
	return rights
}

// stop has the old webhooks asked of nothing, and then stops their program, which is the controller too.
func (t *Takeover) stop(ctx context.Context) (changes []migration.Change, err error) {
	for _, w := range t.webhooks() {
		o, err := t.Kube.Get(ctx, w.resource, "", w.name)
		if err != nil {
			return nil, err
		}
		if hooks, armed := kube.Disarm(o); armed {
			changes = append(changes, t.merge(w.resource, o, map[string]any{"webhooks": hooks}, "select nothing"))
		}
	}
	d, err := t.Kube.Get(ctx, kube.Deployments, t.Namespace, manager)
	if d == nil || err != nil {
		return changes, err
	}
	if replicas, found, _ := unstructured.NestedInt64(d.Object, "spec", "replicas"); !found || replicas > 0 {
		changes = append(changes, t.merge(kube.Deployments, d, map[string]any{"spec": map[string]any{"replicas": int64(0)}}, "scale to 0"))
	}
	return changes, nil
}

// adapters are the Deployments of single sources, which go as ours has the groups of the sources.
func (t *Takeover) adapters(ctx context.Context) (changes []migration.Change, err error) {
	objects, err := t.Kube.List(ctx, kube.Deployments, kube.Select{Labels: adapterLabel})
	if err != nil {
		return nil, err
	}
	for _, o := range objects {
		if o.GetDeletionTimestamp() == nil {
			changes = append(changes, t.delete(kube.Deployments, o, t.ofAdapter(o)))
		}
	}
	return changes, nil
}

func (t *Takeover) ofAdapter(adapter *kube.Object) migration.Gate {
	return func(ctx context.Context) (string, error) {
		name := adapter.GetLabels()[sourceLabel]
		source, err := t.Kube.Get(ctx, kube.KafkaSources, adapter.GetNamespace(), name)
		if source == nil || err != nil {
			return "", err // nobody needs it
		}
		snapshot, err := t.Served.Contract(ctx, t.plane())
		if err != nil {
			return "", err
		}
		return t.serves(snapshot, source), nil
	}
}

// shared is the adapter of all sources, with its ConfigMaps, which the job of eventing-kafka left.
func (t *Takeover) shared(ctx context.Context) (changes []migration.Change, err error) {
	set, err := t.Kube.Get(ctx, kube.StatefulSets, t.Namespace, multiTenant)
	if err != nil {
		return nil, err
	}
	if set != nil && set.GetDeletionTimestamp() == nil {
		changes = append(changes, t.delete(kube.StatefulSets, set, nil))
	}
	configs, err := t.Kube.List(ctx, kube.ConfigMaps, kube.Select{Namespace: t.Namespace})
	for _, o := range configs {
		if strings.HasPrefix(o.GetName(), multiTenant) && o.GetDeletionTimestamp() == nil {
			changes = append(changes, t.delete(kube.ConfigMaps, o, nil))
		}
	}
	return changes, err
}

// all waits until the groups of all sources are ours.
func (t *Takeover) all(ctx context.Context) (string, error) {
	sources, err := t.Kube.List(ctx, kube.KafkaSources, kube.Select{})
	if err != nil {
		return "", err
	}
	snapshot, err := t.Served.Contract(ctx, t.plane())
	if err != nil {
		return "", err
	}
	for _, o := range sources {
		if why := t.serves(snapshot, o); why != "" && o.GetDeletionTimestamp() == nil {
			return why, nil
		}
	}
	return "", nil
}

func (t *Takeover) serves(snapshot *contractmap.Snapshot, source *kube.Object) (waiting string) {
	if why := t.Served.Group(t.plane(), snapshot, string(source.GetUID())); why != "" {
		return "KafkaSource " + source.GetNamespace() + "/" + source.GetName() + ": " + why
	}
	return ""
}

func (t *Takeover) rest(ctx context.Context) (changes []migration.Change, err error) {
	for _, n := range t.old() {
		o, err := t.Kube.Get(ctx, n.resource, n.namespace, n.name)
		if err != nil {
			return nil, err
		}
		if o != nil && o.GetDeletionTimestamp() == nil {
			changes = append(changes, t.delete(n.resource, o, nil))
		}
	}
	return changes, nil
}

func (t *Takeover) delete(r kube.Resource, o *kube.Object, gate migration.Gate) migration.Change {
	return migration.Change{
		What: "delete " + kube.NameOf(r, o), Gate: gate, Do: func(ctx context.Context) error { return t.Kube.Delete(ctx, r, o) },
	}
}

func (t *Takeover) merge(r kube.Resource, o *kube.Object, change map[string]any, what string) migration.Change {
	return migration.Change{
		What: kube.NameOf(r, o) + ": " + what, Do: func(ctx context.Context) error { return t.Kube.Merge(ctx, r, o, change) },
	}
}
