// Package leftovers removes what earlier releases with a data plane in Java leave behind when this one is applied over
// them: topics, groups, names and addresses are the same (MIG-40), so that all that is to be taken over is work that our
// pods have already begun to share.
//
// It owns what is removed and what must be so first: our controller leads and no earlier one runs, and our pods serve what
// the object was for. It must not delete a consumer group: the finalizers of the earlier controller did, so they are taken
// off (MIG-41). A Takeover belongs to one goroutine.
package leftovers

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/migration"
	"knative.dev/eventing-kafka-go/control-plane/migration/kube"
	"knative.dev/eventing-kafka-go/control-plane/migration/served"
)

const (
	podWebhook = "pods.defaulting.webhook.kafka.eventing.knative.dev"
	// kindLabel says on a ConsumerGroup what it is for: trigger, kafkachannel or kafkasource.
	kindLabel     = "kafka.eventing.knative.dev/metadata.kind"
	finalizers    = ".internal.kafka.eventing.knative.dev"
	internalGroup = "internal.kafka.eventing.knative.dev"
)

// podConfig is the name of a ConfigMap that held the contract of one dispatcher pod.
var podConfig = regexp.MustCompile(`^(kafka-(broker|channel|source)-dispatcher)-[0-9]+$`)

// Takeover from a data plane in Java.
type Takeover struct {
	Kube      kube.Client
	Served    *served.Checker
	Namespace string
}

var _ migration.Takeover = (*Takeover)(nil)

// Name implements migration.Takeover.
func (t *Takeover) Name() string { return "leftovers" }

// Survey implements migration.Takeover.
func (t *Takeover) Survey(ctx context.Context) (migration.Survey, error) {
	var s migration.Survey
	left, err := migration.Left(ctx, t.Steps())
	if err != nil {
		return s, err
	}
	bindings, err := t.Kube.List(ctx, kube.KafkaBindings, kube.Select{})
	if err != nil {
		return s, err
	}
	for _, b := range bindings {
		s.Notes = append(s.Notes, fmt.Sprintf("KafkaBinding %s/%s is served by nobody: remove it, and give its subject the settings itself",
			b.GetNamespace(), b.GetName()))
	}
	groups, err := t.Kube.List(ctx, kube.ConsumerGroups, kube.Select{})
	if err != nil {
		return s, err
	}
	for _, g := range groups {
		s.Objects = append(s.Objects, migration.Object{
			Name: "ConsumerGroup " + g.GetNamespace() + "/" + g.GetName(), Phase: migration.Pending,
			Detail: "removed when a dispatcher of ours is a member of group " + groupID(g) + ", which stays",
		})
	}
	switch {
	case left > 0:
		s.Blockers, err = t.Kube.Missing(ctx, t.rightsNeeded())
	case len(bindings) == 0:
		s.Skip = "nothing is left of an earlier release"
	}
	return s, err
}

// rightsNeeded are asked for before anything is begun (MIG-06).
func (t *Takeover) rightsNeeded() []kube.Right {
	rights := []kube.Right{
		{Verb: "delete", Resource: kube.MutatingWebhooks, Name: podWebhook},
		{Verb: "delete", Resource: kube.ScaledObjects},
		{Verb: "delete", Resource: kube.ConfigMaps, Namespace: t.Namespace},
		{Verb: "delete", Resource: kube.RoleBindings, Name: "knative-kafka-broker-data-plane"},
	}
	for _, r := range []kube.Resource{kube.Consumers, kube.ConsumerGroups} {
		rights = append(rights, kube.Right{Verb: "patch", Resource: r}, kube.Right{Verb: "delete", Resource: r},
			kube.Right{Verb: "delete", Resource: kube.CRDs, Name: r.GroupResource().String()})
	}
	for _, d := range t.planes() {
		rights = append(rights, kube.Right{Verb: "delete", Resource: kube.StatefulSets, Name: d.Dispatcher})
	}
	return rights
}

// Steps implements migration.Takeover. Programs go before the objects that they were run by.
func (t *Takeover) Steps() []migration.Step {
	controller := t.Served.Controller
	return []migration.Step{
		{Name: "remove the webhook for pods", Plan: t.webhook, Gate: controller},
		{Name: "remove autoscaling of ConsumerGroups", Plan: t.scaledObjects, Gate: controller},
		{Name: "remove dispatchers that are StatefulSets", Plan: t.statefulSets, Gate: controller},
		{Name: "remove contracts of single pods", Plan: t.podConfigMaps, Gate: controller},
		{Name: "remove Consumers", Plan: t.internal(kube.Consumers), Gate: controller},
		{Name: "remove ConsumerGroups", Plan: t.internal(kube.ConsumerGroups), Gate: controller},
		{Name: "remove the kinds of both", Plan: t.crds, Gate: controller},
		{Name: "remove rights of the data planes", Plan: t.rights, Gate: migration.All(controller, t.receivers)},
	}
}

// webhook is the one for pods, unless it is one that this release ships, which fails nothing.
func (t *Takeover) webhook(ctx context.Context) ([]migration.Change, error) {
	o, err := t.Kube.Get(ctx, kube.MutatingWebhooks, "", podWebhook)
	if o == nil || err != nil {
		return nil, err
	}
	hooks, _, _ := unstructured.NestedSlice(o.Object, "webhooks")
	for _, item := range hooks {
		if hook, _ := item.(map[string]any); hook["failurePolicy"] != "Ignore" { // Fail is the default
			return []migration.Change{t.delete(kube.MutatingWebhooks, o, nil)}, nil
		}
	}
	return nil, nil
}

// scaledObjects are those of KEDA that scale ConsumerGroups (MIG-46).
func (t *Takeover) scaledObjects(ctx context.Context) (changes []migration.Change, err error) {
	objects, err := t.Kube.List(ctx, kube.ScaledObjects, kube.Select{})
	if err != nil {
		return nil, err
	}
	for _, o := range objects {
		kind, _, _ := unstructured.NestedString(o.Object, "spec", "scaleTargetRef", "kind")
		version, _, _ := unstructured.NestedString(o.Object, "spec", "scaleTargetRef", "apiVersion")
		if kind == "ConsumerGroup" && strings.HasPrefix(version, internalGroup+"/") && o.GetDeletionTimestamp() == nil {
			changes = append(changes, t.delete(kube.ScaledObjects, o, nil))
		}
	}
	return changes, nil
}

// statefulSets are the dispatchers, those of namespaces with Brokers of their own too. Each goes when all that its
// ConsumerGroups and our contract name is served by our pods.
func (t *Takeover) statefulSets(ctx context.Context) (changes []migration.Change, err error) {
	for _, d := range t.planes() {
		objects, err := t.Kube.List(ctx, kube.StatefulSets, kube.Select{Name: d.Dispatcher})
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			if o.GetDeletionTimestamp() != nil || o.GetNamespace() != t.Namespace && d.Kind != dataplane.Broker {
				continue
			}
			in := d
			if o.GetNamespace() != t.Namespace {
				in = d.In(o.GetNamespace())
			}
			changes = append(changes, t.delete(kube.StatefulSets, o, migration.All(t.Served.Everything(in), t.covered(in))))
		}
	}
	return changes, nil
}

// planes are the data planes that deliver.
func (t *Takeover) planes() []dataplane.DataPlane {
	var all []dataplane.DataPlane
	for _, kind := range dataplane.Kinds() {
		if kind.HasEgress() {
			all = append(all, t.Served.Planes[kind])
		}
	}
	return all
}

// covered waits until every ConsumerGroup of a data plane is served by ours.
func (t *Takeover) covered(d dataplane.DataPlane) migration.Gate {
	return func(ctx context.Context) (string, error) {
		if d.Namespace != t.Namespace {
			return "", nil // Brokers of a namespace had no ConsumerGroups
		}
		groups, err := t.Kube.List(ctx, kube.ConsumerGroups, kube.Select{})
		if err != nil {
			return "", err
		}
		for _, g := range groups {
			if kind, ok := t.kindOf(g); !ok || kind != d.Kind {
				continue
			}
			if waiting, err := t.served(g)(ctx); waiting != "" || err != nil {
				return waiting, err
			}
		}
		return "", nil
	}
}

func (t *Takeover) kindOf(group *kube.Object) (dataplane.Kind, bool) {
	kind, ok := map[string]dataplane.Kind{
		"trigger": dataplane.Broker, "kafkachannel": dataplane.Channel, "kafkasource": dataplane.Source,
	}[group.GetLabels()[kindLabel]]
	return kind, ok
}

// served waits until our pods are members of the group of a ConsumerGroup. One whose owner is gone, or has let go of it, is
// needed by nobody.
func (t *Takeover) served(group *kube.Object) migration.Gate {
	name := "ConsumerGroup " + group.GetNamespace() + "/" + group.GetName()
	return func(ctx context.Context) (string, error) {
		orphan, err := t.orphan(ctx, group)
		if orphan || err != nil {
			return "", err
		}
		kind, ok := t.kindOf(group)
		if !ok {
			return fmt.Sprintf("%s, of which label %s does not say what it is for", name, kindLabel), nil
		}
		d := t.Served.Planes[kind]
		snapshot, err := t.Served.Contract(ctx, d)
		if err != nil {
			return "", err
		}
		id := groupID(group)
		if snapshot != nil {
			for _, r := range snapshot.Contract.GetResources() {
				for _, e := range r.GetEgresses() {
					if e.GetConsumerGroup() == id {
						return says(name, t.Served.Group(d, snapshot, e.GetUid())), nil
					}
				}
			}
		}
		return says(name, "an entry for group "+id+" in the contract "+d.Key()), nil
	}
}

func says(name, waiting string) string {
	if waiting == "" {
		return ""
	}
	return name + ": " + waiting
}

// groupID is the name of the group in Kafka.
func groupID(group *kube.Object) string {
	for _, path := range [][]string{{"configs", "group.id"}, {"configs", "configs", "group.id"}} {
		if id, ok, _ := unstructured.NestedString(group.Object, append([]string{"spec", "template", "spec"}, path...)...); ok {
			return id
		}
	}
	return ""
}

// orphan says whether nothing that a user has made needs the group: its owner is gone, is another one of the same name, or
// is a channel without that subscriber.
func (t *Takeover) orphan(ctx context.Context, group *kube.Object) (bool, error) {
	for _, ref := range group.GetOwnerReferences() {
		if ref.Controller == nil || !*ref.Controller {
			continue
		}
		gv, err := schema.ParseGroupVersion(ref.APIVersion)
		if err != nil {
			return false, fmt.Errorf("owner of ConsumerGroup %s/%s: %w", group.GetNamespace(), group.GetName(), err)
		}
		owner, err := t.Kube.Get(ctx, gv.WithResource(strings.ToLower(ref.Kind)+"s"), group.GetNamespace(), ref.Name)
		if err != nil {
			return false, err
		}
		if owner == nil || owner.GetUID() != ref.UID {
			return true, nil
		}
		return ref.Kind == "KafkaChannel" && !subscribed(owner, group.GetName()), nil
	}
	return false, nil
}

func subscribed(channel *kube.Object, uid string) bool {
	subscribers, _, _ := unstructured.NestedSlice(channel.Object, "spec", "subscribers")
	for _, item := range subscribers {
		if s, _ := item.(map[string]any); s["uid"] == uid {
			return true
		}
	}
	return false
}

// podConfigMaps held the contracts of single pods, and belong to them; those of pods that are gone were left.
func (t *Takeover) podConfigMaps(ctx context.Context) (changes []migration.Change, err error) {
	objects, err := t.Kube.List(ctx, kube.ConfigMaps, kube.Select{Namespace: t.Namespace})
	if err != nil {
		return nil, err
	}
	for _, o := range objects {
		if !podConfig.MatchString(o.GetName()) || o.GetDeletionTimestamp() != nil {
			continue
		}
		changes = append(changes, t.delete(kube.ConfigMaps, o, func(ctx context.Context) (string, error) {
			pod, err := t.Kube.Get(ctx, kube.Pods, t.Namespace, o.GetName())
			if pod == nil || err != nil {
				return "", err
			}
			return "the end of pod " + pod.GetName(), nil
		}))
	}
	return changes, nil
}

// internal are the objects of a kind that the earlier controller made for itself. Its finalizer goes first, as it would have
// deleted the group in Kafka, and nobody is left to take it off.
func (t *Takeover) internal(r kube.Resource) func(context.Context) ([]migration.Change, error) {
	return func(ctx context.Context) (changes []migration.Change, err error) {
		objects, err := t.Kube.List(ctx, r, kube.Select{})
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			gate := t.gateOf(r, o)
			if kept := withoutOurs(o.GetFinalizers()); len(kept) != len(o.GetFinalizers()) {
				changes = append(changes, migration.Change{
					What: kube.NameOf(r, o) + ": take the finalizer off", Gate: gate,
					Do: func(ctx context.Context) error {
						return t.Kube.Merge(ctx, r, o, map[string]any{"metadata": map[string]any{"finalizers": kept}})
					},
				})
			} else if o.GetDeletionTimestamp() == nil {
				changes = append(changes, t.delete(r, o, gate))
			}
		}
		return changes, nil
	}
}

func (t *Takeover) gateOf(r kube.Resource, o *kube.Object) migration.Gate {
	if r == kube.ConsumerGroups {
		return t.served(o)
	}
	return t.ofConsumer(o)
}

// ofConsumer is what its ConsumerGroup waits for; without one nothing needs it.
func (t *Takeover) ofConsumer(o *kube.Object) migration.Gate {
	return func(ctx context.Context) (string, error) {
		for _, ref := range o.GetOwnerReferences() {
			if ref.Kind != "ConsumerGroup" {
				continue
			}
			group, err := t.Kube.Get(ctx, kube.ConsumerGroups, o.GetNamespace(), ref.Name)
			if group == nil || err != nil {
				return "", err
			}
			return t.served(group)(ctx)
		}
		return "", nil
	}
}

// withoutOurs returns the finalizers that are not of the earlier controller. It is never nil: a patch with null removes all.
func withoutOurs(all []string) []any {
	kept := []any{}
	for _, f := range all {
		if !strings.HasSuffix(f, finalizers) {
			kept = append(kept, f)
		}
	}
	return kept
}

// crds are the kinds, when there are no objects of them any more.
func (t *Takeover) crds(ctx context.Context) (changes []migration.Change, err error) {
	for _, r := range []kube.Resource{kube.Consumers, kube.ConsumerGroups} {
		o, err := t.Kube.Get(ctx, kube.CRDs, "", r.GroupResource().String())
		if err != nil {
			return nil, err
		}
		if o == nil || o.GetDeletionTimestamp() != nil {
			continue
		}
		changes = append(changes, t.delete(kube.CRDs, o, func(ctx context.Context) (string, error) {
			objects, err := t.Kube.List(ctx, r, kube.Select{})
			if err != nil || len(objects) == 0 {
				return "", err
			}
			return "the end of " + kube.NameOf(r, objects[0]), nil
		}))
	}
	return changes, nil
}

// rights are what earlier data planes were allowed to read: every Secret of the cluster (SEC-47). Ours reads none.
func (t *Takeover) rights(ctx context.Context) (changes []migration.Change, err error) {
	for _, kind := range dataplane.Kinds() {
		name := "knative-kafka-" + string(kind) + "-data-plane"
		for _, r := range []kube.Resource{kube.ClusterRoleBindings, kube.ClusterRoles} {
			o, err := t.Kube.Get(ctx, r, "", name)
			if err != nil {
				return nil, err
			}
			if o != nil && o.GetDeletionTimestamp() == nil {
				changes = append(changes, t.delete(r, o, nil))
			}
		}
	}
	bindings, err := t.Kube.List(ctx, kube.RoleBindings, kube.Select{Name: "knative-kafka-broker-data-plane"})
	for _, o := range bindings {
		if o.GetDeletionTimestamp() == nil {
			changes = append(changes, t.delete(kube.RoleBindings, o, nil))
		}
	}
	return changes, err
}

// receivers waits until no pod of an earlier data plane is left: it reads Secrets as it runs.
func (t *Takeover) receivers(ctx context.Context) (string, error) {
	for _, kind := range dataplane.Kinds() {
		d := t.Served.Planes[kind]
		for _, app := range []string{d.Receiver, d.Dispatcher} {
			if app == "" {
				continue
			}
			if waiting, err := t.Served.EarlierPods("", app)(ctx); waiting != "" || err != nil {
				return waiting, err
			}
		}
	}
	return "", nil
}

func (t *Takeover) delete(r kube.Resource, o *kube.Object, gate migration.Gate) migration.Change {
	return migration.Change{
		What: "delete " + kube.NameOf(r, o), Gate: gate, Do: func(ctx context.Context) error { return t.Kube.Delete(ctx, r, o) },
	}
}
