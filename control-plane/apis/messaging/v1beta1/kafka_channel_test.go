package v1beta1

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	"knative.dev/eventing/pkg/apis/feature"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
)

// channel returns a valid channel, changed.
func channel(changes ...func(*KafkaChannel)) *KafkaChannel {
	c := &KafkaChannel{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "c"}}
	c.SetDefaults(context.Background())
	for _, change := range changes {
		change(c)
	}
	return c
}

func annotated(key, value string) func(*KafkaChannel) {
	return func(c *KafkaChannel) { c.Annotations[key] = value }
}

func delivering(d eventingduck.DeliverySpec) func(*KafkaChannel) {
	return func(c *KafkaChannel) { c.Spec.Delivery = &d }
}

func subscribed(s ...eventingduck.SubscriberSpec) func(*KafkaChannel) {
	return func(c *KafkaChannel) { c.Spec.Subscribers = s }
}

func TestSetDefaults(t *testing.T) {
	c := &KafkaChannel{ObjectMeta: metav1.ObjectMeta{Namespace: "ns"}}
	c.Spec.Delivery = &eventingduck.DeliverySpec{DeadLetterSink: &duckv1.Destination{Ref: &duckv1.KReference{Name: "dead"}}}
	c.SetDefaults(t.Context())
	if c.Spec.NumPartitions != 1 || c.Spec.ReplicationFactor != 1 || c.Spec.RetentionDuration != "PT168H" {
		t.Errorf("got %+v (CH-08, CH-09, CH-10)", c.Spec)
	}
	if c.Annotations["messaging.knative.dev/subscribable"] != "v1" {
		t.Errorf("annotations %v (CH-18)", c.Annotations)
	}
	if ns := c.Spec.Delivery.DeadLetterSink.Ref.Namespace; ns != "ns" {
		t.Errorf("the dead letter sink is in namespace %q", ns)
	}
	c = channel(annotated("messaging.knative.dev/subscribable", "v1beta1"), func(c *KafkaChannel) {
		c.Spec.NumPartitions, c.Spec.ReplicationFactor, c.Spec.RetentionDuration = 3, 2, "P1D"
	})
	want := c.DeepCopy()
	c.SetDefaults(t.Context())
	if c.Annotations["messaging.knative.dev/subscribable"] != "v1beta1" || c.Spec.NumPartitions != 3 ||
		c.Spec.ReplicationFactor != want.Spec.ReplicationFactor || c.Spec.RetentionDuration != "P1D" {
		t.Errorf("what was said is changed: %+v (CH-18)", c)
	}
}

// The delivery of channels was not validated in earlier releases: their subscribers must still come and go.
func TestWhatWasWrongBeforeMayStay(t *testing.T) {
	wrong := delivering(eventingduck.DeliverySpec{Retry: ptr.To[int32](-1)})
	now := channel(wrong, subscribed(eventingduck.SubscriberSpec{SubscriberURI: apis.HTTP("a")}))
	user := &authv1.UserInfo{Username: "system:serviceaccount:knative-eventing:eventing-controller"}
	t.Setenv("SYSTEM_NAMESPACE", "knative-eventing")
	if err := now.Validate(apis.WithUserInfo(apis.WithinUpdate(t.Context(), channel(wrong)), user)); err != nil {
		t.Errorf("got %v (CH-14)", err)
	}
	if err := now.Validate(apis.WithUserInfo(apis.WithinUpdate(t.Context(), channel()), user)); err == nil {
		t.Error("a delivery became wrong unnoticed (CH-14)")
	}
}

func TestValidate(t *testing.T) {
	withFlag := func(name string) context.Context {
		return feature.ToContext(context.Background(), feature.Flags{name: feature.Enabled})
	}
	off := feature.ToContext(context.Background(), feature.Flags{feature.DeliveryTimeout: feature.Disabled})
	tests := []struct {
		name   string
		ctx    context.Context
		change func(*KafkaChannel)
		want   string // "" is valid
	}{
		{"defaults are valid", nil, func(*KafkaChannel) {}, ""},
		{"negative numPartitions (CH-08)", nil, func(c *KafkaChannel) { c.Spec.NumPartitions = -1 }, "invalid value: -1: spec.numPartitions"},
		{"zero numPartitions that were not defaulted (CH-08)", nil, func(c *KafkaChannel) { c.Spec.NumPartitions = 0 }, "invalid value: 0: spec.numPartitions"},
		{"negative replicationFactor (CH-09)", nil, func(c *KafkaChannel) { c.Spec.ReplicationFactor = -1 }, "invalid value: -1: spec.replicationFactor"},
		{"retention by an estimate (CH-10)", nil, func(c *KafkaChannel) { c.Spec.RetentionDuration = "P1M" }, ""},
		{"no retention (CH-10)", nil, func(c *KafkaChannel) { c.Spec.RetentionDuration = "PT0S" }, ""},
		{"negative retention (CH-10)", nil, func(c *KafkaChannel) { c.Spec.RetentionDuration = "-PT1H" }, "invalid value: -PT1H: spec.retentionDuration"},
		{"retention that is no duration (CH-10)", nil, func(c *KafkaChannel) { c.Spec.RetentionDuration = "7d" }, "invalid value: 7d: spec.retentionDuration"},
		{"no retention of an old object (CH-11)", nil, func(c *KafkaChannel) { c.Spec.RetentionDuration = "" }, ""},
		{"subscriber (CH-12)", nil, subscribed(eventingduck.SubscriberSpec{SubscriberURI: apis.HTTP("a")}, eventingduck.SubscriberSpec{ReplyURI: apis.HTTP("b")}), ""},
		{"subscriber without a URI (CH-12)", nil, subscribed(eventingduck.SubscriberSpec{SubscriberURI: apis.HTTP("a")}, eventingduck.SubscriberSpec{UID: "u"}),
			"missing field(s): spec.subscribable.subscriber[1].replyURI, spec.subscribable.subscriber[1].subscriberURI\nexpected at least one of, got none"},
		{"scope cluster (CH-16)", nil, annotated("eventing.knative.dev/scope", "cluster"), ""},
		{"scope namespace (CH-16)", nil, annotated("eventing.knative.dev/scope", "namespace"), ""},
		{"another scope (CH-16)", nil, annotated("eventing.knative.dev/scope", "resource"),
			"invalid value: resource: metadata.annotations[eventing.knative.dev/scope]\nexpected either 'cluster' or 'namespace'"},
		{"order by key (TR-04)", nil, annotated(annotation.DeliveryOrderScope, "key"), ""},
		{"another order scope (TR-04)", nil, annotated(annotation.DeliveryOrderScope, "topic"), "metadata.annotations[" + annotation.DeliveryOrderScope + "]"},
		{"a pace that is none", nil, annotated(annotation.RefusalGrace, "1 minute"), "metadata.annotations[" + annotation.RefusalGrace + "]"},
		{"another policy for invalid records", nil, annotated(annotation.InvalidRecords, "drop"), "metadata.annotations[" + annotation.InvalidRecords + "]"},
		{"another key fallback (IN-38)", nil, annotated(annotation.KeyFallback, "id"), "metadata.annotations[" + annotation.KeyFallback + "]"},

		{"full delivery (WH-08)", nil, delivering(eventingduck.DeliverySpec{Retry: ptr.To[int32](0), Timeout: ptr.To("PT1S"), BackoffDelay: ptr.To("PT0.5S"),
			BackoffPolicy: ptr.To(eventingduck.BackoffPolicyLinear), Format: ptr.To(eventingduck.DeliveryFormatJson),
			DeadLetterSink: &duckv1.Destination{URI: apis.HTTP("dead")}}), ""},
		{"negative retry (WH-08)", nil, delivering(eventingduck.DeliverySpec{Retry: ptr.To[int32](-1)}), "invalid value: -1: spec.delivery.retry"},
		{"zero timeout (WH-08)", nil, delivering(eventingduck.DeliverySpec{Timeout: ptr.To("PT0S")}), "invalid value: PT0S: spec.delivery.timeout"},
		{"timeout that is no duration (WH-08)", nil, delivering(eventingduck.DeliverySpec{Timeout: ptr.To("1s")}), "invalid value: 1s: spec.delivery.timeout"},
		{"timeout on which core's rules panic (WH-08)", nil, delivering(eventingduck.DeliverySpec{Timeout: ptr.To("-")}), "invalid value: -: spec.delivery.timeout"},
		{"timeout whose flag is off (WH-08)", off, delivering(eventingduck.DeliverySpec{Timeout: ptr.To("PT1S")}), "must not set the field(s): spec.delivery.timeout"},
		{"unknown policy (WH-08)", nil, delivering(eventingduck.DeliverySpec{BackoffPolicy: ptr.To(eventingduck.BackoffPolicyType("x"))}), "invalid value: x: spec.delivery.backoffPolicy"},
		{"backoffDelay that is no duration (WH-08)", nil, delivering(eventingduck.DeliverySpec{BackoffDelay: ptr.To("+")}), "invalid value: +: spec.delivery.backoffDelay"},
		{"unknown format (WH-08)", nil, delivering(eventingduck.DeliverySpec{Format: ptr.To(eventingduck.FormatType("xml"))}), "invalid value: xml: spec.delivery.format"},
		{"retryAfterMax whose flag is off (WH-08)", nil, delivering(eventingduck.DeliverySpec{RetryAfterMax: ptr.To("PT1M")}), "must not set the field(s): spec.delivery.retryAfterMax"},
		{"retryAfterMax (WH-08)", withFlag(feature.DeliveryRetryAfter), delivering(eventingduck.DeliverySpec{RetryAfterMax: ptr.To("PT0S")}), ""},
		{"negative retryAfterMax (WH-08)", withFlag(feature.DeliveryRetryAfter), delivering(eventingduck.DeliverySpec{RetryAfterMax: ptr.To("-PT1S")}), "invalid value: -PT1S: spec.delivery.retryAfterMax"},
		{"retryAfterMax on which core's rules panic (WH-08)", withFlag(feature.DeliveryRetryAfter), delivering(eventingduck.DeliverySpec{RetryAfterMax: ptr.To("-")}), "invalid value: -: spec.delivery.retryAfterMax"},
		{"dead letter sink that is nothing (WH-08)", nil, delivering(eventingduck.DeliverySpec{DeadLetterSink: &duckv1.Destination{}}), "spec.delivery.deadLetterSink.ref"},
		{"dead letter sink by a relative URI (WH-08)", nil, delivering(eventingduck.DeliverySpec{DeadLetterSink: &duckv1.Destination{URI: &apis.URL{Path: "x"}}}), "spec.delivery.deadLetterSink.uri"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := tt.ctx
			if ctx == nil {
				ctx = feature.ToContext(t.Context(), feature.FromContextOrDefaults(t.Context()))
			}
			c := channel(tt.change)
			before := c.DeepCopy()
			check(t, c.Validate(ctx), tt.want)
			if before.Spec.Delivery != nil && before.Spec.Delivery.Timeout != nil && *c.Spec.Delivery.Timeout != *before.Spec.Delivery.Timeout {
				t.Error("validation has changed the object")
			}
		})
	}
}

func check(t *testing.T, got *apis.FieldError, want string) {
	t.Helper()
	if want == "" && got != nil || want != "" && (got == nil || !strings.Contains(got.Error(), want)) {
		t.Errorf("got %v, want %q", got, want)
	}
}

func TestValidateReportsAllAtOnce(t *testing.T) {
	err := channel(func(c *KafkaChannel) {
		c.Spec.NumPartitions, c.Spec.ReplicationFactor, c.Spec.RetentionDuration = -1, -1, "x"
	}).Validate(t.Context())
	for _, path := range []string{"spec.numPartitions", "spec.replicationFactor", "spec.retentionDuration"} {
		check(t, err, path)
	}
}

func TestValidateUpdate(t *testing.T) {
	const core = "system:serviceaccount:knative-eventing:eventing-controller"
	subscriber := subscribed(eventingduck.SubscriberSpec{UID: "u", SubscriberURI: apis.HTTP("a")})
	tests := []struct {
		name     string
		user     string
		old, now *KafkaChannel
		want     string
	}{
		{"nothing changed", "jane", channel(), channel(), ""},
		{"numPartitions (CH-11)", "jane", channel(), channel(func(c *KafkaChannel) { c.Spec.NumPartitions = 2 }), "Immutable fields changed (-old +new): spec\n{v1beta1.KafkaChannelSpec}.NumPartitions:\n\t-: \"1\"\n\t+: \"2\""},
		{"replicationFactor (CH-11)", core, channel(), channel(func(c *KafkaChannel) { c.Spec.ReplicationFactor = 2 }), "Immutable fields changed (-old +new): spec"},
		{"retentionDuration (CH-11)", "jane", channel(), channel(func(c *KafkaChannel) { c.Spec.RetentionDuration = "PT1H" }), "Immutable fields changed (-old +new): spec"},
		{"retentionDuration of an old object (CH-11)", "jane", channel(func(c *KafkaChannel) { c.Spec.RetentionDuration = "" }), channel(), ""},
		{"delivery may change", "jane", channel(), channel(delivering(eventingduck.DeliverySpec{Retry: ptr.To[int32](1)})), ""},
		{"subscribers by core (CH-13)", core, channel(), channel(subscriber), ""},
		{"subscribers by somebody (CH-13)", "jane", channel(), channel(subscriber),
			"Channel.Spec.Subscribers changed by user jane which was not the " + core + " service account: spec.subscribers"},
		{"subscribers by nobody known (CH-13)", "", channel(subscriber), channel(), "changed by user  which was not the"},
		{"core's account of another namespace (CH-13)", "system:serviceaccount:other:eventing-controller", channel(), channel(subscriber), "spec.subscribers"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("SYSTEM_NAMESPACE", "knative-eventing")
			ctx := apis.WithinUpdate(t.Context(), tt.old)
			if tt.user != "" {
				ctx = apis.WithUserInfo(ctx, &authv1.UserInfo{Username: tt.user})
			}
			check(t, tt.now.Validate(ctx), tt.want)
		})
	}
	t.Run("the system namespace decides who core is (CH-13)", func(t *testing.T) {
		t.Setenv("SYSTEM_NAMESPACE", "custom")
		ctx := apis.WithUserInfo(apis.WithinUpdate(t.Context(), channel()), &authv1.UserInfo{Username: "system:serviceaccount:custom:eventing-controller"})
		check(t, channel(subscriber).Validate(ctx), "")
	})
	t.Run("anyone may create with subscribers (CH-13)", func(t *testing.T) {
		check(t, channel(subscriber).Validate(apis.WithinCreate(t.Context())), "")
	})
}

func TestRetentionDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{"": 168 * time.Hour, "PT1H": time.Hour, "P1M": 2629746 * time.Second} {
		spec := KafkaChannelSpec{RetentionDuration: text}
		if got, err := spec.ParseRetentionDuration(); got != want || err != nil {
			t.Errorf("%q: %v, %v (CH-10)", text, got, err)
		}
	}
}

func TestConditions(t *testing.T) {
	var s KafkaChannelStatus
	s.Status.Conditions = duckv1.Conditions{{Type: "ChannelServiceReady", Status: "True"}, {Type: "TopicReady", Status: "True"}}
	s.InitializeConditions()
	for _, c := range []apis.ConditionType{"Ready", "Subscribers", "TopicReady", "ConfigMapUpdated", "ConfigParsed", "ProbeSucceeded"} {
		if s.GetCondition(c) == nil {
			t.Errorf("no condition %s (CH-20)", c)
		}
	}
	if s.GetCondition("ChannelServiceReady") != nil {
		t.Error("a condition that another controller left is kept (CH-24)")
	}
	if s.GetCondition("TopicReady").Status != "True" {
		t.Error("a condition of ours was reset")
	}
	m := s.ConditionManager()
	conditions.MarkTopicReady(m, "t", "")
	conditions.MarkConfigMapUpdated(m, "knative-eventing", "kafka-channel-channels-subscriptions")
	m.MarkTrue(conditions.ConfigParsed)
	m.MarkTrue(conditions.ProbeSucceeded)
	m.MarkFalse(conditions.EventPoliciesReady, "EventPoliciesNotReady", "x")
	if c := (&KafkaChannel{Status: s}); c.IsReady() {
		t.Error("ready without Subscribers (CH-20)")
	}
	s.MarkSubscribersReady()
	if c := (&KafkaChannel{Status: s}); !c.IsReady() {
		t.Errorf("not ready: %v; EventPoliciesReady does not decide (CH-20)", s.GetCondition("Ready"))
	}
	if c := (&KafkaChannel{ObjectMeta: metav1.ObjectMeta{Generation: 2}, Status: s}); c.IsReady() {
		t.Error("ready in a generation that was not observed")
	}
	s.InitializeConditions()
	if s.GetCondition(conditions.EventPoliciesReady) == nil {
		t.Error("a condition that does not decide is lost (CH-20)")
	}
}

func TestConditionReasons(t *testing.T) {
	tests := []struct {
		name            string
		mark            func(*KafkaChannelStatus)
		condition       apis.ConditionType
		status          string
		reason, message string
	}{
		{"subscribers failed (CH-21)", func(s *KafkaChannelStatus) { s.MarkSubscribersFailed(errors.New("boom")) }, "Subscribers", "False", "failed to reconcile all subscribers", "boom"},
		{"subscribers not ready (CH-21)", (*KafkaChannelStatus).MarkSubscribersUnknown, "Subscribers", "Unknown", "all subscribers not ready", "failed to reconcile consumer group"},
		{"topic ready (ST-01)", func(s *KafkaChannelStatus) { conditions.MarkTopicReady(s.ConditionManager(), "t", "") }, "TopicReady", "True", "Topic t created", ""},
		{"topic with its owner (ST-01)", func(s *KafkaChannelStatus) {
			conditions.MarkTopicReadyWithOwner(s.ConditionManager(), "t", "external", "")
		}, "TopicReady", "True", "Topic t (owner external)", ""},
		{"topic failed (ST-01)", func(s *KafkaChannelStatus) {
			conditions.MarkTopicFailed(s.ConditionManager(), "t", errors.New("boom 100%"))
		}, "TopicReady", "False", "Failed to create topic: t", "boom 100%"},
		{"topic invalid (ST-01)", func(s *KafkaChannelStatus) { conditions.MarkTopicsInvalid(s.ConditionManager(), []string{"t"}, nil) }, "TopicReady", "False", "Topic is not present or invalid", "Check topics [t] configuration"},
		{"topic invalid and why (ST-01, KC-31)", func(s *KafkaChannelStatus) {
			conditions.MarkTopicsInvalid(s.ConditionManager(), []string{"t"}, errors.New("boom"))
		}, "TopicReady", "False", "Topic is not present or invalid", "Check topics [t] configuration: boom"},
		{"contract written (ST-01)", func(s *KafkaChannelStatus) { conditions.MarkConfigMapUpdated(s.ConditionManager(), "ns", "n") }, "ConfigMapUpdated", "True", "Config map ns/n updated", ""},
		{"no data plane (ST-01)", func(s *KafkaChannelStatus) { conditions.MarkDataPlaneUnavailable(s.ConditionManager()) }, "DataPlaneAvailable", "False", "Data plane not available", "Did you install the data plane for this component?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s KafkaChannelStatus
			tt.mark(&s)
			c := s.GetCondition(tt.condition)
			if c == nil || string(c.Status) != tt.status || c.Reason != tt.reason || c.Message != tt.message {
				t.Errorf("got %+v", c)
			}
		})
	}
}
