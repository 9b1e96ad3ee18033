package consolidated

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"knative.dev/eventing-kafka-go/control-plane/migration"
	"knative.dev/eventing-kafka-go/control-plane/migration/kube"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

// Steps implements migration.Takeover.
func (t *Takeover) Steps() []migration.Step {
	d := t.plane()
	installed := migration.All(t.Served.Available(t.Namespace, ourController), t.Served.Available(t.Namespace, ourWebhook),
		t.Served.Available(d.Namespace, d.Receiver), t.Served.Available(d.Namespace, d.Dispatcher))
	return []migration.Step{
		{Name: "let our controller go on", Plan: t.goOn},
		{Name: "carry the settings over", Plan: t.configure, Gate: installed},
		{Name: "adopt topics and groups", Plan: t.adopt},
		{Name: "stop the old controller", Plan: t.stopController, Gate: migration.All(installed, t.Served.WebhookServes)},
		{Name: "lead Services to the new ingress", Plan: t.switchServices, Gate: t.Served.Ended(t.Namespace, oldController)},
		{Name: "stop the old dispatchers", Plan: t.stopDispatchers},
		{Name: "remove what is left", Plan: t.remove, Gate: t.drained},
	}
}

// goOn starts our controller where a rollback was broken off that had stopped it.
func (t *Takeover) goOn(ctx context.Context) ([]migration.Change, error) {
	d, err := t.Kube.Get(ctx, kube.Deployments, t.Namespace, ourController)
	if d == nil || err != nil || d.GetAnnotations()[replicasBefore] == "" {
		return nil, err
	}
	return []migration.Change{t.start(d)}, nil
}

// configure writes what config-kafka says to where it belongs now, and keeps a copy (MIG-15, MIG-20).
func (t *Takeover) configure(ctx context.Context) (changes []migration.Change, err error) {
	old, err := t.Kube.Get(ctx, kube.ConfigMaps, t.Namespace, configName)
	if old == nil || err != nil {
		return nil, err
	}
	to, err := t.resolve(ctx)
	if err != nil {
		return nil, err
	}
	t.to = &to
	copied, err := t.Kube.Get(ctx, kube.ConfigMaps, t.Namespace, copyName)
	if err != nil {
		return nil, err
	}
	data, _, _ := unstructured.NestedMap(old.Object, "data")
	switch {
	case copied == nil:
		changes = append(changes, t.create(kube.ConfigMaps, &kube.Object{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "data": data,
			"metadata": map[string]any{"namespace": t.Namespace, "name": copyName},
		}}))
	case !sameData(copied, old): // somebody has changed it since
		was, _, _ := unstructured.NestedMap(copied.Object, "data")
		for key := range was {
			if _, is := data[key]; !is {
				data[key] = nil
			}
		}
		changes = append(changes, t.merge(kube.ConfigMaps, copied, map[string]any{"data": data}, "what "+configName+" says now"))
	}
	if to.secret != nil {
		there, err := t.Kube.Get(ctx, kube.Secrets, to.secret.Namespace, to.secret.Name)
		if err != nil {
			return nil, err
		}
		if there == nil {
			changes = append(changes, t.create(kube.Secrets, secretObject(to.secret)))
		}
	}
	change, err := t.writeConfig(ctx, to)
	if change != nil {
		changes = append(changes, *change)
	}
	return changes, err
}

// writeConfig writes kafka-channel-config: what has a value alone, and nothing else of it is touched.
func (t *Takeover) writeConfig(ctx context.Context, to target) (*migration.Change, error) {
	want := map[string]any{"bootstrap.servers": strings.Join(to.servers, ",")}
	if to.secret != nil {
		want["auth.secret.ref.name"], want["auth.secret.ref.namespace"] = to.secret.Name, to.secret.Namespace
	} else if to.secretName != "" {
		want["auth.secret.ref.name"] = to.secretName
		if to.secretNamespace != "" {
			want["auth.secret.ref.namespace"] = to.secretNamespace
		}
	}
	have, err := t.Kube.Get(ctx, kube.ConfigMaps, t.Namespace, t.ConfigName)
	if err != nil {
		return nil, err
	}
	if have == nil {
		c := t.create(kube.ConfigMaps, &kube.Object{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "data": want, "metadata": map[string]any{"namespace": t.Namespace, "name": t.ConfigName},
		}})
		return &c, nil
	}
	data, _, _ := unstructured.NestedMap(have.Object, "data")
	same := true
	for key, value := range want {
		same = same && data[key] == value
	}
	if same {
		return nil, nil //nolint:nilnil // nothing is to be changed
	}
	c := t.merge(kube.ConfigMaps, have, map[string]any{"data": want}, "bootstrap.servers: "+strings.Join(to.servers, ","))
	return &c, nil
}

// adopt writes down whose topics are (their status names them, and they go with their channels, as before), and has a start
// committed for what has none, while the old installation still runs (MIG-02, MIG-13).
func (t *Takeover) adopt(ctx context.Context) (changes []migration.Change, err error) {
	if t.to == nil {
		to, err := t.resolve(ctx)
		if err != nil {
			return nil, err
		}
		t.to = &to
	}
	channels, err := t.channels(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range channels {
		if !isOld(c.external) {
			continue // our controller has it
		}
		partitions, err := t.to.admin.Partitions(ctx, c.topic)
		if err != nil {
			return nil, err
		}
		if partitions[c.topic] == 0 {
			continue // never made, and ours to make
		}
		groups, err := t.starts(ctx, c)
		if err != nil {
			return nil, err
		}
		changes = append(changes, groups...)
		if !c.recorded {
			changes = append(changes, t.merge(kube.KafkaChannels, c.object, map[string]any{"status": map[string]any{
				"annotations": map[string]any{translate.TopicStatusAnnotation: c.topic},
			}}, "record its topic "+c.topic, "status"))
		}
	}
	return changes, nil
}

// starts returns what is lacking to the groups of a channel. A subscriber that was never served has no start to keep.
func (t *Takeover) starts(ctx context.Context, c *channel) (changes []migration.Change, err error) {
	for _, sub := range c.subscribers {
		served, err := t.wasServed(ctx, c, sub)
		if err != nil {
			return nil, err
		}
		if !served {
			continue
		}
		partitions, err := t.to.admin.Uncommitted(ctx, sub.group, c.topic)
		if err != nil {
			return nil, err
		}
		if len(partitions) > 0 {
			changes = append(changes, migration.Change{
				What: fmt.Sprintf("commit a start for partitions %v of topic %s in group %s", partitions, c.topic, sub.group),
				Do:   func(ctx context.Context) error { return t.to.admin.EnsureLiveGroup(ctx, sub.group, c.topic) },
			})
		}
	}
	return changes, nil
}

// wasServed says whether a subscriber has had events: it was ready, or it is not just now and its group is known to Kafka.
func (t *Takeover) wasServed(ctx context.Context, c *channel, sub subscriber) (bool, error) {
	if sub.ready {
		return true, nil
	}
	lag, err := t.to.admin.Lag(ctx, sub.group)
	if err != nil || lag.Members > 0 {
		return err == nil, err
	}
	return t.to.admin.HasOffsets(ctx, sub.group, c.topic)
}

// stopController has admission of the old webhook ask nobody, and then stops the old programs: the old webhook knows
// neither our fields nor our status.
func (t *Takeover) stopController(ctx context.Context) (changes []migration.Change, err error) {
	keepWebhook, err := t.hasDistributed(ctx)
	if err != nil {
		return nil, err
	}
	names := []string{oldController}
	if !keepWebhook {
		names = append(names, oldWebhook)
		if changes, err = t.disarm(ctx); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		d, err := t.Kube.Get(ctx, kube.Deployments, t.Namespace, name)
		if err != nil {
			return nil, err
		}
		if c := t.stop(d); c != nil {
			changes = append(changes, *c)
		}
	}
	return changes, nil
}

func (t *Takeover) disarm(ctx context.Context) (changes []migration.Change, err error) {
	for _, w := range oldWebhooks {
		o, err := t.Kube.Get(ctx, w.resource, "", w.name)
		if err != nil {
			return nil, err
		}
		if o == nil {
			continue
		}
		hooks, armed := kube.Disarm(o)
		if armed {
			changes = append(changes, t.merge(w.resource, o, map[string]any{"webhooks": hooks}, "select nothing"))
		}
	}
	return changes, nil
}

// switchServices leads each channel's Service to our ingress, when every pod of it answers for the channel.
func (t *Takeover) switchServices(ctx context.Context) (changes []migration.Change, err error) {
	channels, err := t.channels(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range channels {
		if !isOld(c.external) {
			continue
		}
		change := t.merge(kube.Services, c.service, map[string]any{
			"metadata": map[string]any{"annotations": map[string]any{ledTo: c.external}},
			"spec": map[string]any{"type": "ExternalName", "externalName": t.ingressHost(), "ports": []any{
				map[string]any{"name": "http", "protocol": "TCP", "port": int64(80)}, map[string]any{"name": "https", "protocol": "TCP", "port": int64(443)},
			}},
		}, "lead to "+t.ingressHost())
		change.Gate = t.answers(c)
		changes = append(changes, change)
	}
	return changes, nil
}

func (t *Takeover) answers(c *channel) migration.Gate {
	return func(ctx context.Context) (string, error) {
		snapshot, err := t.Served.Contract(ctx, t.plane())
		if err != nil {
			return "", err
		}
		if why := t.Served.Route(t.plane(), snapshot, string(c.object.GetUID())); why != "" {
			return c.String() + ": " + why, nil
		}
		return t.Served.Answers(ctx, t.plane(), c.host)
	}
}

// stopDispatchers stops the old data plane once nothing depends on it: no Service leads to it for a while, and our members
// have all groups.
func (t *Takeover) stopDispatchers(ctx context.Context) (changes []migration.Change, err error) {
	dispatchers, err := t.dispatchers(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range dispatchers {
		change := t.stop(d)
		if change == nil {
			continue
		}
		if d.GetAnnotations()[switchedAt] == "" {
			noted := t.merge(kube.Deployments, d, annotate(switchedAt, t.Now().UTC().Format(time.RFC3339)), "note that no Service leads to it any more")
			noted.Gate = t.nothingLeadsThere
			changes = append(changes, noted)
			continue
		}
		change.Gate = migration.All(t.nothingLeadsThere, t.settled(d.GetAnnotations()[switchedAt]), t.handedOver)
		changes = append(changes, *change)
	}
	return changes, nil
}

func (t *Takeover) nothingLeadsThere(ctx context.Context) (string, error) {
	services, err := t.Kube.List(ctx, kube.Services, kube.Select{Labels: serviceLabel})
	if err != nil {
		return "", err
	}
	for _, s := range services {
		if external, _, _ := unstructured.NestedString(s.Object, "spec", "externalName"); isOld(external) {
			return fmt.Sprintf("Service %s/%s, which leads to the old dispatcher", s.GetNamespace(), s.GetName()), nil
		}
	}
	return "", nil
}

// settled waits until clients have forgotten where names led before.
func (t *Takeover) settled(since string) migration.Gate {
	return func(context.Context) (string, error) {
		at, err := time.Parse(time.RFC3339, since)
		if err != nil {
			return "", fmt.Errorf("annotation %s: %w", switchedAt, err)
		}
		settle := t.Settle
		if settle == 0 {
			settle = defaultSettle
		}
		if until := at.Add(settle); t.Now().Before(until) {
			return fmt.Sprintf("clients to forget where the Services led, until %s", until.Format(time.RFC3339)), nil
		}
		return "", nil
	}
}

// handedOver waits until our data plane is a member of every group, and every partition has a committed offset.
func (t *Takeover) handedOver(ctx context.Context) (string, error) {
	channels, err := t.channels(ctx)
	if err != nil {
		return "", err
	}
	snapshot, err := t.Served.Contract(ctx, t.plane())
	if err != nil {
		return "", err
	}
	if t.to == nil {
		to, err := t.resolve(ctx)
		if err != nil {
			return "", err
		}
		t.to = &to
	}
	for _, c := range channels {
		for _, sub := range c.subscribers {
			if why := t.Served.Group(t.plane(), snapshot, sub.uid); why != "" {
				return fmt.Sprintf("consumer group %s: %s", sub.group, why), nil
			}
			partitions, err := t.to.admin.Uncommitted(ctx, sub.group, c.topic)
			if err != nil {
				return "", err
			}
			if len(partitions) > 0 {
				return fmt.Sprintf("committed offsets of consumer group %s for partitions %v", sub.group, partitions), nil
			}
		}
	}
	return "", nil
}

// drained waits until the old programs have ended and all groups are ours.
func (t *Takeover) drained(ctx context.Context) (string, error) {
	dispatchers, err := t.dispatchers(ctx)
	if err != nil {
		return "", err
	}
	gates := []migration.Gate{t.nothingLeadsThere, t.Served.Ended(t.Namespace, oldController)}
	for _, d := range dispatchers {
		gates = append(gates, t.Served.Ended(d.GetNamespace(), d.GetName()))
	}
	return migration.All(append(gates, t.handedOver)...)(ctx)
}

// stop scales a Deployment to nothing and notes what it was; nil when it is so already.
func (t *Takeover) stop(d *kube.Object) *migration.Change {
	if d == nil {
		return nil
	}
	replicas, found, _ := unstructured.NestedInt64(d.Object, "spec", "replicas")
	if found && replicas == 0 {
		return nil
	}
	if !found {
		replicas = 1
	}
	change := annotate(replicasBefore, strconv.FormatInt(replicas, 10))
	change["spec"] = map[string]any{"replicas": int64(0)}
	c := t.merge(kube.Deployments, d, change, fmt.Sprintf("scale from %d to 0", replicas))
	return &c
}

// start scales a Deployment to what it was before, and takes the notes off it.
func (t *Takeover) start(d *kube.Object) migration.Change {
	replicas, _, _ := unstructured.NestedInt64(d.Object, "spec", "replicas")
	before, err := strconv.ParseInt(d.GetAnnotations()[replicasBefore], 10, 32)
	if err != nil || before < 1 {
		before = max(replicas, 1)
	}
	return t.merge(kube.Deployments, d, map[string]any{
		"spec":     map[string]any{"replicas": before},
		"metadata": map[string]any{"annotations": map[string]any{replicasBefore: nil, switchedAt: nil}},
	}, fmt.Sprintf("scale to %d", before))
}

func annotate(key, value string) map[string]any {
	return map[string]any{"metadata": map[string]any{"annotations": map[string]any{key: value}}}
}

func (t *Takeover) dispatchers(ctx context.Context) ([]*kube.Object, error) {
	return t.Kube.List(ctx, kube.Deployments, kube.Select{Name: oldDispatcher})
}

// stopped says whether no old dispatcher is asked for.
func (t *Takeover) stopped(ctx context.Context) (bool, error) {
	dispatchers, err := t.dispatchers(ctx)
	for _, d := range dispatchers {
		if t.stop(d) != nil {
			return false, err
		}
	}
	return true, err
}

func (t *Takeover) hasDistributed(ctx context.Context) (bool, error) {
	d, err := t.Kube.Get(ctx, kube.Deployments, t.Namespace, distributed)
	return d != nil, err
}

func (t *Takeover) create(r kube.Resource, o *kube.Object) migration.Change {
	return migration.Change{What: "create " + kube.NameOf(r, o), Do: func(ctx context.Context) error { return t.Kube.Create(ctx, r, o) }}
}

func (t *Takeover) merge(r kube.Resource, o *kube.Object, change map[string]any, what string, subresources ...string) migration.Change {
	return migration.Change{What: kube.NameOf(r, o) + ": " + what, Do: func(ctx context.Context) error {
		return t.Kube.Merge(ctx, r, o, change, subresources...)
	}}
}
