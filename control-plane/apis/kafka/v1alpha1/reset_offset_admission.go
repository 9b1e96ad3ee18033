package v1alpha1

import (
	"context"
	"fmt"
	"strings"
	"time"

	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/kmp"
)

const (
	// OffsetEarliest is the oldest record there is.
	OffsetEarliest = "earliest"
	// OffsetLatest is the end: the next record that is written.
	OffsetLatest = "latest"
)

// referable are the groups and kinds whose consumer group can be moved, in the order in which messages name them.
var referable = []struct{ group, kind string }{
	{"messaging.knative.dev", "Subscription"},
	{"eventing.knative.dev", "Trigger"},
	{"sources.knative.dev", "KafkaSource"},
}

// SetDefaults implements apis.Defaultable.
func (r *ResetOffset) SetDefaults(ctx context.Context) {
	if r.Spec.Ref.Namespace == "" { // an object in storage keeps what it was created with
		r.Spec.Ref.SetDefaults(apis.WithinParent(ctx, r.ObjectMeta))
	}
}

// Validate implements apis.Validatable. On an update the context carries the old object (apis.WithinUpdate). A
// reference into another namespace is an error but in a context of apis.AllowDifferentNamespace.
func (r *ResetOffset) Validate(ctx context.Context) *apis.FieldError {
	if old, ok := apis.GetBaseline(ctx).(*ResetOffset); ok && old != nil && apis.IsInUpdate(ctx) {
		return r.Spec.validateUpdate(&old.Spec)
	}
	return r.Spec.validate(apis.WithinParent(ctx, r.ObjectMeta)).ViaField("spec")
}

func (s *ResetOffsetSpec) validate(ctx context.Context) *apis.FieldError {
	return s.Offset.validate(time.Now()).ViaField("offset").Also(validateRef(ctx, &s.Ref).ViaField("ref"))
}

func (s *OffsetSpec) validate(now time.Time) *apis.FieldError {
	if s.Time == "" {
		return apis.ErrMissingField("time")
	}
	at, err := s.Parse()
	if err != nil {
		return apis.ErrInvalidValue(s.Time, "time", err.Error())
	}
	if at.After(now) {
		return apis.ErrInvalidValue(s.Time, "time", "expected a time that is not in the future")
	}
	return nil
}

// Parse returns the time asked for, the zero time for OffsetEarliest and OffsetLatest.
func (s *OffsetSpec) Parse() (time.Time, error) {
	if s.Time == OffsetEarliest || s.Time == OffsetLatest {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, s.Time)
	if err != nil {
		return time.Time{}, fmt.Errorf("expected %s, %s or a time as in RFC 3339", OffsetEarliest, OffsetLatest)
	}
	return at, nil
}

// validateRef checks more than core's rules for references once these are kept.
func validateRef(ctx context.Context, ref *duckv1.KReference) *apis.FieldError {
	if errs := ref.Validate(ctx); errs != nil {
		return errs
	}
	kinds := make([]string, 0, len(referable))
	for _, r := range referable {
		kinds = append(kinds, r.kind)
		if ref.Kind != r.kind {
			continue
		}
		if !strings.HasPrefix(ref.APIVersion, r.group+"/") {
			return apis.ErrInvalidValue(ref.APIVersion, "apiVersion", "expected a version of "+r.group)
		}
		return nil
	}
	last := len(kinds) - 1
	return apis.ErrInvalidValue(ref.Kind, "kind", "expected "+strings.Join(kinds[:last], ", ")+" or "+kinds[last])
}

func (s *ResetOffsetSpec) validateUpdate(old *ResetOffsetSpec) *apis.FieldError {
	diff, err := kmp.ShortDiff(*old, *s)
	if err != nil {
		return &apis.FieldError{Message: "Failed to compare with the old object", Paths: []string{"spec"}, Details: err.Error()}
	}
	if diff == "" {
		return nil
	}
	return &apis.FieldError{Message: "Immutable fields changed (-old +new)", Paths: []string{"spec"}, Details: diff}
}
