package consolidated

import (
	"context"
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"knative.dev/eventing-kafka-go/control-plane/migration"
	"knative.dev/eventing-kafka-go/control-plane/migration/kube"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

// channelLease is who leads the reconciler of channels: the old controller and ours never do together.
const channelLease = "kafkachannel-controller.knative.dev.eventing-kafka.pkg.channel.consolidated.reconciler.controller.reconciler.00-of-01"

// rollback is the way back.
type rollback struct{ *Takeover }

// Rollback gives channels back to the old installation, as long as its programs are there, stopped or not (MIG-08). Our
// controller stands still meanwhile, and leads everything but channels afterwards.
func (t *Takeover) Rollback() migration.Takeover { return rollback{t} }

// Name implements migration.Takeover.
func (r rollback) Name() string { return "consolidated-channel-rollback" }

// Survey implements migration.Takeover.
func (r rollback) Survey(ctx context.Context) (migration.Survey, error) {
	var s migration.Survey
	for _, name := range []string{oldController, oldDispatcher} {
		there, err := r.Served.Installed(ctx, r.Namespace, name)
		if err != nil {
			return s, err
		}
		if !there {
			s.Blockers = append(s.Blockers, fmt.Sprintf("Deployment %s is gone: apply the old release first", name))
		}
	}
	missing, err := r.Kube.Missing(ctx, r.rights())
	if err != nil {
		return s, err
	}
	s.Blockers = append(s.Blockers, missing...)
	channels, err := r.channels(ctx)
	for _, c := range channels {
		if old := oldTopic(c.namespace, c.name); c.topic != old {
			s.Blockers = append(s.Blockers, fmt.Sprintf("%s has topic %s, and the old installation would read and write %s", c, c.topic, old))
		}
		s.Objects = append(s.Objects, migration.Object{Name: c.String(), Phase: migration.Pending, Detail: "leads to " + c.external})
	}
	return s, err
}

// rights are what is needed to go all of the way: broken off in between, nobody would lead channels.
func (r rollback) rights() []kube.Right {
	rights := []kube.Right{{Verb: "patch", Resource: kube.Services}, {Verb: "patch", Resource: kube.Deployments, Name: oldDispatcher}}
	for _, name := range []string{ourController, oldController, oldWebhook} {
		rights = append(rights, kube.Right{Verb: "patch", Resource: kube.Deployments, Namespace: r.Namespace, Name: name})
	}
	for _, w := range oldWebhooks {
		rights = append(rights, kube.Right{Verb: "patch", Resource: w.resource, Name: w.name})
	}
	return rights
}

// Steps implements migration.Takeover.
func (r rollback) Steps() []migration.Step {
	return []migration.Step{
		{Name: "hold our controller", Plan: r.hold},
		{Name: "start the old dispatchers", Plan: r.start(oldDispatcher, "")},
		{Name: "lead Services back", Plan: r.leadBack, Gate: migration.All(r.Served.Ended(r.Namespace, ourController), r.dispatchersServe)},
		{Name: "start the old webhook", Plan: r.start(oldWebhook, r.Namespace)},
		{Name: "let the old webhook be asked", Plan: r.arm, Gate: r.webhookIsThere},
		{Name: "start the old controller", Plan: r.start(oldController, r.Namespace)},
		{Name: "let our controller go on", Plan: r.start(ourController, r.Namespace), Gate: r.oldLeads},
	}
}

// hold stops our controller until the old one leads channels.
func (r rollback) hold(ctx context.Context) ([]migration.Change, error) {
	waiting, err := r.oldLeads(ctx)
	if err != nil || waiting == "" {
		return nil, err
	}
	d, err := r.Kube.Get(ctx, kube.Deployments, r.Namespace, ourController)
	if err != nil {
		return nil, err
	}
	if c := r.stop(d); c != nil {
		return []migration.Change{*c}, nil
	}
	return nil, nil
}

func (r rollback) oldLeads(ctx context.Context) (string, error) {
	waiting := "Deployment " + oldController + " to hold the Lease " + channelLease
	d, err := r.Kube.Get(ctx, kube.Deployments, r.Namespace, oldController)
	if d == nil || err != nil {
		return waiting, err
	}
	if replicas, found, _ := unstructured.NestedInt64(d.Object, "spec", "replicas"); found && replicas == 0 {
		return waiting, nil // whoever it was, it has ended
	}
	if leads, err := r.Served.Leads(ctx, oldController, channelLease); !leads || err != nil {
		return waiting, err
	}
	return "", nil
}

// start scales Deployments of a name to what they were.
func (r rollback) start(name, namespace string) func(context.Context) ([]migration.Change, error) {
	return func(ctx context.Context) (changes []migration.Change, err error) {
		all, err := r.Kube.List(ctx, kube.Deployments, kube.Select{Namespace: namespace, Name: name})
		if err != nil {
			return nil, err
		}
		for _, d := range all {
			replicas, found, _ := unstructured.NestedInt64(d.Object, "spec", "replicas")
			stopped := found && replicas == 0
			// One that still runs must not keep a time that a later takeover would go by.
			if !stopped && d.GetAnnotations()[switchedAt] == "" {
				continue
			}
			changes = append(changes, r.Takeover.start(d))
		}
		return changes, nil
	}
}

func (r rollback) dispatchersServe(ctx context.Context) (string, error) {
	all, err := r.dispatchers(ctx)
	if err != nil {
		return "", err
	}
	for _, d := range all {
		if waiting, err := r.Served.Available(d.GetNamespace(), d.GetName())(ctx); waiting != "" || err != nil {
			return waiting, err
		}
	}
	return "", nil
}

// leadBack leads each Service to where it led, or would have: the dispatcher of the channel's scope.
func (r rollback) leadBack(ctx context.Context) (changes []migration.Change, err error) {
	channels, err := r.channels(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range channels {
		if isOld(c.external) || c.service == nil {
			continue
		}
		old := c.service.GetAnnotations()[ledTo]
		if old == "" {
			namespace := r.Namespace
			if c.object.GetAnnotations()[scopeKey] == "namespace" {
				namespace = c.namespace
			}
			old = translate.ServiceHost(namespace, oldDispatcher, r.Domain)
		}
		changes = append(changes, r.merge(kube.Services, c.service, map[string]any{
			"spec":     map[string]any{"externalName": old},
			"metadata": map[string]any{"annotations": map[string]any{ledTo: nil}},
		}, "lead to "+old))
	}
	return changes, nil
}

func (r rollback) webhookIsThere(ctx context.Context) (string, error) {
	return r.Served.Available(r.Namespace, oldWebhook)(ctx)
}

// arm takes the selector off that selects nothing.
func (r rollback) arm(ctx context.Context) (changes []migration.Change, err error) {
	for _, w := range oldWebhooks {
		o, err := r.Kube.Get(ctx, w.resource, "", w.name)
		if err != nil {
			return nil, err
		}
		if o == nil {
			continue
		}
		hooks, _, _ := unstructured.NestedSlice(o.Object, "webhooks")
		disarmed := false
		for i, item := range hooks {
			hook, _ := item.(map[string]any)
			if _, is, _ := unstructured.NestedString(hook, "objectSelector", "matchLabels", kube.DisarmedLabel); is {
				disarmed = true
				hook = maps.Clone(hook)
				delete(hook, "objectSelector")
				hooks[i] = hook
			}
		}
		if disarmed {
			changes = append(changes, r.merge(w.resource, o, map[string]any{"webhooks": hooks}, "select all again"))
		}
	}
	return changes, nil
}
