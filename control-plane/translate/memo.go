package translate

import (
	"reflect"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/types"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// Memo makes entries of Brokers as Broker does, and again only what has another input than the last time: of thousands of
// Triggers one has changed. Results share memory with earlier ones and must not be changed.
//
// What is remembered is compared with the whole input, so nothing that an entry is made from can be forgotten here. The
// zero value remembers nothing. A Memo is used by one goroutine at a time.
type Memo struct {
	brokers map[types.UID]*madeBroker
}

// madeBroker is what was made of one Broker.
type madeBroker struct {
	inherited inherited
	triggers  map[types.UID]madeTrigger
	shell     *contract.Resource // without egresses
	resource  *contract.Resource
}

type madeTrigger struct {
	in     TriggerInput
	egress *contract.Egress
	err    error
}

// inherited is what the egresses of a Broker are made from beside their Triggers.
type inherited struct {
	delivery     *eventingduck.DeliverySpec
	deadLetter   *Target
	backoffDelay time.Duration
	merge        bool
	// configured says that the Broker has a delivery of its own, which would apply to an egress without one.
	configured bool
	flags      Flags
}

// Broker is translate.Broker.
func (m *Memo) Broker(in BrokerInput) (*contract.Resource, []*Error, error) {
	was := m.brokers[in.Broker.UID]
	if was == nil {
		was = &madeBroker{}
	}
	now, errs, err := was.again(in)
	if err != nil {
		return nil, nil, err // what was made before may serve again
	}
	if m.brokers == nil {
		m.brokers = map[types.UID]*madeBroker{}
	}
	m.brokers[in.Broker.UID] = now
	return now.resource, errs, nil
}

// Forget drops what is remembered of other Brokers than these.
func (m *Memo) Forget(but map[types.UID]bool) {
	for uid := range m.brokers {
		if !but[uid] {
			delete(m.brokers, uid)
		}
	}
}

// again makes the entry of a Broker. What was made is not changed.
func (was *madeBroker) again(in BrokerInput) (*madeBroker, []*Error, error) {
	object := brokerReference(in.Broker)
	r, err := brokerResource(in, object)
	if err != nil {
		return nil, nil, about(object, err)
	}
	now := &madeBroker{
		triggers: make(map[types.UID]madeTrigger, len(in.Triggers)), shell: r,
		inherited: inherited{
			in.Broker.Spec.Delivery, in.DeadLetter, in.BackoffDelay, in.MergeDelivery, r.GetEgressConfig() != nil, in.Flags,
		},
	}
	known := reflect.DeepEqual(was.inherited, now.inherited)
	egresses := make([]*contract.Egress, 0, len(in.Triggers))
	var errs []*Error
	for _, t := range in.Triggers {
		made, ok := was.triggers[t.Trigger.UID]
		if !ok || !known || !reflect.DeepEqual(made.in, t) {
			made = madeTrigger{in: t}
			made.egress, made.err = triggerEgress(now.inherited, t)
		}
		now.triggers[t.Trigger.UID] = made
		if made.err != nil {
			errs = append(errs, about(triggerReference(t.Trigger), made.err))
			continue
		}
		egresses = append(egresses, made.egress)
	}
	sortEgresses(egresses)
	if was.resource != nil && slices.Equal(was.resource.GetEgresses(), egresses) && proto.Equal(was.shell, r) {
		now.resource = was.resource
		return now, errs, nil
	}
	now.resource = proto.CloneOf(r)
	now.resource.Egresses = egresses
	finish(now.resource)
	return now, errs, nil
}
