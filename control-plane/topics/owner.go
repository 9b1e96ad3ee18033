package topics

import (
	"cmp"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	eventinglisters "knative.dev/eventing/pkg/client/listers/eventing/v1"

	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	channellisters "knative.dev/eventing-kafka-go/control-plane/client/listers/messaging/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

// Owners knows the objects that have a topic of their own: KafkaChannels and Brokers.
type Owners struct {
	Channels channellisters.KafkaChannelLister
	Brokers  eventinglisters.BrokerLister
	Entries  *entries.Builder
}

// Of returns a function that says who else owns a topic of a cluster: an object that has it recorded, or one that is
// older and about to have it. "" for nobody.
func (o Owners) Of(me metav1.Object, topic string, servers []string) func() (string, error) {
	return func() (string, error) {
		channels, err := o.Channels.List(labels.Everything())
		if err != nil {
			return "", err
		}
		for _, c := range channels {
			if !claims(me, c, &c.Status.Status, topic) {
				continue
			}
			if o.mayShare(c, servers) {
				return fmt.Sprintf("KafkaChannel %s/%s", c.Namespace, c.Name), nil
			}
		}
		brokers, err := o.Brokers.List(labels.Everything())
		if err != nil {
			return "", err
		}
		for _, b := range brokers {
			if claims(me, b, &b.Status.Status, topic) && share(o.serversOf(b), servers) {
				return fmt.Sprintf("Broker %s/%s", b.Namespace, b.Name), nil
			}
		}
		return "", nil
	}
}

func (o Owners) serversOf(b *eventingv1.Broker) []string {
	s, err := o.Entries.BrokerSettings(b)
	if err != nil {
		return nil
	}
	return s.BootstrapServers
}

// claims: two that come at the same time leave it to the older one.
func claims(me, other metav1.Object, status *duckv1.Status, topic string) bool {
	if me.GetUID() == other.GetUID() {
		return false
	}
	if status.Annotations[translate.TopicStatusAnnotation] == topic {
		return true
	}
	_, claimed := OriginOf(status)
	return claimed == topic && cmp.Or(
		other.GetCreationTimestamp().Compare(me.GetCreationTimestamp().Time), cmp.Compare(other.GetUID(), me.GetUID())) < 0
}

// share says whether two lists of servers are of one cluster, as far as names tell.
func share(a, b []string) bool {
	return slices.ContainsFunc(a, func(server string) bool { return slices.Contains(b, server) })
}

// mayShare says whether a channel is on one of the servers. One whose cluster nobody knows may be.
func (o Owners) mayShare(c *messagingv1beta1.KafkaChannel, servers []string) bool {
	s, err := o.Entries.ChannelSettings(c)
	return err != nil || share(s.BootstrapServers, servers)
}
