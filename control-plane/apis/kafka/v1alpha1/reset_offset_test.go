package v1alpha1

import (
	"context"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"sigs.k8s.io/yaml"
)

// reset returns a valid ResetOffset, changed.
func reset(changes ...func(*ResetOffsetSpec)) *ResetOffset {
	r := &ResetOffset{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "r"}}
	r.Spec.Offset.Time = OffsetEarliest
	r.Spec.Ref = duckv1.KReference{Kind: "Subscription", APIVersion: "messaging.knative.dev/v1", Name: "s"}
	r.SetDefaults(context.Background())
	for _, change := range changes {
		change(&r.Spec)
	}
	return r
}

func at(t string) func(*ResetOffsetSpec) {
	return func(s *ResetOffsetSpec) { s.Offset.Time = t }
}

func to(apiVersion, kind string) func(*ResetOffsetSpec) {
	return func(s *ResetOffsetSpec) { s.Ref.APIVersion, s.Ref.Kind = apiVersion, kind }
}

func check(t *testing.T, got *apis.FieldError, want string) {
	t.Helper()
	if want == "" && got != nil || want != "" && (got == nil || !strings.Contains(got.Error(), want)) {
		t.Errorf("got %v, want %q", got, want)
	}
}

func TestSetDefaultsTakesTheNamespace(t *testing.T) {
	if r := reset(); r.Spec.Ref.Namespace != "ns" {
		t.Errorf("the reference is into namespace %q (RO-04)", r.Spec.Ref.Namespace)
	}
	r := reset(func(s *ResetOffsetSpec) { s.Ref.Namespace = "other" })
	if r.SetDefaults(t.Context()); r.Spec.Ref.Namespace != "other" {
		t.Errorf("the namespace became %q", r.Spec.Ref.Namespace)
	}
}

func TestValidate(t *testing.T) {
	elsewhere := func(s *ResetOffsetSpec) { s.Ref.Namespace = "other" }
	tests := []struct {
		name   string
		change func(*ResetOffsetSpec)
		want   string
	}{
		{"earliest (RO-03)", at("earliest"), ""},
		{"latest (RO-03)", at("latest"), ""},
		{"a time (RO-03)", at("2026-01-02T03:04:05Z"), ""},
		{"a time with an offset and a fraction (RO-03)", at("2026-01-02T03:04:05.678+02:00"), ""},
		{"no time (RO-03)", at(""), "missing field(s): spec.offset.time"},
		{"a time of another form (RO-03)", at("yesterday"), "invalid value: yesterday: spec.offset.time\nexpected earliest, latest or a time as in RFC 3339"},
		{"earliest in capitals (RO-03)", at("Earliest"), "invalid value: Earliest: spec.offset.time"},
		{"the future (RO-03)", at("9999-01-01T00:00:00Z"), "spec.offset.time\nexpected a time that is not in the future"},
		{"an older Subscription (RO-04)", to("messaging.knative.dev/v1beta1", "Subscription"), ""},
		{"a Trigger (RO-04)", to("eventing.knative.dev/v1", "Trigger"), ""},
		{"a KafkaSource (RO-04)", to("sources.knative.dev/v1beta1", "KafkaSource"), ""},
		{"a Subscription of another group (RO-04)", to("messaging.knative.dev.example.com/v1", "Subscription"),
			"invalid value: messaging.knative.dev.example.com/v1: spec.ref.apiVersion\nexpected a version of messaging.knative.dev"},
		{"another kind (RO-04)", to("messaging.knative.dev/v1", "Channel"), "invalid value: Channel: spec.ref.kind\nexpected Subscription, Trigger or KafkaSource"},
		{"no kind (RO-04)", to("messaging.knative.dev/v1", ""), "missing field(s): spec.ref.kind"},
		{"no name (RO-04)", func(s *ResetOffsetSpec) { s.Ref.Name = "" }, "missing field(s): spec.ref.name"},
		{"another namespace (RO-04)", elsewhere, "mismatched namespaces: spec.ref.namespace"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { check(t, reset(tt.change).Validate(t.Context()), tt.want) })
	}
	check(t, reset(elsewhere).Validate(apis.AllowDifferentNamespace(t.Context())), "")
}

func TestTheFutureBeginsNow(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]string{"2026-01-02T03:04:05Z": "", "2026-01-02T03:04:06Z": "future"} {
		check(t, (&OffsetSpec{Time: text}).validate(now), want)
	}
}

func TestTheSpecificationIsImmutable(t *testing.T) {
	old := reset(at("2026-01-02T03:04:05Z"))
	check(t, old.DeepCopy().Validate(apis.WithinUpdate(t.Context(), old)), "")
	changed := reset(at("latest"))
	check(t, changed.Validate(apis.WithinUpdate(t.Context(), old)), "Immutable fields changed (-old +new): spec\n") // RO-03
	elsewhere := reset(at("2026-01-02T03:04:05Z"), func(s *ResetOffsetSpec) { s.Ref.Name = "other" })
	check(t, elsewhere.Validate(apis.WithinUpdate(t.Context(), old)), "Immutable fields changed (-old +new): spec\n") // RO-03
}

func TestSucceededWhenAllStepsAreDone(t *testing.T) {
	steps := map[apis.ConditionType]string{"RefMapped": "FailedToMapRef", "AcquireDataPlaneServices": "FailedToAcquireDataPlaneServices",
		"ConsumerGroupsStopped": "FailedToStopConsumerGroups", "OffsetsUpdated": "FailedToUpdateOffsets", "ConsumerGroupsStarted": "FailedToStartConsumerGroups"}
	for failing, reason := range steps {
		s := &ResetOffsetStatus{}
		s.InitializeConditions()
		for step := range steps {
			s.MarkDone(step)
		}
		if !s.IsSucceeded() {
			t.Errorf("all is done: %v (RO-06)", s.Conditions)
		}
		s.MarkFailed(failing, errors.New("100%"))
		if c := s.GetCondition("Succeeded"); s.IsSucceeded() || c.Reason != reason || c.Message != "100%" {
			t.Errorf("%s failed: %+v (RO-06)", failing, c)
		}
	}
}

func TestCRD(t *testing.T) {
	text, err := os.ReadFile("../../../../config/crds/kafka.eventing.knative.dev_resetoffsets.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &crd); err != nil {
		t.Fatal(err)
	}
	names := crd.Spec.Names
	if names.Plural != "resetoffsets" || !reflect.DeepEqual(names.ShortNames, []string{"ro"}) || crd.Spec.Scope != apiextensionsv1.NamespaceScoped ||
		!reflect.DeepEqual(names.Categories, []string{"all", "knative", "eventing", "kafka"}) {
		t.Errorf("names %+v, scope %s (RO-02)", names, crd.Spec.Scope)
	}
	v := crd.Spec.Versions[0]
	if len(crd.Spec.Versions) != 1 || v.Name != "v1alpha1" || v.Subresources.Status == nil || crd.Spec.Conversion != nil {
		t.Errorf("version %s of %d, subresources %+v (RO-02)", v.Name, len(crd.Spec.Versions), v.Subresources)
	}
	var columns []string
	for _, c := range v.AdditionalPrinterColumns {
		if c.Priority == 1 {
			c.Name += " (wide)"
		}
		columns = append(columns, c.Name)
	}
	if !reflect.DeepEqual(columns, []string{"Succeeded", "Reason", "Ref Namespace (wide)", "Ref Name (wide)", "Age"}) {
		t.Errorf("columns %v (RO-02)", columns)
	}
	if offset := v.Schema.OpenAPIV3Schema.Properties["spec"].Properties["offset"]; !reflect.DeepEqual(offset.Required, []string{"time"}) {
		t.Errorf("spec.offset requires %v (RO-03)", offset.Required)
	}
}
