package eventing

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
)

// IsNamespaced says whether a Broker has the data plane of its own namespace.
func IsNamespaced(b *eventingv1.Broker) bool {
	return b.Annotations[BrokerClassAnnotation] == NamespacedKafkaBrokerClass
}

// Owners are the Brokers that the data plane of their namespace belongs to: those of class KafkaNamespaced that are not on
// their way out. None of them controls it, as it stays for the others. They are in the order of their names.
func Owners(brokers []*eventingv1.Broker) []metav1.OwnerReference {
	var owners []metav1.OwnerReference
	no, yes := false, true
	for _, b := range brokers {
		if IsNamespaced(b) && b.DeletionTimestamp == nil {
			owners = append(owners, metav1.OwnerReference{
				APIVersion: eventingv1.SchemeGroupVersion.String(), Kind: "Broker", Name: b.Name, UID: b.UID,
				Controller: &no, BlockOwnerDeletion: &yes,
			})
		}
	}
	slices.SortFunc(owners, func(a, b metav1.OwnerReference) int { return cmp.Compare(a.Name, b.Name) })
	return owners
}
