package chaos

import (
	"math/rand/v2"
	"testing"
	"time"
)

// deed is something that is done to the processes or to Kafka.
type deed string

const (
	killAndRestart deed = "kill, same name at once"
	killAndReplace deed = "kill, new name at once"
	killAndReturn  deed = "kill, same name later"
	freezeBriefly  deed = "freeze, shorter than the session"
	freezeLong     deed = "freeze, longer than the session"
	replace        deed = "end, new process"
	add            deed = "process added"
	remove         deed = "process removed"
	restartKafka   deed = "Kafka restarted"
	crashKafka     deed = "Kafka killed and started"
	slowSubscriber deed = "subscribers slow"
	killReceiver   deed = "ingress killed"
)

// deck is what happens in one round, in another order each time. Kills stand in it more than once: they are what the
// ledger is for. The first of them are dealt first, so that the shortest run has the worst of it.
var deck = []deed{
	killAndRestart, killAndReplace, freezeLong, restartKafka, replace, add, killAndRestart,
	killAndReturn, freezeBriefly, slowSubscriber, remove, crashKafka, killReceiver, killAndReplace,
}

// step is a deed and when it is done, after the one before has been. Which process it is done to, and how long it lasts
// where it lasts, is part of the schedule.
type step struct {
	deed   deed
	after  time.Duration
	victim int
	lasts  time.Duration
}

// session is the session timeout of the processes: shorter than what is shipped, so that more happens in the same time.
const session = 6 * time.Second

// schedule makes the steps of a run, as many as take about its period on a machine with nothing else to do. The same seed
// makes the same ones, and all of them are done, however slow the machine.
func schedule(seed uint64, period time.Duration) []step {
	r := rand.New(rand.NewPCG(seed, 1))
	var steps []step
	for total := time.Duration(0); ; {
		order := r.Perm(len(deck))
		if len(steps) == 0 {
			order = append(r.Perm(len(deck)/2), order...)
		}
		for _, i := range order {
			s := step{deed: deck[i], victim: r.IntN(1 << 16), after: time.Second + time.Duration(r.Int64N(int64(2500*time.Millisecond)))}
			takes := 500 * time.Millisecond
			switch s.deed {
			case killAndReturn, freezeBriefly, slowSubscriber:
				s.lasts = time.Second + time.Duration(r.Int64N(int64(2*time.Second)))
			case freezeLong:
				s.lasts = session + time.Second + time.Duration(r.Int64N(int64(2*time.Second)))
			case restartKafka, crashKafka:
				takes = 6 * time.Second
			default:
			}
			if total += s.after + s.lasts + takes; total > period {
				return steps
			}
			steps = append(steps, s)
		}
	}
}

func TestASeedMakesASchedule(t *testing.T) {
	one, same, other := schedule(1, 3*time.Minute), schedule(1, 3*time.Minute), schedule(2, 3*time.Minute)
	differ := false
	for i, s := range one {
		if s != same[i] {
			t.Errorf("step %d: %v and %v", i, s, same[i])
		}
		differ = differ || i < len(other) && s != other[i]
	}
	if !differ {
		t.Error("another seed makes the same schedule")
	}
	done := map[deed]bool{}
	for _, s := range one[:len(deck)/2+len(deck)] {
		done[s.deed] = true
	}
	for _, d := range deck {
		if !done[d] {
			t.Errorf("%q is not in the first rounds", d)
		}
	}
}
