package translate

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
)

// Whatever an object says, it is either reported or becomes something that a data plane accepts.
func FuzzBroker(f *testing.F) {
	f.Add("u", "http://s.example/", "g", "ordered", "key", "PT1S", "PT0.2S", "http://dead.example/", "type = 'a'", int32(3))
	f.Add("", "/path", "", "fifo", "", "-", "+", "::", "(", int32(-1))
	f.Add("u", "http://[::1]:8080/?q=%zz", "g", "ORDERED", "partition", "P1M", "PT9999999999S", "ftp://x", "EXISTS a OR", int32(0))
	f.Fuzz(func(t *testing.T, uid, uri, group, order, scope, timeout, delay, dead, sql string, retry int32) {
		for _, s := range []*string{&uid, &uri, &group, &order, &scope, &timeout, &delay, &dead, &sql} {
			*s = strings.ToValidUTF8(*s, "?") // as everything that comes out of JSON
		}
		spec := &eventingduck.DeliverySpec{Retry: &retry, Timeout: &timeout, BackoffDelay: &delay, RetryAfterMax: &delay}
		if u, err := apis.ParseURL(dead); err == nil {
			spec.DeadLetterSink = &duckv1.Destination{URI: u}
		}
		trigger := &eventingv1.Trigger{
			ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "t", UID: types.UID(uid),
				Annotations: map[string]string{annotation.DeliveryOrder: order, annotation.DeliveryOrderScope: scope}},
			Spec: eventingv1.TriggerSpec{Delivery: spec, Filters: []eventingv1.SubscriptionsAPIFilter{{CESQL: sql}}},
		}
		r, problems, err := Broker(BrokerInput{
			Broker: &eventingv1.Broker{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "b", UID: "b"}},
			Topic:  "t", Connection: Connection{BootstrapServers: []string{"kafka:9092"}},
			Triggers: []TriggerInput{{Trigger: trigger, Subscriber: Target{URI: uri}, Group: Group{ID: group}}},
		})
		if err != nil || len(r.GetEgresses())+len(problems) != 1 {
			t.Fatalf("%d egresses, problems %v, error %v", len(r.GetEgresses()), problems, err)
		}
		checkResource(t, r)
	})
}
