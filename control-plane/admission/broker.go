package admission

import (
	"context"
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/webhook/resourcesemantics"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/apis/ratchet"
)

// Broker is a Broker of core as far as our rules look at it. Its other fields are core's to judge, also those that a
// later version of core adds: they are read past even where unknown fields are refused.
type Broker struct {
	metav1.TypeMeta
	metav1.ObjectMeta
	Spec eventingv1.BrokerSpec
}

var _ resourcesemantics.GenericCRD = (*Broker)(nil)

// UnmarshalJSON adds what a text says to what is known already.
func (b *Broker) UnmarshalJSON(text []byte) error {
	fields := struct {
		*metav1.TypeMeta `json:",inline"`
		Metadata         *metav1.ObjectMeta     `json:"metadata"`
		Spec             *eventingv1.BrokerSpec `json:"spec"`
	}{&b.TypeMeta, &b.ObjectMeta, &b.Spec}
	return json.Unmarshal(text, &fields)
}

// DeepCopyObject implements runtime.Object.
func (b *Broker) DeepCopyObject() runtime.Object {
	return &Broker{TypeMeta: b.TypeMeta, ObjectMeta: *b.ObjectMeta.DeepCopy(), Spec: *b.Spec.DeepCopy()}
}

// SetDefaults implements apis.Defaultable: the defaults of Brokers are core's (BR-02).
func (*Broker) SetDefaults(context.Context) {}

// Validate implements apis.Validatable.
func (b *Broker) Validate(ctx context.Context) *apis.FieldError {
	errs := b.validate()
	if old, ok := apis.GetBaseline(ctx).(*Broker); ok && old != nil && apis.IsInUpdate(ctx) {
		errs = ratchet.New(errs, old.validate())
	}
	return errs
}

func (b *Broker) validate() *apis.FieldError {
	return eventing.ValidateBroker(&eventingv1.Broker{TypeMeta: b.TypeMeta, ObjectMeta: b.ObjectMeta, Spec: b.Spec})
}
