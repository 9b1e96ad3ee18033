package egress

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/data-plane/offsets"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// joins counts the requests to join that a client has sent.
type joins struct{ atomic.Int64 }

func (j *joins) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if err == nil && kmsg.Key(key) == kmsg.JoinGroup {
		j.Add(1)
	}
}

// state is what Kafka says of a group.
func (f *fixture) state(group string) string {
	f.t.Helper()
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = []string{group}
	return f.request(req).(*kmsg.DescribeGroupsResponse).Groups[0].State
}

// expel removes a static member, as the end of its session would.
func (f *fixture) expel(group, instance string) {
	f.t.Helper()
	req := kmsg.NewPtrLeaveGroupRequest()
	who := kmsg.NewLeaveGroupRequestMember()
	who.InstanceID = &instance
	req.Group, req.Members = group, append(req.Members, who)
	f.request(req)
}

// A member that was killed keeps a rebalance waiting for the rest of its session. Those who live go on delivering what they
// have, and a second crash must not repeat that.
func TestWhatFinishesWhileARebalanceWaitsForADeadMemberIsCommitted(t *testing.T) {
	const waiting = "PreparingRebalance"
	f := newFixture(t, 2)
	s := newSubscriber(t, statusOf(http.StatusServiceUnavailable, "0-0", "1-0"))
	e := egressTo("a", s.URL)
	e.EgressConfig = &contract.EgressConfig{Retry: 1, BackoffDelay: 3_600_000}
	c, joined := f.contract(e), &joins{}
	as := func(pod string) *Set {
		return f.newSetWith(func(o *Options) {
			o.Consumer.InstanceID, o.Consumer.HeartbeatInterval = pod, 200*time.Millisecond
			o.Consumer.SessionTimeout, o.Consumer.RebalanceTimeout = 2*deadline, 2*deadline-time.Second
			if pod == "survivor" {
				o.Consumer.Hooks = append(o.Consumer.Hooks, joined)
			}
		})
	}
	survivor, dead, third := as("survivor"), as("dead"), as("third")
	survivor.Apply(c, nil)
	dead.Apply(c, nil)
	eventually(t, "two members", func() bool {
		return len(survivor.Status()[0].Partitions) == 1 && len(dead.Status()[0].Partitions) == 1 && f.state("group-a") == "Stable"
	})
	ours, before := survivor.Status()[0].Partitions[0].Partition, joined.Load()
	f.crash(dead, "a") // a static member stays in its group until its session ends
	defer f.expel("group-a", "dead-a")
	third.Apply(c, nil)
	eventually(t, "the survivor joins again", func() bool { return joined.Load() > before && f.state("group-a") == waiting })
	f.produce(ours, 0, 20)
	eventually(t, "what was finished is committed, and what was tried", func() bool {
		text, base := f.metadataOf("group-a", ours)
		l, reading := offsets.Decode(base, text)
		return reading == offsets.Read && l.Horizon == 20 && len(l.Unfinished) == 1 && l.Unfinished[0].Attempts == 1
	})
	if state := f.state("group-a"); state != waiting {
		t.Errorf("it was committed when the group was %s", state)
	}
}

func TestTheCommitOfARevocationComesAfterTheOneThatIsOnItsWay(t *testing.T) {
	for name, c := range map[string]struct {
		travels, waits time.Duration
		err            error
	}{
		"a slow one is waited for":                        {travels: time.Second, waits: 950 * time.Millisecond},
		"one that is not answered is not waited for long": {travels: time.Hour, waits: commitWait, err: errors.New("no answer")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(unordered, parsePlan(t, nil))
				s.answer = func(int64) (int, time.Duration) { return http.StatusOK, 0 }
				s.assign()
				arrive, first := s.group.scripted.commit, true
				s.group.scripted.commit = func(d *due) (*kmsg.OffsetCommitResponse, error) {
					if !first {
						return arrive(d)
					}
					first = false
					time.Sleep(c.travels) // virtual time
					if c.err != nil {
						return nil, c.err
					}
					return arrive(d) // which takes no older offset after a newer one
				}
				s.produce("-", "-")
				time.Sleep(300 * time.Millisecond) // virtual time: the commit has begun 50 ms ago
				s.produce("-", "-", "-")
				synctest.Wait()
				begun := time.Now()
				s.revoke()
				if waited := time.Since(begun); waited != c.waits {
					t.Errorf("the revocation waited %v, want %v", waited, c.waits)
				}
				if s.committed != 5 {
					t.Errorf("%d is committed, not 5", s.committed)
				}
				s.crash()
				time.Sleep(2 * time.Hour) // virtual time: whatever is on its way has come
				if n := s.group.options.load.dirty.Load(); n != 0 {
					t.Errorf("%d groups have something to commit", n)
				}
			})
		})
	}
}

// An answer says nothing about an assignment that came after its request.
func TestACommitOfALostPartitionIsNotTakenForTheNextAssignment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(unordered, parsePlan(t, nil))
		s.answer = func(int64) (int, time.Duration) { return http.StatusOK, 0 }
		s.assign()
		s.produce("-", "-")
		synctest.Wait()
		g, topics := s.group, map[string][]int32{stagePartition: {0}}
		g.mu.Lock()
		d := g.due(g.partitions)
		g.mu.Unlock()
		resp, err := s.commit(d)
		g.onLost(context.Background(), nil, topics)
		g.onAssigned(context.Background(), nil, topics)
		g.committed(d, resp, err)
		if got := g.partitions[topicPartition{stagePartition, 0}].saved; got != newSaved() {
			t.Errorf("saved: %+v", got)
		}
		s.crash()
	})
}

func TestWhatIsRefusedForItsSize(t *testing.T) {
	small, large := &due{length: 4000}, &due{length: 200 << 10}
	for _, c := range []struct {
		name string
		of   *due
		err  error
		want bool
	}{
		{"the metadata of a partition", small, kerr.OffsetMetadataTooLarge, true},
		{"a request that brokers cannot write", small, kerr.InvalidCommitOffsetSize, true},
		{"a large request for a reason that is not told", large, kerr.UnknownServerError, true},
		{"a small request for a reason that is not told", small, kerr.UnknownServerError, false},
		{"a large request during a rebalance", large, kerr.RebalanceInProgress, false},
	} {
		if got := c.of.tooLarge(c.err); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// What was finished of a topic that is gone says nothing about the next one of its name, which has other events there.
func TestOfATopicThatWasDeletedNothingIsCommitted(t *testing.T) {
	f := newFixture(t, 1)
	s := newSubscriber(t, nil)
	set := f.newSetWith(func(o *Options) { o.CommitInterval = time.Hour })
	set.Apply(f.contract(egressTo("a", s.URL)), nil)
	f.produce(0, 0, 3)
	eventually(t, "the first topic is delivered", func() bool { return len(s.received()) == 3 })
	var old atomic.Int64
	f.kafka.Fake().ControlKey(int16(kmsg.OffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
		f.kafka.Fake().KeepControl()
		if r.(*kmsg.OffsetCommitRequest).Topics[0].Partitions[0].Offset == 3 {
			old.Add(1)
		}
		return nil, nil, false
	})
	f.kafka.DeleteTopic(t, f.topic)
	eventually(t, "its end is noticed", func() bool { return set.Status()[0].LastError != "" })
	f.kafka.CreateTopic(t, f.topic, 1)
	f.produce(0, 100, 5)
	eventually(t, "the new topic is delivered", func() bool { return len(s.received()) == 8 })
	if n := old.Load(); n != 0 {
		t.Errorf("the offset of the deleted topic was committed %d times", n)
	}
}

// A commit is made for the topic that events came from: where ids are known, they are in it, and it is made for nobody
// else's topic of the same name.
func TestACommitNamesItsTopicsByNameAndID(t *testing.T) {
	id := [16]byte{1, 2, 3}
	text := strings.Repeat("x", 10)
	d := &due{
		offsets: map[string]map[int32]kgo.EpochOffset{"events": {3: {Epoch: -1, Offset: 7}}},
		saved:   map[topicPartition]dueOf{{"events", 3}: {saved: saved{prefix: 7, text: text}}},
		ids:     map[string][16]byte{"events": id},
	}
	topic := d.request().Topics[0]
	if p := topic.Partitions[0]; topic.Topic != "events" || topic.TopicID != id || p.Partition != 3 || p.Offset != 7 ||
		p.LeaderEpoch != -1 || *p.Metadata != text {
		t.Errorf("request: %+v", topic)
	}
	resp := kmsg.NewPtrOffsetCommitResponse()
	answer := kmsg.NewOffsetCommitResponseTopic()
	answer.TopicID = id
	answer.Partitions = []kmsg.OffsetCommitResponseTopicPartition{{Partition: 3, ErrorCode: kerr.UnknownMemberID.Code}}
	resp.Topics = append(resp.Topics, answer)
	if expelled := d.name(resp); !expelled || resp.Topics[0].Topic != "events" {
		t.Errorf("expelled %v, answer %+v", expelled, resp.Topics)
	}
}

// Brokers before 3.1 say no ids of topics; the client commits then. What is finished is committed with its ledger all the
// same: by time, for the owner after a crash, and by a revocation, for the one after that.
func TestWhereTopicsHaveNoIDsNothingIsLostAndLittleIsRepeated(t *testing.T) {
	const events = 30
	f := &fixture{t: t, kafka: kafkatest.Start(t, kfake.MaxVersions(kversion.V2_8_0())), topic: "events"}
	f.kafka.CreateTopic(t, f.topic, 1)
	f.set = f.newSet()
	s := newSubscriber(t, statusOf(http.StatusServiceUnavailable, "0-0"))
	held := egressTo("a", s.URL)
	held.EgressConfig = &contract.EgressConfig{Retry: 10, BackoffDelay: 3_600_000}
	says := func(horizon int64, attempts int) func() bool {
		return func() bool {
			text, at := f.committedBy("group-a")
			l, reading := offsets.Decode(at, text)
			return reading == offsets.Read && at == 0 && l.Horizon == horizon && len(l.Unfinished) == 1 && l.Unfinished[0].Attempts == attempts
		}
	}
	f.produce(0, 0, events)
	f.set.Apply(f.contract(held), nil)
	eventually(t, "the ledger of the first owner", says(events, 1))
	g := f.set.members["a"].group
	g.mu.Lock()
	if len(g.topicIDs) > 0 {
		t.Errorf("this Kafka says ids of topics: %v", g.topicIDs)
	}
	g.mu.Unlock()
	f.crash(f.set, "a")

	second := f.newSet()
	second.Apply(f.contract(held), nil)
	f.produce(0, events, events)
	eventually(t, "the ledger of the second owner", says(2*events, 2))
	second.Apply(f.contract(), nil) // which gives the partition up

	third := f.newSet()
	quick := egressTo("a", s.URL)
	quick.EgressConfig = &contract.EgressConfig{Retry: 10, BackoffDelay: 1, DeadLetter: newSubscriber(t, nil).URL}
	third.Apply(f.contract(quick), nil)
	eventually(t, "all are committed", f.committed("group-a", 0, 2*events))
	if n := s.calls("0-0"); n != 11 {
		t.Errorf("%d attempts by three owners, want 11", n)
	}
	if n := len(s.received()); n != 2*events+10 {
		t.Errorf("%d requests, want one for each of %d events and 10 more for one of them", n, 2*events)
	}
}

// committedBy is what a group has committed for partition 0, of brokers of any age.
func (f *fixture) committedBy(group string) (text string, offset int64) {
	f.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(f.kafka.Addrs()...))
	if err != nil {
		f.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	fetched, err := kadm.NewClient(client).FetchOffsets(ctx, group)
	if err != nil {
		return "", -1 // the group is not there yet
	}
	o, _ := fetched.Lookup(f.topic, 0)
	return o.Metadata, o.At
}
