// Package consolidated takes over the consolidated KafkaChannel of eventing-kafka: channels stay where they are, with their
// topics, groups, committed offsets and host names (MIG-29), and are served by this installation afterwards.
//
// It owns the order in which that happens without an event lost: first the settings, then starts of groups and ownership of
// topics are written down, then the old controller stops, Services lead to our ingress as it answers for them, our groups
// have members and committed offsets, the old dispatchers stop, and only then old objects go. Until that last step all of
// it can be taken back, which Rollback does. It must not delete or recreate a channel or Subscription (MIG-09), and touches
// no Secret of users. A Takeover belongs to one goroutine.
package consolidated

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/migration"
	"knative.dev/eventing-kafka-go/control-plane/migration/kube"
	"knative.dev/eventing-kafka-go/control-plane/migration/served"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

// Names of the old installation.
const (
	configName     = "config-kafka"
	copyName       = "config-kafka-migrated"
	oldController  = "kafka-ch-controller"
	oldDispatcher  = "kafka-ch-dispatcher"
	oldWebhook     = "kafka-webhook"
	distributed    = "eventing-kafka-channel-controller"
	ourWebhook     = "kafka-webhook-eventing"
	ourController  = "kafka-controller"
	channelCRD     = "kafkachannels.messaging.knative.dev"
	serviceLabel   = "messaging.knative.dev/role=kafka-channel"
	scopeKey       = "eventing.knative.dev/scope"
	topicPrefix    = "knative-messaging-kafka"
	defaultServers = "my-cluster-kafka-bootstrap.kafka:9092"
	placeholder    = "REPLACE_WITH_CLUSTER_URL"
)

// Annotations of ours on objects of the old installation, for the way back.
const (
	replicasBefore = "kafka.eventing.knative.dev/replicas-before"
	switchedAt     = "kafka.eventing.knative.dev/services-switched-at"
	ledTo          = "kafka.eventing.knative.dev/led-to"
)

// defaultSettle is how long names may be known that led elsewhere: cluster DNS says 30 s, clients add to it.
const defaultSettle = 2 * time.Minute

// Takeover of the consolidated KafkaChannel.
type Takeover struct {
	Kube   kube.Client
	Served *served.Checker
	Admins *kafkaadmin.Pool
	// Namespace of both installations.
	Namespace string
	// ConfigName is the ConfigMap of channels, kafka-channel-config. Domain is that of the cluster.
	ConfigName, Domain string
	// Settle is how long the old ingress goes on after the last Service was switched; 0 is two minutes.
	Settle time.Duration
	Now    func() time.Time

	to *target // as found by the last survey
}

var _ migration.Takeover = (*Takeover)(nil)

// Name implements migration.Takeover.
func (t *Takeover) Name() string { return "consolidated-channel" }

// Survey implements migration.Takeover.
func (t *Takeover) Survey(ctx context.Context) (migration.Survey, error) {
	var s migration.Survey
	left, err := t.leftovers(ctx)
	if err != nil {
		return s, err
	}
	begun, err := t.Kube.Get(ctx, kube.ConfigMaps, t.Namespace, copyName)
	if err != nil {
		return s, err
	}
	// A ConfigMap of that name alone says nothing of channels, unless it is the last thing that is left to remove.
	onlyConfig := !slices.ContainsFunc(left, func(f found) bool { return f.resource != kube.ConfigMaps })
	if len(left) == 0 || begun == nil && onlyConfig {
		s.Skip = "there is no consolidated KafkaChannel"
		return s, t.finished(ctx, &s, begun != nil)
	}
	for _, name := range []string{t.plane().Receiver, t.plane().Dispatcher} {
		installed, err := t.Served.Installed(ctx, t.plane().Namespace, name)
		if err != nil {
			return s, err
		}
		if !installed {
			s.Skip = fmt.Sprintf("Deployment %s is not installed: the consolidated KafkaChannel goes on as it is", name)
			return s, nil
		}
	}
	if err := t.blockers(ctx, &s); err != nil {
		return s, err
	}
	channels, err := t.channels(ctx)
	if err != nil {
		return s, err
	}
	return s, t.survey(ctx, &s, channels)
}

// finished tells of channels that were taken over.
func (t *Takeover) finished(ctx context.Context, s *migration.Survey, was bool) error {
	if !was {
		return nil
	}
	channels, err := t.channels(ctx)
	for _, c := range channels {
		s.Objects = append(s.Objects, migration.Object{Name: c.String(), Phase: migration.Done, Detail: "served by this installation"})
	}
	return err
}

// blockers finds what must be put right first, and notes.
func (t *Takeover) blockers(ctx context.Context, s *migration.Survey) error {
	crd, err := t.Kube.Get(ctx, kube.CRDs, "", channelCRD)
	if err != nil {
		return err
	}
	service := ""
	if crd != nil {
		service, _, _ = unstructured.NestedString(crd.Object, "spec", "conversion", "webhook", "clientConfig", "service", "name")
	}
	if service != ourWebhook { // without a definition all channels would seem to be gone
		s.Blockers = append(s.Blockers, fmt.Sprintf("the conversion of %s leads to %q: apply the CRDs of this release first", channelCRD, service))
	}
	missing, err := t.missingRights(ctx)
	if err != nil {
		return err
	}
	s.Blockers = append(s.Blockers, missing...)
	to, err := t.resolve(ctx)
	var w *wrongError
	switch {
	case errors.As(err, &w):
		s.Blockers = append(s.Blockers, w.what)
	case err != nil:
		return err
	default:
		t.to = &to
		s.Notes = append(s.Notes, to.notes...)
		for _, path := range to.lost {
			s.Notes = append(s.Notes, fmt.Sprintf("the setting %s of ConfigMap %s is not carried over", path, configName))
		}
	}
	return nil
}

// resolve finds out how channels are to connect: from config-kafka, or when that is gone from what was made of it.
func (t *Takeover) resolve(ctx context.Context) (target, error) {
	old, err := t.Kube.Get(ctx, kube.ConfigMaps, t.Namespace, configName)
	if err != nil {
		return target{}, err
	}
	data, err := t.channelConfig(ctx)
	if err != nil {
		return target{}, err
	}
	if old == nil {
		return t.connect(ctx, settings{
			servers:    kafka.ParseServers(data["bootstrap.servers"]),
			secretName: data["auth.secret.ref.name"], secretNamespace: data["auth.secret.ref.namespace"],
		})
	}
	cm, err := kube.ConfigMap(old)
	if err != nil {
		return target{}, err
	}
	s, err := parse(cm.Data)
	if err != nil {
		return target{}, wrong("ConfigMap %s: %v", configName, err)
	}
	have := strings.Join(kafka.ParseServers(data["bootstrap.servers"]), ",")
	if have != "" && have != defaultServers && have != placeholder && have != strings.Join(s.servers, ",") {
		return target{}, wrong("ConfigMap %s says bootstrap.servers %q and ConfigMap %s says %q: make them agree",
			t.ConfigName, have, configName, strings.Join(s.servers, ","))
	}
	if name := data["auth.secret.ref.name"]; name != "" && name != explicitSecret {
		return t.decided(ctx, s, name, data["auth.secret.ref.namespace"])
	}
	return t.connect(ctx, s)
}

// decided is the target when kafka-channel-config names a Secret already, by a user or by an earlier run: it stays, and must
// do.
func (t *Takeover) decided(ctx context.Context, s settings, name, namespace string) (target, error) {
	to := target{settings: s}
	to.secretName, to.secretNamespace = name, namespace
	if name != s.secretName {
		to.notes = append(to.notes, fmt.Sprintf("ConfigMap %s names Secret %q, which stays; ConfigMap %s names %q",
			t.ConfigName, name, configName, s.secretName))
	}
	return to, t.try(ctx, &to)
}

func (t *Takeover) channelConfig(ctx context.Context) (map[string]string, error) {
	o, err := t.Kube.Get(ctx, kube.ConfigMaps, t.Namespace, t.ConfigName)
	if o == nil || err != nil {
		return nil, err
	}
	cm, err := kube.ConfigMap(o)
	if err != nil {
		return nil, err
	}
	return cm.Data, nil
}

// channel is a KafkaChannel that the old installation serves, or did.
type channel struct {
	object         *kube.Object
	namespace      string
	name, topic    string
	recorded       bool // its status names the topic
	wasReady       bool
	service        *kube.Object // nil: none
	host, external string
	subscribers    []subscriber
}

type subscriber struct {
	uid, group string
	ready      bool
}

func (c *channel) String() string { return "KafkaChannel " + c.namespace + "/" + c.name }

// channels returns the channels whose Services lead to the old installation or to ours. Those of a distributed channel lead
// elsewhere, and are none of this takeover's.
func (t *Takeover) channels(ctx context.Context) ([]*channel, error) {
	objects, err := t.Kube.List(ctx, kube.KafkaChannels, kube.Select{})
	if err != nil {
		return nil, err
	}
	services, err := t.Kube.List(ctx, kube.Services, kube.Select{Labels: serviceLabel})
	if err != nil {
		return nil, err
	}
	byName := map[string]*kube.Object{}
	for _, s := range services {
		byName[s.GetNamespace()+"/"+s.GetName()] = s
	}
	var all []*channel
	for _, o := range objects {
		c := t.channel(o)
		c.service = byName[c.namespace+"/"+translate.ChannelServiceName(c.name)]
		if c.service != nil {
			c.external, _, _ = unstructured.NestedString(c.service.Object, "spec", "externalName")
		}
		if o.GetDeletionTimestamp() == nil && (c.external == t.ingressHost() || isOld(c.external)) {
			all = append(all, c)
		}
	}
	return all, nil
}

func (t *Takeover) channel(o *kube.Object) *channel {
	c := &channel{object: o, namespace: o.GetNamespace(), name: o.GetName()}
	c.host = translate.ServiceHost(c.namespace, translate.ChannelServiceName(c.name), t.Domain)
	c.topic, _, _ = unstructured.NestedString(o.Object, "status", "annotations", translate.TopicStatusAnnotation)
	if c.recorded = c.topic != ""; !c.recorded {
		c.topic = oldTopic(c.namespace, c.name)
	}
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	c.wasReady = slices.ContainsFunc(conditions, func(item any) bool {
		m, _ := item.(map[string]any)
		return m["type"] == "Ready" && m["status"] == "True"
	})
	ready := map[string]bool{}
	states, _, _ := unstructured.NestedSlice(o.Object, "status", "subscribers")
	for _, item := range states {
		m, _ := item.(map[string]any)
		uid, _ := m["uid"].(string)
		ready[uid] = m["ready"] == "True"
	}
	specs, _, _ := unstructured.NestedSlice(o.Object, "spec", "subscribers")
	for _, item := range specs {
		m, _ := item.(map[string]any)
		if uid, _ := m["uid"].(string); uid != "" {
			c.subscribers = append(c.subscribers, subscriber{uid, translate.ChannelGroup(c.namespace, c.name, types.UID(uid)), ready[uid]})
		}
	}
	return c
}

// oldTopic is the topic that the old installation has for a channel, whatever was configured.
func oldTopic(namespace, name string) string {
	return strings.Join([]string{topicPrefix, namespace, name}, ".")
}

// isOld says whether a Service leads to the dispatcher of the old installation, of the cluster or of a namespace.
func isOld(external string) bool { return strings.HasPrefix(external, oldDispatcher+".") }

func (t *Takeover) plane() dataplane.DataPlane { return t.Served.Planes[dataplane.Channel] }

func (t *Takeover) ingressHost() string {
	return translate.ServiceHost(t.plane().Namespace, t.plane().Ingress, t.Domain)
}

// survey says how far each channel has come, with what waits in its groups (MIG-06), and what is wrong with channels.
func (t *Takeover) survey(ctx context.Context, s *migration.Survey, channels []*channel) error {
	if len(channels) > 0 {
		s.Notes = append(s.Notes, "keys move to other partitions, as the partitioner is another one: events of a key that are under way "+
			"at the switch may be delivered out of order. Acknowledgements come from all replicas now, before from the leader alone")
	}
	stopped, err := t.stopped(ctx)
	if err != nil {
		return err
	}
	var topics map[string]int32
	if t.to != nil {
		names := make([]string, 0, len(channels))
		for _, c := range channels {
			names = append(names, c.topic)
		}
		if topics, err = t.to.admin.Partitions(ctx, names...); err != nil {
			return err
		}
	}
	for _, c := range channels {
		o := migration.Object{Name: c.String(), Phase: migration.Pending}
		if t.to != nil {
			if topics[c.topic] == 0 && c.wasReady {
				s.Blockers = append(s.Blockers, fmt.Sprintf("%s is Ready, and its topic %s is not in the Kafka at %s: is it another one?",
					c, c.topic, strings.Join(t.to.servers, ",")))
			}
			if o.Detail, err = t.detail(ctx, c, topics[c.topic] > 0); err != nil {
				return err
			}
		}
		switch {
		case c.external == t.ingressHost() && stopped:
			o.Phase = migration.Drained
		case c.external == t.ingressHost():
			o.Phase = migration.IngressSwitched
		case c.recorded:
			o.Phase = migration.Adopted
		}
		s.Objects = append(s.Objects, o)
	}
	return nil
}

func (t *Takeover) detail(ctx context.Context, c *channel, exists bool) (string, error) {
	text := fmt.Sprintf("Service %s: %s → %s, topic %s stays", translate.ChannelServiceName(c.name), c.external, t.ingressHost(), c.topic)
	if !exists {
		return text + " (not there)", nil
	}
	for _, sub := range c.subscribers {
		lag, err := t.to.admin.Lag(ctx, sub.group)
		if err != nil {
			return "", err
		}
		text += fmt.Sprintf(", group %s stays (lag %d, %d members)", sub.group, lag.Total, lag.Members)
	}
	return text, nil
}
