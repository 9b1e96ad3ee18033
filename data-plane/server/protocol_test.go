package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/server"
	"knative.dev/eventing-kafka-go/proto/contract"
)

func TestStatusCodesOverTheWire(t *testing.T) {
	r := startRig(t, rigOptions{})
	r.ingress.Apply(r.contract(
		&contract.Resource{Uid: "broken", Topics: []string{"events"}, BootstrapServers: "kafka:9092",
			Ingress: &contract.Ingress{Path: "/ns/broken", Audience: "aud"}},
		&contract.Resource{Uid: "other", Topics: []string{"missing"}, BootstrapServers: r.cluster.Bootstrap(),
			Ingress: &contract.Ingress{Path: "/ns/other"}},
	), nil)
	big := strings.Repeat("x", 1<<20+1)
	for name, row := range map[string]struct {
		method, path string
		body         string
		headers      []string
		status       int
		reason       string
		header       [2]string
	}{
		"an event is 202 without a body (IN-11)":           {status: 202, body: "data"},
		"an event is found by host, any path (IN-21)":      {path: "/any", headers: []string{"Host", "NAME-kn-channel.ns:80"}, status: 202, body: "data"},
		"a structured event is 202 (IN-29)":                {headers: []string{"Content-Type", "application/cloudevents+json", "Ce-Id", ""}, body: `{"specversion":"1.0","id":"1","source":"s","type":"t"}`, status: 202},
		"a batch is 202 (IN-30)":                           {headers: []string{"Content-Type", "application/cloudevents-batch+json"}, body: `[{"specversion":"1.0","id":"1","source":"s","type":"t"},{"specversion":"1.0","id":"2","source":"s","type":"t"}]`, status: 202},
		"no event is 400 (IN-12, IN-18)":                   {headers: []string{"Ce-Specversion", ""}, status: 400, reason: "CloudEvent"},
		"an unknown path is 404 (IN-10)":                   {path: "/no", status: 404, reason: "/no"},
		"GET is 405 (IN-07)":                               {method: "GET", status: 405, reason: "POST", header: [2]string{"Allow", "POST, OPTIONS"}},
		"HEAD is 405 and has no body (IN-07)":              {method: "HEAD", status: 405, header: [2]string{"Allow", "POST, OPTIONS"}},
		"OPTIONS is the handshake (IN-07)":                 {method: "OPTIONS", status: 200, header: [2]string{"Webhook-Allowed-Origin", "*"}},
		"GET /healthz is 200 (IN-06)":                      {method: "GET", path: "/healthz", status: 200},
		"GET /readyz is 200 (IN-06)":                       {method: "GET", path: "/readyz", status: 200},
		"a probe is 200 (IN-09)":                           {method: "GET", headers: []string{"K-Network-Probe", "probe", "K-Network-Hash", "abc"}, status: 200, header: [2]string{"K-Network-Hash", "abc"}},
		"a probe elsewhere is 404 (IN-09)":                 {method: "GET", path: "/no", headers: []string{"K-Network-Probe", "probe"}, status: 404, reason: "/no"},
		"a body over the limit is 413 (IN-17)":             {body: big, status: 413, reason: "larger"},
		"an entry that cannot be served is 503 (IN-19)":    {path: "/ns/broken", status: 503, reason: "audience", body: "x"},
		"a topic that is missing is 503 (IN-13)":           {path: "/ns/other", status: 503, reason: "missing", body: "x"},
		"a body that nobody wants does not matter (IN-10)": {path: "/no", body: big, status: 404, reason: "/no"},
		"an error says what it is in plain text (IN-18)":   {path: "/no", status: 404, reason: "/no", header: [2]string{"Content-Type", "text/plain; charset=utf-8"}},
	} {
		t.Run(name, func(t *testing.T) {
			for protocol, client := range protocols(t) {
				if row.method == "" {
					row.method = http.MethodPost
				}
				if row.path == "" {
					row.path = "/ns/name"
				}
				headers := append([]string{"Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "/s", "Ce-Type", "t"}, row.headers...)
				a, err := request(client, row.method, "http://"+r.Addr().String()+row.path, strings.NewReader(row.body), headers...)
				if err != nil {
					t.Fatalf("%s: %v", protocol, err)
				}
				if a.status != row.status || !strings.Contains(a.body, row.reason) || (a.body == "") != (row.reason == "") {
					t.Errorf("%s: answer %+v, want %d with %q", protocol, a, row.status, row.reason)
				}
				if row.header[0] != "" && a.header.Get(row.header[0]) != row.header[1] {
					t.Errorf("%s: header %v, want %v", protocol, a.header, row.header)
				}
			}
		})
	}
}

func TestAnEventArrivesInKafkaAsItWasSent(t *testing.T) {
	r := startRig(t, rigOptions{})
	n := 0
	for protocol, client := range protocols(t) {
		for _, body := range []io.Reader{strings.NewReader("data"), chunked{strings.NewReader("data")}} {
			a, err := post(client, r.url(), body, "Content-Type", "text/plain", "Ce-Foo", "bar", "Ce-Partitionkey", "k", "X-Foo", "x")
			if err != nil || a.status != 202 || a.body != "" {
				t.Fatalf("%s: %+v, %v", protocol, a, err)
			}
			n++
		}
	}
	for _, record := range r.cluster.Records(t, "events", n) {
		got := map[string]string{}
		for _, h := range record.Headers {
			got[h.Key] = string(h.Value)
		}
		if string(record.Value) != "data" || string(record.Key) != "k" || len(got) != 7 || got["ce_id"] != "1" ||
			got["ce_source"] != "/source" || got["ce_type"] != "type" || got["ce_specversion"] != "1.0" ||
			got["ce_foo"] != "bar" || got["ce_partitionkey"] != "k" || got["content-type"] != "text/plain" {
			t.Errorf("record %v %s (IN-35, IN-37, IN-41)", got, record.Value)
		}
	}
}

func TestWhatKafkaRefusesIsNotAccepted(t *testing.T) {
	for name, row := range map[string]struct {
		failure *kerr.Error
		status  int
	}{
		"a write that is not authorised is 503 (IN-13)": {kerr.TopicAuthorizationFailed, 503},
		"a record over the topic's limit is 413":        {kerr.MessageTooLarge, 413},
	} {
		t.Run(name, func(t *testing.T) {
			r := startRig(t, rigOptions{})
			r.cluster.Fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: row.failure, Count: -1})
			for protocol, client := range protocols(t) {
				a, err := post(client, r.url(), strings.NewReader(strings.Repeat("x", 20<<10)))
				if err != nil || a.status != row.status || !strings.Contains(a.body, "topic events") {
					t.Errorf("%s: %+v, %v; want %d", protocol, a, err, row.status)
				}
			}
		})
	}
}

func TestAnswersWithoutAcknowledgementInTime(t *testing.T) {
	hold := newHolding()
	r := startRig(t, rigOptions{acquire: hold.acquire, server: server.Options{Settings: server.Settings{AnswerTimeout: 3 * time.Second}}})
	for protocol, client := range protocols(t) {
		a, err := post(client, r.url(), strings.NewReader("x"))
		if err != nil || a.status != 503 || !strings.Contains(a.body, "acknowledged") {
			t.Fatalf("%s: %+v, %v; want 503", protocol, a, err)
		}
		// The late acknowledgement belongs to nobody, and must not answer the next request.
		late := hold.next(t)
		answers := make(chan answer, 1)
		go func() {
			a, _ := post(client, r.url(), strings.NewReader("x"))
			answers <- a
		}()
		refuse := hold.next(t)
		late(nil)
		refuse(kgo.ErrMaxBuffered)
		if a := <-answers; a.status != 429 || a.header.Get("Retry-After") != "1" {
			t.Fatalf("%s: %+v, want 429 with Retry-After (IN-17)", protocol, a)
		}
	}
}

func TestAFullProducerBufferIs429(t *testing.T) {
	r := startRig(t, rigOptions{producer: func(c *kafka.ProducerConfig) { c.BufferMemory = 64 << 10 }})
	// Kafka does not answer, so the first events fill the buffer.
	release := make(chan struct{})
	r.cluster.Fake().ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		r.cluster.Fake().KeepControl()
		r.cluster.Fake().SleepControl(func() { <-release })
		return nil, nil, false
	})
	client := protocols(t)["HTTP/1.1"]
	body := strings.Repeat("x", 20<<10)
	results := make(chan answer, 16)
	for range 16 {
		go func() {
			a, err := post(client, r.url(), strings.NewReader(body))
			if err != nil {
				t.Error(err)
			}
			results <- a
		}()
	}
	refused, accepted := 0, 0
	for range 16 {
		a := <-results
		switch {
		case a.status == 429 && a.header.Get("Retry-After") == "1":
			refused++
		case a.status == 202:
			accepted++
		default:
			t.Errorf("answer %+v", a)
		}
		if refused == 13 { // 64 KiB hold three bodies of 20 KiB
			close(release)
			refused++
		}
	}
	if accepted != 3 {
		t.Fatalf("%d accepted, want 3", accepted)
	}
}
