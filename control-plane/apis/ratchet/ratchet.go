// Package ratchet lets objects live on that were admitted before a rule existed.
//
// Every write of an object passes admission: the finalizer that a controller takes away, a status, the subscribers that
// another controller adds. None of them may fail for what was wrong already, or the object could be neither served nor
// deleted. It does no I/O and keeps no state.
package ratchet

import "knative.dev/pkg/apis"

// New returns those errors of now that old does not have: what an update makes worse.
func New(now, old *apis.FieldError) (errs *apis.FieldError) {
	before := map[string]bool{}
	for _, err := range old.WrappedErrors() {
		before[err.Error()] = true
	}
	for _, err := range now.WrappedErrors() {
		if !before[err.Error()] {
			errs = errs.Also(err)
		}
	}
	return errs
}
