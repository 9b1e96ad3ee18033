package translate

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
)

// What the data plane could not compile is an error of the Trigger; how it is worded is the data plane's matter.
func TestFiltersThatCannotBeCompiled(t *testing.T) {
	for name, filters := range map[string][]eventingv1.SubscriptionsAPIFilter{
		"CloudEvents SQL (EG-08)": {{Exact: map[string]string{"type": "a"}}, {CESQL: "type ="}},
		"nested (EG-08)":          {{Any: []eventingv1.SubscriptionsAPIFilter{{Not: &eventingv1.SubscriptionsAPIFilter{CESQL: "(("}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			trigger := &eventingv1.Trigger{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "n", UID: "u"}, Spec: eventingv1.TriggerSpec{Filters: filters}}
			broker := &eventingv1.Broker{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "b", UID: "b"}}
			r, problems, err := Broker(BrokerInput{Broker: broker, Topic: "t", Connection: Connection{BootstrapServers: []string{"kafka:9092"}},
				Triggers: []TriggerInput{{Trigger: trigger, Subscriber: Target{URI: "http://s.example/"}, Group: Group{ID: "g"}}}})
			if err != nil || len(r.GetEgresses()) != 0 || len(problems) != 1 || problems[0].Field != "spec.filters" || problems[0].Object.GetUuid() != "u" {
				t.Errorf("got %v, %v, %v", r.GetEgresses(), problems, err)
			}
		})
	}
}
