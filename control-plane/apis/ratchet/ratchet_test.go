package ratchet

import (
	"testing"

	"knative.dev/pkg/apis"
)

func TestNew(t *testing.T) {
	a, b := apis.ErrInvalidValue(0, "spec.a"), apis.ErrMissingField("spec.b")
	warning := apis.ErrGeneric("mind", "spec.c").At(apis.WarningLevel)
	for _, tt := range []struct {
		name     string
		now, old *apis.FieldError
		want     string
	}{
		{"nothing is wrong", nil, nil, ""},
		{"what was wrong was put right", nil, a, ""},
		{"what was wrong stays wrong", a.Also(b), b.Also(a), ""},
		{"something more is wrong", a.Also(b), a, "missing field(s): spec.b"},
		{"the same field is wrong in another way", apis.ErrInvalidValue(-1, "spec.a"), a, "invalid value: -1: spec.a"},
		{"all is new", a.Also(b), nil, "invalid value: 0: spec.a\nmissing field(s): spec.b"},
		{"a warning stays one", warning, a, "mind: spec.c"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := New(tt.now, tt.old)
			if text := got.Error(); (got == nil) != (tt.want == "") || got != nil && text != tt.want {
				t.Errorf("got %q, want %q", text, tt.want)
			}
		})
	}
	if got := New(warning, nil); got.Filter(apis.ErrorLevel) != nil {
		t.Error("a warning became an error")
	}
}
