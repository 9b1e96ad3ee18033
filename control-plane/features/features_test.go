package features

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/apis/feature"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/configmap/informer"
	"knative.dev/pkg/system"

	messagingv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/messaging/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

func config(data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: system.Namespace(), Name: ConfigName}, Data: data}
}

func TestFlags(t *testing.T) { // CFG-31, CFG-33
	flag := func(key, value string) map[string]string { return map[string]string{key: value} }
	for name, row := range map[string]struct {
		data    map[string]string
		want    string
		warning string
	}{
		"nothing is off":                           {nil, "", ""},
		"a rate limit":                             {flag("dispatcher-rate-limiter", "enabled"), "limiter", ""},
		"a rate limit by its older name":           {flag("dispatcher.rate-limiter", "enabled"), "limiter", ""},
		"metrics":                                  {flag("dispatcher-ordered-executor-metrics", "Enabled"), "metrics", ""},
		"metrics by their older name":              {flag("dispatcher.ordered-executor-metrics", " ENABLED\n"), "metrics", ""},
		"KEDA":                                     {flag("controller-autoscaler-keda", "enabled"), "keda", ""},
		"KEDA by its older name":                   {flag("controller.autoscaler", "enabled"), "keda", ""},
		"the dashed name wins":                     {map[string]string{"controller.autoscaler": "enabled", "controller-autoscaler-keda": "disabled"}, "", ""},
		"allowed is not enabled":                   {flag("controller-autoscaler-keda", "allowed"), "", ""},
		"what is no value is the default and told": {flag("controller-autoscaler-keda", "true"), "", `controller-autoscaler-keda: "true" is none of enabled, allowed, disabled`},
		"examples and others mean nothing":         {map[string]string{"_example": "controller-autoscaler-keda: enabled", "x": "y"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Parse(config(row.data))
			if err != nil {
				t.Fatal(err)
			}
			var on []string
			for flag, is := range map[string]bool{"limiter": c.RateLimiter, "metrics": c.OrderedExecutorMetrics, "keda": c.KEDA} {
				if is {
					on = append(on, flag)
				}
			}
			if got := strings.Join(on, " "); got != row.want || len(c.Warnings) != min(len(row.warning), 1) || !strings.Contains(fmt.Sprint(c.Warnings), row.warning) {
				t.Errorf("on: %q, warnings %v", got, c.Warnings)
			}
		})
	}
}

func TestTemplates(t *testing.T) { // CFG-31, CFG-34
	broker := &eventingv1.Broker{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "n", UID: "u", Labels: map[string]string{"team": "blue"}}}
	channel := &messagingv1beta1.KafkaChannel{ObjectMeta: broker.ObjectMeta}
	trigger := &eventingv1.Trigger{ObjectMeta: broker.ObjectMeta}
	for name, row := range map[string]struct {
		data map[string]string
		want []string // topic of a Broker, of a channel, group of a Trigger
	}{
		"the defaults": {nil, []string{"knative-broker-ns-n", "knative-messaging-kafka.ns.n", "knative-trigger-ns-n"}},
		"each": {map[string]string{
			"brokers-topic-template": "b.{{ .UID }}", "channels-topic-template": "c.{{ .Labels.team }}", "triggers-consumergroup-template": "t-{{ .Name }}",
		}, []string{"b.u", "c.blue", "t-n"}},
		"each by its older name": {map[string]string{
			"brokers.topic.template": "b.{{ .Name }}", "channels.topic.template": "c.{{ .Name }}", "triggers.consumergroup.template": "t.{{ .Name }}",
		}, []string{"b.n", "c.n", "t.n"}},
		"the dashed names win": {map[string]string{
			"brokers-topic-template": "new", "brokers.topic.template": "old", "channels-topic-template": "new", "channels.topic.template": "old",
			"triggers-consumergroup-template": "new", "triggers.consumergroup.template": "old",
		}, []string{"new", "new", "new"}},
	} {
		c, err := Parse(config(row.data))
		if err != nil {
			t.Fatal(err)
		}
		b, _, err1 := c.Naming.BrokerTopic(broker)
		ch, err2 := c.Naming.ChannelTopic(channel)
		g, err3 := c.Naming.TriggerGroup(trigger)
		if got := []string{b, ch, g}; !slices.Equal(got, row.want) {
			t.Errorf("%s: %q, %v %v %v", name, got, err1, err2, err3)
		}
	}
	recorded := broker.DeepCopy()
	recorded.Status.Annotations = map[string]string{translate.TopicStatusAnnotation: "recorded"}
	c, err := Parse(config(map[string]string{"brokers-topic-template": "new"}))
	if err != nil {
		t.Fatal(err)
	}
	if topic, _, err := c.Naming.BrokerTopic(recorded); topic != "recorded" || err != nil { // CFG-35
		t.Errorf("a recorded name became %q, %v", topic, err)
	}
	_, err = Parse(config(map[string]string{"controller-autoscaler-keda": "enabled", "channels-topic-template": "{{ .Name"}))
	if err == nil || !strings.Contains(err.Error(), "config-kafka-features") || !strings.Contains(err.Error(), "channels-topic-template") {
		t.Errorf("a template that cannot be parsed: %v", err)
	}
}

// said keeps what a store logs.
type said []string

func (s *said) Debugf(string, ...any)        {}
func (s *said) Infof(f string, args ...any)  { *s = append(*s, fmt.Sprintf(f, args...)) }
func (s *said) Errorf(f string, args ...any) { *s = append(*s, fmt.Sprintf(f, args...)) }
func (s *said) Fatalf(f string, args ...any) { *s = append(*s, "FATAL "+fmt.Sprintf(f, args...)) }

func TestAStoreKeepsWhatWasInForce(t *testing.T) { // CFG-34, CFG-35, CFG-46
	t.Setenv("SYSTEM_NAMESPACE", "knative-eventing")
	var log said
	told := 0
	s := NewStore(&log, func(string, any) { told++ })
	if s.Load().KEDA || s.Load().Naming == nil {
		t.Error("before anything was read the defaults are in force")
	}
	s.OnConfigChanged(config(map[string]string{"brokers-topic-template": "{{ .Name"}))
	if len(log) != 1 || !strings.Contains(log[0], "brokers-topic-template") || strings.Contains(log[0], "FATAL") || s.Load().Naming == nil {
		t.Errorf("one that cannot be used at the start: %q", log)
	}
	s.OnConfigChanged(config(map[string]string{"controller-autoscaler-keda": "enabled", "dispatcher-rate-limiter": "on"}))
	if !s.Load().KEDA || told != 2 || len(log) != 2 || !strings.Contains(log[1], `"on"`) {
		t.Errorf("%+v, told %d times, %q", s.Load(), told, log)
	}
	s.OnConfigChanged(config(map[string]string{"brokers-topic-template": "{{"}))
	if !s.Load().KEDA {
		t.Error("one that cannot be used took away what was in force")
	}
	ctx := s.ToContext(t.Context())
	if !FromContext(ctx).KEDA || FromContext(t.Context()).KEDA {
		t.Error("a context has not what was attached to it")
	}
}

func TestAConfigMapThatIsMissingIsAsOneThatIsEmpty(t *testing.T) {
	t.Setenv("SYSTEM_NAMESPACE", "knative-eventing")
	var log said
	s := NewStore(&log)
	watcher := informer.NewInformedWatcher(fake.NewClientset(), "knative-eventing")
	Watch(watcher, s.UntypedStore)
	if err := watcher.Start(t.Context().Done()); err != nil {
		t.Fatal(err)
	}
	if s.UntypedLoad(ConfigName) == nil || len(log) != 0 {
		t.Errorf("nothing was stored, %q", log)
	}
	plain := NewStore(&log)
	Watch(configmap.NewStaticWatcher(config(map[string]string{"controller-autoscaler-keda": "enabled"})), plain.UntypedStore)
	if !plain.Load().KEDA {
		t.Error("a watcher that knows no defaults is not used")
	}
}

func TestWhatReachesTheDataPlane(t *testing.T) {
	c := &Config{RateLimiter: true, KEDA: true}
	if got, want := c.Flags(feature.Flags{feature.EvenTypeAutoCreate: feature.Enabled}), (translate.Flags{EventTypeAutocreate: true, RateLimiter: true}); got != want {
		t.Errorf("%+v", got)
	}
}
