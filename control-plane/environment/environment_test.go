package environment

import (
	"strings"
	"testing"
)

func TestCheckSystemNamespace(t *testing.T) {
	for namespace, want := range map[string]string{"knative-eventing": "", "mine": "", "": "SYSTEM_NAMESPACE is not set", "knative-testing": "SYSTEM_NAMESPACE is not set"} {
		t.Setenv("SYSTEM_NAMESPACE", namespace)
		if err := CheckSystemNamespace(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", namespace, err)
		}
	}
}

func TestOr(t *testing.T) {
	for value, want := range map[string]string{"": "fallback", "x": "x"} {
		t.Setenv("VARIABLE_OF_THIS_TEST", value)
		if got := Or("VARIABLE_OF_THIS_TEST", "fallback"); got != want {
			t.Errorf("%q: %q", value, got)
		}
	}
}
