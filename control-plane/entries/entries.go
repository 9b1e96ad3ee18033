// Package entries makes the entries of the contract from cached objects: the object, what its reconciler has written
// into its status, and the ConfigMaps, Secrets and policies it refers to. The one writer of contracts and the
// reconcilers, which compare what pods run with what they should run, make them with the same functions.
//
// It must not talk to the API server or to Kafka and changes nothing; what it is given comes from listers and stays as it
// is. A Builder may be used by any goroutine.
package entries

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	eventingv1alpha1 "knative.dev/eventing/pkg/apis/eventing/v1alpha1"
	"knative.dev/eventing/pkg/apis/feature"
	messagingv1 "knative.dev/eventing/pkg/apis/messaging/v1"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/credentials"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

// Keys of status.annotations that reconcilers write and entries are made from, beside those of translate.
const (
	// PartitionsStatusAnnotation holds, as JSON, how many partitions have a committed start: by topic on a Trigger or
	// KafkaSource, by the UID of the subscriber on a KafkaChannel. What is not in it has no group yet and gets no egress.
	PartitionsStatusAnnotation = "kafka.eventing.knative.dev/partitions"
	// MembersStatusAnnotation holds, as JSON, how many members a group that is scaled shall have: by the UID of the
	// subscriber on a KafkaChannel, under "" on others. None is a group at rest. What is not in it has one, a KafkaSource as
	// many as spec.consumers says.
	MembersStatusAnnotation = "kafka.eventing.knative.dev/members"
	// ParkingStatusAnnotation holds the parking topic of the cluster that an object uses. It is written when the topic is
	// there; without it events that nothing takes are held.
	ParkingStatusAnnotation = "kafka.eventing.knative.dev/parking.topic"
	// RestStatusAnnotation, on a KafkaSource, has the members of its group leave for a moment, so that the start of topics
	// that were added can be committed: Kafka takes that from nobody else while there are members.
	RestStatusAnnotation = "kafka.eventing.knative.dev/rest"
	// DeadLetterStatusAnnotation holds, as JSON, the resolved dead letter sink of a KafkaSource, whose status has no field
	// for it.
	DeadLetterStatusAnnotation = "kafka.eventing.knative.dev/dead-letter-sink"
)

// Builder makes entries.
type Builder struct {
	ConfigMap func(namespace, name string) (*corev1.ConfigMap, error)
	Secret    credentials.Get
	// Policy returns an EventPolicy.
	Policy func(namespace, name string) (*eventingv1alpha1.EventPolicy, error)
	// Subscription returns the one that a subscriber was made from; nil when it is not known. namespace is that of the
	// channel, which is not always the Subscription's.
	Subscription func(namespace, name string, uid types.UID) *messagingv1.Subscription
	// Paused says that a ResetOffset keeps the group of an egress at rest, by the UID of its Trigger, Subscription or
	// KafkaSource.
	Paused func(uid types.UID) bool
	// DataPlanes are those of the installation.
	DataPlanes map[dataplane.Kind]dataplane.DataPlane
	// SystemNamespace is where the installation's ConfigMaps are.
	SystemNamespace string
	// ClusterDomain is the domain of addresses of Services.
	ClusterDomain string
	// ChannelConfigName is the ConfigMap that says which Kafka KafkaChannels use.
	ChannelConfigName string
	// MergeDelivery makes a Trigger's delivery win field by field over its Broker's.
	MergeDelivery bool
}

// Flags are what the installation's ConfigMaps switch on, at one moment.
type Flags struct {
	Core  feature.Flags
	Kafka *features.Config
}

// FlagsOf returns the flags of the reconcile that a context belongs to: see features.Stores.
func FlagsOf(ctx context.Context) Flags {
	return Flags{Core: feature.FromContextOrDefaults(ctx), Kafka: features.FromContext(ctx)}
}

func (f Flags) translate() translate.Flags { return f.Kafka.Flags(f.Core) }

// NotReadyError says that an object has no entry because its reconciler has not come far enough: nothing is wrong.
type NotReadyError struct{ Reason string }

func (e *NotReadyError) Error() string { return e.Reason }

func notReady(format string, args ...any) error {
	return &NotReadyError{fmt.Sprintf(format, args...)}
}

// Partitions reads PartitionsStatusAnnotation, nil when there is none.
func Partitions(status *duckv1.Status) (map[string]int32, error) {
	return numbers(status, PartitionsStatusAnnotation)
}

// SetPartitions writes PartitionsStatusAnnotation.
func SetPartitions(status *duckv1.Status, partitions map[string]int32) {
	setNumbers(status, PartitionsStatusAnnotation, partitions)
}

// Members reads MembersStatusAnnotation, nil when there is none.
func Members(status *duckv1.Status) (map[string]int32, error) {
	return numbers(status, MembersStatusAnnotation)
}

// SetMembers writes MembersStatusAnnotation.
func SetMembers(status *duckv1.Status, members map[string]int32) {
	setNumbers(status, MembersStatusAnnotation, members)
}

// Rest says whether RestStatusAnnotation is set.
func Rest(status *duckv1.Status) bool { return status.Annotations[RestStatusAnnotation] != "" }

// SetRest sets or removes RestStatusAnnotation.
func SetRest(status *duckv1.Status, rest bool) {
	if !rest {
		delete(status.Annotations, RestStatusAnnotation)
		return
	}
	annotate(status, RestStatusAnnotation, "true")
}

func numbers(status *duckv1.Status, key string) (map[string]int32, error) {
	text := status.Annotations[key]
	if text == "" {
		return nil, nil
	}
	var n map[string]int32
	if err := json.Unmarshal([]byte(text), &n); err != nil {
		return nil, fmt.Errorf("status.annotations[%s]: %w", key, err)
	}
	return n, nil
}

func setNumbers(status *duckv1.Status, key string, n map[string]int32) {
	if len(n) == 0 {
		delete(status.Annotations, key)
		return
	}
	text, _ := json.Marshal(n) // a map of text to numbers; keys are sorted
	annotate(status, key, string(text))
}

// group returns what is known about the group of an egress, whose members are under a key.
func (b *Builder) group(id string, partitions, members map[string]int32, key string, uid types.UID) translate.Group {
	wanted, scaled := members[key]
	return translate.Group{ID: id, Partitions: partitions, Members: wanted, Paused: scaled && wanted == 0 || b.Paused(uid)}
}

// deadLetter is what was resolved of a dead letter sink, nil when nothing was.
func deadLetter(status *eventingduck.DeliveryStatus) *translate.Target {
	if status.DeadLetterSinkURI == nil {
		return nil
	}
	return &translate.Target{
		URI:      status.DeadLetterSinkURI.String(),
		CACerts:  value(status.DeadLetterSinkCACerts),
		Audience: value(status.DeadLetterSinkAudience),
	}
}

// sourceDeadLetter reads DeadLetterStatusAnnotation, nil when there is none.
func sourceDeadLetter(status *duckv1.Status) (*translate.Target, error) {
	text := status.Annotations[DeadLetterStatusAnnotation]
	if text == "" {
		return nil, nil
	}
	t := &translate.Target{}
	if err := json.Unmarshal([]byte(text), t); err != nil {
		return nil, fmt.Errorf("status.annotations[%s]: %w", DeadLetterStatusAnnotation, err)
	}
	return t, nil
}

// SetDeadLetter writes DeadLetterStatusAnnotation; nil removes it.
func SetDeadLetter(status *duckv1.Status, t *translate.Target) {
	if t == nil {
		delete(status.Annotations, DeadLetterStatusAnnotation)
		return
	}
	text, _ := json.Marshal(t) // three texts
	annotate(status, DeadLetterStatusAnnotation, string(text))
}

// Servers returns the servers of the Kafka that the partitions in a status are of, as SetServers wrote them.
func Servers(status *duckv1.Status) string { return status.Annotations[translate.ServersKey] }

// SetServers records which Kafka the partitions in a status are of.
func SetServers(status *duckv1.Status, servers []string) {
	annotate(status, translate.ServersKey, strings.Join(servers, ","))
}

func annotate(status *duckv1.Status, key, text string) {
	if status.Annotations == nil {
		status.Annotations = map[string]string{}
	}
	status.Annotations[key] = text
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// configMap returns a ConfigMap.
func (b *Builder) configMap(namespace, name string) (*corev1.ConfigMap, error) {
	cm, err := b.ConfigMap(namespace, name)
	if err != nil {
		return nil, fmt.Errorf("get ConfigMap %s/%s: %w", namespace, name, err)
	}
	return cm, nil
}
