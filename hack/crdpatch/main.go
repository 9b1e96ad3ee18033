// Command crdpatch finishes the CRDs that controller-gen has written, with what its markers cannot say:
//
//   - the stored version comes first, because clients take the first one;
//   - the delivery of a channel and of its subscribers keeps fields that this version does not know;
//   - versions are converted by the webhook, when there is more than one;
//   - a KafkaSource has no singular name, and says which events it sends.
//
// It reads and writes the files named by its arguments.
package main

import (
	"fmt"
	"log"
	"os"
	"slices"

	"sigs.k8s.io/yaml"
)

// sourceEventTypes is what Knative's registry of event types is told about KafkaSource.
const sourceEventTypes = `[
  {"type": "dev.knative.kafka.event", "description": "A record of a Kafka topic that was no CloudEvent."}
]
`

func main() {
	log.SetFlags(0)
	for _, path := range os.Args[1:] {
		if err := patchFile(path); err != nil {
			log.Fatalf("%s: %v", path, err)
		}
	}
}

func patchFile(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var crd map[string]any
	if err := yaml.Unmarshal(text, &crd); err != nil {
		return err
	}
	if err := patch(crd); err != nil {
		return err
	}
	if text, err = yaml.Marshal(crd); err != nil {
		return err
	}
	return os.WriteFile(path, append([]byte("---\n"), text...), 0o644)
}

func patch(crd map[string]any) error {
	spec, err := object(crd, "spec")
	if err != nil {
		return err
	}
	versions, ok := spec["versions"].([]any)
	if !ok {
		return fmt.Errorf("spec.versions is a %T", spec["versions"])
	}
	slices.SortStableFunc(versions, func(a, b any) int { return rank(a) - rank(b) })
	if len(versions) > 1 {
		spec["conversion"] = conversion()
	}
	names, err := object(spec, "names")
	if err != nil {
		return err
	}
	switch names["kind"] {
	case "KafkaSource":
		delete(names, "singular")
		annotations, err := object(crd, "metadata", "annotations")
		if err != nil {
			return err
		}
		annotations["registry.knative.dev/eventTypes"] = sourceEventTypes
	case "KafkaChannel":
		for _, v := range versions {
			if err := keepUnknownDelivery(v.(map[string]any)); err != nil {
				return err
			}
		}
	}
	return nil
}

// rank sorts the stored version first.
func rank(version any) int {
	if version.(map[string]any)["storage"] == true {
		return 0
	}
	return 1
}

func conversion() map[string]any {
	return map[string]any{
		"strategy": "Webhook",
		"webhook": map[string]any{
			"conversionReviewVersions": []any{"v1", "v1beta1"},
			"clientConfig": map[string]any{
				"service": map[string]any{
					"name":      "kafka-webhook-eventing",
					"namespace": "knative-eventing",
					"path":      "/resource-conversion",
				},
			},
		},
	}
}

// keepUnknownDelivery keeps unknown fields below spec.delivery and spec.subscribers[].delivery.
func keepUnknownDelivery(version map[string]any) error {
	root := []string{"schema", "openAPIV3Schema", "properties", "spec", "properties"}
	for _, path := range [][]string{
		append(slices.Clone(root), "delivery"),
		append(slices.Clone(root), "subscribers", "items", "properties", "delivery"),
	} {
		schema, err := object(version, path...)
		if err != nil {
			return err
		}
		schema["x-kubernetes-preserve-unknown-fields"] = true
	}
	return nil
}

// object returns the object at a path.
func object(in map[string]any, path ...string) (map[string]any, error) {
	for i, name := range path {
		next, ok := in[name].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("no object at %v", path[:i+1])
		}
		in = next
	}
	return in, nil
}
