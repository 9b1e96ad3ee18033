package consolidated

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"knative.dev/eventing-kafka-go/control-plane/migration"
	"knative.dev/eventing-kafka-go/control-plane/migration/kube"
)

// named is an object of the old installation.
type named struct {
	resource kube.Resource
	name     string
	// cluster: it is in no namespace. everywhere: it may be in any. shared: a distributed channel uses it too.
	cluster, everywhere, shared bool
}

var oldWebhooks = []named{
	{resource: kube.MutatingWebhooks, name: "defaulting.webhook.kafka.messaging.knative.dev", cluster: true, shared: true},
	{resource: kube.ValidatingWebhooks, name: "validation.webhook.kafka.messaging.knative.dev", cluster: true, shared: true},
}

// dispatcherLease is who led among the old dispatchers.
const dispatcherLease = "kafkachannel-dispatcher.knative.dev.eventing-kafka.pkg.channel.consolidated.reconciler.dispatcher.reconciler.00-of-01"

// old are the objects of the old installation in the order that they are removed in (MIG-25, MIG-27): what is asked before
// what answers, programs before their rights, and the settings last, as they say that there is something to do.
func old() []named {
	all := append([]named{}, oldWebhooks...)
	for _, r := range []kube.Resource{kube.HPAs, kube.PDBs, kube.Deployments, kube.Services} {
		all = append(all, named{resource: r, name: oldWebhook, shared: true})
	}
	for _, r := range []kube.Resource{kube.Deployments, kube.Services, kube.RoleBindings, kube.ServiceAccounts} {
		all = append(all, named{resource: r, name: oldDispatcher, everywhere: true})
	}
	all = append(all, named{resource: kube.Deployments, name: oldController}, named{resource: kube.ServiceAccounts, name: oldController},
		named{resource: kube.ServiceAccounts, name: oldWebhook, shared: true}, named{resource: kube.Secrets, name: "messaging-webhook-certs", shared: true})
	for _, name := range []string{oldController, oldDispatcher, oldWebhook} {
		all = append(all, named{resource: kube.ClusterRoleBindings, name: name, cluster: true, shared: name == oldWebhook},
			named{resource: kube.ClusterRoles, name: name, cluster: true, shared: name == oldWebhook})
	}
	return append(all,
		named{resource: kube.ClusterRoles, name: "kafka-addressable-resolver", cluster: true, shared: true},
		named{resource: kube.ClusterRoles, name: "kafka-channelable-manipulator", cluster: true, shared: true},
		named{resource: kube.ConfigMaps, name: "config-leader-election-kafkachannel"},
		named{resource: kube.Leases, name: dispatcherLease},
		named{resource: kube.ConfigMaps, name: configName, everywhere: true, shared: true},
	)
}

// found is an object of the old installation that is there.
type found struct {
	resource kube.Resource
	object   *kube.Object
}

// leftovers returns the objects of the old installation that are there.
func (t *Takeover) leftovers(ctx context.Context) ([]found, error) {
	keepShared, err := t.hasDistributed(ctx)
	if err != nil {
		return nil, err
	}
	var all []found
	for _, n := range old() {
		if n.shared && keepShared {
			continue
		}
		objects, err := t.find(ctx, n)
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			all = append(all, found{n.resource, o})
		}
	}
	rest, err := t.namespacedBindings(ctx)
	return append(rest, all...), err
}

func (t *Takeover) find(ctx context.Context, n named) ([]*kube.Object, error) {
	if n.everywhere {
		objects, err := t.Kube.List(ctx, n.resource, kube.Select{Name: n.name})
		if err != nil || n.resource != kube.ConfigMaps {
			return objects, err
		}
		return t.copiesOfConfig(ctx, objects)
	}
	namespace := t.Namespace
	if n.cluster {
		namespace = ""
	}
	o, err := t.Kube.Get(ctx, n.resource, namespace, n.name)
	if o == nil || err != nil {
		return nil, err
	}
	return []*kube.Object{o}, nil
}

// copiesOfConfig leaves out ConfigMaps of users that happen to have the name: a copy in another namespace says what the
// original says. The original comes last.
func (t *Takeover) copiesOfConfig(ctx context.Context, objects []*kube.Object) ([]*kube.Object, error) {
	var original *kube.Object
	for _, o := range objects {
		if o.GetNamespace() == t.Namespace {
			original = o
		}
	}
	reference := original
	if original == nil {
		var err error
		if reference, err = t.Kube.Get(ctx, kube.ConfigMaps, t.Namespace, copyName); err != nil {
			return nil, err
		}
	}
	var copies []*kube.Object
	for _, o := range objects {
		if o != original && reference != nil && sameData(o, reference) {
			copies = append(copies, o)
		}
	}
	if original != nil {
		copies = append(copies, original)
	}
	return copies, nil
}

func sameData(a, b *kube.Object) bool {
	x, _, _ := unstructured.NestedStringMap(a.Object, "data")
	y, _, _ := unstructured.NestedStringMap(b.Object, "data")
	if len(x) != len(y) || len(x) == 0 {
		return false
	}
	for key := range x {
		if x[key] != y[key] {
			return false
		}
	}
	return true
}

// namespacedBindings are the RoleBindings in the system namespace for dispatchers of other namespaces, which are named after
// those; the dispatchers themselves may be gone with their namespaces.
func (t *Takeover) namespacedBindings(ctx context.Context) ([]found, error) {
	objects, err := t.Kube.List(ctx, kube.RoleBindings, kube.Select{Namespace: t.Namespace})
	var all []found
	for _, o := range objects {
		if strings.HasPrefix(o.GetName(), oldDispatcher+"-") {
			all = append(all, found{kube.RoleBindings, o})
		}
	}
	return all, err
}

func (t *Takeover) remove(ctx context.Context) (changes []migration.Change, err error) {
	left, err := t.leftovers(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range left {
		if f.object.GetDeletionTimestamp() == nil {
			changes = append(changes, migration.Change{
				What: "delete " + kube.NameOf(f.resource, f.object),
				Do:   func(ctx context.Context) error { return t.Kube.Delete(ctx, f.resource, f.object) },
			})
		}
	}
	return changes, nil
}

// missingRights asks for every right that the takeover needs before anything is begun (MIG-06).
func (t *Takeover) missingRights(ctx context.Context) (missing []string, err error) {
	status := kube.KafkaChannels
	status.Resource += "/status"
	rights := []kube.Right{
		{Verb: "list", Resource: kube.KafkaChannels}, {Verb: "patch", Resource: status},
		{Verb: "list", Resource: kube.Services}, {Verb: "patch", Resource: kube.Services},
		{Verb: "get", Resource: kube.Secrets}, {Verb: "create", Resource: kube.Secrets, Namespace: t.Namespace},
		{Verb: "create", Resource: kube.ConfigMaps, Namespace: t.Namespace},
		{Verb: "patch", Resource: kube.ConfigMaps, Namespace: t.Namespace, Name: t.ConfigName},
		{Verb: "list", Resource: kube.Pods, Namespace: t.Namespace},
		{Verb: "patch", Resource: kube.Deployments, Name: oldDispatcher},
		{Verb: "patch", Resource: kube.Deployments, Namespace: t.Namespace, Name: oldController},
		{Verb: "patch", Resource: kube.Deployments, Namespace: t.Namespace, Name: oldWebhook},
		{Verb: "delete", Resource: kube.RoleBindings, Namespace: t.Namespace},
	}
	for _, n := range oldWebhooks {
		rights = append(rights, kube.Right{Verb: "patch", Resource: n.resource, Name: n.name})
	}
	for _, n := range old() {
		namespace := t.Namespace
		if n.cluster || n.everywhere {
			namespace = ""
		}
		rights = append(rights, kube.Right{Verb: "delete", Resource: n.resource, Namespace: namespace, Name: n.name})
	}
	return t.Kube.Missing(ctx, rights)
}
