package admission

import (
	"encoding/json"
	"strings"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
)

// defaulted returns an object as the defaulting leaves it.
func defaulted(t *testing.T, now, old map[string]any) map[string]any {
	t.Helper()
	r := request(t, now, old)
	response := start(t, NewDefaulting, nil).Admit(t.Context(), r)
	check(t, response, "")
	patch, err := jsonpatch.DecodePatch(response.Patch)
	if err != nil {
		t.Fatalf("%s: %v", response.Patch, err)
	}
	text, err := patch.Apply(r.Object.Raw)
	if err != nil {
		t.Fatalf("%s: %v", response.Patch, err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func at(object map[string]any, path ...string) any {
	var value any = object
	for _, name := range path {
		value = value.(map[string]any)[name]
	}
	return value
}

func TestDefaulting(t *testing.T) {
	bare := `{spec: {numPartitions: null, replicationFactor: null, retentionDuration: null}}`
	for _, tt := range []struct {
		name, kind, change string
		path               string // of spec
		want               any
	}{
		{"partitions of a channel (CH-08)", "channel", bare, "numPartitions", 1.0},
		{"replicas of a channel (CH-09)", "channel", bare, "replicationFactor", 1.0},
		{"retention of a channel (CH-10)", "channel", bare, "retentionDuration", "PT168H"},
		{"retention of a channel in v1 (CH-10)", "channel v1", bare, "retentionDuration", "PT168H"},
		{"what a channel says stays", "channel", `{spec: {numPartitions: 3}}`, "numPartitions", 3.0},
		{"consumers of a source (SRC-07)", "source", `{}`, "consumers", 1.0},
		{"a paused source stays paused (SRC-07)", "source", `{spec: {consumers: 0}}`, "consumers", 0.0},
		{"offset of a source (SRC-08)", "source", `{spec: {initialOffset: null}}`, "initialOffset", "latest"},
		{"order of a source (SRC-09)", "source", `{}`, "ordering", "ordered"},
		{"order of a source in v1 (SRC-09)", "source v1", `{}`, "ordering", "ordered"},
		{"content mode of a sink (SK-06)", "sink", `{spec: {contentMode: null}}`, "contentMode", "binary"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := at(defaulted(t, object(t, tt.kind, tt.change), nil), "spec", tt.path); got != tt.want {
				t.Errorf("%s is %v", tt.path, got)
			}
		})
	}
}

func TestDefaultingOfNames(t *testing.T) {
	group, _ := at(defaulted(t, object(t, "source", `{spec: {consumerGroup: null}}`), nil), "spec", "consumerGroup").(string)
	if !strings.HasPrefix(group, "knative-kafka-source-") || len(group) != len("knative-kafka-source-")+36 {
		t.Errorf("consumer group %q (SRC-06)", group)
	}
	reset := defaulted(t, object(t, "reset", `{spec: {ref: {namespace: null}}}`), nil)
	if got := at(reset, "spec", "ref", "namespace"); got != "ns" {
		t.Errorf("namespace of the reference %v (RO-04)", got)
	}
	channel := defaulted(t, object(t, "channel"), nil)
	if got := at(channel, "metadata", "annotations", "messaging.knative.dev/subscribable"); got != "v1" {
		t.Errorf("subscribable %v (CH-18)", got)
	}
	if got := at(channel, "metadata", "annotations", "messaging.knative.dev/creator"); got != "me" {
		t.Errorf("creator %v", got)
	}
}

func TestABrokerIsNeverChanged(t *testing.T) {
	broker := object(t, "broker", `{spec: {config: {kind: Secret}, delivery: {retry: 1, ofTomorrow: true}}}`)
	r := request(t, broker, nil)
	for range 2 { // created, then changed
		response := start(t, NewDefaulting, nil).Admit(t.Context(), r)
		if check(t, response, ""); string(response.Patch) != "[]" {
			t.Errorf("patched by %s (WH-02, BR-02)", response.Patch)
		}
		r = request(t, broker, object(t, "broker"))
	}
}

func TestDefaultingRefusesOtherKinds(t *testing.T) {
	trigger := map[string]any{"apiVersion": "eventing.knative.dev/v1", "kind": "Trigger"}
	check(t, start(t, NewDefaulting, nil).Admit(t.Context(), request(t, trigger, nil)),
		"mutation failed: unhandled kind: eventing.knative.dev/v1, Kind=Trigger")
}
