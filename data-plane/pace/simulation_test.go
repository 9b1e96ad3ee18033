package pace

import (
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// subscriber answers a request that arrives now: when, and how.
type subscriber interface {
	request(now time.Duration) (at time.Duration, o Outcome)
}

// happening is something at a time in the simulation: the end of a request, or a time to look again.
type happening struct {
	at     time.Duration
	sample *Sample
}

type timeline []happening

func (t timeline) Len() int           { return len(t) }
func (t timeline) Less(i, j int) bool { return t[i].at < t[j].at }
func (t timeline) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *timeline) Push(x any)        { *t = append(*t, x.(happening)) }
func (t *timeline) Pop() any {
	last := (*t)[len(*t)-1]
	*t = (*t)[:len(*t)-1]
	return last
}

// simulation drives a Pacer that always has something to deliver.
type simulation struct {
	pacer   *Pacer
	now     time.Duration
	coming  timeline
	wake    time.Duration
	answers []time.Duration // when a request was answered
	refused []time.Duration // when one was refused
}

func (s *simulation) run(until time.Duration, to subscriber) {
	s.take(to)
	for len(s.coming) > 0 && s.coming[0].at <= until {
		next := heap.Pop(&s.coming).(happening)
		s.now = next.at
		if next.sample != nil {
			switch next.sample.Outcome {
			case Answered:
				s.answers = append(s.answers, s.now)
			case Refused:
				s.refused = append(s.refused, s.now)
			}
			s.pacer.Done(s.now, *next.sample)
		}
		s.take(to)
	}
	s.now = until
}

// hurry makes what is under way at a queue take another part of the time that is left.
func (s *simulation) hurry(part float64) {
	for _, c := range s.coming {
		if c.sample != nil {
			saved := time.Duration((1 - part) * float64(c.at-s.now))
			c.sample.Latency -= saved
		}
	}
	for i := range s.coming {
		if s.coming[i].sample != nil {
			s.coming[i].at = s.now + time.Duration(part*float64(s.coming[i].at-s.now))
		}
	}
	heap.Init(&s.coming)
}

func (s *simulation) take(to subscriber) {
	for {
		ok, wait := s.pacer.Take(s.now)
		if !ok {
			if at := s.now + wait; wait > 0 && (s.wake <= s.now || at < s.wake) {
				s.wake = at
				heap.Push(&s.coming, happening{at: at})
			}
			return
		}
		at, o := to.request(s.now)
		heap.Push(&s.coming, happening{at, &Sample{Outcome: o, Latency: at - s.now, First: true}})
	}
}

func within(times []time.Duration, from, to time.Duration) (n int) {
	for _, t := range times {
		if t > from && t <= to {
			n++
		}
	}
	return n
}

// limiter takes so many requests a second, strictly, and refuses the others at once.
type limiter struct {
	capacity float64
	tokens   float64
	at       time.Duration
	latency  time.Duration
}

func (l *limiter) request(now time.Duration) (time.Duration, Outcome) {
	l.tokens = min(l.tokens+(now-l.at).Seconds()*l.capacity, max(1, l.capacity/100))
	l.at = now
	if l.tokens < 1 {
		return now + l.latency/2, Refused
	}
	l.tokens--
	return now + l.latency, Answered
}

// queue works on one request after the other, and refuses when too many wait.
type queue struct {
	capacity float64
	longest  int
	latency  time.Duration // beside the work
	freeAt   time.Duration
}

func (q *queue) request(now time.Duration) (time.Duration, Outcome) {
	work := time.Duration(float64(time.Second) / q.capacity)
	if waiting := int((q.freeAt - now) / work); waiting >= q.longest {
		return now + q.latency, Refused
	}
	q.freeAt = max(q.freeAt, now) + work
	return q.freeAt + q.latency, Answered
}

// A subscriber whose capacity changes by orders of magnitude is followed within 10 s, and refuses less than 1 %.
func TestACapacityThatStepsIsFollowed(t *testing.T) {
	const phase = time.Minute
	steps := []float64{10, 1000, 50}
	for _, row := range []struct {
		name       string
		subscriber func() (subscriber, func(capacity float64))
	}{
		{"a strict rate limiter", func() (subscriber, func(float64)) {
			l := &limiter{latency: 20 * time.Millisecond}
			return l, func(c float64) { l.capacity = c }
		}},
		{"a strict rate limiter that answers late", func() (subscriber, func(float64)) {
			l := &limiter{latency: 100 * time.Millisecond}
			return l, func(c float64) { l.capacity = c }
		}},
		{"a queue of 100", func() (subscriber, func(float64)) {
			q := &queue{longest: 100, latency: 5 * time.Millisecond}
			return q, func(c float64) { q.capacity = c }
		}},
		{"a queue of 10", func() (subscriber, func(float64)) {
			q := &queue{longest: 10, latency: 5 * time.Millisecond}
			return q, func(c float64) { q.capacity = c }
		}},
		{"a queue without end", func() (subscriber, func(float64)) {
			q := &queue{longest: math.MaxInt, latency: 5 * time.Millisecond}
			return q, func(c float64) { q.capacity = c }
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			to, set := row.subscriber()
			s := &simulation{pacer: New(Config{Start: 100, Max: 1024, Capacity: 200_000})}
			for i, capacity := range steps {
				if q, ok := to.(*queue); ok && i > 0 {
					part := steps[i-1] / capacity
					q.freeAt = s.now + time.Duration(part*float64(max(0, q.freeAt-s.now)))
					s.hurry(part)
				}
				set(capacity)
				start := time.Duration(i) * phase
				s.run(start+phase, to)
				status := s.pacer.Status(s.now)
				followed := -1.0
				for d := time.Second; d <= phase; d += 500 * time.Millisecond {
					if n := within(s.answers, start+d-time.Second, start+d); float64(n) >= 0.7*capacity && float64(n) <= 1.3*capacity {
						followed = d.Seconds()
						break
					}
				}
				settled := start + 10*time.Second
				ok, bad := within(s.answers, settled, start+phase), within(s.refused, settled, start+phase)
				used := float64(ok) / capacity / (phase - 10*time.Second).Seconds()
				t.Logf("%v/s: followed after %.1f s, then %.0f %% used, %.2f %% refused; window %d, rate %.1f; refused before %d",
					capacity, followed, 100*used, 100*float64(bad)/float64(ok+bad), status.Window, status.Rate, within(s.refused, start, settled))
				if followed < 0 || followed > 10 {
					t.Errorf("%v/s is not followed within 10 s", capacity)
				}
				if used < 0.75 {
					t.Errorf("%v/s: only %.0f %% are used", capacity, 100*used)
				}
			}
			share := float64(len(s.refused)) / float64(len(s.refused)+len(s.answers))
			t.Logf("%d answered, %d refused: %.2f %%", len(s.answers), len(s.refused), 100*share)
			if share >= 0.01 {
				t.Errorf("%.2f %% were refused", 100*share)
			}
		})
	}
}

// steady answers every request after a time.
type steady func() time.Duration

func (f steady) request(now time.Duration) (time.Duration, Outcome) { return now + f(), Answered }

func TestASlowSubscriberThatTakesManyGetsManySoon(t *testing.T) {
	s := &simulation{pacer: New(Config{Start: 100, Max: 1024, Capacity: 200_000})}
	s.run(3*time.Second, steady(func() time.Duration { return 100 * time.Millisecond }))
	if n := within(s.answers, 2*time.Second, 3*time.Second); n < 9000 {
		t.Errorf("%d events in the third second", n)
	}
	if n := within(s.answers, 0, time.Second); n < 4000 {
		t.Errorf("%d events in the first second", n)
	}
}

// Latencies that differ for reasons of their own are no queue: the window stays open.
func TestNoiseDoesNotCollapseTheWindow(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	ms := func(f float64) time.Duration { return time.Duration(f * float64(time.Millisecond)) }
	for _, row := range []struct {
		name    string
		latency steady
	}{
		{"log-normal, p99 ten times the median", func() time.Duration { return ms(20 * math.Exp(random.NormFloat64())) }},
		{"one in twenty takes 500 ms", func() time.Duration {
			if random.IntN(20) == 0 {
				return ms(500)
			}
			return ms(10 + random.Float64())
		}},
		{"one in ten is answered at once", func() time.Duration {
			if random.IntN(10) == 0 {
				return ms(1)
			}
			return ms(100 + 10*random.Float64())
		}},
		{"half of them take ten times as long", func() time.Duration {
			if random.IntN(2) == 0 {
				return ms(100)
			}
			return ms(10)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			const most, seconds, draws = 512, 40, 100_000
			s := &simulation{pacer: New(Config{Start: 100, Max: most, Capacity: 200_000})}
			s.run(seconds*time.Second, row.latency)
			var mean time.Duration
			for range draws {
				mean += row.latency() / draws
			}
			possible := most * seconds / mean.Seconds()
			t.Logf("%d events, %.0f %% of what is possible", len(s.answers), 100*float64(len(s.answers))/possible)
			if float64(len(s.answers)) < 0.8*possible {
				t.Error("the window collapsed")
			}
		})
	}
}

// What waits for this process itself is no reason for more deliveries at a time, not in the long run either.
func TestTheWindowIsNoLargerThanThisProcessCanUse(t *testing.T) {
	const capacity = 80_000
	s := &simulation{pacer: New(Config{Start: 32, Max: 1024, Capacity: 2.5 * capacity})}
	busy := &queue{capacity: capacity, longest: math.MaxInt, latency: 100 * time.Microsecond}
	for second := range 45 {
		now := time.Duration(second+1) * time.Second
		s.run(now, busy)
		if n := within(s.answers, now-time.Second, now); n < 0.95*capacity {
			t.Errorf("second %d: %d answers", second, n)
		}
		if w := s.pacer.Status(s.now).Window; w > 2*harmless {
			t.Errorf("second %d: %d at a time", second, w)
		}
		s.answers = s.answers[:0]
	}
}

// flaky refuses a share of the requests whatever the rate is.
type flaky struct {
	share  float64
	random *rand.Rand
}

func (f flaky) request(now time.Duration) (time.Duration, Outcome) {
	if f.random.Float64() < f.share {
		return now + 10*time.Millisecond, Refused
	}
	return now + 10*time.Millisecond, Answered
}

func TestRefusalsThatComeAtAnyRateDoNotStopAnEgress(t *testing.T) {
	for _, share := range []float64{0.001, 0.01, 0.05, 0.2} {
		t.Run(fmt.Sprint(share), func(t *testing.T) {
			const most = 50
			s := &simulation{pacer: New(Config{Start: most, Max: most})}
			s.run(60*time.Second, flaky{share, rand.New(rand.NewPCG(3, 4))})
			n, possible := within(s.answers, 20*time.Second, 60*time.Second), 40*most*100*(1-share)
			t.Logf("%d events, %.0f %% of what is possible", n, 100*float64(n)/possible)
			if float64(n) < possible/4 {
				t.Errorf("only %d events", n)
			}
		})
	}
}

// begins refuses so many requests, one after the other, and then a share of them.
type begins struct {
	refused int
	flaky
	latency time.Duration
}

func (b *begins) request(now time.Duration) (time.Duration, Outcome) {
	if b.refused > 0 {
		b.refused--
		return now + b.latency, Refused
	}
	_, o := b.flaky.request(now)
	return now + b.latency, o
}

// A rate that was found among few requests, as an egress begins, is not what the subscriber takes: refusals that come at
// any rate do not keep it there.
func TestFewRefusalsAtTheBeginningHoldNothingBack(t *testing.T) {
	for _, row := range []struct {
		refused int
		share   float64
		most    int
		latency time.Duration
	}{
		{4, 0.06, 6, 1500 * time.Microsecond},
		{4, 0.06, 6, 10 * ms},
		{6, 0.06, 6, 10 * ms},
		{3, 0.06, 4, 50 * ms},
		{4, 0.02, 50, 10 * ms},
		{20, 0.06, 50, 10 * ms},
		{50, 0.2, 50, 10 * ms},
		{100, 0, 100, 10 * ms},
		{4, 0.3, 6, 5 * ms},
	} {
		t.Run(fmt.Sprintf("%d of the first, then %v, %d at a time, %v", row.refused, row.share, row.most, row.latency), func(t *testing.T) {
			for seed := range uint64(4) {
				s := &simulation{pacer: New(Config{Start: row.most, Max: row.most})}
				s.run(60*time.Second, &begins{row.refused, flaky{row.share, rand.New(rand.NewPCG(seed, 4))}, row.latency})
				possible := float64(row.most) / row.latency.Seconds() * (1 - row.share) * 45
				n := within(s.answers, 15*time.Second, 60*time.Second)
				if status := s.pacer.Status(s.now); float64(n) < possible/2 {
					t.Errorf("seed %d: only %d events, %.0f %% of what is possible; %+v", seed, n, 100*float64(n)/possible, status)
				}
			}
		})
	}
}

// A subscriber that answered at once and takes its time from some day on gets as many as one that always did.
func TestASubscriberThatBecomesSlowGetsManySoon(t *testing.T) {
	s := &simulation{pacer: New(Config{Start: 32, Max: 1024, Capacity: 200_000})}
	latency := 500 * time.Microsecond
	at := steady(func() time.Duration { return latency })
	s.run(15*time.Second, at)
	latency = 100 * time.Millisecond
	s.run(20*time.Second, at)
	if n := within(s.answers, 19*time.Second, 20*time.Second); n < 5000 {
		t.Errorf("%d events in the fifth second", n)
	}
}
