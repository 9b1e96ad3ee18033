package source

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

// prefixes are what kn calls the kinds that events are sent to.
var prefixes = map[string]duckv1.KReference{
	"ksvc":    {APIVersion: "serving.knative.dev/v1", Kind: "Service"},
	"svc":     {APIVersion: "v1", Kind: "Service"},
	"service": {APIVersion: "v1", Kind: "Service"},
	"broker":  {APIVersion: "eventing.knative.dev/v1", Kind: "Broker"},
	"channel": {APIVersion: "messaging.knative.dev/v1", Kind: "Channel"},
}

// parseSink reads --sink as kn does: a URL, PREFIX:NAME, GROUP/VERSION/RESOURCE:NAME or NAME of a Knative Service, each name
// with :NAMESPACE behind it if it is in another one.
func parseSink(text, namespace string, kindOf func(schema.GroupVersionResource) (string, error)) (duckv1.Destination, error) {
	if strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://") {
		url, err := apis.ParseURL(text)
		if err != nil {
			return duckv1.Destination{}, fmt.Errorf("--sink %q: %w", text, err)
		}
		return duckv1.Destination{URI: url}, nil
	}
	parts := strings.Split(text, ":")
	if len(parts) == 1 {
		parts = []string{"ksvc", text}
	}
	if len(parts) > 3 || parts[1] == "" {
		return duckv1.Destination{}, fmt.Errorf("--sink %q: expected a URL, PREFIX:NAME or GROUP/VERSION/RESOURCE:NAME, perhaps with :NAMESPACE", text)
	}
	ref, known := prefixes[parts[0]]
	if !known {
		resource, err := resourceOf(parts[0])
		if err != nil {
			return duckv1.Destination{}, fmt.Errorf("--sink %q: %w", text, err)
		}
		if ref.Kind, err = kindOf(resource); err != nil {
			return duckv1.Destination{}, fmt.Errorf("--sink %q: %w", text, err)
		}
		ref.APIVersion = resource.GroupVersion().String()
	}
	ref.Name, ref.Namespace = parts[1], namespace
	if len(parts) == 3 && parts[2] != "" {
		ref.Namespace = parts[2]
	}
	return duckv1.Destination{Ref: &ref}, nil
}

// resourceOf reads GROUP/VERSION/RESOURCE.
func resourceOf(text string) (schema.GroupVersionResource, error) {
	parts := strings.Split(text, "/")
	if len(parts) != 3 || parts[1] == "" || parts[2] == "" {
		return schema.GroupVersionResource{}, fmt.Errorf("%q is neither a prefix that kn knows (ksvc, svc, broker, channel) nor GROUP/VERSION/RESOURCE", text)
	}
	return schema.GroupVersionResource{Group: parts[0], Version: parts[1], Resource: parts[2]}, nil
}

// sinkText is a sink as it is shown.
func sinkText(d duckv1.Destination) string {
	switch {
	case d.Ref == nil:
		return d.URI.String()
	case d.Ref.APIVersion == "serving.knative.dev/v1" && d.Ref.Kind == "Service":
		return "ksvc:" + d.Ref.Name
	case d.Ref.APIVersion == "v1" && d.Ref.Kind == "Service":
		return "svc:" + d.Ref.Name
	}
	return strings.ToLower(d.Ref.Kind) + ":" + d.Ref.Name
}
