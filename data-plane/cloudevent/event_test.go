package cloudevent

import (
	"fmt"
	"testing"
)

// valid returns an event with every attribute.
func valid() Event {
	return Event{
		SpecVersion: V1, ID: "id-1", Source: "/source", Type: "type.1", Subject: "subject", Time: "2026-01-02T03:04:05.6Z",
		DataContentType: "application/json", DataSchema: "https://schema.example/1", Data: []byte(`{"a":1}`),
		Extensions: []Extension{{Name: "partitionkey", Value: "k"}, {Name: "tenant", Value: "blue"}},
	}
}

func TestAttributeIsWhatFiltersSee(t *testing.T) { // EG-04
	e := valid()
	for name, want := range map[string]string{
		"specversion": "1.0", "id": "id-1", "source": "/source", "type": "type.1", "subject": "subject",
		"time": "2026-01-02T03:04:05.600Z", "datacontenttype": "application/json",
		"dataschema": "https://schema.example/1", "schemaurl": "https://schema.example/1",
		"tenant": "blue", "partitionkey": "k", "absent": "", "Tenant": "",
	} {
		if got := e.Attribute(name); got != want {
			t.Errorf("attribute %s is %q, want %q", name, got, want)
		}
	}
	var empty Event
	for _, name := range []string{"specversion", "subject", "time", "dataschema", "schemaurl", "datacontenttype", "x"} {
		if got := empty.Attribute(name); got != "" {
			t.Errorf("absent attribute %s is %q", name, got)
		}
	}
}

func TestSetExtensionReplacesAndAdds(t *testing.T) {
	e := valid()
	clone := e.Clone()
	clone.SetExtension("tenant", "red", KindString)
	clone.SetInteger("knativekafkaoffset", -42)
	if v, _ := e.Extension("tenant"); v != "blue" || len(e.Extensions) != 2 {
		t.Errorf("changing a clone changed the event: %v", e.Extensions)
	}
	if v, _ := clone.Extension("tenant"); v != "red" || len(clone.Extensions) != 3 {
		t.Errorf("clone has %v", clone.Extensions)
	}
	if x := clone.Extensions[2]; x != (Extension{"knativekafkaoffset", "-42", KindInteger}) {
		t.Errorf("the integer is %v", x)
	}
	if _, ok := clone.Extension("nothing"); ok {
		t.Error("an extension that was never set is there")
	}
}

func TestManyExtensionsKeepTheirOrderAndTheLastValue(t *testing.T) {
	var e Event
	var index map[string]int
	for round := range 3 {
		for i := range 4 * manyExtensions {
			e.put(Extension{Name: fmt.Sprintf("x%d", i), Value: fmt.Sprint(round)}, &index)
		}
	}
	if len(e.Extensions) != 4*manyExtensions {
		t.Fatalf("%d extensions, want %d", len(e.Extensions), 4*manyExtensions)
	}
	for i, x := range e.Extensions {
		if x.Name != fmt.Sprintf("x%d", i) || x.Value != "2" {
			t.Fatalf("extension %d is %v", i, x)
		}
	}
}
