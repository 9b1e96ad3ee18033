package annotation

import (
	"strings"
	"testing"
)

func TestDeliveryOrderOf(t *testing.T) {
	tests := []struct {
		name        string
		annotations map[string]string
		want        Order
		err         string
	}{
		{"absent is unordered (TR-03)", nil, Unordered, ""},
		{"ordered (TR-03)", map[string]string{DeliveryOrder: "ordered"}, Ordered, ""},
		{"unordered (TR-03)", map[string]string{DeliveryOrder: "unordered"}, Unordered, ""},
		{"any case is accepted (TR-03)", map[string]string{DeliveryOrder: "Ordered"}, Ordered, ""},
		{"another value is refused with the right ones (TR-03)", map[string]string{DeliveryOrder: "fifo"}, Unordered,
			`expected "ordered" or "unordered", got "fifo"`},
		{"an empty value is refused (TR-03)", map[string]string{DeliveryOrder: ""}, Unordered, `got ""`},
		{"the scope is no order (TR-04)", map[string]string{DeliveryOrder: "key"}, Unordered, `got "key"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := DeliveryOrderOf(tt.annotations)
			if got != tt.want || !mentions(err, tt.err) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestDeliveryOrderScopeOf(t *testing.T) {
	key, partition := map[string]string{DeliveryOrderScope: "key"}, map[string]string{DeliveryOrderScope: "Partition"}
	tests := []struct {
		name        string
		annotations []map[string]string
		want        Scope
		err         string
	}{
		{"absent is partition (TR-04)", []map[string]string{nil, nil}, PartitionScope, ""},
		{"key (TR-04)", []map[string]string{key}, KeyScope, ""},
		{"the Subscription wins over its KafkaChannel (TR-04)", []map[string]string{partition, key}, PartitionScope, ""},
		{"the KafkaChannel speaks for all (TR-04)", []map[string]string{nil, key}, KeyScope, ""},
		{"another value is refused (TR-04)", []map[string]string{{DeliveryOrderScope: "topic"}}, PartitionScope,
			`expected "partition" or "key"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := DeliveryOrderScopeOf(tt.annotations...)
			if got != tt.want || !mentions(err, tt.err) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestKeyFallbackOf(t *testing.T) {
	if got, err := KeyFallbackOf(nil); got != "" || err != nil {
		t.Errorf("absent: %q, %v", got, err)
	}
	if got, err := KeyFallbackOf(map[string]string{KeyFallback: "subject"}); got != SubjectFallback || err != nil {
		t.Errorf("subject: %q, %v", got, err)
	}
	if got, err := KeyFallbackOf(map[string]string{KeyFallback: "id"}); got != "" || !mentions(err, `expected "subject"`) {
		t.Errorf("id: %q, %v", got, err)
	}
}

func TestValidateNamesTheAnnotation(t *testing.T) {
	wrong := map[string]string{DeliveryOrder: "x", DeliveryOrderScope: "y", KeyFallback: "z", ExternalTopic: "t"}
	err := Validate(wrong, DeliveryOrder, DeliveryOrderScope, KeyFallback, ExternalTopic)
	for _, want := range []string{
		"invalid value: x: metadata.annotations[" + DeliveryOrder + "]",
		"invalid value: y: metadata.annotations[" + DeliveryOrderScope + "]",
		"invalid value: z: metadata.annotations[" + KeyFallback + "]",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not mention %q", err, want)
		}
	}
	if err := Validate(wrong, ExternalTopic); err != nil {
		t.Errorf("a key that was not asked for: %v", err)
	}
}

// mentions is true when err contains the text, or when there is neither.
func mentions(err error, text string) bool {
	if text == "" {
		return err == nil
	}
	return err != nil && strings.Contains(err.Error(), text)
}
