package translate

import (
	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// deliveryOrder sets order and scope of an egress. The scope counts only with an order.
func deliveryOrder(e *contract.Egress, ordered bool, scopes ...map[string]string) error {
	scope, err := annotation.DeliveryOrderScopeOf(scopes...)
	if err != nil {
		return at(annotation.Path(annotation.DeliveryOrderScope), err)
	}
	if !ordered {
		return nil
	}
	e.DeliveryOrder = contract.DeliveryOrder_ORDERED
	if scope == annotation.KeyScope {
		e.OrderScope = contract.OrderScope_KEY_SCOPE
	}
	return nil
}

// keyFallback is the attribute that stands in for a missing partitionkey.
func keyFallback(annotations map[string]string) (contract.KeyFallback, error) {
	fallback, err := annotation.KeyFallbackOf(annotations)
	if err != nil {
		return 0, at(annotation.Path(annotation.KeyFallback), err)
	}
	if fallback == annotation.SubjectFallback {
		return contract.KeyFallback_SUBJECT, nil
	}
	return contract.KeyFallback_NO_KEY_FALLBACK, nil
}
