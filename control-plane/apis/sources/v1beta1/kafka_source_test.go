package v1beta1

import (
	"context"
	"os"
	"reflect"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	"knative.dev/eventing/pkg/apis/feature"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"sigs.k8s.io/yaml"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/control-plane/apis/sources"
)

// source returns a valid source, changed.
func source(changes ...func(*KafkaSource)) *KafkaSource {
	s := &KafkaSource{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "s"}}
	s.Spec.BootstrapServers, s.Spec.Topics, s.Spec.ConsumerGroup = []string{"kafka:9092"}, []string{"t"}, "g"
	s.Spec.Sink = duckv1.Destination{URI: apis.HTTP("sink")}
	s.SetDefaults(context.Background())
	for _, change := range changes {
		change(s)
	}
	return s
}

func check(t *testing.T, got *apis.FieldError, want string) {
	t.Helper()
	if want == "" && got != nil || want != "" && (got == nil || !strings.Contains(got.Error(), want)) {
		t.Errorf("got %v, want %q", got, want)
	}
}

func TestSetDefaults(t *testing.T) {
	a, b := &KafkaSource{ObjectMeta: metav1.ObjectMeta{Namespace: "ns"}}, &KafkaSource{}
	a.Spec.Sink.Ref = &duckv1.KReference{Kind: "Service", Name: "s"}
	a.SetDefaults(t.Context())
	b.SetDefaults(t.Context())
	if !strings.HasPrefix(a.Spec.ConsumerGroup, "knative-kafka-source-") || len(a.Spec.ConsumerGroup) != len("knative-kafka-source-")+36 || a.Spec.ConsumerGroup == b.Spec.ConsumerGroup {
		t.Errorf("consumer groups %q and %q (SRC-06)", a.Spec.ConsumerGroup, b.Spec.ConsumerGroup)
	}
	if *a.Spec.Consumers != 1 || a.Spec.InitialOffset != OffsetLatest || *a.Spec.Ordering != Ordered || a.Spec.Delivery != nil {
		t.Errorf("got %+v (SRC-07, SRC-08, SRC-09)", a.Spec)
	}
	if a.Spec.Sink.Ref.Namespace != "ns" {
		t.Errorf("the sink is in namespace %q", a.Spec.Sink.Ref.Namespace)
	}
	said := source(func(s *KafkaSource) {
		s.Spec.Consumers, s.Spec.InitialOffset, s.Spec.Ordering = ptr.To[int32](0), OffsetEarliest, ptr.To(Unordered)
	})
	want := said.DeepCopy()
	if said.SetDefaults(t.Context()); !reflect.DeepEqual(said, want) {
		t.Errorf("what was said is changed: %+v", said.Spec)
	}
}

func TestValidate(t *testing.T) {
	key := func(value string) func(*KafkaSource) {
		return func(s *KafkaSource) { s.Labels = map[string]string{sources.KeyTypeLabel: value} }
	}
	delivering := func(d eventingduck.DeliverySpec) func(*KafkaSource) {
		return func(s *KafkaSource) { s.Spec.Delivery = &d }
	}
	tests := []struct {
		name   string
		change func(*KafkaSource)
		want   string
	}{
		{"defaults are valid", func(*KafkaSource) {}, ""},
		{"no servers (SRC-05)", func(s *KafkaSource) { s.Spec.BootstrapServers = nil }, "missing field(s): spec.bootstrapServers"},
		{"no topics (SRC-05)", func(s *KafkaSource) { s.Spec.Topics = []string{} }, "missing field(s): spec.topics"},
		{"paused (SRC-07)", func(s *KafkaSource) { s.Spec.Consumers = ptr.To[int32](0) }, ""},
		{"negative consumers (SRC-07)", func(s *KafkaSource) { s.Spec.Consumers = ptr.To[int32](-1) }, "invalid value: -1: spec.consumers"},
		{"earliest (SRC-08)", func(s *KafkaSource) { s.Spec.InitialOffset = OffsetEarliest }, ""},
		{"another offset (SRC-08)", func(s *KafkaSource) { s.Spec.InitialOffset = "middle" }, "invalid value: middle: spec.initialOffset"},
		{"unordered (SRC-09)", func(s *KafkaSource) { s.Spec.Ordering = ptr.To(Unordered) }, ""},
		{"another ordering (SRC-09)", func(s *KafkaSource) { s.Spec.Ordering = ptr.To(DeliveryOrdering("fifo")) }, "invalid value: fifo: spec.ordering"},
		{"order by key (TR-04)", func(s *KafkaSource) { s.Annotations = map[string]string{annotation.DeliveryOrderScope: "key"} }, ""},
		{"another scope (TR-04)", func(s *KafkaSource) { s.Annotations = map[string]string{annotation.DeliveryOrderScope: "x"} }, "metadata.annotations["},
		{"delivery (SRC-10)", delivering(eventingduck.DeliverySpec{Retry: ptr.To[int32](1), Format: ptr.To(eventingduck.DeliveryFormatJson)}), ""},
		{"wrong delivery (SRC-10, WH-08)", delivering(eventingduck.DeliverySpec{Retry: ptr.To[int32](-1)}), "invalid value: -1: spec.delivery.retry"},
		{"no sink (SRC-13)", func(s *KafkaSource) { s.Spec.Sink = duckv1.Destination{} }, "spec.sink"},
		{"sink without a name (SRC-13)", func(s *KafkaSource) {
			s.Spec.Sink = duckv1.Destination{Ref: &duckv1.KReference{Kind: "Service", APIVersion: "v1", Namespace: "ns"}}
		}, "spec.sink.ref.name"},
		{"sink in another namespace (SRC-13)", func(s *KafkaSource) {
			s.Spec.Sink = duckv1.Destination{Ref: &duckv1.KReference{Kind: "Service", APIVersion: "v1", Namespace: "other", Name: "n"}}
		}, ""},
		{"odd extension (SRC-13)", func(s *KafkaSource) {
			s.Spec.CloudEventOverrides = &duckv1.CloudEventOverrides{Extensions: map[string]string{"My-Ext": "x"}}
		}, "spec.ceOverrides.extensions"},
		{"string keys (SRC-14)", key("string"), ""},
		{"int keys (SRC-14)", key("int"), ""},
		{"float keys (SRC-14)", key("float"), ""},
		{"byte-array keys (SRC-14)", key("byte-array"), ""},
		{"another key type (SRC-15)", key("uuid"), "invalid value: uuid: metadata.labels[" + sources.KeyTypeLabel + "]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := feature.ToContext(t.Context(), feature.FromContextOrDefaults(t.Context()))
			check(t, source(tt.change).Validate(ctx), tt.want)
		})
	}
}

func TestValidateUpdate(t *testing.T) {
	check(t, source().Validate(apis.WithinUpdate(t.Context(), source())), "")
	check(t, source(func(s *KafkaSource) { s.Spec.Topics = []string{"u"} }).Validate(apis.WithinUpdate(t.Context(), source())), "")
	changed := source(func(s *KafkaSource) { s.Spec.ConsumerGroup = "h" })
	check(t, changed.Validate(apis.WithinUpdate(t.Context(), source())), "Immutable fields changed (-old +new): spec\n") // SRC-06
}

// A source of an earlier release may break rules of today: its finalizer and its status must still be written.
func TestWhatWasWrongBeforeMayStay(t *testing.T) {
	wrong := func(s *KafkaSource) {
		s.Labels = map[string]string{sources.KeyTypeLabel: "uuid"}
		s.Spec.Delivery = &eventingduck.DeliverySpec{Retry: ptr.To[int32](-1)}
	}
	old := source(wrong)
	check(t, source(wrong, func(s *KafkaSource) { s.Finalizers = []string{"f"} }).Validate(apis.WithinUpdate(t.Context(), old)), "") // SRC-15
	check(t, source(wrong).Validate(apis.WithinSubResourceUpdate(t.Context(), old, "status")), "")
	check(t, source(wrong, func(s *KafkaSource) { s.Spec.Topics = nil }).Validate(apis.WithinUpdate(t.Context(), old)), "missing field(s): spec.topics")
	check(t, source(wrong).Validate(apis.WithinUpdate(t.Context(), source())), "spec.delivery.retry")
	check(t, source(wrong).Validate(apis.WithinCreate(t.Context())), "spec.delivery.retry")
}

func TestMarkSink(t *testing.T) {
	s := &KafkaSource{}
	s.Status.InitializeConditions()
	s.Status.MarkSink(nil)
	if c := s.Status.GetCondition("SinkProvided"); c.Status != "Unknown" || c.Reason != "SinkEmpty" || s.Status.SinkURI != nil {
		t.Errorf("got %+v (SRC-20)", c)
	}
	s.Status.MarkSink(&duckv1.Addressable{URL: apis.HTTP("sink"), CACerts: ptr.To("CA"), Audience: ptr.To("a")})
	if s.Status.SinkURI.Host != "sink" || *s.Status.SinkCACerts != "CA" || *s.Status.SinkAudience != "a" {
		t.Errorf("got %+v (SRC-16)", s.Status)
	}
	if s.Status.IsReady() {
		t.Error("ready without a consumer group (SRC-18)")
	}
	s.Status.ConditionManager().MarkTrue(KafkaSourceConditionConsumerGroup)
	s.Status.ConditionManager().MarkFalse(KafkaSourceConditionOIDCIdentityCreated, "x", "y")
	if !s.Status.IsReady() {
		t.Error("the identity decides (SRC-18)")
	}
	s.Status.SetSelector("n")
	if s.Status.Selector != "eventing.knative.dev/source=kafka-source-controller,eventing.knative.dev/sourceName=n" {
		t.Errorf("selector %q (SRC-17)", s.Status.Selector)
	}
}

func TestCRD(t *testing.T) {
	text, err := os.ReadFile("../../../../config/crds/sources.knative.dev_kafkasources.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &crd); err != nil {
		t.Fatal(err)
	}
	names := crd.Spec.Names
	if names.Plural != "kafkasources" || names.Singular != "" || names.ShortNames != nil || !reflect.DeepEqual(names.Categories, []string{"all", "knative", "eventing", "sources"}) {
		t.Errorf("names %+v (SRC-01)", names)
	}
	for _, label := range []string{"eventing.knative.dev/source", "duck.knative.dev/source", "knative.dev/crd-install"} {
		if crd.Labels[label] != "true" {
			t.Errorf("label %s is %q (SRC-01)", label, crd.Labels[label])
		}
	}
	var types []map[string]string
	if err := yaml.Unmarshal([]byte(crd.Annotations["registry.knative.dev/eventTypes"]), &types); err != nil || len(types) != 1 || types[0]["type"] != "dev.knative.kafka.event" {
		t.Errorf("event types %v, %v (SRC-01)", types, err)
	}
	if crd.Spec.Conversion == nil || crd.Spec.Conversion.Strategy != apiextensionsv1.WebhookConverter {
		t.Errorf("conversion %+v (SRC-02)", crd.Spec.Conversion)
	}
	if len(crd.Spec.Versions) != 2 {
		t.Fatalf("%d versions (SRC-02)", len(crd.Spec.Versions))
	}
	for i, want := range []string{"v1beta1", "v1"} {
		checkVersion(t, crd.Spec.Versions[i], want)
	}
}

func checkVersion(t *testing.T, v apiextensionsv1.CustomResourceDefinitionVersion, want string) {
	t.Helper()
	if v.Name != want || v.Storage != (want == "v1beta1") || !v.Served {
		t.Errorf("version %s, stored %v (SRC-02)", v.Name, v.Storage)
	}
	if scale := v.Subresources.Scale; scale == nil || scale.SpecReplicasPath != ".spec.consumers" || scale.StatusReplicasPath != ".status.consumers" || *scale.LabelSelectorPath != ".status.selector" {
		t.Errorf("%s: scale %+v (SRC-04)", v.Name, scale)
	}
	var columns []string
	for _, c := range v.AdditionalPrinterColumns {
		columns = append(columns, c.Name)
	}
	if !reflect.DeepEqual(columns, []string{"Topics", "BootstrapServers", "Ready", "Reason", "Age"}) {
		t.Errorf("%s: columns %v (SRC-03)", v.Name, columns)
	}
	spec := v.Schema.OpenAPIV3Schema.Properties["spec"]
	if !reflect.DeepEqual(spec.Required, []string{"bootstrapServers", "topics"}) {
		t.Errorf("%s: required %v (SRC-05)", v.Name, spec.Required)
	}
	if _, ok := spec.Properties["delivery"].Properties["format"]; !ok {
		t.Errorf("%s: delivery has no format (SRC-10)", v.Name)
	}
	sasl := spec.Properties["net"].Properties["sasl"]
	for _, field := range []string{"user", "password", "type", "tokenProvider", "roleARN"} {
		ref := sasl.Properties[field].Properties["secretKeyRef"]
		if !reflect.DeepEqual(ref.Required, []string{"key"}) {
			t.Errorf("%s: net.sasl.%s requires %v (SRC-11, SRC-12)", v.Name, field, ref.Required)
		}
	}
}
