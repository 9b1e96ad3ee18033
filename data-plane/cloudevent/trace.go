package cloudevent

import "strings"

// TraceKey is the record header, and the HTTP header, for a name in any case that carries W3C trace context or baggage
// (IN-41, OBS-33); "" for every other name.
func TraceKey(name string) string {
	var key string
	switch len(name) {
	case len("traceparent"):
		key = "traceparent"
	case len("tracestate"):
		key = "tracestate"
	case len("baggage"):
		key = "baggage"
	}
	if key == "" || !strings.EqualFold(name, key) {
		return ""
	}
	return key
}
