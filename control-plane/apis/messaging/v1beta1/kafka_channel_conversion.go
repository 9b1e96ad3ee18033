package v1beta1

import (
	"context"
	"fmt"

	"knative.dev/pkg/apis"
)

// ConvertTo implements apis.Convertible. The webhook asks the version that others are converted to; they know how.
func (c *KafkaChannel) ConvertTo(ctx context.Context, to apis.Convertible) error {
	if _, same := to.(*KafkaChannel); same {
		return fmt.Errorf("convert a v1beta1 KafkaChannel: expected to become another version, got %T", to)
	}
	return to.ConvertFrom(ctx, c)
}

// ConvertFrom implements apis.Convertible. The webhook asks the version that others are converted from; they know how.
func (c *KafkaChannel) ConvertFrom(ctx context.Context, from apis.Convertible) error {
	if _, same := from.(*KafkaChannel); same {
		return fmt.Errorf("convert to a v1beta1 KafkaChannel: expected another version, got %T", from)
	}
	return from.ConvertTo(ctx, c)
}
