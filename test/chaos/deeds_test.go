package chaos

import (
	"slices"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/offsets"
	"knative.dev/eventing-kafka-go/test/chaos/account"
)

// do does what a step says, and returns when it is done.
func (w *world) do(t *testing.T, s step) {
	s.deed = w.possible(s.deed)
	at := time.Now()
	defer func() { w.deeds = append(w.deeds, done{deed: s.deed, at: at, took: time.Since(at)}) }()
	victim := w.members[s.victim%len(w.members)]
	switch s.deed {
	case killAndRestart:
		w.kill(t, victim)
		w.start(t, victim)
	case killAndReturn:
		w.kill(t, victim)
		time.Sleep(s.lasts)
		w.start(t, victim)
	case killAndReplace:
		w.kill(t, victim)
		w.forget(victim)
		w.join(t)
	case freezeBriefly, freezeLong:
		w.freeze(t, victim, s)
	case replace:
		w.join(t)
		w.terminate(t, victim)
	case add:
		w.join(t)
	case remove:
		w.terminate(t, victim)
	case restartKafka, crashKafka:
		w.outage(t, s.deed)
	case slowSubscriber:
		w.slow.Store(true)
		time.Sleep(s.lasts)
		w.slow.Store(false)
	case killReceiver:
		w.receiver.Kill(t)
		w.receiver.Start(t)
	}
}

// possible keeps the number of processes within its limits: instead of one too many, one is removed, and the reverse.
func (w *world) possible(d deed) deed {
	switch {
	case d == add && len(w.members) >= mostMembers:
		return remove
	case d == remove && len(w.members) <= leastMembers:
		return add
	}
	return d
}

// disruption is one of all egresses.
type disruption struct {
	account.Disruption
	committed map[*egress]commits
}

// of is the disruption as one egress has met it.
func (d disruption) of(e *egress) account.Disruption {
	one := d.Disruption
	one.Committed = d.committed[e].says
	return one
}

// commits are what a group had committed at a moment.
type commits map[int32]commit

type commit struct {
	at     int64
	ledger offsets.Ledger
}

// says is what the commits said of an event.
func (c commits) says(of account.Position) (finished bool, attempts int) {
	in, ok := c[of.Partition]
	if !ok {
		return false, 0
	}
	for _, u := range in.ledger.Unfinished {
		if u.Offset == of.Offset {
			return false, u.Attempts
		}
	}
	return of.Offset < max(in.at, in.ledger.Horizon), 0
}

// disrupted writes down what is committed. A process that was killed or frozen commits nothing any more, and for the rest
// of its session nobody else commits what it had; the others go on with theirs.
func (w *world) disrupted(t *testing.T, d account.Disruption) {
	all := disruption{Disruption: d, committed: map[*egress]commits{}}
	for _, e := range w.egresses {
		found := commits{}
		for partition, c := range w.kafka.Commits(t, e.group, w.topic) {
			ledger, _ := offsets.Decode(c.At, c.Metadata) // the zero one where it says nothing
			found[partition] = commit{c.At, ledger}
		}
		all.committed[e] = found
	}
	w.disruptions = append(w.disruptions, all)
}

func (w *world) kill(t *testing.T, m *member) {
	from := time.Now()
	m.plane.Kill(t)
	w.disrupted(t, account.Disruption{What: "kill", By: m.process(), From: from})
}

// freeze stops a process. For longer than the session it is as if it were killed, and wakes up with everything that it had.
func (w *world) freeze(t *testing.T, m *member, s step) {
	from := time.Now()
	m.plane.Freeze(t)
	if s.deed == freezeLong {
		w.disrupted(t, account.Disruption{What: "freeze", By: m.process(), From: from})
	}
	time.Sleep(time.Until(from.Add(s.lasts)))
	m.plane.Thaw(t)
	if s.deed == freezeLong {
		w.disruptions[len(w.disruptions)-1].To = time.Now()
	}
}

// outage restarts Kafka. Nothing can be committed from its end until every process has found it again.
func (w *world) outage(t *testing.T, d deed) {
	w.disrupted(t, account.Disruption{What: "outage", From: time.Now()})
	if d == crashKafka {
		w.kafka.Crash(t)
	} else {
		w.kafka.Restart(t)
	}
	w.disruptions[len(w.disruptions)-1].To = time.Now()
}

// terminate asks a data plane to end, and waits for that. What it has finished must be committed then.
func (w *world) terminate(t *testing.T, m *member) {
	w.forget(m)
	if took, err := m.plane.Terminate(t); took > 2*grace+2*w.stalls.Longest() || err != nil {
		t.Errorf("%s took %v to end, its grace is %v: %v", m.process(), took, grace, err)
	}
}

func (w *world) forget(m *member) {
	w.members = slices.DeleteFunc(w.members, func(o *member) bool { return o == m })
}
