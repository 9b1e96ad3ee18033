package plane

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

func TestFiguresOfKafkaClientsAreServedUnlessSwitchedOff(t *testing.T) { // OBS-13, CFG-71
	const event = "/ns/b"
	for name, off := range map[string]bool{"served": false, "switched off": true} {
		t.Run(name, func(t *testing.T) {
			k := kafkatest.Start(t)
			k.CreateTopic(t, "topic-b", 1)
			sink := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			t.Cleanup(sink.Close)
			r := startWith(t, broker(k, "b", 1, sink.URL), func(c *Config) { c.NoKafkaMetrics = off })
			if code := r.send(event, "1"); code != http.StatusAccepted {
				t.Fatalf("answered %d", code)
			}
			r.eventually("the delivery", func() bool { g := r.Report().Groups; return len(g) == 1 && g[0].Delivered == 1 })
			if off {
				if _, body := r.get("/metrics"); strings.Contains(body, "\nkafka_") {
					t.Error("figures of Kafka clients are served")
				}
				return
			}
			_, body := r.get("/metrics")
			for _, line := range []string{"kafka_producer_record_send_total 1", "kafka_consumer_fetch_manager_records_consumed_total 1"} {
				if !strings.Contains(body, "\n"+line+"\n") {
					t.Errorf("no line %q", line)
				}
			}
			for _, role := range []string{"producer", "consumer"} {
				for _, figure := range []string{
					"connection_count", "connection_creation_total", "outgoing_byte_total", "incoming_byte_total", "request_total",
					"response_total", "request_latency_ms_count",
				} {
					name := "kafka_" + role + "_" + figure
					if !strings.Contains(body, "\n"+name+" ") || strings.Contains(body, "\n"+name+" 0\n") {
						t.Errorf("no figure in %s", name)
					}
				}
			}
		})
	}
}
