package resolve

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	coremessagingv1 "knative.dev/eventing/pkg/apis/messaging/v1"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/manifest"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// channel plans a KafkaChannel and its Subscriptions.
func (p *planner) channel(o *manifest.Object) {
	channel := o.Value.DeepCopyObject().(*messagingv1beta1.KafkaChannel) //nolint:forcetypeassert // the kind says so
	in := translate.ChannelInput{Channel: channel, Flags: p.flags, Subscriptions: map[types.UID]translate.SubscriptionInput{}}
	short, long := translate.Path(o.ID.Namespace, o.ID.Name), longPath("channel", o.ID)
	in.Ingress.Paths = []string{long}
	r := &Resource{Object: o, Paths: []string{short, long}, Host: translate.ChannelHost(o.ID.Namespace, o.ID.Name, ""), Start: kafkaadmin.Latest}
	p.plan.Resources = append(p.plan.Resources, r)

	deadLetter := p.channelBasics(r, &in)
	for i := range channel.Spec.Subscribers { // written into the manifest by hand
		s := &channel.Spec.Subscribers[i]
		group := translate.ChannelGroup(o.ID.Namespace, o.ID.Name, s.UID)
		r.Groups = append(r.Groups, Group{UID: s.UID, Object: o, ID: group, Target: s.SubscriberURI.String()})
	}
	p.Inventory.Each("messaging.knative.dev", "Subscription", func(s *manifest.Object) {
		if of, ok := p.channelOf(s); ok && of == o.ID {
			p.subscription(r, &in, s, deadLetter)
		}
	})
	r.Translate = func(c translate.Connection, groups map[types.UID]translate.Group) (*contract.Resource, []*translate.Error, error) {
		in.Topic, in.Connection = r.Topics[0].Name, c
		for uid, group := range groups {
			known := in.Subscriptions[uid]
			known.Group = group
			in.Subscriptions[uid] = known
		}
		with := in
		with.Channel = channel.DeepCopy()
		// A subscriber whose group has no start yet must not run. It was reported.
		with.Channel.Spec.Subscribers = slices.DeleteFunc(with.Channel.Spec.Subscribers, func(s eventingduck.SubscriberSpec) bool {
			_, ok := groups[s.UID]
			return !ok
		})
		return translate.KafkaChannel(with)
	}
}

// channelBasics resolves what is needed for the channel as a whole, and returns its dead letter sink.
func (p *planner) channelBasics(r *Resource, in *translate.ChannelInput) *destination {
	name, err := p.naming.ChannelTopic(in.Channel)
	var topic translate.Topic
	if err == nil {
		topic, err = translate.ChannelTopic(&in.Channel.Spec, name)
	}
	r.Topics = []Topic{{Topic: topic}}
	if err != nil {
		p.fail(r.Object, "", "%v", err)
		r.Failed = true
	}
	var failed *translate.Error
	namespace, secret := p.channelSettings()
	if r.Secret, failed = p.secret(r.Object, "", namespace, secret); failed != nil {
		r.Failed = true
	}
	if in.Channel.Spec.Delivery == nil {
		return nil
	}
	deadLetter, err := p.resolve(in.Channel.Spec.Delivery.DeadLetterSink, r.Object.ID.Namespace)
	if err != nil {
		p.fail(r.Object, "spec.delivery.deadLetterSink", "%v", err)
		r.Failed = true
	}
	if deadLetter != nil {
		in.DeadLetter = &deadLetter.Target
	}
	return deadLetter
}

// subscription adds a Subscription to its channel, as core's controller does.
func (p *planner) subscription(r *Resource, in *translate.ChannelInput, o *manifest.Object, channelDeadLetter *destination) {
	s := o.Value.(*coremessagingv1.Subscription) //nolint:forcetypeassert // the kind says so
	broken := func(field string, err error) {
		r.Broken = append(r.Broken, p.refuse(o, field, "%v", err))
	}
	subscriber, err := p.resolve(s.Spec.Subscriber, s.Namespace)
	if err != nil {
		broken("spec.subscriber", err)
		return
	}
	reply, err := p.resolve(s.Spec.Reply, s.Namespace)
	if err != nil {
		broken("spec.reply", err)
		return
	}
	deadLetter := channelDeadLetter
	if s.Spec.Delivery != nil && s.Spec.Delivery.DeadLetterSink != nil {
		if deadLetter, err = p.resolve(s.Spec.Delivery.DeadLetterSink, s.Namespace); err != nil {
			broken("spec.delivery.deadLetterSink", err)
			return
		}
	}
	spec := eventingduck.SubscriberSpec{Name: &s.Name, UID: s.UID, Generation: s.Generation}
	target := ""
	if subscriber != nil {
		spec.SubscriberURI, spec.SubscriberCACerts, spec.SubscriberAudience = subscriber.url(), pointer(subscriber.CACerts), pointer(subscriber.Audience)
		target = subscriber.name
	}
	if reply != nil {
		spec.ReplyURI, spec.ReplyCACerts, spec.ReplyAudience = reply.url(), pointer(reply.CACerts), pointer(reply.Audience)
		target += ", replies to " + reply.name
	}
	if deadLetter != nil {
		target += ", dead letters to " + deadLetter.name
	}
	spec.Delivery = subscriberDelivery(s, in.Channel, deadLetter)
	in.Channel.Spec.Subscribers = append(in.Channel.Spec.Subscribers, spec)
	in.Subscriptions[s.UID] = translate.SubscriptionInput{Annotations: s.Annotations, Namespace: s.Namespace}
	r.Groups = append(r.Groups, Group{UID: s.UID, Object: o, ID: translate.ChannelGroup(in.Channel.Namespace, in.Channel.Name, s.UID), Target: target})
}

// subscriberDelivery is what core writes into a subscriber: the dead letter sink resolved, and the Subscription's own
// delivery or, when it has none at all, the channel's. The format is not passed on by core.
func subscriberDelivery(s *coremessagingv1.Subscription, channel *messagingv1beta1.KafkaChannel, deadLetter *destination) *eventingduck.DeliverySpec {
	source := s.Spec.Delivery
	if source == nil {
		source = channel.Spec.Delivery
	}
	if source == nil {
		return nil
	}
	made := &eventingduck.DeliverySpec{
		Retry: source.Retry, BackoffPolicy: source.BackoffPolicy, BackoffDelay: source.BackoffDelay,
		Timeout: source.Timeout, RetryAfterMax: source.RetryAfterMax,
	}
	if deadLetter != nil {
		made.DeadLetterSink = &duckv1.Destination{URI: deadLetter.url(), CACerts: pointer(deadLetter.CACerts), Audience: pointer(deadLetter.Audience)}
	}
	if *made == (eventingduck.DeliverySpec{}) {
		return nil
	}
	return made
}

// channelOf is the KafkaChannel that a Subscription belongs to, and whether it is run; when not, it is the object that
// the Subscription names.
func (p *planner) channelOf(o *manifest.Object) (manifest.ID, bool) {
	s := o.Value.(*coremessagingv1.Subscription) //nolint:forcetypeassert // the kind says so
	id := idOf(&s.Spec.Channel, s.Namespace)
	if segment, ours := segmentOf(id); !ours || segment != "channel" || !p.isRun(id) {
		return id, false
	}
	id.Kind = "KafkaChannel"
	return id, true
}

// pointer is nil for nothing.
func pointer(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
