package chaos

import (
	"fmt"
	"os"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/test/chaos/account"
	"knative.dev/eventing-kafka-go/test/integration/cluster"
	"knative.dev/eventing-kafka-go/test/integration/poll"
)

const (
	// window is how long a delivery takes at most to be in a commit where nothing stalls: the interval of commits, 250 ms,
	// the request, and what the answer takes to arrive.
	window = time.Second
	// patience is how long is waited for what must happen. It is generous because machines are shared.
	patience = 3 * time.Minute
)

// variant is one of the two runs.
type variant struct {
	name   string
	ledger bool
	env    []string
}

// outcome is what came of a run.
type outcome struct {
	variant
	findings map[string]account.Findings // by egress
	deeds    []done
	sent     int
	refused  int
	took     time.Duration
	kills    int
	window   time.Duration
}

func (o outcome) repeats() int {
	n := 0
	for _, f := range o.findings {
		n += f.Repeats
	}
	return n
}

// What is promised holds whatever happens to processes and to Kafka, and it is the ledger that makes it hold.
func TestWhatIsPromisedHoldsInChaos(t *testing.T) {
	if os.Getenv("KAFKA") == "" || os.Getenv("KAFKA_DIR") == "" {
		t.Skip("needs a real Kafka that it may restart: hack/chaos.sh")
	}
	seed, lasts := uint64(number(t, "SEED", 1)), period(t)
	var outcomes []outcome
	for _, v := range []variant{{name: "ledger", ledger: true}, {name: "no ledger", env: []string{withoutLedger}}} {
		t.Run(v.name, func(t *testing.T) {
			o := runChaos(t, v, seed, lasts)
			o.judge(t)
			outcomes = append(outcomes, o)
		})
	}
	if len(outcomes) < 2 {
		t.Fatal("a run did not come to its end")
	}
	report(t, seed, lasts, outcomes)
	if with, without := outcomes[0].repeats(), outcomes[1].repeats(); without <= with {
		t.Errorf("%d events were delivered again with the ledger and %d without: this run has not shown what the ledger does", with, without)
	}
}

// withoutLedger switches the ledger of a process off.
const withoutLedger = "DELIVERY_LEDGER=off"

// runChaos makes one run.
func runChaos(t *testing.T, v variant, seed uint64, lasts time.Duration) outcome {
	w := newWorld(t, cluster.Start(t), v.env)
	began := time.Now()
	l := newLoad(t, func() string { return "http://" + w.receiver.Ingress() + "/" + ingressName })
	w.await(t, func() string {
		for _, e := range w.egresses {
			if n := e.Finished(); n < 500 {
				return fmt.Sprintf("500 events of %s are delivered, they are %d", e.name, n)
			}
		}
		return ""
	})
	for _, s := range schedule(seed, lasts) {
		time.Sleep(s.after)
		w.do(t, s)
	}
	l.stop()
	sent := l.sent()
	w.await(t, func() string { return w.unfinished(t, sent) })
	for len(w.members) > 0 {
		w.terminate(t, w.members[0])
	}
	o := outcome{
		variant: v, findings: map[string]account.Findings{}, deeds: w.deeds, sent: len(sent), refused: l.refused, took: time.Since(began),
		window: window + stallsInCommit*w.stalls.Longest(),
	}
	for _, d := range w.disruptions {
		if d.What == "kill" {
			o.kills++
		}
	}
	for _, e := range w.egresses {
		var disruptions []account.Disruption
		for _, d := range w.disruptions {
			disruptions = append(disruptions, d.of(e))
		}
		o.findings[e.name] = e.Judge(account.Terms{
			Acknowledged: sent, Disruptions: disruptions, Window: o.window, Scope: e.keeps, Retries: retries,
		})
	}
	return o
}

// stallsInCommit is how often a machine that stalls can do so between a delivery and its commit: in the subscriber, the
// data plane and the broker, on the way there and back.
const stallsInCommit = 5

// await waits for something that events lead to.
func (w *world) await(t *testing.T, lacking func() string) {
	t.Helper()
	poll.Until(t, patience, lacking)
}

// unfinished says what is not delivered, or not committed: nothing is under way when both are done.
func (w *world) unfinished(t *testing.T, sent map[string]time.Time) string {
	for _, e := range w.egresses {
		if n, one := e.Unfinished(sent); n > 0 {
			return fmt.Sprintf("%d events are delivered by %s, one is %s", n, e.name, one)
		}
	}
	for _, e := range w.egresses {
		if n := w.kafka.Unfinished(t, e.group, w.topic); n > 0 {
			return fmt.Sprintf("%d events are committed by %s", n, e.name)
		}
	}
	return ""
}

// judge fails the test where a promise is broken. Without the ledger, retries begin anew and events are repeated, but
// still nothing is lost and everything is in order.
func (o outcome) judge(t *testing.T) {
	for name, f := range o.findings {
		broken(t, name, "not delivered though it was answered 202", f.Lost)
		broken(t, name, "out of order", f.Inversions)
		if !o.ledger {
			continue
		}
		broken(t, name, "delivered again without a reason", f.Unexplained)
		broken(t, name, "attempted too often or not often enough", f.Miscounted)
		if f.Stale > f.Events/mostStale {
			t.Errorf("%s: %d of %d events were delivered again as their commits were held up", name, f.Stale, f.Events)
		}
		if f.Repeats > f.Bound {
			t.Errorf("%s: %d events were delivered again, %d may be", name, f.Repeats, f.Bound)
		}
	}
}

// mostStale is the part of the events, one in so many, that may be repeated as their commits were held up. Commits go on
// while a rebalance waits for a member that was killed; Kafka refuses them only while the member that assigns is killed
// between joining and assigning.
const mostStale = 20

// broken reports what a promise does not hold for, the first few of them in words.
func broken(t *testing.T, egress, promise string, events []string) {
	if len(events) == 0 {
		return
	}
	t.Errorf("%s: %d events %s", egress, len(events), promise)
	for _, e := range events[:min(len(events), 8)] {
		t.Errorf("  %s", e)
	}
}
