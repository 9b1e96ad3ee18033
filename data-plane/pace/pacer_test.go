package pace

import (
	"testing"
	"time"
)

const ms = time.Millisecond

// take takes as often as it may and returns how often, and the wait that came last.
func take(p *Pacer, now time.Duration) (n int, wait time.Duration) {
	for {
		ok, w := p.Take(now)
		if !ok {
			return n, w
		}
		n++
	}
}

func TestTheWindowBoundsWhatRuns(t *testing.T) {
	p := New(Config{Start: 100, Max: 1000})
	if n, wait := take(p, 0); n != 100 || wait != 0 {
		t.Errorf("%d began, wait %v", n, wait)
	}
	p.Done(ms, Sample{Outcome: Void})
	if n, _ := take(p, ms); n != 1 {
		t.Errorf("%d began after one ended", n)
	}
}

func TestOtherBoundsHoldAtOnceAndKeepWhatWasLearned(t *testing.T) {
	p := New(Config{Start: 100, Max: 1000})
	p.Configure(Config{Max: 7})
	if n, _ := take(p, 0); n != 7 {
		t.Errorf("%d began, the most is 7", n)
	}
	p.Configure(Config{Min: 20, Max: 40})
	if n, _ := take(p, 0); n != 13 {
		t.Errorf("%d more began, 20 always may", n)
	}
}

func TestARateLimitSpacesStarts(t *testing.T) {
	p := New(Config{Start: 100, Max: 100, Rate: 10})
	began := 0
	for now := time.Duration(0); now < 10*time.Second; now += ms {
		n, wait := take(p, now)
		for range n {
			p.Done(now, Sample{Outcome: Answered, Latency: ms})
		}
		if began += n; began > 0 && n == 0 && (wait <= 0 || wait > 100*ms) {
			t.Fatalf("wait %v", wait)
		}
	}
	if began < 99 || began > 102 {
		t.Errorf("%d began in 10 s, the limit is 10 a second", began)
	}
	if s := p.Status(10 * time.Second); !s.Limited || s.Rate != 10 {
		t.Errorf("%+v", s)
	}
}

func TestWhatIsNoRequestCostsNothingOfTheRate(t *testing.T) {
	p := New(Config{Start: 1, Max: 1, Rate: 1})
	for i := range 1000 { // filtered out
		if ok, _ := p.Take(time.Second); !ok {
			t.Fatalf("the %dth did not begin", i)
		}
		p.Done(time.Second, Sample{Outcome: Void})
	}
}

func TestRefusalsAloneMakeStartsRareAndNotRarerThanOneASecond(t *testing.T) {
	p := New(Config{Start: 100, Max: 1000})
	began := 0
	var last time.Duration
	for now := time.Duration(0); now < 60*time.Second; now += ms {
		n, _ := take(p, now)
		for range n {
			last = now
			p.Done(now, Sample{Outcome: Refused, Latency: 0})
		}
		if now > 50*time.Second {
			began += n
		}
	}
	if began < 9 || began > 40 || last < 58*time.Second {
		t.Errorf("%d began in the last 10 s", began)
	}
}

func TestOneEventThatIsRefusedWithPausesSlowsNothing(t *testing.T) {
	p := New(Config{Start: 100, Max: 100})
	for now := time.Second; now < time.Minute; now += 600 * ms {
		n, _ := take(p, now)
		p.Done(now, Sample{Outcome: Refused})
		for range n - 1 {
			p.Done(now, Sample{Outcome: Void})
		}
		if n != 100 {
			t.Fatalf("%d began after %v", n, now)
		}
	}
}

func TestARateThatHoldsNothingBackIsForgotten(t *testing.T) {
	p := New(Config{Start: 10, Max: 10})
	n, _ := take(p, 0)
	for range n {
		p.Done(ms, Sample{Outcome: Refused, Latency: ms})
	}
	if p.Status(ms).Rate == 0 {
		t.Fatal("no rate was found")
	}
	now := ms + forgetAfter + time.Second
	if ok, _ := p.Take(now); !ok || p.Status(now).Rate != 0 {
		t.Errorf("%v: %+v", ok, p.Status(now))
	}
}

func TestDeliveriesThatAreAssuredBeginHoweverTheSubscriberAnswers(t *testing.T) {
	p := New(Config{Min: 5, Start: 100, Max: 1000})
	for now := time.Duration(0); now < 20*time.Second; now += 100 * ms {
		n, _ := take(p, now)
		if n < 5 {
			t.Fatalf("%d began after %v, 5 always may", n, now)
		}
		for range n {
			p.Done(now, Sample{Outcome: Refused})
		}
	}
}

func TestRetryAfterIsObeyedWhereMostAreRefused(t *testing.T) {
	p := New(Config{Start: 10, Max: 10})
	n, _ := take(p, 0)
	for range n {
		p.Done(ms, Sample{Outcome: Refused, Latency: ms, RetryAfter: 3 * time.Second})
	}
	if n, wait := take(p, 2*time.Second); n != 0 || wait < 900*ms {
		t.Errorf("%d began, wait %v", n, wait)
	}
	if n, _ := take(p, 3*time.Second+ms); n == 0 {
		t.Error("none began in time")
	}
}

func TestTimeoutsHalveTheWindowOnceForThoseThatWereUnderWay(t *testing.T) {
	p := New(Config{Start: 100, Max: 100})
	n, _ := take(p, 0)
	for range n {
		p.Done(time.Second, Sample{Outcome: TimedOut, Latency: time.Second})
	}
	if w := p.Status(time.Second).Window; w != 50 {
		t.Errorf("window %d", w)
	}
}

func TestFailuresOfEventsDoNotSlowDown(t *testing.T) {
	p := New(Config{Start: 100, Max: 100})
	for now := ms; now < time.Second; now += 10 * ms {
		n, _ := take(p, now)
		for range n {
			p.Done(now+5*ms, Sample{Outcome: Failed, Latency: 5 * ms})
		}
	}
	if s := p.Status(time.Second); s.Window != 100 || s.Rate != 0 {
		t.Errorf("%+v", s)
	}
}

// fails makes one delivery that fails and says whether the event was spared.
func fails(t *testing.T, p *Pacer, now time.Duration, o Outcome, first bool) bool {
	t.Helper()
	if ok, wait := p.Take(now); !ok {
		t.Fatalf("not allowed at %v, wait %v", now, wait)
	}
	s := Sample{Outcome: o, First: first}
	spared := p.Spare(now, s)
	p.Done(now, s)
	return spared
}

func TestABreakerOpensProbesMoreAndMoreRarelyAndCloses(t *testing.T) {
	p := New(Config{Start: 100, Max: 100, Min: 1, Breaker: true})
	now := time.Second
	for i, want := range []bool{false, false, true} {
		if got := fails(t, p, now, Refused, true); got != want {
			t.Errorf("refusal %d spared: %v", i+1, got)
		}
	}
	gap := firstGap
	for range 8 {
		if ok, wait := p.Take(now + gap/2); ok || wait != gap-gap/2 || p.Status(now).Breaker != Open {
			t.Fatalf("in a gap of %v: %v, wait %v", gap, ok, wait)
		}
		now += gap
		if ok, _ := p.Take(now); !ok {
			t.Fatalf("no probe after %v", gap)
		}
		if ok, wait := p.Take(now); ok || wait != 0 || p.Status(now).Breaker != HalfOpen {
			t.Fatalf("a second probe: %v, %v", ok, wait)
		}
		s := Sample{Outcome: TimedOut, Latency: 0, First: true}
		if !p.Spare(now, s) {
			t.Error("a probe that failed cost its event an attempt")
		}
		p.Done(now, s)
		gap = min(2*gap, lastGap)
	}
	now += gap
	if ok, _ := p.Take(now); !ok {
		t.Fatal("no probe")
	}
	p.Done(now+ms, Sample{Outcome: Answered, Latency: ms})
	if p.Open() {
		t.Error("open after a success")
	}
	if w := p.Status(now).Window; w > restartSize {
		t.Errorf("all at once: window %d", w)
	}
}

func TestABreaker(t *testing.T) {
	type failure struct {
		o     Outcome
		first bool
	}
	same := func(n int, f failure) (all []failure) {
		for range n {
			all = append(all, f)
		}
		return all
	}
	for _, row := range []struct {
		name     string
		off      bool
		failures []failure
		open     bool
	}{
		{"opens after three refusals", false, same(3, failure{Refused, false}), true},
		{"opens after five failures of other kinds", false, same(5, failure{Failed, true}), true},
		{"opens after five timeouts", false, same(5, failure{TimedOut, true}), true},
		{"does not open for the attempts of one event", false, append([]failure{{Failed, true}}, same(50, failure{Failed, false})...), false},
		{"counts only what comes in a row", false, []failure{{Refused, true}, {Refused, true}, {Answered, true}, {Refused, true}, {Refused, true}}, false},
		{"is off unless asked for", true, same(50, failure{Refused, true}), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := New(Config{Start: 100, Max: 100, Min: 100, Breaker: !row.off})
			for i, f := range row.failures {
				if p.Open() {
					t.Fatalf("open after %d", i)
				}
				fails(t, p, time.Duration(i)*ms, f.o, f.first)
			}
			if p.Open() != row.open {
				t.Errorf("open: %v", p.Open())
			}
		})
	}
}

func TestAProbeThatIsFilteredOutMakesRoomForAnother(t *testing.T) {
	p := New(Config{Start: 10, Max: 10, Min: 1, Breaker: true})
	for range refusalsToOpen {
		fails(t, p, 0, Refused, true)
	}
	now := firstGap + 5*time.Second
	for range 3 {
		if ok, wait := p.Take(now); !ok {
			t.Fatalf("no probe, wait %v", wait)
		}
		p.Done(now, Sample{Outcome: Void})
	}
}

func BenchmarkPacer(b *testing.B) {
	p := New(Config{Start: 100, Max: 1000})
	now := time.Duration(0)
	for b.Loop() {
		now += 20 * time.Microsecond
		if ok, _ := p.Take(now); ok {
			p.Done(now+ms, Sample{Outcome: Answered, Latency: ms})
		}
	}
}
