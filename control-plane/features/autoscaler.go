package features

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/configmap"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
)

// AutoscalerName is the ConfigMap with what consumer groups are scaled by that do not say it themselves.
const AutoscalerName = "config-kafka-autoscaler"

// ParseAutoscaler reads the ConfigMap (CFG-36, CFG-37).
func ParseAutoscaler(cm *corev1.ConfigMap) (annotation.Autoscaling, error) {
	a, key, err := annotation.ReadAutoscaling(annotation.DefaultAutoscaling(), func(key string) (string, bool) {
		value, ok := cm.Data[key]
		return value, ok
	})
	if err != nil {
		return a, fmt.Errorf("ConfigMap %s: %s: %w", AutoscalerName, key, err)
	}
	return a, nil
}

// AutoscalerStore follows the ConfigMap; one that cannot be used leaves the last good one in force.
type AutoscalerStore struct {
	*configmap.UntypedStore
}

// NewAutoscalerStore returns a store whose changes are told to changed.
func NewAutoscalerStore(log configmap.Logger, changed ...func(name string, value any)) *AutoscalerStore {
	s := &AutoscalerStore{}
	parse := func(cm *corev1.ConfigMap) (annotation.Autoscaling, error) {
		a, err := ParseAutoscaler(cm)
		if err != nil {
			log.Errorf("What was in force stays: %v", err)
			return s.Load(), nil
		}
		return a, nil
	}
	s.UntypedStore = configmap.NewUntypedStore("kafka-autoscaler", log, configmap.Constructors{AutoscalerName: parse}, changed...)
	return s
}

// Load returns what is in force, the defaults before anything was read.
func (s *AutoscalerStore) Load() annotation.Autoscaling {
	if a, ok := s.UntypedLoad(AutoscalerName).(annotation.Autoscaling); ok {
		return a
	}
	return annotation.DefaultAutoscaling()
}

type autoscalerKey struct{}

// ToContext implements reconciler.ConfigStore.
func (s *AutoscalerStore) ToContext(ctx context.Context) context.Context {
	return WithAutoscaling(ctx, s.Load())
}

// WithAutoscaling attaches what groups are scaled by to a context.
func WithAutoscaling(ctx context.Context, a annotation.Autoscaling) context.Context {
	return context.WithValue(ctx, autoscalerKey{}, a)
}

// AutoscalingFrom returns what groups are scaled by that do not say it themselves.
func AutoscalingFrom(ctx context.Context) annotation.Autoscaling {
	if a, ok := ctx.Value(autoscalerKey{}).(annotation.Autoscaling); ok {
		return a
	}
	return annotation.DefaultAutoscaling()
}
