package translate

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	coreeventing "knative.dev/eventing/pkg/apis/eventing"
	messagingv1 "knative.dev/eventing/pkg/apis/messaging/v1"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/control-plane/apis/delivery"
	"knative.dev/eventing-kafka-go/control-plane/apis/messaging"
	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// ChannelInput is a KafkaChannel and what was resolved about it.
type ChannelInput struct {
	// Channel has the resolved URIs of its subscribers in spec.subscribers, as core's Subscription controller writes
	// them.
	Channel    *messagingv1beta1.KafkaChannel
	Topic      string
	Connection Connection
	// ClusterDomain is the domain of the addresses of Services; "" is cluster.local.
	ClusterDomain string
	Ingress       Ingress
	// DeadLetter is spec.delivery.deadLetterSink, resolved. Not needed when that is an absolute URI.
	DeadLetter *Target
	// BackoffDelay is the wait unit of a spec.delivery that retries and does not say; 0 is ResourceBackoffDelay.
	BackoffDelay time.Duration
	// Subscriptions holds what is known about subscribers beside spec.subscribers, by UID. Entries may be missing.
	Subscriptions map[types.UID]SubscriptionInput
	Flags         Flags
}

// SubscriptionInput is what is known about a subscriber beside spec.subscribers.
type SubscriptionInput struct {
	// Annotations are those of the Subscription.
	Annotations map[string]string
	// Namespace is that of the Subscription; "" is that of the channel.
	Namespace string
	Group     Group
}

// KafkaChannel returns the entry of a channel: its ingress, and an egress for each subscriber. Subscribers that cannot
// be translated are left out and reported, in the order of spec.subscribers. The last result is about the channel as a
// whole, an *Error; then there is no entry.
func KafkaChannel(in ChannelInput) (*contract.Resource, []*Error, error) {
	object := reference(&in.Channel.ObjectMeta, messagingv1beta1.SchemeGroupVersion, messaging.KafkaChannelKind)
	r, err := channelResource(in, object)
	if err != nil {
		return nil, nil, about(object, err)
	}
	var errs []*Error
	seen := map[types.UID]bool{}
	for i := range in.Channel.Spec.Subscribers {
		s := &in.Channel.Spec.Subscribers[i]
		subscription := subscriptionReference(in, s)
		e, err := subscriberEgress(in, s)
		if seen[s.UID] {
			err = wrong("metadata.uid", "%q is the uid of another subscriber too", s.UID)
		}
		seen[s.UID] = true
		if err != nil {
			errs = append(errs, about(subscription, err))
			continue
		}
		e.Reference, e.Subscription = object, subscription
		r.Egresses = append(r.Egresses, e)
	}
	return finish(r), errs, nil
}

func channelResource(in ChannelInput, object *contract.Reference) (*contract.Resource, error) {
	flags := in.Flags
	if ownedByBroker(&in.Channel.ObjectMeta) {
		flags.EventTypeAutocreate = false // the Broker reports what it sees
	}
	r, err := resource(object, []string{in.Topic}, in.Connection, flags)
	if err != nil {
		return nil, err
	}
	fallback, err := keyFallback(in.Channel.Annotations)
	if err != nil {
		return nil, err
	}
	if r.InvalidRecords, err = invalidRecords(in.Channel.Annotations); err != nil {
		return nil, err
	}
	r.Ingress = &contract.Ingress{
		Path:          Path(object.GetNamespace(), object.GetName()),
		Host:          ChannelHost(object.GetNamespace(), object.GetName(), in.ClusterDomain),
		Paths:         in.Ingress.Paths,
		Audience:      in.Ingress.Audience,
		EventPolicies: in.Ingress.Policies,
		KeyFallback:   fallback,
	}
	r.EgressConfig = channelDelivery(in)
	return r, nil
}

// channelDelivery is the delivery of the channel itself; its subscribers have what follows from it and their own. What is
// wrong with it is said about them.
func channelDelivery(in ChannelInput) *contract.EgressConfig {
	config, err := egressConfig(in.Channel.Spec.Delivery, in.DeadLetter, cmp.Or(in.BackoffDelay, ResourceBackoffDelay))
	if err != nil {
		return nil
	}
	return config
}

func ownedByBroker(meta *metav1.ObjectMeta) bool {
	return slices.ContainsFunc(meta.OwnerReferences, func(o metav1.OwnerReference) bool {
		return o.Kind == "Broker" && apiGroup(o.APIVersion) == coreeventing.GroupName
	})
}

func subscriptionReference(in ChannelInput, s *eventingduck.SubscriberSpec) *contract.Reference {
	meta := metav1.ObjectMeta{UID: s.UID, Name: value(s.Name), Namespace: in.Subscriptions[s.UID].Namespace}
	if meta.Namespace == "" {
		meta.Namespace = in.Channel.Namespace
	}
	return reference(&meta, messagingv1.SchemeGroupVersion, "Subscription")
}

// subscriberEgress translates a subscriber. Fields of errors are those of the Subscription that it was made from.
func subscriberEgress(in ChannelInput, s *eventingduck.SubscriberSpec) (*contract.Egress, error) {
	if s.UID == "" {
		return nil, wrong("metadata.uid", "empty")
	}
	known := in.Subscriptions[s.UID]
	e := &contract.Egress{Uid: string(s.UID)}
	if err := subscriberTargets(e, s); err != nil {
		return nil, err
	}
	if err := subscriberOrder(e, in.Channel, known.Annotations); err != nil {
		return nil, err
	}
	err := tuning(e, known.Annotations, in.Channel.Annotations, func(err error) error { return ofChannel(in.Channel, err) })
	if err != nil {
		return nil, err
	}
	if e.EgressConfig, err = subscriberDelivery(in, s); err != nil {
		return nil, err
	}
	group := known.Group
	if group.ID == "" {
		group.ID = ChannelGroup(in.Channel.Namespace, in.Channel.Name, s.UID)
	}
	if group.ServiceAccount == "" {
		group.ServiceAccount = serviceAccount(s.Auth)
	}
	group.apply(e, in.Flags)
	return e, nil
}

// subscriberTargets sets where events and replies go. A subscriber that only has a reply gets the events there: it
// stands for a subscriber that answers with what it was sent.
func subscriberTargets(e *contract.Egress, s *eventingduck.SubscriberSpec) error {
	e.ReplyStrategy = &contract.Egress_DiscardReply{DiscardReply: &contract.Empty{}}
	switch {
	case s.SubscriberURI != nil:
		e.Destination = s.SubscriberURI.String()
		e.DestinationCACerts, e.DestinationAudience = value(s.SubscriberCACerts), value(s.SubscriberAudience)
		if s.ReplyURI != nil {
			e.ReplyStrategy = &contract.Egress_ReplyUrl{ReplyUrl: s.ReplyURI.String()}
			e.ReplyUrlCACerts, e.ReplyUrlAudience = value(s.ReplyCACerts), value(s.ReplyAudience)
			if err := checkURL(e.GetReplyUrl()); err != nil {
				return at("spec.reply", err)
			}
		}
		return at("spec.subscriber", checkURL(e.Destination))
	case s.ReplyURI != nil:
		e.Destination = s.ReplyURI.String()
		e.DestinationCACerts, e.DestinationAudience = value(s.ReplyCACerts), value(s.ReplyAudience)
		return at("spec.reply", checkURL(e.Destination))
	}
	return wrong("spec", "neither subscriber nor reply is resolved")
}

// subscriberOrder sets order and scope: a channel is always ordered.
func subscriberOrder(e *contract.Egress, channel *messagingv1beta1.KafkaChannel, own map[string]string) error {
	if err := deliveryOrder(e, true, own); err != nil {
		return err
	}
	if _, ok := own[annotation.DeliveryOrderScope]; ok {
		return nil
	}
	return ofChannel(channel, deliveryOrder(e, true, channel.Annotations))
}

// subscriberDelivery merges the subscriber's delivery over the channel's. A dead letter sink of the subscriber is
// resolved already; one of the channel is resolved in the input.
func subscriberDelivery(in ChannelInput, s *eventingduck.SubscriberSpec) (*contract.EgressConfig, error) {
	deadLetter := in.DeadLetter
	if hasDeadLetter(s.Delivery) {
		deadLetter = nil
	}
	config, err := egressConfig(delivery.Merge(s.Delivery, in.Channel.Spec.Delivery), deadLetter, EgressBackoffDelay)
	if err == nil {
		return config, nil
	}
	if _, own := egressConfig(s.Delivery, nil, EgressBackoffDelay); own == nil {
		return nil, ofChannel(in.Channel, at("spec.delivery", err))
	}
	return nil, at("spec.delivery", err)
}

// ofChannel says that what keeps a subscriber from being served is to be found in its channel.
func ofChannel(channel *messagingv1beta1.KafkaChannel, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("KafkaChannel %s/%s: %w", channel.Namespace, channel.Name, err)
}

func serviceAccount(auth *duckv1.AuthStatus) string {
	if auth == nil {
		return ""
	}
	return value(auth.ServiceAccountName)
}
