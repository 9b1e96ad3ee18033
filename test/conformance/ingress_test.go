package conformance

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// ingressCase is a request and what becomes of it.
type ingressCase struct {
	rule
	Kind     string          `json:"kind"`     // of the resource: Broker (default), KafkaChannel, KafkaSink
	Resource json.RawMessage `json:"resource"` // what it has besides
	Request  request         `json:"request"`
	Status   int             `json:"status"`
	Answer   []string        `json:"answer"` // headers of the answer, among others
	Reason   string          `json:"reason"` // part of the answer's body
	Records  []wanted        `json:"records"`
	Missing  bool            `json:"missing"` // the topic does not exist
	Nowhere  bool            `json:"nowhere"` // accepted, and nothing written
	SDK      string          `json:"sdk"`     // why the CloudEvents SDK sees the request otherwise

	number int
	answer *answered
}

// answered is what came back.
type answered struct {
	status  int
	headers map[string]string
	body    string
	err     error
	at      time.Time
}

// wanted is a record that must be in the topic. Without a payload its value is the request's body.
type wanted struct {
	message
	Key     *string `json:"key"`     // none if not given
	Murmur2 *int32  `json:"murmur2"` // of the key, by which the partition is chosen
}

func ingressTopic(n int) string { return fmt.Sprintf("in-%d", n) }

// ingressNames are the placeholders of ingress cases.
func ingressNames(n int) *strings.Replacer {
	return strings.NewReplacer("$PATH", fmt.Sprintf("/ns/in-%d", n), "$TOPIC", ingressTopic(n), "$NAME", fmt.Sprintf("in-%d", n),
		"$SERVICE", fmt.Sprintf("in-%d-kn-channel.ns", n))
}

func loadIngress(t *testing.T) []*ingressCase {
	cases := load[ingressCase](t, "ingress", ingressNames)
	for n, c := range cases {
		c.number = n
		if c.Request.Method == "" {
			c.Request.Method = "POST"
		}
		if c.Request.Target == "" {
			c.Request.Target = fmt.Sprintf("/ns/in-%d", n)
		}
		if c.Request.Host == "" {
			c.Request.Host = "ingress.knative-eventing.svc.cluster.local"
		}
		if c.Status == 202 && c.Records == nil && !c.Nowhere {
			c.Records = []wanted{{}}
		}
	}
	return cases
}

// resource is the contract entry of a case.
func (c *ingressCase) resource(t *testing.T, servers string) *contract.Resource {
	name := fmt.Sprintf("in-%d", c.number)
	if c.Kind == "" {
		c.Kind = "Broker"
	}
	r := &contract.Resource{
		Uid: "uid-" + name, Topics: []string{ingressTopic(c.number)}, BootstrapServers: servers,
		Ingress:   &contract.Ingress{Path: "/ns/" + name},
		Reference: &contract.Reference{Kind: c.Kind, Namespace: "ns", Name: name},
	}
	if c.Kind == "KafkaChannel" {
		r.Ingress.Host = name + "-kn-channel.ns.svc.cluster.local"
	}
	if c.Missing {
		r.Topics[0] = "absent"
	}
	merge(t, c.Resource, r)
	return r
}

func (c *ingressCase) send(address string) {
	c.answer = &answered{headers: map[string]string{}}
	answer, body, err := c.Request.send(address)
	c.answer.at = time.Now()
	if err != nil || answer == nil {
		c.answer.err = err
		return
	}
	c.answer.status, c.answer.body = answer.StatusCode, string(body)
	for name := range answer.Header {
		c.answer.headers[strings.ToLower(name)] = answer.Header.Get(name)
	}
}

// judge compares the answer and the records with what the case says.
func (c *ingressCase) judge(records []*kgo.Record, started time.Time) verdict {
	var v verdict
	if c.answer.err != nil {
		v.fault("no answer: %v", c.answer.err)
		return v
	}
	if c.answer.status != c.Status {
		v.fault("answered %d (%s), want %d", c.answer.status, c.answer.body, c.Status)
	}
	v.within("the answer", c.answer.headers, c.Answer, nil)
	if !strings.Contains(c.answer.body, c.Reason) {
		v.fault("the answer says %q, want %q in it", c.answer.body, c.Reason)
	}
	if c.Request.Leave {
		c.answer.at = time.Now()
	}
	if c.Status >= 400 && c.Request.Method != "HEAD" && c.answer.body == "" {
		v.fault("refused without a reason")
	}
	if len(records) != len(c.Records) {
		v.fault("%d records, want %d", len(records), len(c.Records))
		return v
	}
	for i, r := range records {
		c.judgeRecord(&v, r, c.Records[i], started)
	}
	return v
}

func (c *ingressCase) judgeRecord(v *verdict, r *kgo.Record, want wanted, started time.Time) {
	var headers []string
	for _, h := range r.Headers {
		headers = append(headers, h.Key+": "+string(h.Value))
	}
	v.compareLines("headers of the record", headers, want.lines("ce_", "1", "content-type: application/cloudevents+json"))
	switch p := want.payload; {
	case p.given():
		if d := p.differs(r.Value); d != "" {
			v.fault("the value %s", d)
		}
	default:
		body := payload{Body: new(string), Null: len(c.Request.bytes()) == 0}
		*body.Body = string(c.Request.bytes())
		if d := body.differs(r.Value); d != "" {
			v.fault("the value %s", d)
		}
	}
	judgeKey(v, r, want)
	if r.Timestamp.Before(started.Truncate(time.Millisecond)) || r.Timestamp.After(c.answer.at.Add(time.Millisecond)) {
		v.fault("the record is of %v, not of when it was produced", r.Timestamp)
	}
}

// judgeKey compares the key, and the partition with the one that the key's hash leads to (IN-40).
func judgeKey(v *verdict, r *kgo.Record, want wanted) {
	if want.Key == nil {
		if r.Key != nil {
			v.fault("the key is %q, want none", r.Key)
		}
		return
	}
	if string(r.Key) != *want.Key || r.Key == nil {
		v.fault("the key is %q, want %q", r.Key, *want.Key)
		return
	}
	hash := murmur2(r.Key)
	if want.Murmur2 != nil && hash != *want.Murmur2 {
		v.fault("the hash of key %q is %d in this test, want %d", r.Key, hash, *want.Murmur2)
	}
	if p := (hash & 0x7fffffff) % partitions; p != r.Partition {
		v.fault("key %q is in partition %d, want %d", r.Key, r.Partition, p)
	}
}

// murmur2 is the hash that Kafka's own clients use, with their seed.
func murmur2(key []byte) int32 {
	const m = 0x5bd1e995
	h := uint32(0x9747b28c) ^ uint32(len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := uint32(key[0]) | uint32(key[1])<<8 | uint32(key[2])<<16 | uint32(key[3])<<24
		k *= m
		k ^= k >> 24
		h = h*m ^ k*m
	}
	switch len(key) {
	case 3:
		h ^= uint32(key[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(key[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(key[0])) * m
	}
	h ^= h >> 13
	h *= m
	return int32(h ^ h>>15)
}
