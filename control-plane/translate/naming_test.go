package translate

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
)

func naming(t *testing.T, templates Templates) *Naming {
	t.Helper()
	n, err := NewNaming(templates)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var meta = metav1.ObjectMeta{Namespace: "ns", Name: "n", UID: "u-1", Labels: map[string]string{"team": "red"}}

func recorded(key, value string) duckv1.Status {
	return duckv1.Status{Annotations: map[string]string{key: value}}
}

func TestBrokerTopic(t *testing.T) {
	tests := []struct {
		name, template string
		change         func(*eventingv1.Broker)
		want           string
		external       bool
		err            string
	}{
		{"default template (KC-01, CFG-31)", "", nil, "knative-broker-ns-n", false, ""},
		{"template over the metadata (CFG-34)", "{{ .Labels.team }}_{{ .Namespace }}.{{ .Name }}.{{ .UID }}", nil, "red_ns.n.u-1", false, ""},
		{"a recorded topic stays when the template changes (KC-01)", "{{ .Name }}",
			func(b *eventingv1.Broker) { b.Status.Status = recorded(TopicStatusAnnotation, "old") }, "old", false, ""},
		{"an external topic (BR-11)", "",
			func(b *eventingv1.Broker) {
				b.Annotations = map[string]string{annotation.ExternalTopic: "theirs"}
				b.Status.Status = recorded(TopicStatusAnnotation, "old")
			}, "theirs", true, ""},
		{"an external topic that cannot be one", "",
			func(b *eventingv1.Broker) { b.Annotations = map[string]string{annotation.ExternalTopic: ""} }, "", true,
			"metadata.annotations[" + annotation.ExternalTopic + "]: invalid topic name"},
		{"an illegal result (KC-14)", "{{ .Namespace }}/{{ .Name }}", nil, "", false, `brokers-topic-template of ns/n: invalid topic name "ns/n"`},
		{"a label that is not there (KC-14)", "{{ .Labels.none }}", nil, "", false, `invalid topic name "<no value>"`},
		{"a field that is not there (CFG-34)", "{{ .None }}", nil, "", false, "brokers-topic-template of ns/n: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &eventingv1.Broker{ObjectMeta: *meta.DeepCopy()}
			if tt.change != nil {
				tt.change(b)
			}
			got, external, err := naming(t, Templates{BrokerTopic: tt.template}).BrokerTopic(b)
			if tt.err == "" && (got != tt.want || err != nil) || external != tt.external || !mentions(err, tt.err) {
				t.Errorf("got %q, external %v, %v", got, external, err)
			}
		})
	}
}

func TestChannelTopic(t *testing.T) {
	c := &messagingv1beta1.KafkaChannel{ObjectMeta: meta}
	if got, err := naming(t, Templates{}).ChannelTopic(c); got != "knative-messaging-kafka.ns.n" || err != nil {
		t.Errorf("default: %q, %v (KC-05)", got, err)
	}
	c.Status.Status = recorded(TopicStatusAnnotation, "old")
	if got, err := naming(t, Templates{ChannelTopic: "{{ .Name }}"}).ChannelTopic(c); got != "old" || err != nil {
		t.Errorf("recorded: %q, %v (KC-06)", got, err)
	}
}

func TestTriggerGroup(t *testing.T) {
	trigger := &eventingv1.Trigger{ObjectMeta: meta}
	if got, err := naming(t, Templates{}).TriggerGroup(trigger); got != "knative-trigger-ns-n" || err != nil {
		t.Errorf("default: %q, %v (KC-23)", got, err)
	}
	for _, template := range []string{"Trigger-{{ .Name }}", "{{ .Namespace }}_{{ .Name }}", "-{{ .Name }}", strings.Repeat("x", 254)} {
		if got, err := naming(t, Templates{TriggerGroup: template}).TriggerGroup(trigger); !mentions(err, "invalid consumer group") {
			t.Errorf("%q is no DNS-1123 name: %q, %v (KC-23)", template, got, err)
		}
	}
	trigger.Status.Status = recorded(GroupStatusAnnotation, "Old_Group")
	if got, err := naming(t, Templates{}).TriggerGroup(trigger); got != "Old_Group" || err != nil {
		t.Errorf("recorded: %q, %v (KC-25)", got, err)
	}
}

func TestChannelGroup(t *testing.T) {
	if got := ChannelGroup("ns", "c", "u-1"); got != "kafka.ns.c.u-1" {
		t.Errorf("got %q (KC-26)", got)
	}
}

func TestNewNamingNamesTheTemplate(t *testing.T) {
	for name, templates := range map[string]Templates{
		"brokers-topic-template":          {BrokerTopic: "{{"},
		"channels-topic-template":         {ChannelTopic: "{{ .Name"},
		"triggers-consumergroup-template": {TriggerGroup: "{{ nope }}"},
	} {
		if _, err := NewNaming(templates); !mentions(err, name) {
			t.Errorf("%s: %v (CFG-34)", name, err)
		}
	}
}

func TestValidateTopicName(t *testing.T) {
	for _, good := range []string{"a", "A.b_c-0", strings.Repeat("x", 249), "..."} {
		if err := ValidateTopicName(good); err != nil {
			t.Errorf("%q: %v (KC-14)", good, err)
		}
	}
	for _, bad := range []string{"", ".", "..", "a b", "a/b", "ä", "a\n", strings.Repeat("x", 250)} {
		if err := ValidateTopicName(bad); err == nil {
			t.Errorf("%q is accepted (KC-14)", bad)
		}
	}
}

func TestAddresses(t *testing.T) {
	long := strings.Repeat("x", 53)
	for _, tt := range []struct{ name, got, want string }{
		{"Service of a channel (CH-25)", ChannelServiceName("c"), "c-kn-channel"},
		{"52 characters leave room for the suffix (CH-25)", ChannelServiceName(long[:52]), long[:52] + "-kn-channel"},
		{"53 do not (CH-25)", ChannelServiceName(long), long},
		{"address of a channel (CH-27)", ChannelAddress("ns", "c", "").String(), "http://c-kn-channel.ns.svc.cluster.local"},
		{"address of a channel over TLS (CH-27)", IngressAddress("https", ChannelIngress, "knative-eventing", "", "ns", "c").String(),
			"https://kafka-channel-ingress.knative-eventing.svc.cluster.local/ns/c"},
		{"address of a Broker (BR-14)", IngressAddress("http", BrokerIngress, "knative-eventing", "example.org", "ns", "b").String(),
			"http://kafka-broker-ingress.knative-eventing.svc.example.org/ns/b"},
		{"audience (ST-05)", Audience("messaging.knative.dev", "KafkaChannel", "ns", "n"), "messaging.knative.dev/kafkachannel/ns/n"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

// mentions is true when err contains the text, or when there is neither.
func mentions(err error, text string) bool {
	if text == "" {
		return err == nil
	}
	return err != nil && strings.Contains(err.Error(), text)
}
