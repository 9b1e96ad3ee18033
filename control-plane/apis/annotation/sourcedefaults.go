package annotation

import (
	"context"
	"fmt"
	"maps"
)

// SourceDefaults returns the annotations that KafkaSources get which say nothing about being scaled, as the ConfigMap
// config-kafka-source-defaults says in words of its own (CFG-44): none unless it names a class. The error names the key.
func SourceDefaults(data map[string]string) (map[string]string, error) {
	switch class := data["autoscalingClass"]; class {
	case "":
		return nil, nil
	case AutoscalingKEDA:
	default:
		return nil, fmt.Errorf("autoscalingClass: expected %q, got %q", AutoscalingKEDA, class)
	}
	defaults := map[string]string{AutoscalingClass: AutoscalingKEDA}
	for _, field := range []struct{ key, annotation, otherwise string }{
		{"minScale", MinScale, "1"}, {"maxScale", MaxScale, "1"}, {"pollingInterval", PollingInterval, "30"},
		{"cooldownPeriod", CooldownPeriod, "300"}, {"kafkaLagThreshold", LagThreshold, "10"},
	} {
		value, ok := data[field.key]
		if !ok {
			value = field.otherwise
		}
		defaults[field.annotation] = value
	}
	if _, key, err := AutoscalingOf(defaults, DefaultAutoscaling()); err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return defaults, nil
}

type sourceDefaults struct{}

// WithSourceDefaults attaches what SourceDefaults returned to a context.
func WithSourceDefaults(ctx context.Context, defaults map[string]string) context.Context {
	return context.WithValue(ctx, sourceDefaults{}, defaults)
}

// DefaultSource returns the annotations of a KafkaSource with the defaults in the context. One with any annotation about
// being scaled says it all itself.
func DefaultSource(ctx context.Context, annotations map[string]string) map[string]string {
	defaults, _ := ctx.Value(sourceDefaults{}).(map[string]string)
	if len(defaults) == 0 || Autoscales(annotations) {
		return annotations
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	maps.Copy(annotations, defaults)
	return annotations
}
