package environment

import (
	"os"
	"slices"
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

func TestPort(t *testing.T) {
	for value, want := range map[string]int{"": 8080, "1": 1, "65535": 65535, "0": 0, "65536": 0, "http": 0, "-1": 0} {
		t.Setenv("VARIABLE_OF_THIS_TEST", value)
		got, err := Port("VARIABLE_OF_THIS_TEST", 8080)
		if got != want || (err != nil) != (want == 0) || err != nil && !strings.Contains(err.Error(), "VARIABLE_OF_THIS_TEST") {
			t.Errorf("%q: %d, %v", value, got, err)
		}
	}
}

func TestSetDefault(t *testing.T) {
	for before, want := range map[string]string{"": "default", "mine": "mine"} {
		t.Setenv("VARIABLE_OF_THIS_TEST", before)
		if err := SetDefault("VARIABLE_OF_THIS_TEST", "default"); err != nil || os.Getenv("VARIABLE_OF_THIS_TEST") != want {
			t.Errorf("%q: %q, %v", before, os.Getenv("VARIABLE_OF_THIS_TEST"), err)
		}
	}
}

func TestMeaningless(t *testing.T) {
	set := map[string]string{"POD_CAPACITY": "20", "SARAMA_CONFIG_VERSION": "", "SINK_INGRESS_POD_PORT": "8080", "SYSTEM_NAMESPACE": "x"}
	got := Meaningless(func(name string) string { return set[name] })
	if !slices.Equal(got, []string{"POD_CAPACITY", "SINK_INGRESS_POD_PORT"}) {
		t.Errorf("%v", got)
	}
}
