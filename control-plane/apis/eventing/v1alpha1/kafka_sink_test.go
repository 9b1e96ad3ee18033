package v1alpha1

import (
	"os"
	"reflect"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/utils/ptr"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/yaml"
)

// sink returns a valid sink, changed.
func sink(changes ...func(*KafkaSinkSpec)) *KafkaSink {
	s := &KafkaSink{Spec: KafkaSinkSpec{Topic: "t", BootstrapServers: []string{"kafka:9092"}, ContentMode: ptr.To("binary")}}
	for _, change := range changes {
		change(&s.Spec)
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
	for in, want := range map[string]string{"": "binary", "structured": "structured"} {
		s := sink(func(s *KafkaSinkSpec) { s.ContentMode = ptr.To(in) })
		s.SetDefaults(t.Context())
		if *s.Spec.ContentMode != want {
			t.Errorf("content mode %q becomes %q (SK-06)", in, *s.Spec.ContentMode)
		}
	}
	s := &KafkaSink{}
	s.SetDefaults(t.Context())
	if *s.Spec.ContentMode != "binary" || s.Spec.NumPartitions != nil || s.Spec.ReplicationFactor != nil {
		t.Errorf("got %+v (SK-05, SK-06)", s.Spec)
	}
}

func TestValidate(t *testing.T) {
	secret := func(name string) func(*KafkaSinkSpec) {
		return func(s *KafkaSinkSpec) { s.Auth = &Auth{Secret: &Secret{Ref: &SecretReference{Name: name}}} }
	}
	tests := []struct {
		name   string
		change func(*KafkaSinkSpec)
		want   string
	}{
		{"topic and servers are enough", func(*KafkaSinkSpec) {}, ""},
		{"no topic (SK-03)", func(s *KafkaSinkSpec) { s.Topic = "" }, "spec.topic"},
		{"no servers (SK-04)", func(s *KafkaSinkSpec) { s.BootstrapServers = []string{} }, "invalid value: []: spec.bootstrapServers"},
		{"partitions (SK-05)", func(s *KafkaSinkSpec) { s.NumPartitions = ptr.To[int32](10) }, ""},
		{"no partitions (SK-05)", func(s *KafkaSinkSpec) { s.NumPartitions = ptr.To[int32](0) }, "invalid value: 0: spec.numPartitions"},
		{"no replicas (SK-05)", func(s *KafkaSinkSpec) { s.ReplicationFactor = ptr.To[int16](-1) }, "invalid value: -1: spec.replicationFactor"},
		{"structured (SK-06)", func(s *KafkaSinkSpec) { s.ContentMode = ptr.To("structured") }, ""},
		{"another content mode (SK-06)", func(s *KafkaSinkSpec) { s.ContentMode = ptr.To("batch") }, "invalid value: batch: spec.contentMode"},
		{"Secret (SK-07)", secret("s"), ""},
		{"Secret without a name (SK-07)", secret(""), "spec.auth.secret.ref.name"},
		{"no reference at all (SK-07)", func(s *KafkaSinkSpec) { s.Auth = &Auth{Secret: &Secret{}} }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { check(t, sink(tt.change).Validate(t.Context()), tt.want) })
	}
}

func TestValidateUpdate(t *testing.T) {
	old := sink(func(s *KafkaSinkSpec) { s.NumPartitions, s.ReplicationFactor = ptr.To[int32](1), ptr.To[int16](1) })
	tests := []struct {
		name   string
		change func(*KafkaSinkSpec)
		want   string
	}{
		{"nothing changed", func(*KafkaSinkSpec) {}, ""},
		{"servers may change (SK-04)", func(s *KafkaSinkSpec) { s.BootstrapServers = []string{"other:9092"} }, ""},
		{"content mode may change", func(s *KafkaSinkSpec) { s.ContentMode = ptr.To("structured") }, ""},
		{"topic (SK-08)", func(s *KafkaSinkSpec) { s.Topic = "u" }, "Immutable field updated: spec.topic"},
		{"partitions (SK-08)", func(s *KafkaSinkSpec) { s.NumPartitions = ptr.To[int32](2) }, "Immutable field updated: spec.numPartitions"},
		{"partitions that vanish (SK-08)", func(s *KafkaSinkSpec) { s.NumPartitions = nil }, "Immutable field updated: spec.numPartitions"},
		{"replicas (SK-08)", func(s *KafkaSinkSpec) { s.ReplicationFactor = ptr.To[int16](2) }, "Immutable field updated: spec.replicationFactor"},
		{"all (SK-08)", func(s *KafkaSinkSpec) { s.Topic, s.NumPartitions, s.ReplicationFactor = "u", nil, nil },
			"Immutable field updated: spec.numPartitions, spec.replicationFactor, spec.topic"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := old.DeepCopy()
			tt.change(&now.Spec)
			check(t, now.Validate(apis.WithinUpdate(t.Context(), old)), tt.want)
		})
	}
}

func TestWhatWasWrongBeforeMayStay(t *testing.T) {
	old := sink(func(s *KafkaSinkSpec) { s.ContentMode = ptr.To("batch") })
	check(t, old.DeepCopy().Validate(apis.WithinUpdate(t.Context(), old)), "")
	check(t, old.Validate(apis.WithinUpdate(t.Context(), sink())), "spec.contentMode")
}

func TestTopicIsCreatedOnlyWithBothNumbers(t *testing.T) {
	for _, tt := range []struct {
		partitions *int32
		replicas   *int16
		want       bool
	}{{nil, nil, false}, {ptr.To[int32](1), nil, false}, {nil, ptr.To[int16](1), false}, {ptr.To[int32](1), ptr.To[int16](1), true}} {
		s := KafkaSinkSpec{NumPartitions: tt.partitions, ReplicationFactor: tt.replicas}
		if s.CreatesTopic() != tt.want {
			t.Errorf("%v, %v: %v (SK-05)", tt.partitions, tt.replicas, s.CreatesTopic())
		}
	}
}

func TestConditionsGateReady(t *testing.T) {
	gates := []apis.ConditionType{"Addressable", "DataPlaneAvailable", "TopicReady", "ConfigMapUpdated", "ConfigParsed", "ProbeSucceeded", "EventPoliciesReady"}
	for _, missing := range gates {
		s := &KafkaSink{}
		s.Status.InitializeConditions()
		for _, gate := range gates {
			if gate != missing {
				s.Status.ConditionManager().MarkTrue(gate)
			}
		}
		if s.IsReady() {
			t.Errorf("ready without %s (SK-10, BR-07)", missing)
		}
		s.Status.ConditionManager().MarkTrue(missing)
		if !s.IsReady() {
			t.Errorf("not ready: %v", s.Status.GetCondition(apis.ConditionReady))
		}
	}
}

func TestCRD(t *testing.T) {
	text, err := os.ReadFile("../../../../config/crds/eventing.knative.dev_kafkasinks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &crd); err != nil {
		t.Fatal(err)
	}
	names := crd.Spec.Names
	if names.Plural != "kafkasinks" || names.Singular != "kafkasink" || names.ShortNames != nil || !reflect.DeepEqual(names.Categories, []string{"all", "knative", "eventing"}) {
		t.Errorf("names %+v (SK-01)", names)
	}
	if crd.Labels["duck.knative.dev/addressable"] != "true" || crd.Labels["knative.dev/crd-install"] != "true" {
		t.Errorf("labels %v (SK-01)", crd.Labels)
	}
	if len(crd.Spec.Versions) != 1 || crd.Spec.Conversion != nil || !crd.Spec.Versions[0].Storage {
		t.Errorf("versions %d, conversion %v (SK-01)", len(crd.Spec.Versions), crd.Spec.Conversion)
	}
	var columns []string
	for _, c := range crd.Spec.Versions[0].AdditionalPrinterColumns {
		columns = append(columns, c.Name)
	}
	if !reflect.DeepEqual(columns, []string{"URL", "Age", "Ready", "Reason"}) {
		t.Errorf("columns %v (SK-02)", columns)
	}
	spec := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	if !reflect.DeepEqual(spec.Required, []string{"bootstrapServers", "topic"}) {
		t.Errorf("required %v (SK-03, SK-04)", spec.Required)
	}
	if mode := spec.Properties["contentMode"]; string(mode.Default.Raw) != `"binary"` || len(mode.Enum) != 2 {
		t.Errorf("content mode %+v (SK-06)", mode)
	}
}
