package translate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// Error says why an object could not be translated.
type Error struct {
	// Object is what the user has to look at: a Trigger, a Subscription, or the object as a whole.
	Object *contract.Reference
	// Field is the path of the field, e.g. spec.delivery.backoffDelay, or "" when no single field is to blame.
	Field string
	// Err is what is wrong with it.
	Err error
}

func (e *Error) Error() string {
	object := fmt.Sprintf("%s %s/%s", e.Object.GetKind(), e.Object.GetNamespace(), e.Object.GetName())
	if e.Field == "" {
		return fmt.Sprintf("%s: %v", object, e.Err)
	}
	return fmt.Sprintf("%s: %s: %v", object, e.Field, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// fieldError is a problem whose object the caller knows.
type fieldError struct {
	field string
	err   error
}

func (e *fieldError) Error() string { return e.field + ": " + e.err.Error() }

func (e *fieldError) Unwrap() error { return e.err }

// wrong returns an error about a field.
func wrong(field, format string, args ...any) error {
	return &fieldError{field: field, err: fmt.Errorf(format, args...)}
}

// at puts a prefix before the field of an error, and makes one that has none.
func at(prefix string, err error) error {
	if err == nil {
		return nil
	}
	if f, ok := err.(*fieldError); ok { //nolint:errorlint // made here and never wrapped
		return &fieldError{field: strings.TrimSuffix(prefix+"."+f.field, "."), err: f.err}
	}
	return &fieldError{field: prefix, err: err}
}

// about makes an Error of err.
func about(object *contract.Reference, err error) *Error {
	if f, ok := err.(*fieldError); ok { //nolint:errorlint // made here and never wrapped
		return &Error{Object: object, Field: f.field, Err: f.err}
	}
	return &Error{Object: object, Err: err}
}

// KeepWorking returns now with, for every object in errs that has no egress in it, the egress that before had: an
// error about an object must not end a delivery that works. Objects are told apart by their UIDs. Arguments stay as
// they are; the result may share memory with them.
func KeepWorking(now, before *contract.Resource, errs []*Error) *contract.Resource {
	if now == nil {
		return nil
	}
	failed := make(map[string]bool, len(errs))
	for _, e := range errs {
		failed[e.Object.GetUuid()] = true
	}
	return Keep(now, before, failed)
}

// Keep returns now with the egresses that before had, that now has not, and whose objects are alive: what is wrong with an
// object, or not known of it yet, must not end a delivery that works. Without now it is before with no other egresses
// than those. Arguments stay as they are; the result may share memory with them.
func Keep(now, before *contract.Resource, alive map[string]bool) *contract.Resource {
	if before == nil {
		return now
	}
	have := map[string]bool{}
	for _, e := range now.GetEgresses() {
		have[e.GetUid()] = true
	}
	var kept []*contract.Egress
	for _, e := range before.GetEgresses() {
		if alive[e.GetUid()] && !have[e.GetUid()] {
			kept = append(kept, e)
		}
	}
	if now != nil && len(kept) == 0 || now == nil && len(kept) == len(before.GetEgresses()) {
		return cmp.Or(now, before)
	}
	out := proto.CloneOf(cmp.Or(now, before))
	out.Egresses = append(slices.Clone(now.GetEgresses()), kept...)
	return finish(out)
}
