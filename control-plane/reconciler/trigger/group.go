package trigger

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"

	"knative.dev/eventing-kafka-go/control-plane/autoscale"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/data-plane/properties"
)

const (
	// consumerFile is the file of the data plane's settings that says where a group starts, under resetKey (CFG-26).
	consumerFile = "config-kafka-broker-consumer.properties"
	resetKey     = "auto.offset.reset"
)

// group names the consumer group, for ever, and commits its start.
func (r *Reconciler) group(ctx context.Context, t *eventingv1.Trigger, b *eventingv1.Broker) error {
	id, err := r.groupID(ctx, t, b)
	if err != nil {
		t.Status.MarkDependencyFailed(reasonNoGroup, "%v", err)
		return err
	}
	if t.Status.Annotations == nil {
		t.Status.Annotations = map[string]string{}
	}
	t.Status.Annotations[translate.GroupStatusAnnotation] = id
	start, err := r.start(r.class.dataPlane(t.Namespace))
	if err != nil {
		t.Status.MarkDependencyFailed(reasonWrongSettings, "%v", err)
		return err
	}
	topic := b.Status.Annotations[translate.TopicStatusAnnotation]
	cluster := string(b.UID) + " " + b.Status.Annotations[translate.ServersKey]
	want := kafkaadmin.GroupStart{Group: id, Topics: []string{topic}, Start: start}
	err = r.groups.Ensure(ctx, t.UID, cluster, &t.Status.Status, want, func() (*kafkaadmin.Admin, error) { return r.admin(b) })
	if err != nil {
		t.Status.MarkDependencyFailed(reasonNoGroup, "%v", err)
		return fmt.Errorf("consumer group %s: %w", id, err)
	}
	if s, err := r.in.Entries.BrokerSettings(b); err == nil { // what was recorded before stays
		entries.RecordCluster(&t.Status.Status, s)
	}
	recorded, _ := entries.Partitions(&t.Status.Status) // it was written a moment ago
	r.in.Scaler.Record(ctx, t, t.Annotations, &t.Status.Status, "", autoscale.Group{
		Kind: r.class.asker, Object: r.who(t).NamespacedName, UID: string(t.UID), ID: id, Partitions: recorded[topic],
		Admin: func() (*kafkaadmin.Admin, error) { return r.admin(b) },
	}, 1)
	return nil
}

// groupID is the recorded name of the group, or the one by the template. A Trigger from before names were recorded may have
// one that is named after its UID, which it keeps (KC-24).
func (r *Reconciler) groupID(ctx context.Context, t *eventingv1.Trigger, b *eventingv1.Broker) (string, error) {
	id, err := entries.FlagsOf(ctx).Kafka.Naming.TriggerGroup(t)
	isNew := t.Status.ObservedGeneration == 0
	if err != nil || isNew || t.Status.Annotations[translate.GroupStatusAnnotation] != "" {
		return id, err
	}
	admin, err := r.admin(b)
	if err != nil {
		return "", err
	}
	old, err := admin.HasOffsets(ctx, string(t.UID), b.Status.Annotations[translate.TopicStatusAnnotation])
	if old {
		id = string(t.UID)
	}
	return id, err
}

// admin connects to the Kafka of a Broker.
func (r *Reconciler) admin(b *eventingv1.Broker) (*kafkaadmin.Admin, error) {
	s, err := r.in.Entries.BrokerSettings(b)
	if err != nil {
		return nil, err
	}
	return r.in.AdminFor(s)
}

// start is where a group without committed offsets begins now: at the end of its topic unless the data plane's settings
// say otherwise (OF-02).
func (r *Reconciler) start(d dataplane.DataPlane) (kafkaadmin.Start, error) {
	cm, err := r.in.Entries.ConfigMap(d.Namespace, d.SettingsName)
	if apierrors.IsNotFound(err) {
		return kafkaadmin.Latest, nil
	}
	if err != nil {
		return "", fmt.Errorf("get ConfigMap %s/%s: %w", d.Namespace, d.SettingsName, err)
	}
	values, err := properties.Effective([]byte(cm.Data[consumerFile]))
	if err != nil {
		return "", fmt.Errorf("ConfigMap %s/%s: %s: %w", d.Namespace, d.SettingsName, consumerFile, err)
	}
	if reset, ok := values[resetKey]; ok && !strings.EqualFold(reset, string(kafkaadmin.Latest)) {
		return kafkaadmin.Earliest, nil
	}
	return kafkaadmin.Latest, nil
}
