package ingress

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/proto/contract"
)

func TestStatusCodes(t *testing.T) {
	big := strings.Repeat("x", 65<<10)
	for name, row := range map[string]struct {
		call
		failure error
		status  int
		reason  string // part of it; "" = none at all
		header  string // "Name: value"
	}{
		"GET /healthz is 200 (IN-06)":                        {call: call{method: "GET", target: "/healthz"}, status: 200},
		"GET /readyz is 200 with a contract (IN-06)":         {call: call{method: "GET", target: "/readyz", host: "any"}, status: 200},
		"GET /healthz/ is no probe (IN-06)":                  {call: call{method: "GET", target: "/healthz/"}, status: 405, reason: "POST"},
		"POST /healthz is no probe (IN-06)":                  {call: call{target: "/healthz"}, status: 404, reason: "/healthz"},
		"GET is not allowed (IN-07)":                         {call: call{method: "GET"}, status: 405, reason: "POST", header: "Allow: POST, OPTIONS"},
		"PUT is not allowed (IN-07)":                         {call: call{method: "PUT"}, status: 405, reason: "POST", header: "Allow: POST, OPTIONS"},
		"the method counts before the route (IN-04)":         {call: call{method: "DELETE", target: "/no"}, status: 405, reason: "POST"},
		"OPTIONS is the webhook handshake (IN-07)":           {call: call{method: "OPTIONS"}, status: 200, header: "WebHook-Allowed-Origin: *"},
		"OPTIONS tells the allowed rate (IN-07)":             {call: call{method: "OPTIONS"}, status: 200, header: "WebHook-Allowed-Rate: *"},
		"OPTIONS tells the methods (IN-07)":                  {call: call{method: "OPTIONS"}, status: 200, header: "Allow: POST, OPTIONS"},
		"OPTIONS elsewhere is 404":                           {call: call{method: "OPTIONS", target: "/no"}, status: 404, reason: "/no"},
		"a probe of a route is 200 with its hash (IN-09)":    {call: call{method: "GET", headers: []cloudevent.Header{{Name: "k-network-probe", Value: "probe"}, {Name: "k-network-hash", Value: "h1"}}}, status: 200, header: "K-Network-Hash: h1"},
		"a probe of no route is 404 (IN-09)":                 {call: call{method: "GET", target: "/no", headers: []cloudevent.Header{{Name: "K-Network-Probe", Value: "probe"}}}, status: 404, reason: "/no"},
		"another value is no probe (IN-09)":                  {call: call{method: "GET", headers: []cloudevent.Header{{Name: "K-Network-Probe", Value: "Probe"}}}, status: 405, reason: "POST"},
		"an unknown place is 404 and named (IN-10)":          {call: call{target: "/no", host: "h.example"}, status: 404, reason: "/no or host h.example"},
		"an acknowledged event is 202 without body (IN-11)":  {status: 202},
		"no CloudEvent is 400 (IN-12)":                       {call: call{headers: []cloudevent.Header{{Name: "A", Value: "b"}}}, status: 400, reason: "not a CloudEvent"},
		"an event without id is 400 (IN-31)":                 {call: call{headers: []cloudevent.Header{{Name: "ce-specversion", Value: "1.0"}, {Name: "ce-source", Value: "s"}, {Name: "ce-type", Value: "t"}}}, status: 400, reason: "id"},
		"an invalid extension name is 400 (IN-33)":           {call: call{headers: event("ce-a_b", "x")}, status: 400, reason: "a_b"},
		"an unknown cloudevents format is 400 (IN-30)":       {call: call{contentType: "application/cloudevents+avro"}, status: 400, reason: "avro"},
		"a structured event is accepted (IN-29)":             {call: call{contentType: "application/cloudevents+json; charset=utf-8", headers: []cloudevent.Header{}, body: `{"specversion":"1.0","id":"1","source":"s","type":"t","data":{"a":1}}`}, status: 202},
		"a structured event that is no JSON is 400 (IN-12)":  {call: call{contentType: "application/cloudevents+json", body: `{`}, status: 400, reason: "CloudEvent"},
		"a body over the limit is 413 (IN-17)":               {call: call{body: big}, status: 413, reason: "larger than"},
		"a record over Kafka's limit is 413 (IN-13)":         {call: call{body: big[:60<<10]}, failure: fmt.Errorf("x: %w", kerr.MessageTooLarge), status: 413, reason: "topic-a"},
		"a small one in large company is to be sent again":   {failure: kerr.MessageTooLarge, status: 503, reason: "topic-a"},
		"a full buffer is 429 with Retry-After (IN-17)":      {failure: kgo.ErrMaxBuffered, status: 429, reason: "Kafka", header: "Retry-After: 1"},
		"a failed write is 503 with its reason (IN-13)":      {failure: kerr.NotLeaderForPartition, status: 503, reason: "NOT_LEADER"},
		"a write that was not acknowledged is 503 (IN-13)":   {failure: kgo.ErrRecordTimeout, status: 503, reason: "topic-a"},
		"a topic that is gone is 503 (IN-13)":                {failure: kerr.UnknownTopicOrPartition, status: 503, reason: "topic-a"},
		"an error in several lines is a reason in one line":  {failure: errors.Join(errors.New("a"), errors.New("b")), status: 503, reason: "a; b"},
		"a producer that was closed is 503":                  {failure: kgo.ErrClientClosed, status: 503, reason: "closed"},
		"events are accepted wherever the method is right":   {call: call{target: "/ns/a/?q=1", method: "POST"}, status: 202},
		"an empty batch has nothing to wait for (IN-30)":     {call: call{contentType: "application/cloudevents-batch+json", body: `[]`}, status: 202},
		"a batch with a malformed event is 400 (IN-30)":      {call: call{contentType: "application/cloudevents-batch+json", body: `[{"specversion":"1.0","id":"1","source":"s","type":"t"},{}]`}, status: 400, reason: "CloudEvent"},
		"a batch with an event over the limit is 413":        {call: call{contentType: "application/cloudevents-batch+json", body: `[{"specversion":"1.0","id":"1","source":"s","type":"t"},{"specversion":"1.0","id":"1","source":"s","type":"t","data":"` + big + `"}]`}, status: 413, reason: "larger than"},
		"a batch of which a write fails is 503 (IN-30)":      {call: call{contentType: "application/cloudevents-batch+json", body: `[{"specversion":"1.0","id":"1","source":"s","type":"t"},{"specversion":"1.0","id":"2","source":"s","type":"t"}]`}, failure: kerr.NotLeaderForPartition, status: 503, reason: "NOT_LEADER"},
		"a batch that finds the buffer full is 429 (IN-17)":  {call: call{contentType: "application/cloudevents-batch+json", body: `[{"specversion":"1.0","id":"1","source":"s","type":"t"}]`}, failure: kgo.ErrMaxBuffered, status: 429, reason: "Kafka"},
		"a reason cannot break out of its line":              {call: call{target: "/no", host: "a\r\nb"}, status: 404, reason: "a; b"},
		"specversion 0.3 is accepted (IN-27)":                {call: call{headers: []cloudevent.Header{{Name: "ce-specversion", Value: "0.3"}, {Name: "ce-id", Value: "1"}, {Name: "ce-source", Value: "s"}, {Name: "ce-type", Value: "t"}}}, status: 202},
		"specversion 2.0 is 400 (IN-27)":                     {call: call{headers: []cloudevent.Header{{Name: "ce-specversion", Value: "2.0"}, {Name: "ce-id", Value: "1"}, {Name: "ce-source", Value: "s"}, {Name: "ce-type", Value: "t"}}}, status: 400, reason: "specversion"},
		"a long path is cut short in the reason":             {call: call{target: "/" + strings.Repeat("p", 4000)}, status: 404, reason: "…"},
		"the root without a host is named by its host":       {call: call{target: "/", host: "unknown.example"}, status: 404, reason: "host unknown.example"},
		"a place without host is named by its path (IN-10)":  {call: call{target: "/no"}, status: 404, reason: "at /no"},
		"an event with a body under the limit is 202":        {call: call{body: big[:63<<10]}, status: 202},
		"an event of no data is 202 (IN-35)":                 {call: call{body: ""}, status: 202},
		"OPTIONS with any header is no event":                {call: call{method: "OPTIONS", headers: []cloudevent.Header{{Name: "WebHook-Request-Origin", Value: "x"}}}, status: 200, header: "WebHook-Allowed-Origin: *"},
		"HEAD is not allowed (IN-07)":                        {call: call{method: "HEAD"}, status: 405, reason: "POST"},
		"a method in lower case is another method (IN-07)":   {call: call{method: "post"}, status: 405, reason: "POST"},
		"the probe header on a POST is no probe (IN-09)":     {call: call{headers: event("K-Network-Probe", "probe")}, status: 202},
		"GET /readyz with a query is still a probe (IN-06)":  {call: call{method: "GET", target: "/readyz?verbose"}, status: 200},
		"a time that is none is 400 (IN-31)":                 {call: call{headers: event("ce-time", "yesterday")}, status: 400, reason: "time"},
		"a source that is no URI reference is 400 (IN-31)":   {call: call{headers: event("ce-source", "a b")}, status: 400, reason: "source"},
		"a record of 16 KiB over a topic's limit is 413":     {call: call{body: big[:17<<10]}, failure: kerr.MessageTooLarge, status: 413, reason: "topic-a"},
		"credentials that Kafka refuses are 503 (IN-13)":     {failure: kerr.TopicAuthorizationFailed, status: 503, reason: "topic-a"},
		"a batch that is no array is 400 (IN-30)":            {call: call{contentType: "application/cloudevents-batch+json", body: `{}`}, status: 400, reason: "CloudEvent"},
		"content-type in capitals is structured too (IN-29)": {call: call{contentType: "Application/CloudEvents+JSON", headers: []cloudevent.Header{}, body: `{"specversion":"1.0","id":"1","source":"s","type":"t"}`}, status: 202},
	} {
		t.Run(name, func(t *testing.T) {
			kafka := &cluster{}
			i := start(t, kafka)
			i.Apply(contractOf(resource("a")), nil)
			if row.failure != nil {
				kafka.answer = func(_ string, r *kgo.Record, promise func(*kgo.Record, error)) { promise(r, row.failure) }
			}
			a := send(t, i, row.call)
			if a.Status != row.status || (a.Reason == "") != (row.reason == "") || !strings.Contains(a.Reason, row.reason) {
				t.Fatalf("answer %+v, want %d and a reason with %q", a, row.status, row.reason)
			}
			if row.header != "" && !hasField(a, row.header) {
				t.Fatalf("answer %+v, want header %s", a, row.header)
			}
			if a.Status >= 400 && len(kafka.written) != 0 {
				t.Fatalf("refused, but %d records were written", len(kafka.written))
			}
		})
	}
}

// Where max.request.size is small, headers can make a record too large whose body is not.
func TestARecordThatIsTooLargeByItsHeadersIs413(t *testing.T) {
	kafka := &cluster{limit: 2000, answer: func(_ string, r *kgo.Record, promise func(*kgo.Record, error)) {
		promise(r, kerr.MessageTooLarge)
	}}
	i := start(t, kafka)
	i.Apply(contractOf(resource("a")), nil)
	for extension, want := range map[int]int{1950: 413, 500: 503} { // a smaller one was in large company
		a := send(t, i, call{headers: event("ce-large", strings.Repeat("x", extension)), body: "{}"})
		if a.Status != want || !strings.Contains(a.Reason, "topic-a") {
			t.Errorf("with an extension of %d bytes: %+v, want %d", extension, a, want)
		}
	}
}

func TestAFailedWriteSaysWhatIsWrongWithTheConnection(t *testing.T) { // SEC-20
	kafka := &cluster{trouble: "broker a:1: the listener may ask for TLS", answer: func(_ string, r *kgo.Record, promise func(*kgo.Record, error)) {
		promise(r, kgo.ErrRecordTimeout)
	}}
	i := start(t, kafka)
	i.Apply(contractOf(resource("a")), nil)
	if a := send(t, i, call{}); a.Status != 503 || !strings.Contains(a.Reason, "topic-a") || !strings.HasSuffix(a.Reason, kafka.trouble) {
		t.Errorf("%+v", a)
	}
}

func hasField(a Answer, want string) bool {
	for _, f := range a.Headers {
		if f.Name+": "+f.Value == want {
			return true
		}
	}
	return false
}

func TestRecords(t *testing.T) {
	structured := func(r *contract.Resource) { r.Ingress.ContentMode = contract.ContentMode_STRUCTURED }
	subject := func(r *contract.Resource) { r.Ingress.KeyFallback = contract.KeyFallback_SUBJECT }
	for name, row := range map[string]struct {
		change  func(*contract.Resource)
		headers []cloudevent.Header
		key     string
		value   string
		records string // headers
	}{
		"attributes become headers, other headers are dropped (IN-35, IN-41)": {
			headers: event("Ce-Foo", "bar", "X-Other", "1", "Authorization", "Bearer x", "ce", "y", "ce-", "z"),
			value:   "data", records: "ce_specversion=1.0 ce_id=1 ce_source=/s ce_type=t ce_foo=bar content-type=text/plain",
		},
		"partitionkey is the key and stays an extension (IN-37)": {
			headers: event("ce-partitionkey", "k"), key: "k", value: "data",
			records: "ce_specversion=1.0 ce_id=1 ce_source=/s ce_type=t ce_partitionkey=k content-type=text/plain",
		},
		"the subject is no key (IN-37)": {
			headers: event("ce-subject", "s"), value: "data",
			records: "ce_specversion=1.0 ce_id=1 ce_source=/s ce_type=t ce_subject=s content-type=text/plain",
		},
		"the subject is the key where that was asked for (IN-38)": {
			change: subject, headers: event("ce-subject", "s"), key: "s", value: "data",
			records: "ce_specversion=1.0 ce_id=1 ce_source=/s ce_type=t ce_subject=s content-type=text/plain",
		},
		"partitionkey wins over the subject (IN-38)": {
			change: subject, headers: event("ce-subject", "s", "ce-partitionkey", "k"), key: "k", value: "data",
			records: "ce_specversion=1.0 ce_id=1 ce_source=/s ce_type=t ce_subject=s ce_partitionkey=k content-type=text/plain",
		},
		"without a subject there is no key (IN-38)": {
			change: subject, headers: event(), value: "data",
			records: "ce_specversion=1.0 ce_id=1 ce_source=/s ce_type=t content-type=text/plain",
		},
		"a structured record holds the event as JSON (IN-36)": {
			change: structured, headers: event(), records: "content-type=application/cloudevents+json",
			value: "1 /s t text/plain data",
		},
	} {
		t.Run(name, func(t *testing.T) {
			kafka := &cluster{}
			i := start(t, kafka)
			if row.change == nil {
				row.change = func(*contract.Resource) {}
			}
			i.Apply(contractOf(resource("a", row.change)), nil)
			if a := send(t, i, call{contentType: "text/plain", headers: row.headers, body: "data"}); a.Status != 202 {
				t.Fatalf("answer %+v", a)
			}
			r := kafka.written[0]
			if row.records == "content-type=application/cloudevents+json" {
				var e cloudevent.Event
				if err := cloudevent.ParseJSON(r.Value, &e); err != nil {
					t.Fatalf("%s: %v", r.Value, err)
				}
				r.Value = []byte(strings.Join([]string{e.ID, e.Source, e.Type, e.DataContentType, string(e.Data)}, " "))
			}
			var headers []string
			for _, h := range r.Headers {
				headers = append(headers, h.Key+"="+string(h.Value))
			}
			if got := strings.Join(headers, " "); got != row.records || string(r.Value) != row.value ||
				string(r.Key) != row.key || (r.Key == nil) != (row.key == "") {
				t.Fatalf("record\n%s\nkey %q\nvalue %s", got, r.Key, r.Value)
			}
		})
	}
}

func TestABatchIsAnsweredWhenItsLastRecordIs(t *testing.T) {
	kafka := &cluster{}
	i := start(t, kafka)
	i.Apply(contractOf(resource("a")), nil)
	var promises []func(error)
	kafka.answer = func(_ string, r *kgo.Record, promise func(*kgo.Record, error)) {
		promises = append(promises, func(err error) { promise(r, err) })
	}
	body := `[{"specversion":"1.0","id":"1","source":"s","type":"t"},{"specversion":"1.0","id":"2","source":"s","type":"t"},{"specversion":"1.0","id":"3","source":"s","type":"t"}]`
	for name, failure := range map[string]error{"all are written": nil, "one is not": kerr.NotLeaderForPartition} {
		t.Run(name, func(t *testing.T) {
			promises = nil
			answers := make(chan Answer, 2)
			submit(i, call{contentType: "application/cloudevents-batch+json", headers: []cloudevent.Header{}, body: body}, answers)
			if len(promises) != 3 {
				t.Fatalf("%d records", len(promises))
			}
			promises[1](failure)
			promises[2](nil)
			select {
			case a := <-answers:
				t.Fatalf("answered early: %+v", a)
			default:
			}
			promises[0](nil)
			want := 202
			if failure != nil {
				want = 503
			}
			if a := <-answers; a.Status != want {
				t.Fatalf("answer %+v, want %d", a, want)
			}
		})
	}
}

// The server's memory is scribbled over as soon as Handle returns, the producer answers later and in any order, requests
// are used again meanwhile: no record may change, and each request is answered once.
func TestRecordsOwnWhatTheyHold(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	kafka := &cluster{}
	i := start(t, kafka)
	i.Apply(contractOf(resource("a")), nil)
	type pending struct {
		record  *kgo.Record
		promise func(*kgo.Record, error)
		want    string
	}
	var waiting []pending
	var want string
	kafka.answer = func(_ string, r *kgo.Record, promise func(*kgo.Record, error)) {
		waiting = append(waiting, pending{r, promise, want})
	}
	answered := map[int]int{}
	settle := func() {
		n := random.IntN(len(waiting))
		p := waiting[n]
		waiting = append(waiting[:n], waiting[n+1:]...)
		if got := render(p.record); got != p.want {
			t.Fatalf("record changed:\n%s\nwant\n%s", got, p.want)
		}
		var err error
		if random.IntN(4) == 0 {
			err = kerr.NotLeaderForPartition
		}
		p.promise(p.record, err)
	}
	for n := range 2000 {
		id, body := fmt.Sprintf("%d-%s", n, strings.Repeat("i", random.IntN(50))), strings.Repeat(string(rune('a'+n%26)), 1+random.IntN(2000))
		want = fmt.Sprintf("ce_specversion=1.0 ce_id=%s ce_source=/s ce_type=t%d ce_x=%s content-type=text/%d %s", id, n%7, id, n%5, body)
		memory := []byte(fmt.Sprintf("POST|/ns/a|%s|t%d|text/%d", id, n%7, n%5))
		parts := strings.Split(alias(memory), "|")
		r := i.NewRequest()
		r.Received, r.Method, r.Target, r.ContentType = time.Now(), parts[0], parts[1], parts[4]
		r.Headers = append(r.Headers, cloudevent.Header{Name: "ce-specversion", Value: "1.0"},
			cloudevent.Header{Name: "ce-id", Value: parts[2]}, cloudevent.Header{Name: "ce-source", Value: "/s"},
			cloudevent.Header{Name: "ce-type", Value: parts[3]}, cloudevent.Header{Name: "ce-x", Value: parts[2]})
		if _, ok := i.Admit(r); !ok {
			t.Fatal("not admitted")
		}
		r.Body = append(r.Body, body...)
		i.Handle(r, func(Answer) { answered[n]++ })
		for k := range memory {
			memory[k] = '#'
		}
		for len(waiting) > 20 || len(waiting) > 0 && random.IntN(3) == 0 {
			settle()
		}
	}
	for len(waiting) > 0 {
		settle()
	}
	for n := range 2000 {
		if answered[n] != 1 {
			t.Fatalf("request %d answered %d times", n, answered[n])
		}
	}
}

func render(r *kgo.Record) string {
	var b strings.Builder
	for _, h := range r.Headers {
		fmt.Fprintf(&b, "%s=%s ", h.Key, h.Value)
	}
	b.Write(r.Value)
	return b.String()
}

func TestHandleIsSafeForManyGoroutines(t *testing.T) {
	kafka := &cluster{}
	i := start(t, kafka)
	i.Apply(contractOf(resource("a")), nil)
	kafka.answer = func(_ string, r *kgo.Record, promise func(*kgo.Record, error)) {
		go func() { kafka.write(r); promise(r, nil) }()
	}
	var senders sync.WaitGroup
	for s := range 8 {
		senders.Go(func() {
			answers := make(chan Answer, 1)
			for n := range 200 {
				id := fmt.Sprintf("%d/%d", s, n)
				submit(i, call{headers: event("ce-id", id), body: id}, answers)
				if a := <-answers; a.Status != 202 {
					t.Errorf("answer %+v", a)
				}
			}
		})
	}
	senders.Wait()
	seen := map[string]bool{}
	for _, r := range kafka.written {
		if id := string(r.Headers[1].Value); id != string(r.Value) || seen[id] {
			t.Fatalf("record of event %s holds %s", id, r.Value)
		}
		seen[string(r.Value)] = true
	}
	if len(seen) != 1600 {
		t.Fatalf("%d records", len(seen))
	}
}

// A resource whose topic is not written must leave room in the producer for the others (IN-60).
func TestOneResourceCannotTakeAllRoom(t *testing.T) {
	kafka := &cluster{}
	i := start(t, kafka)
	i.pending = 100 << 10
	both := contractOf(resource("a"), resource("b"))
	i.Apply(both, nil)
	var stuck []func()
	kafka.answer = func(_ string, r *kgo.Record, promise func(*kgo.Record, error)) {
		if r.Topic == "topic-a" {
			stuck = append(stuck, func() { promise(r, kgo.ErrRecordTimeout) })
			return
		}
		promise(r, nil)
	}
	body, answers := strings.Repeat("x", 30<<10), make(chan Answer, 10)
	for range 5 {
		submit(i, call{body: body}, answers)
	}
	if len(stuck) != 3 {
		t.Fatalf("%d records wait, want 3", len(stuck))
	}
	for range 2 {
		if a := <-answers; a.Status != 429 || !hasField(a, "Retry-After: 1") {
			t.Fatalf("answer %+v, want 429", a)
		}
	}
	if a := send(t, i, call{target: "/ns/b", body: body}); a.Status != 202 {
		t.Fatalf("the other resource: %+v", a)
	}
	// It is removed and comes back: what waits belongs to its past and must not be taken from its future.
	i.Apply(contractOf(resource("b")), nil)
	i.Apply(both, nil)
	for _, f := range stuck {
		f()
		if a := <-answers; a.Status != 503 {
			t.Fatalf("answer %+v, want 503", a)
		}
	}
	for _, r := range i.table.Load().routes {
		if n := r.account.pending.Load(); n != 0 {
			t.Fatalf("%s: %d bytes are still waiting", r.uid, n)
		}
	}
	// However large, one body alone may wait.
	i.pending, stuck = 1, nil
	submit(i, call{body: body}, answers)
	if len(stuck) != 1 {
		t.Fatal("a single body was refused")
	}
	stuck[0]()
}
