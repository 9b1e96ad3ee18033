package v1beta1

import (
	"context"
	"fmt"

	"knative.dev/pkg/apis"
)

// ConvertTo implements apis.Convertible. Other versions convert themselves to and from this one.
func (*KafkaSource) ConvertTo(_ context.Context, to apis.Convertible) error {
	return fmt.Errorf("v1beta1 is the version that others are converted to, got %T", to)
}

// ConvertFrom implements apis.Convertible. Other versions convert themselves to and from this one.
func (*KafkaSource) ConvertFrom(_ context.Context, from apis.Convertible) error {
	return fmt.Errorf("v1beta1 is the version that others are converted from, got %T", from)
}
