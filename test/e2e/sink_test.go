//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/test/e2e/witness"
	"knative.dev/eventing-kafka-go/test/e2e/world"
)

func TestKafkaSinkInBothModes(t *testing.T) {
	w := world.Start(t)
	s := w.Space(t, "sink")
	t.Parallel()
	for _, mode := range []string{"binary", "structured"} {
		topic := s.Name + "-" + mode
		began := time.Now()
		s.Make(t, fmt.Sprintf(`
apiVersion: eventing.knative.dev/v1alpha1
kind: KafkaSink
metadata: {name: %s}
spec: {topic: %s, bootstrapServers: ["%s"], numPartitions: 1, replicationFactor: 1, contentMode: %s}`, mode, topic, world.Servers, mode))
		address := world.Address(t, s.Ready(t, kindSink, mode))
		world.Since(t, "KafkaSink: apply to Ready", began)
		s.Send(t, address, witness.Event{ID: "1", Type: "x", Data: `{"n":1}`})
		record := w.Kafka.Records(t, topic, 1)[0]
		if mode == "binary" {
			if header(record, "ce_id") != "1" || header(record, "ce_type") != "x" || string(record.Value) != `{"n":1}` {
				t.Errorf("the record is %s %v", record.Value, record.Headers)
			}
			continue
		}
		var event map[string]any
		if err := json.Unmarshal(record.Value, &event); err != nil || event["id"] != "1" || event["type"] != "x" {
			t.Errorf("the record is %s: %v", record.Value, err)
		}
	}
}

// sinkAndSource are a KafkaSink into a topic and a KafkaSource from there.
func sinkAndSource(name, topic, uri string) string {
	return fmt.Sprintf(`
---
apiVersion: eventing.knative.dev/v1alpha1
kind: KafkaSink
metadata: {name: %[1]s}
spec: {topic: %[2]s, bootstrapServers: ["%[3]s"]}
---
apiVersion: sources.knative.dev/v1
kind: KafkaSource
metadata: {name: %[1]s}
spec: {bootstrapServers: ["%[3]s"], topics: [%[2]s], sink: {uri: "%[4]s"}}`, name, topic, world.Servers, uri)
}

// plainEvent is an event as a record in binary mode.
func plainEvent(topic, id, eventType string) []*kgo.Record {
	r := &kgo.Record{Topic: topic, Value: []byte("{}")}
	for key, value := range map[string]string{"ce_specversion": "1.0", "ce_id": id, "ce_type": eventType, "ce_source": "/e2e", "content-type": "application/json"} {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	}
	return []*kgo.Record{r}
}

func header(record *kgo.Record, key string) string {
	for _, h := range record.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

func TestKafkaSourceOfPlainRecords(t *testing.T) {
	w := world.Start(t)
	s := w.Space(t, "source")
	t.Parallel()
	topic := w.Kafka.Topic(t, "source", 3, nil)
	began := time.Now()
	s.Make(t, fmt.Sprintf(`
apiVersion: sources.knative.dev/v1
kind: KafkaSource
metadata: {name: k}
spec: {bootstrapServers: ["%s"], topics: [%s], initialOffset: earliest, sink: {uri: "%s"}, ceOverrides: {extensions: {origin: test}}}`,
		world.Servers, topic, s.To("k")))
	s.Ready(t, kindSource, "k")
	world.Since(t, "KafkaSource: apply to Ready", began)
	began = time.Now()
	w.Kafka.Produce(t, []*kgo.Record{{Topic: topic, Partition: 2, Key: []byte("key"), Value: []byte("plain"), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("v")}}}})
	d := s.Await(t, "k", 1)[0]
	world.Since(t, "KafkaSource: record to delivery", began)
	for name, want := range map[string]string{
		"ce-type": "dev.knative.kafka.event", "ce-key": "key", "ce-kafkaheaderh": "v", "ce-origin": "test", "ce-subject": "partition:2#0",
	} {
		if got := d.Headers[name]; got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	if d.Body != "plain" {
		t.Errorf("body %q", d.Body)
	}
}
