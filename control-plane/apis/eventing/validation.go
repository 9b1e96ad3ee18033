package eventing

import (
	"strings"

	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/apis"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
)

// ServesClass is true for the classes of Brokers that this project serves.
func ServesClass(class string) bool {
	return class == KafkaBrokerClass || class == NamespacedKafkaBrokerClass
}

// ValidateBroker checks what is asked of a Broker of ours beyond core's rules: its configuration is a ConfigMap, that
// of class KafkaNamespaced one of its own namespace. Brokers of other classes, and those without configuration, are
// core's alone.
func ValidateBroker(b *eventingv1.Broker) (errs *apis.FieldError) {
	class := b.Annotations[BrokerClassAnnotation]
	if !ServesClass(class) {
		return nil
	}
	if config := b.Spec.Config; config != nil {
		if config.Kind != "" && !strings.EqualFold(config.Kind, "ConfigMap") {
			errs = errs.Also(apis.ErrInvalidValue(config.Kind, "spec.config.kind", "expected ConfigMap"))
		}
		if class == NamespacedKafkaBrokerClass && config.Namespace != "" && config.Namespace != b.Namespace {
			errs = errs.Also(apis.ErrInvalidValue(config.Namespace, "spec.config.namespace",
				"expected the namespace of the Broker, "+b.Namespace))
		}
	}
	return errs.Also(annotation.Validate(b.Annotations, annotation.KeyFallback, annotation.InvalidRecords))
}

// ValidateTrigger checks the annotations of a Trigger whose Broker is ours. A scope without an order has no effect,
// which is worth a warning.
func ValidateTrigger(t *eventingv1.Trigger) *apis.FieldError {
	keys := append(annotation.TuningKeys(), annotation.StrictReplies, annotation.DeliveryOrder, annotation.DeliveryOrderScope)
	errs := annotation.Validate(t.Annotations, keys...)
	if errs != nil {
		return errs
	}
	order, _ := annotation.DeliveryOrderOf(t.Annotations)
	scope, _ := annotation.DeliveryOrderScopeOf(t.Annotations)
	if scope == annotation.KeyScope && order == annotation.Unordered {
		return apis.ErrGeneric("has no effect without "+annotation.DeliveryOrder+": "+string(annotation.Ordered),
			annotation.Path(annotation.DeliveryOrderScope)).At(apis.WarningLevel)
	}
	return nil
}
