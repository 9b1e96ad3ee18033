package manifest

import (
	"context"
	"slices"
	"strings"

	"knative.dev/pkg/apis"
)

// Admit defaults and validates an object in place, as the webhooks do. old is the object as it was admitted before,
// nil when it is new. The context carries the feature flags and defaults that the webhooks would read from ConfigMaps.
func Admit(ctx context.Context, object, old *Object) []Problem {
	if old == nil {
		ctx = apis.WithinCreate(ctx)
	} else {
		ctx = apis.WithinUpdate(ctx, old.Value)
	}
	if value, ok := object.Value.(apis.Defaultable); ok {
		value.SetDefaults(ctx)
	}
	value, ok := object.Value.(apis.Validatable)
	if !ok {
		return nil
	}
	return object.Problems(value.Validate(ctx).Filter(apis.ErrorLevel))
}

// Problems places every error of a validation, in the order of their lines.
func (o *Object) Problems(errs *apis.FieldError) []Problem {
	var problems []Problem
	for _, err := range errs.WrappedErrors() {
		reason := err.Message
		if err.Details != "" {
			reason += ": " + strings.Join(strings.Fields(err.Details), " ") // on one line
		}
		paths := err.Paths
		if len(paths) == 0 {
			paths = []string{""}
		}
		for _, path := range paths {
			problems = append(problems, Problem{Location: o.Source.At(path), Object: o.ID, Field: path, Reason: reason})
		}
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return a.Line - b.Line })
	return problems
}
