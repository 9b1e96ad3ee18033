package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/data-plane/delivery"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/offsets"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// stage is a group on its own, between a partition that is a slice and a subscriber that is a list of answers. Everything
// between the poll and the request is what runs in a process: lanes, tracker, ledger, committer, and the machine of
// package delivery. It is used in a bubble of virtual time.
type stage struct {
	group *group
	plan  delivery.Plan
	// answer says how the subscriber answers an event, and how long it takes.
	answer func(offset int64) (status int, latency time.Duration)
	trace  func(format string, args ...any)

	mu        sync.Mutex
	log       []*kgo.Record
	committed int64 // -1: nothing
	metadata  string
	commits   bool // Kafka takes them

	attempts map[int64]int // at the subscriber, by offset
	finished map[int64]int
}

func newStage(in order, plan delivery.Plan) *stage {
	return &stage{
		plan: plan, committed: -1, commits: true, trace: func(string, ...any) {},
		attempts: map[int64]int{}, finished: map[int64]int{}, group: &group{order: in},
	}
}

const stagePartition = "events"

// assign makes a new owner of the partition, which reads what was committed.
func (s *stage) assign() {
	in := s.group.order
	o := Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Consumer: kafka.DefaultConsumerConfig()}.withDefaults()
	stats := telemetry.NewRegistry(telemetry.Options{}).Egress("a", telemetry.Labels{})
	g := &group{
		options: o, flow: flowFor(0), started: time.Now(), log: o.Log, stats: stats, wait: o.Consumer.NewFetchWait(), order: in,
		target: &targetRef{Target: &delivery.Target{}, stats: stats}, pacing: pacing{share: o.Budget.Join("ns")},
		partitions: map[topicPartition]*partition{}, committer: committer{load: o.load},
	}
	g.idle.L = &g.mu
	g.target.pace = paceOf(&contract.Egress{}, o)
	g.repace(nil, g.target)
	g.membership.init(o.Consumer, g.wake)
	g.membership.session = 1000 * time.Hour // membership has tests of its own
	g.membership.heard(time.Now(), false)
	g.scripted.commit, g.scripted.attempt = s.commit, s.attempt
	s.group = g
	g.onAssigned(context.Background(), nil, map[string][]int32{stagePartition: {0}})
	s.mu.Lock()
	resp, text := kmsg.NewPtrOffsetFetchResponse(), s.metadata
	p := kmsg.NewOffsetFetchResponseGroupTopicPartition()
	p.Offset, p.Metadata = s.committed, &text
	first := int(max(s.committed, 0))
	records := s.log[min(first, len(s.log)):]
	s.mu.Unlock()
	topic := kmsg.NewOffsetFetchResponseGroupTopic()
	topic.Topic, topic.Partitions = stagePartition, append(topic.Partitions, p)
	of := kmsg.NewOffsetFetchResponseGroup()
	of.Topics = append(of.Topics, topic)
	resp.Groups = append(resp.Groups, of)
	if err := g.onOffsetsFetched(context.Background(), nil, resp); err != nil {
		panic(err)
	}
	s.fetch(records)
}

// produce writes records with these keys, "-" for none, and has them fetched.
func (s *stage) produce(keys ...string) {
	s.mu.Lock()
	from := len(s.log)
	for _, key := range keys {
		rec := &kgo.Record{Topic: stagePartition, Offset: int64(len(s.log)), Timestamp: time.Now()}
		if key != "-" {
			rec.Key = []byte(key)
		}
		s.log = append(s.log, rec)
	}
	records := s.log[from:]
	s.mu.Unlock()
	s.fetch(records)
}

func (s *stage) fetch(records []*kgo.Record) {
	if len(records) == 0 || s.group.holdsNothing() {
		return
	}
	s.group.accept(kgo.Fetches{{Topics: []kgo.FetchTopic{{Topic: stagePartition, Partitions: []kgo.FetchPartition{{
		Partition: 0, HighWatermark: records[len(records)-1].Offset + 1, Records: records,
	}}}}}})
}

// holdsNothing says whether the group has no partition.
func (g *group) holdsNothing() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.partitions) == 0
}

// revoke takes the partition away in good order.
func (s *stage) revoke() {
	s.group.onRevoked(context.Background(), nil, map[string][]int32{stagePartition: {0}})
}

// crash ends the owner as a kill would.
func (s *stage) crash() {
	g := s.group
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopping = true
	for at, p := range g.partitions {
		g.drop(p)
		delete(g.partitions, at)
	}
}

// commit is Kafka's side of a commit.
func (s *stage) commit(d *due) (*kmsg.OffsetCommitResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.commits {
		return nil, errors.New("Kafka is away")
	}
	resp := kmsg.NewPtrOffsetCommitResponse()
	for at, sent := range d.saved {
		if sent.prefix < s.committed {
			panic("a commit goes backwards")
		}
		s.committed, s.metadata = sent.prefix, sent.text
		s.trace("commit %d%s", sent.prefix, describe(sent.prefix, sent.text))
		topic := kmsg.NewOffsetCommitResponseTopic()
		topic.Topic = at.topic
		topic.Partitions = append(topic.Partitions, kmsg.NewOffsetCommitResponseTopicPartition())
		resp.Topics = append(resp.Topics, topic)
	}
	return resp, nil
}

// attempt is the subscriber's side, and what a target makes of its answers.
func (s *stage) attempt(j *delivery.Job) delivery.Next {
	if outcome := j.Resume(s.plan); outcome != delivery.Pending {
		s.finish(j.Record.Offset, outcome)
		return delivery.Next{Outcome: outcome}
	}
	offset := j.Record.Offset
	if j.Stage() == delivery.ToDeadLetter {
		j.Next(s.plan, delivery.Result{Status: http.StatusAccepted})
		s.finish(offset, delivery.DeadLettered)
		return delivery.Next{Outcome: delivery.DeadLettered}
	}
	s.mu.Lock()
	status, latency := s.answer(offset)
	s.mu.Unlock()
	time.Sleep(latency) // virtual time
	result := delivery.Result{Status: status, RetryAfter: -1}
	if status >= http.StatusMultipleChoices {
		result.Err = fmt.Errorf("status %d", status)
	}
	s.mu.Lock()
	s.attempts[offset]++
	n := s.attempts[offset]
	s.mu.Unlock()
	action := j.Next(s.plan, result)
	s.mu.Lock()
	switch {
	case action.Outcome == delivery.Delivered:
		s.trace("%d: attempt %d: %d", offset, n, status)
	case action.Wait > 0:
		s.trace("%d: attempt %d: %d, again in %v", offset, n, status, action.Wait)
	default:
		s.trace("%d: attempt %d: %d, the last", offset, n, status)
	}
	s.mu.Unlock()
	if action.Outcome != delivery.Pending {
		s.finish(offset, action.Outcome)
	}
	return delivery.Next{Outcome: action.Outcome, Wait: action.Wait, Err: result.Err}
}

func (s *stage) finish(offset int64, outcome delivery.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished[offset]++
	if outcome == delivery.DeadLettered {
		s.trace("%d: dead letter", offset)
	}
}

// describe says what a ledger says.
func describe(base int64, metadata string) string {
	l, reading := offsets.Decode(base, metadata)
	if reading != offsets.Read {
		return ""
	}
	var text strings.Builder
	fmt.Fprintf(&text, ", finished up to %d but", l.Horizon)
	for _, u := range l.Unfinished {
		fmt.Fprintf(&text, " %d", u.Offset)
		if u.Attempts > 0 {
			fmt.Fprintf(&text, " (tried %d)", u.Attempts)
		}
	}
	return text.String()
}
