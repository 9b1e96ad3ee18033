package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// variable is one that eventing-kafka-broker has and that has no effect here, or not with every value.
type variable struct {
	name    string
	served  string // the only value, beside none at all, that describes what is done; "*": no value asks for anything
	instead string
}

// variables of eventing-kafka-broker without a part of their own (CFG-67 to CFG-72).
var variables = []variable{
	{"METRICS_PUBLISH_QUANTILES", "false", "the histograms have buckets, of which quantiles are computed when they are queried"},
	{"METRICS_HTTP_CLIENT_ENABLED", "false", "see kn_eventing_dispatch_latency_ms of the egresses"},
	{"METRICS_HTTP_SERVER_ENABLED", "false", "see kn_eventing_dispatch_latency_ms of the ingress"},
	{"HTTP2_DISABLE", "false", "HTTP/2 is always understood"},
	{"JAVA_TOOL_OPTIONS", "", "there is no JVM; GOMEMLIMIT and GOMAXPROCS limit memory and processors"},
	{"ENABLE_VIRTUAL_THREADS", "*", "there is no JVM"},
	{"WAIT_STARTUP_SECONDS", "*", "readiness says what the start waits for, however long it takes"},
	{"EGRESSES_INITIAL_CAPACITY", "*", "nothing has to be sized in advance"},
	{"INSTANCE_ID", "*", "it is not used"},
	{"CONFIG_FEATURES_PATH", "*", "the contract says what features ask of the data plane"},
}

// unsupported returns the variables that ask for something that is not done.
func unsupported(env func(string) string) []variable {
	var found []variable
	for _, v := range variables {
		if value := env(v.name); value != "" && v.served != "*" && !strings.EqualFold(value, v.served) {
			found = append(found, v)
		}
	}
	return found
}

// mounted is a path that was chosen, or else the usual one, if there is anything where it would be: mounts are there when a
// pod starts.
func mounted(chosen, usual string) string {
	if chosen != "" {
		return chosen
	}
	for _, path := range []string{usual, filepath.Dir(usual)} {
		if info, err := os.Stat(path); err == nil && info.IsDir() && path != "/etc" {
			return usual
		}
	}
	return ""
}

// enabled reads a switch, which is off unless it is true.
func enabled(env func(string) string, name string) (bool, error) {
	switch value := env(name); strings.ToLower(value) {
	case "true":
		return true, nil
	case "", "false":
		return false, nil
	default:
		return false, fmt.Errorf("%s: %q is not allowed: true or false", name, value)
	}
}

// seconds reads a whole number of seconds.
func seconds(env func(string) string, name string, otherwise uint16) (time.Duration, error) {
	value := env(name)
	if value == "" {
		return time.Duration(otherwise) * time.Second, nil
	}
	n, err := strconv.ParseUint(value, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not allowed: a number of seconds from 0 to 65535", name, value)
	}
	return time.Duration(n) * time.Second, nil
}

// probePath reads where a probe is answered.
func probePath(env func(string) string, name, otherwise string) (string, error) {
	value := or(env(name), otherwise)
	if !strings.HasPrefix(value, "/") || strings.ContainsAny(value, "?# ") {
		return "", fmt.Errorf("%s: %q is not allowed: a path that begins with /, without a query", name, value)
	}
	return value, nil
}

// port checks the number of a port; 0 takes a free one.
func port(env func(string) string, name string) error {
	value := env(name)
	if value == "" {
		return nil
	}
	if _, err := strconv.ParseUint(value, 10, 16); err != nil {
		return fmt.Errorf("%s: %q is not allowed: a port from 0 to 65535", name, value)
	}
	return nil
}
