package conformance

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/status"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// egressCase is records, an entry of the contract, and what is delivered where.
type egressCase struct {
	rule
	Kind       string             `json:"kind"`     // Trigger (default), Subscription, KafkaSource
	Resource   json.RawMessage    `json:"resource"` // what the contract says besides
	Egress     json.RawMessage    `json:"egress"`
	Partitions int32              `json:"partitions"` // of each topic, default 1
	Topics     int                `json:"topics"`     // default 1
	Start      *int64             `json:"start"`      // committed for partition 0 before anything runs
	Records    []input            `json:"records"`
	Answers    map[string][]reply `json:"answers"`
	// Requests are all that arrive, in this order; Delivered stands for them where only the ids at the subscriber count.
	Requests  []expected        `json:"requests"`
	Delivered []string          `json:"delivered"`
	Produced  []wanted          `json:"produced"` // records that were not there before
	Outcome   map[string]uint64 `json:"outcome"`  // counts of the group, those not given being 0
	// Committed is for partition 0 of the first topic; by default what all records come to, -1 is none.
	Committed *int64 `json:"committed"`
	// Parked are the ids in the parking topic, "" for records that are no events.
	Parked  []string `json:"parked"`
	Problem string   `json:"problem"` // part of what the status says
	State   string   `json:"state"`
	Knative string   `json:"knative"` // why Knative's filters decide otherwise
	SDK     string   `json:"sdk"`

	number   int
	resource *contract.Resource
}

// input is a record that is in the topic before the data plane starts.
type input struct {
	message
	Key       *string `json:"key"`
	KeyBase64 string  `json:"keyBase64"`
	Time      string  `json:"time"`
	Partition int32   `json:"partition"`
	Topic     int     `json:"topic"`
}

// expected is a request at an endpoint.
type expected struct {
	payload
	At    string   `json:"at"` // subscriber (default), deadletter, reply
	ID    string   `json:"id"`
	Has   []string `json:"has"`
	Lacks []string `json:"lacks"`
	After string   `json:"after"` // at least so long after the request before
	Path  string   `json:"path"`
}

func egressName(n int) string { return fmt.Sprintf("eg-%d", n) }

func egressParking(n int) string { return egressName(n) + "-parked" }

// egressNames are the placeholders of egress cases.
func egressNames(e *endpoints, refused string) func(int) *strings.Replacer {
	return func(n int) *strings.Replacer {
		at := e.URL + "/" + egressName(n) + "/"
		ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: e.secure.Certificate().Raw})
		escaped, _ := json.Marshal(string(ca))
		return strings.NewReplacer("$SECURE", e.secure.URL+"/"+egressName(n)+"/subscriber", "$CA", strings.Trim(string(escaped), `"`), "$SUBSCRIBER", at+"subscriber", "$DEADLETTER", at+"deadletter", "$REPLY", at+"reply",
			"$ADDRESS", strings.TrimPrefix(at, "http://"), "$REFUSED", refused, "$TOPIC", egressName(n)+"-0", "$PARKING", egressParking(n), "$GROUP", "group-"+egressName(n),
			"$CUT", base64.StdEncoding.EncodeToString([]byte(strings.Repeat("abc", 400)[:1024])))
	}
}

// refusing returns a URL where nobody listens.
func refusing(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String() + "/"
}

func loadEgress(t *testing.T, e *endpoints) []*egressCase {
	cases := load[egressCase](t, "egress", egressNames(e, refusing(t)))
	for n, c := range cases {
		c.number = n
		c.Partitions, c.Topics = max(c.Partitions, 1), max(c.Topics, 1)
		for at, script := range c.Answers {
			e.scripts[egressName(n)+"/"+at] = script
		}
		if c.Committed == nil {
			all := int64(len(c.Produced))
			for _, r := range c.Records {
				if r.Partition == 0 && r.Topic == 0 {
					all++
				}
			}
			if all == 0 {
				all = -1
			}
			c.Committed = &all
		}
	}
	return cases
}

func (c *egressCase) topic(n int) string { return fmt.Sprintf("%s-%d", egressName(c.number), n) }

// entry is the contract entry of a case.
func (c *egressCase) entry(t *testing.T, servers, at string) *contract.Resource {
	name := egressName(c.number)
	kinds := map[string]string{"": "Broker", "Trigger": "Broker", "Subscription": "KafkaChannel", "KafkaSource": "KafkaSource"}
	e := &contract.Egress{
		Uid: "uid-" + name, ConsumerGroup: "group-" + name, Destination: at + "/" + name + "/subscriber",
		Reference: &contract.Reference{Kind: c.Kind, Namespace: "ns", Name: name},
	}
	if c.Kind == "Subscription" || c.Kind == "KafkaSource" {
		e.DeliveryOrder = contract.DeliveryOrder_ORDERED
		e.ReplyStrategy = &contract.Egress_DiscardReply{DiscardReply: &contract.Empty{}}
	}
	merge(t, c.Egress, e)
	r := &contract.Resource{
		Uid: "uid-resource-" + name, BootstrapServers: servers, Egresses: []*contract.Egress{e},
		Reference: &contract.Reference{Kind: kinds[c.Kind], Namespace: "ns", Name: "resource"},
	}
	for i := range c.Topics {
		r.Topics = append(r.Topics, c.topic(i))
	}
	merge(t, c.Resource, r)
	c.resource = r
	return r
}

// produced are the records of a case.
func (c *egressCase) inputs(t *testing.T) []*kgo.Record {
	var records []*kgo.Record
	for i, in := range c.Records {
		r := &kgo.Record{Topic: c.topic(in.Topic), Partition: in.Partition, Value: in.bytes()}
		for _, line := range in.lines("ce_", fmt.Sprint(i+1), "content-type: application/cloudevents+json") {
			name, value := field(line)
			h := kgo.RecordHeader{Key: name, Value: []byte(value)}
			if value == "<null>" {
				h.Value = nil
			}
			if b, ok := strings.CutPrefix(value, "base64:"); ok {
				h.Value, _ = base64.StdEncoding.DecodeString(b)
			}
			r.Headers = append(r.Headers, h)
		}
		switch {
		case in.Key != nil:
			r.Key = []byte(*in.Key)
		case in.KeyBase64 != "":
			key, err := base64.StdEncoding.DecodeString(in.KeyBase64)
			if err != nil {
				t.Fatal(err)
			}
			r.Key = key
		}
		if in.Time != "" {
			at, err := time.Parse(time.RFC3339Nano, in.Time)
			if err != nil {
				t.Fatal(err)
			}
			r.Timestamp = at
		}
		records = append(records, r)
	}
	return records
}

// isCommitted says whether an offset is the one wanted. The start of the topic may be committed where nothing was finished,
// beside the offsets of other partitions or when the group ends.
func (c *egressCase) isCommitted(at int64) bool { return max(at, 0) == max(*c.Committed, 0) }

// finished says whether nothing more is going to happen.
func (c *egressCase) finished(committed int64, got []arrived, g status.Group) bool {
	want := max(len(c.Requests), len(c.Delivered))
	if len(got) < want || !c.isCommitted(committed) {
		return false
	}
	if c.Problem != "" {
		return strings.Contains(g.Problem, c.Problem)
	}
	if c.State != "" {
		return g.State == c.State
	}
	return len(c.counts(g)) == 0
}

// counts says which figures of the group are not as wanted.
func (c *egressCase) counts(g status.Group) []string {
	var wrong []string
	if c.Outcome == nil {
		return nil
	}
	for name, n := range map[string]uint64{
		"delivered": g.Delivered, "filtered": g.Filtered, "retried": g.Retried, "deadLettered": g.DeadLettered,
		"lost": g.Lost, "parked": g.Parked, "discarded": g.Discarded, "replied": g.Replied,
	} {
		if want := c.Outcome[name]; n != want {
			wrong = append(wrong, fmt.Sprintf("%d %s, want %d", n, name, want))
		}
	}
	return wrong
}

// judge compares what arrived, was produced, counted and committed with what the case says.
func (c *egressCase) judge(committed int64, got []arrived, g status.Group, produced []*kgo.Record) verdict {
	var v verdict
	if !c.isCommitted(committed) {
		v.fault("committed %d, want %d", committed, *c.Committed)
	}
	for _, w := range c.counts(g) {
		v.fault("%s", w)
	}
	if !strings.Contains(g.Problem, c.Problem) || (c.Problem == "" && g.Problem != "") {
		v.fault("the problem is %q, want %q", g.Problem, c.Problem)
	}
	if c.State != "" && g.State != c.State {
		v.fault("the state is %s, want %s", g.State, c.State)
	}
	c.judgeRequests(&v, got)
	if len(produced) != len(c.Produced) {
		v.fault("%d records produced, want %d", len(produced), len(c.Produced))
		return v
	}
	judge := ingressCase{Request: request{Method: "POST"}, answer: &answered{at: time.Now()}}
	for i, r := range produced {
		if c.Produced[i].Key != nil && *c.Produced[i].Key != string(r.Key) || c.Produced[i].Key == nil && r.Key != nil {
			v.fault("the key of the reply is %q", r.Key)
		}
		r.Key, c.Produced[i].Key = nil, nil // partitions are the ingress cases' concern
		judge.judgeRecord(&v, r, c.Produced[i], time.Time{})
	}
	return v
}

// judgeParked compares what is in the parking topic. What was parked says where it was, whatever it is.
func (c *egressCase) judgeParked(v *verdict, records []*kgo.Record) {
	var ids []string
	for _, r := range records {
		headers := map[string]string{}
		for _, h := range r.Headers {
			headers[h.Key] = string(h.Value)
		}
		ids = append(ids, headers["ce_id"])
		if headers["kn-parked-topic"] != c.topic(0) || headers["kn-parked-reason"] == "" || headers["kn-parked-offset"] == "" {
			v.fault("a parked record has the headers %v", headers)
		}
	}
	v.compareLines("ids parked", ids, c.Parked)
}

func (c *egressCase) judgeRequests(v *verdict, got []arrived) {
	for _, a := range got {
		if a.method != "POST" || a.headers["prefer"] != "reply" || a.headers["kn-namespace"] != "ns" {
			v.fault("%s got %s with %v", a.at, a.method, a.headers) // EG-16
		}
	}
	if c.Delivered != nil {
		var ids []string
		for _, a := range got {
			ids = append(ids, a.headers["ce-id"])
		}
		v.compareLines("ids delivered", ids, c.Delivered)
		return
	}
	if len(got) != len(c.Requests) {
		var at []string
		for _, a := range got {
			at = append(at, a.at+" "+a.headers["ce-id"])
		}
		v.fault("%d requests, want %d: %s", len(got), len(c.Requests), strings.Join(at, ", "))
		return
	}
	for i, want := range c.Requests {
		c.judgeRequest(v, got, i, want)
	}
}

func (c *egressCase) judgeRequest(v *verdict, got []arrived, i int, want expected) {
	a := got[i]
	if want.At == "" {
		want.At = "subscriber"
	}
	what := fmt.Sprintf("request %d", i+1)
	if a.at != want.At {
		v.fault("%s is for %s, want %s", what, a.at, want.At)
	}
	if want.ID != "" {
		want.Has = append(slices.Clone(want.Has), "ce-id: "+want.ID)
	}
	v.within(what, a.headers, want.Has, want.Lacks)
	if want.given() {
		if d := want.differs(a.body); d != "" && (!want.Null || len(a.body) > 0) {
			v.fault("%s: the body %s", what, d)
		}
	}
	if want.Path != "" && !strings.HasSuffix(a.path, want.Path) {
		v.fault("%s went to %s, want %s at its end", what, a.path, want.Path)
	}
	if want.After == "" {
		return
	}
	least, err := time.ParseDuration(want.After)
	if err != nil || i == 0 {
		v.fault("%s: after %q: %v", what, want.After, err)
		return
	}
	// What the clocks of both ends may differ by while the machine is busy is on the other side: later is always right.
	if waited := a.when.Sub(got[i-1].when); waited < least-2*time.Millisecond {
		v.fault("%s came %v after the one before, want %v", what, waited, least)
	}
}
