package pace

import (
	"math"
	"time"
)

const (
	// leastRate is what refusals lead to at the least, in starts a second.
	leastRate = 1.0
	// backOff is what is kept of a rate at which the subscriber refused.
	backOff = 0.9
	// judgeAfter is the least time between two cuts: those before must have had their effect.
	judgeAfter = 50 * time.Millisecond
	// lookBack is what the rate of answers is measured over, at most.
	lookBack = time.Second
	// holdFirst and holdLast are how long a rate is kept after it was found; a rate that is found again is kept longer.
	holdFirst, holdLast = time.Second, 4500 * time.Millisecond
	// near is how close two rates count as the same one.
	near = 1.25
	// doubleNear and doubleFar are in what time a rate doubles, close to the one that was refused and beyond it.
	doubleNear, doubleFar = 2 * time.Second, 500 * time.Millisecond
	// catchUp is how much of what could have begun may begin at once: timers are late.
	catchUp = 20 * time.Millisecond
	// longestPause bounds what a Retry-After can ask of a whole egress.
	longestPause = 10 * time.Second
	// limitedFor is for how long a delivery that was held back counts.
	limitedFor = 200 * time.Millisecond
	// endless is a rate that is none.
	endless = 1e6
	// halvingFirst and halvingLast are how fast refusals that come at any rate are forgotten; what is found again, more
	// slowly. aging is what the rates before count for, each time.
	halvingFirst, halvingLast, aging = 10 * time.Second, time.Minute, 0.8
	// firstCut is how many requests must be refused within lookBack before a rate is looked for: one event that is
	// refused again and again, with pauses, is none.
	firstCut = 3
	// forgetAfter is when a rate is given up that has held nothing back.
	forgetAfter = time.Minute
	// unremarkable is a share of refusals that nobody slows down for, mostTolerated the largest that is ever tolerated.
	unremarkable, mostTolerated = 0.005, 0.6
	// intrinsicAfter is how many refusals by which the rate was lowered it takes to see that they come at any rate.
	intrinsicAfter = 4
)

// rate spaces the starts of deliveries. It is found when requests are refused: what was answered in the time before is
// what the subscriber takes. From there it grows again, slowly until it was refused before, then quickly.
type rate struct {
	fixed   float64 // a second; 0 for none
	found   float64 // a second; 0 for none
	ceiling float64 // at which it was refused last
	proven  float64 // the one that was held after that: if it was not refused, the next cut goes no further

	next      time.Duration // when the next may begin
	spacing   time.Duration // of the last start, for giveBack
	limitedAt time.Duration // when a delivery was held back last
	grownAt   time.Duration
	holdUntil time.Duration
	hold      time.Duration

	cutAt  time.Duration
	recent meter
	series series
}

// series is what happened while rates were held that had just been lowered, to find refusals that do not depend on the
// rate: a subscriber that was sent too much takes what is left, and refuses again when the rate has grown.
type series struct {
	answered, refused float64 // in those times, the older ones count less
	persistent        float64 // refusals in them, less half of those that came when the rate had grown
	tolerated         float64 // share of refusals that is no news
	toleratedAt       time.Duration
	halving           time.Duration // of tolerated
}

func newRate() rate {
	return rate{hold: holdFirst, cutAt: -time.Hour, series: series{halving: halvingFirst}}
}

// effective is the rate that holds, 0 for none.
func (r *rate) effective() float64 {
	switch {
	case r.found == 0:
		return r.fixed
	case r.fixed == 0:
		return r.found
	}
	return min(r.fixed, r.found)
}

// take begins a delivery now, or says how long to wait. A delivery that is assured obeys the fixed rate alone.
func (r *rate) take(now time.Duration, assured bool) (wait time.Duration) {
	if r.found > 0 && now-max(r.limitedAt, r.cutAt) > forgetAfter {
		r.found = 0
	}
	limit := r.effective()
	if assured {
		limit = r.fixed
	}
	if limit == 0 {
		r.spacing = 0
		return 0
	}
	if now < r.next && !(assured && r.fixed == 0) {
		r.limitedAt = now
		r.grow(now)
		return r.next - now
	}
	r.spacing = time.Duration(float64(time.Second) / limit)
	r.next = max(r.next, now-catchUp) + r.spacing
	return 0
}

// giveBack undoes a start that was none.
func (r *rate) giveBack() { r.next -= r.spacing }

// grow raises the found rate while it holds deliveries back.
func (r *rate) grow(now time.Duration) {
	dt := min(now-r.grownAt, 100*time.Millisecond)
	r.grownAt = now
	if r.found == 0 || now < r.holdUntil || dt <= 0 {
		return
	}
	doubling := doubleNear
	if r.found > near*r.ceiling {
		doubling = doubleFar
	}
	r.found *= math.Exp2(float64(dt) / float64(doubling))
	if r.found > endless {
		r.found = 0
	}
}

// answered counts a request that the subscriber took.
func (r *rate) answered(now time.Duration) {
	r.recent.add(now, true)
	if r.held(now) {
		r.series.answered++
	}
}

// refused takes a refusal. It is news if requests are refused because there are too many; then share of the latest ones
// were.
func (r *rate) refused(now time.Duration, s Sample) (share float64, news bool) {
	r.recent.add(now, false)
	if r.held(now) && now-s.Latency >= r.cutAt {
		r.series.refused++
	}
	if now-s.Latency < r.cutAt || now-r.cutAt < judgeAfter {
		return 0, false // it was sent before the last cut, or right behind it
	}
	answered, refused, over := r.recent.since(now, max(r.cutAt, now-lookBack), enough)
	if answered+refused < enough {
		answered, refused, over = r.recent.since(now, now-lookBack, enough)
	}
	share = refused / (answered + refused)
	attempted := (answered + refused) / over.Seconds()
	if r.tolerates(now) {
		return 0, false
	}
	r.cut(now, attempted, answered/over.Seconds())
	if s.RetryAfter > 0 && share > 0.5 {
		r.next = max(r.next, now+min(s.RetryAfter, longestPause))
	}
	return share, true
}

// held says whether the rate is one that was just lowered.
func (r *rate) held(now time.Duration) bool { return r.found > 0 && now <= r.holdUntil }

// tolerates says whether refusals are too few, or go on whatever the rate is. It then makes no sense to slow down.
func (r *rate) tolerates(now time.Duration) bool {
	z := &r.series
	z.tolerated *= math.Exp2(-float64(now-z.toleratedAt) / float64(z.halving))
	z.toleratedAt = now
	answered, refused, _ := r.recent.since(now, now-lookBack, math.Inf(1))
	if n := answered + refused; r.found == 0 && refused < firstCut || refused <= n*unremarkable ||
		z.tolerated > unremarkable && refused <= n*z.tolerated+2*math.Sqrt(n*z.tolerated) {
		return true
	}
	if r.held(now) {
		z.persistent++
	} else {
		z.persistent = max(0, z.persistent-0.5)
	}
	share := z.refused / max(1, z.answered+z.refused)
	if share > 0.5 {
		z.persistent, z.answered, z.refused = 0, 0, 0 // there is too much of them to go on
	}
	if z.persistent < intrinsicAfter {
		z.answered, z.refused = z.answered*aging, z.refused*aging
		return false
	}
	*z = series{tolerated: min(2*share, mostTolerated), toleratedAt: now, halving: min(2*z.halving, halvingLast)}
	r.found = 0
	return true
}

// cut lowers the rate to less than what the subscriber has taken, and at least by a tenth.
func (r *rate) cut(now time.Duration, attempted, taken float64) {
	found := backOff * taken
	if taken == 0 {
		found = attempted / 2
	}
	if r.found > 0 {
		found = min(found, backOff*r.found)
	}
	if now > r.holdUntil && taken > 0 {
		found = max(found, backOff*math.Sqrt(r.proven*r.found)) // what is taken lags behind a rate that grew
	}
	if r.ceiling > 0 && found < near*r.ceiling && found > r.ceiling/near/near {
		r.hold = min(2*r.hold, holdLast)
	} else {
		r.hold = holdFirst
	}
	r.found = max(found, leastRate)
	r.proven = r.found
	r.ceiling, r.cutAt, r.grownAt, r.holdUntil = r.found/backOff, now, now, now+r.hold
	r.next = max(r.next, now)
}

// meter counts in slots of a short time.
type meter struct {
	slots [lookBack/slot + 1]struct{ answered, refused float64 }
	at    int64 // number of the last slot that was used
}

const slot = 25 * time.Millisecond

func (m *meter) add(now time.Duration, taken bool) {
	at := int64(now / slot)
	for skipped := min(at-m.at, int64(len(m.slots))); skipped > 0; skipped-- {
		m.slots[(at-skipped+1)%int64(len(m.slots))] = struct{ answered, refused float64 }{}
	}
	m.at = at
	s := &m.slots[at%int64(len(m.slots))]
	if taken {
		s.answered++
	} else {
		s.refused++
	}
}

// enough is how many requests say what a rate is.
const enough = 20

// since adds up the slots that end after start, from the last one backwards, until there are so many requests.
func (m *meter) since(now, start time.Duration, many float64) (answered, refused float64, over time.Duration) {
	first := m.at
	for at := m.at; at > m.at-int64(len(m.slots)) && at >= 0 && time.Duration(at+1)*slot > start; at-- {
		s := m.slots[at%int64(len(m.slots))]
		answered, refused, first = answered+s.answered, refused+s.refused, at
		if answered+refused >= many && m.at-at >= 2 {
			break
		}
	}
	return answered, refused, max(now-max(start, time.Duration(first)*slot), slot)
}
