// Package annotation owns the annotations of this project: their keys, their values and what is said about a wrong
// one. Webhooks refuse an object with Validate; translation reads the values with the other functions, so that both
// agree.
//
// It does no I/O and keeps no state. All functions are safe for concurrent use.
package annotation

import (
	"fmt"
	"strings"

	"knative.dev/pkg/apis"
)

const (
	// DeliveryOrder, on a Trigger: "ordered" or "unordered", in any case; absent is unordered.
	DeliveryOrder = "kafka.eventing.knative.dev/delivery.order"
	// DeliveryOrderScope, on a Trigger, Subscription, KafkaChannel or KafkaSource: "partition" or "key"; absent is
	// partition. It says what an ordered delivery keeps in order and has no effect on an unordered one.
	DeliveryOrderScope = "kafka.eventing.knative.dev/delivery.order.scope"
	// KeyFallback, on a Broker or KafkaChannel: "subject" makes the subject the record key of an event that has no
	// partitionkey.
	KeyFallback = "kafka.eventing.knative.dev/key.fallback"
	// ExternalTopic, on a Broker: the name of an existing topic, which is neither created nor deleted.
	ExternalTopic = "kafka.eventing.knative.dev/external.topic"
	// ChannelConfig, on a KafkaChannel: the ConfigMap, as NAMESPACE/NAME, that says which Kafka cluster and Secret the
	// channel uses, with the keys of kafka-channel-config; absent is that of the installation.
	ChannelConfig = "kafka.eventing.knative.dev/channel.config"
	// Deletion, on any object with a topic or a consumer group: "keep" leaves both in Kafka when the object is deleted.
	Deletion = "kafka.eventing.knative.dev/deletion"
)

// keep is the value of Deletion that has an effect.
const keep = "keep"

// Order is the order of deliveries.
type Order string

const (
	// Ordered delivers one event after the other.
	Ordered Order = "ordered"
	// Unordered delivers in any order.
	Unordered Order = "unordered"
)

// Scope is what an ordered delivery keeps in order.
type Scope string

const (
	// PartitionScope keeps all events of a partition in order.
	PartitionScope Scope = "partition"
	// KeyScope keeps the events of a record key in order.
	KeyScope Scope = "key"
)

// Fallback names the attribute that stands in for a missing partitionkey; empty is none.
type Fallback string

// SubjectFallback is the attribute subject.
const SubjectFallback Fallback = "subject"

// DeliveryOrderOf returns the order asked for, Unordered when nothing is said.
func DeliveryOrderOf(annotations map[string]string) (Order, error) {
	return one(annotations, DeliveryOrder, Unordered, Ordered, Unordered)
}

// DeliveryOrderScopeOf returns the scope that the first of the given annotations asks for: more specific ones come
// first. PartitionScope when nothing is said.
func DeliveryOrderScopeOf(annotations ...map[string]string) (Scope, error) {
	for _, a := range annotations {
		if _, ok := a[DeliveryOrderScope]; ok {
			return one(a, DeliveryOrderScope, PartitionScope, PartitionScope, KeyScope)
		}
	}
	return PartitionScope, nil
}

// ChannelConfigOf returns the ConfigMap asked for, empty texts when nothing is said.
func ChannelConfigOf(annotations map[string]string) (namespace, name string, err error) {
	text, ok := annotations[ChannelConfig]
	if !ok {
		return "", "", nil
	}
	namespace, name, found := strings.Cut(strings.TrimSpace(text), "/")
	if !found || namespace == "" || name == "" || strings.Contains(name, "/") {
		return "", "", fmt.Errorf("%s: expected NAMESPACE/NAME of a ConfigMap, got %q", ChannelConfig, text)
	}
	return namespace, name, nil
}

// KeepsData says whether topic and consumer groups outlive the object.
func KeepsData(annotations map[string]string) bool {
	return strings.EqualFold(strings.TrimSpace(annotations[Deletion]), keep)
}

// KeyFallbackOf returns the fallback asked for, none when nothing is said.
func KeyFallbackOf(annotations map[string]string) (Fallback, error) {
	return one(annotations, KeyFallback, "", SubjectFallback)
}

// Validate returns what is wrong with the values under the given keys, at metadata.annotations[key].
func Validate(annotations map[string]string, keys ...string) (errs *apis.FieldError) {
	for _, key := range keys {
		value, ok := annotations[key]
		if !ok {
			continue
		}
		if err := check(annotations, key); err != nil {
			errs = errs.Also(apis.ErrInvalidValue(value, Path(key), err.Error()))
		}
	}
	return errs
}

// Path is where a FieldError says that an annotation is. (ViaFieldKey would split the key at its dots.)
func Path(key string) string { return "metadata.annotations[" + key + "]" }

// check knows the keys whose values have rules.
func check(annotations map[string]string, key string) error {
	var err error
	switch key {
	case DeliveryOrder:
		_, err = DeliveryOrderOf(annotations)
	case DeliveryOrderScope:
		_, err = DeliveryOrderScopeOf(annotations)
	case KeyFallback:
		_, err = KeyFallbackOf(annotations)
	case InvalidRecords:
		_, err = InvalidRecordsOf(annotations)
	case MinConcurrency, MaxConcurrency, RateLimit, RefusalGrace, Breaker, StrictReplies:
		err = checkTuning(annotations, key)
	case AutoscalingClass, MinScale, MaxScale, PollingInterval, CooldownPeriod, LagThreshold, ActivationLagThreshold:
		err = checkAutoscaling(annotations, key)
	}
	return err
}

// one returns the value under key when it is one of allowed, regardless of case, and absent when there is none. The
// error does not name the key: whoever shows it names the place.
func one[T ~string](annotations map[string]string, key string, absent T, allowed ...T) (T, error) {
	value, ok := annotations[key]
	if !ok {
		return absent, nil
	}
	names := make([]string, 0, len(allowed))
	for _, a := range allowed {
		if strings.EqualFold(value, string(a)) {
			return a, nil
		}
		names = append(names, fmt.Sprintf("%q", a))
	}
	return absent, fmt.Errorf("expected %s, got %q", strings.Join(names, " or "), value)
}
