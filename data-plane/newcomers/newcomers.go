// Package newcomers assigns partitions as cooperative-sticky does, but gives none to members that may have died while they
// joined.
//
// A rebalance waits for a member that was killed until its session ends. Whoever joins meanwhile and is killed too counts
// as a member when the wait is over, is assigned partitions, and keeps them until its own session has ended: where
// processes are killed under new names faster than sessions end, what the first of them held would not be served for as
// long as that goes on. Only the member that assigns can see it, and it cannot know which of several newcomers live. So
// where a wait was long and more have come than were lost, it gives what is free to those who were there before, and the
// newcomers are asked to join again when they have lived for a session.
//
// It must not talk to Kafka. An [Assignor] is of one member; the Kafka client calls it from one goroutine at a time.
package newcomers

import (
	"bytes"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// slack is how much longer than a heartbeat interval those who live may need to join, and how much less than its time a
// member may have waited by the clock of another.
const slack = 500 * time.Millisecond

// mark follows the user data of members that know what it means to be asked to join again, and stands before the time in
// that of their assignments.
const mark = "again:"

// Assignor is cooperative-sticky for one member of a group.
type Assignor struct {
	kgo.GroupBalancer
	heartbeat, wait time.Duration
	again           func(after time.Duration)

	asked time.Time // when this member asked to join last
	last  round
}

// round is what the member that assigns remembers of a generation.
type round struct {
	generation int32
	owners     map[string]string    // members with partitions → their instance ids
	until      map[string]time.Time // members that were given none, and until when they are to wait
}

// New returns the assignor of a member that heartbeats at an interval. Newcomers of which nobody knows whether they live
// wait for a time, which should be the session timeout. again is called with each assignment: with 0, or with the time
// after which the member is to join again, as it has no partitions before.
func New(heartbeat, wait time.Duration, again func(after time.Duration)) *Assignor {
	return &Assignor{GroupBalancer: kgo.CooperativeStickyBalancer(), heartbeat: heartbeat, wait: wait, again: again}
}

// JoinGroupMetadata is called when the member asks to join.
func (a *Assignor) JoinGroupMetadata(topics []string, owned map[string][]int32, generation int32) []byte {
	a.asked = time.Now()
	data := a.GroupBalancer.JoinGroupMetadata(topics, owned, generation)
	var meta kmsg.ConsumerMemberMetadata
	if meta.ReadFrom(data) != nil { // the client has just written it
		return data
	}
	meta.UserData = append(meta.UserData, mark...)
	return meta.AppendTo(nil)
}

// ParseSyncAssignment is called with the assignment of the member.
func (a *Assignor) ParseSyncAssignment(data []byte) (map[string][]int32, error) {
	assigned, err := a.GroupBalancer.ParseSyncAssignment(data)
	if err == nil {
		a.again(askedToWait(data))
	}
	return assigned, err
}

// askedToWait returns what an assignment says about joining again, 0 if nothing.
func askedToWait(data []byte) time.Duration {
	var assignment kmsg.ConsumerMemberAssignment
	if assignment.ReadFrom(data) != nil {
		return 0
	}
	text, ok := bytes.CutPrefix(assignment.UserData, []byte(mark))
	millis, err := strconv.ParseUint(string(text), 10, 31)
	if !ok || err != nil {
		return 0
	}
	return time.Duration(millis) * time.Millisecond
}

// MemberBalancer is called when this member assigns.
func (a *Assignor) MemberBalancer(members []kmsg.JoinGroupResponseMember) (kgo.GroupMemberBalancer, map[string]struct{}, error) {
	b, err := kgo.NewConsumerBalancer(&assignment{a, time.Since(a.asked)}, members)
	return b, b.MemberTopics(), err
}

// assignment is one that this member makes.
type assignment struct {
	*Assignor
	waited time.Duration
}

// Balance gives partitions to all members but those that are to wait.
func (a *assignment) Balance(b *kgo.ConsumerBalancer, topics map[string]int32) kgo.IntoSyncAssignment {
	now := time.Now()
	waits := a.waiting(b, now)
	var members []kmsg.JoinGroupResponseMember
	for _, m := range b.Members() {
		if _, ok := waits[m.MemberID]; !ok {
			members = append(members, m)
		}
	}
	inner, wanted, err := a.GroupBalancer.MemberBalancer(members)
	if err != nil {
		b.SetError(err)
		return nil
	}
	counts := map[string]int32{}
	for topic := range wanted {
		counts[topic] = topics[topic]
	}
	made, err := inner.(kgo.GroupMemberBalancerOrError).BalanceOrError(counts) // as kgo's balancers are
	if err != nil {
		b.SetError(err)
		return nil
	}
	given := made.IntoSyncAssignment()
	a.last = round{generation: b.Info().Generation, owners: owners(b, given), until: waits}
	if len(waits) == 0 {
		return made // the client logs its own plans
	}
	return plan(append(given, asked(waits, now)...))
}

// waiting are the members that get no partitions, and until when.
func (a *assignment) waiting(b *kgo.ConsumerBalancer, now time.Time) map[string]time.Time {
	last := a.last
	if last.generation != b.Info().Generation-1 {
		last = round{} // somebody else has assigned since
	}
	waits := map[string]time.Time{}
	var fresh []string
	proven := 0
	b.EachMember(func(m *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
		until, waited := last.until[m.MemberID]
		newcomer := meta.Generation < 0 && !last.returned(m)
		switch {
		case waited && (newcomer || until.Sub(now) > slack): // a newcomer that was there and has not joined since
			waits[m.MemberID] = until
		case newcomer && bytes.HasSuffix(meta.UserData, []byte(mark)):
			fresh = append(fresh, m.MemberID)
		default:
			proven++
		}
	})
	if a.waited > a.heartbeat+slack && len(fresh) > last.lost(b) {
		for _, id := range fresh {
			waits[id] = now.Add(a.wait)
		}
	} else {
		proven += len(fresh)
	}
	if proven == 0 {
		return nil
	}
	return waits
}

// returned says whether a member is one that had partitions and was started again under its name.
func (r round) returned(m *kmsg.JoinGroupResponseMember) bool {
	if m.InstanceID == nil {
		return false
	}
	for _, instance := range r.owners {
		if instance == *m.InstanceID {
			return true
		}
	}
	return false
}

// lost is how many members that had partitions are gone. Of a generation that somebody else has assigned nothing is known
// but that it is gone.
func (r round) lost(b *kgo.ConsumerBalancer) int {
	if r.owners == nil {
		return 1
	}
	there := map[string]bool{}
	for _, m := range b.Members() {
		there[m.MemberID] = true
		if m.InstanceID != nil {
			there[*m.InstanceID] = true
		}
	}
	n := 0
	for id, instance := range r.owners {
		if !there[id] && (instance == "" || !there[instance]) {
			n++
		}
	}
	return n
}

// owners are the members that are given partitions.
func owners(b *kgo.ConsumerBalancer, given []kmsg.SyncGroupRequestGroupAssignment) map[string]string {
	instances := map[string]string{}
	for _, m := range b.Members() {
		if m.InstanceID != nil {
			instances[m.MemberID] = *m.InstanceID
		}
	}
	of := map[string]string{}
	for _, g := range given {
		if partitions, err := kgo.ParseConsumerSyncAssignment(g.MemberAssignment); err == nil && len(partitions) > 0 {
			of[g.MemberID] = instances[g.MemberID]
		}
	}
	return of
}

// asked are the assignments of those that wait.
func asked(waits map[string]time.Time, now time.Time) (all []kmsg.SyncGroupRequestGroupAssignment) {
	for id, until := range waits {
		data := kmsg.NewConsumerMemberAssignment()
		data.UserData = strconv.AppendInt([]byte(mark), max(until.Sub(now), slack).Milliseconds(), 10)
		one := kmsg.NewSyncGroupRequestGroupAssignment()
		one.MemberID, one.MemberAssignment = id, data.AppendTo(nil)
		all = append(all, one)
	}
	return all
}

// plan is who gets what.
type plan []kmsg.SyncGroupRequestGroupAssignment

// IntoSyncAssignment returns it.
func (p plan) IntoSyncAssignment() []kmsg.SyncGroupRequestGroupAssignment { return p }
