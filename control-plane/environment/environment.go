// Package environment knows the variables that a program of the control plane is started with.
//
// It reads the environment alone and keeps no state.
package environment

import (
	"errors"
	"os"

	"knative.dev/pkg/system"
)

// namespaceOfTests is what a package for tests, which some types of core import, sets where no namespace is named.
const namespaceOfTests = "knative-testing"

// CheckSystemNamespace returns an error when nothing says in which namespace this program runs: without it a program
// runs happily in a namespace of tests and finds nothing there.
func CheckSystemNamespace() error {
	if ns := os.Getenv(system.NamespaceEnvKey); ns != "" && ns != namespaceOfTests {
		return nil
	}
	return errors.New("the environment variable " + system.NamespaceEnvKey +
		" is not set: it names the namespace that this program runs in, usually knative-eventing")
}

// Or returns the value of a variable, fallback when it is not set or empty.
func Or(variable, fallback string) string {
	if value := os.Getenv(variable); value != "" {
		return value
	}
	return fallback
}
