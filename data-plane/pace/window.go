package pace

import (
	"math"
	"slices"
	"time"
)

const (
	// quickGrowth doubles the window in a round trip, slowGrowth adds a tenth.
	quickGrowth, slowGrowth = 1.0, 0.1
	// quickAfter is after how many good rounds growth is quick again.
	quickAfter = 4
	// growBelow and shrinkAbove are latencies as multiples of the least one, to which slack is added first: what a
	// subscriber that answers at once costs is mostly the work of this process.
	growBelow, shrinkAbove = 1.5, 2.0
	slack                  = 5 * time.Millisecond
	// roundSamples is how many latencies make a verdict, keptSamples how many of a round are looked at.
	roundSamples, keptSamples = 8, 32
	// baseAge is how long a least latency counts, at least.
	baseAge = 10 * time.Second
	// baseRounds is the same in round trips: a window must have the time to find its size again.
	baseRounds = 20
	// refusedCut, timedOutCut and probeCut are what is left of a window.
	refusedCut, timedOutCut, probeCut = 0.8, 0.5, 0.5
	// sameLatency is how close two latencies count as the same.
	sameLatency = 1.25
	// latencyFloor is where latency alone stops shrinking a window: below it, no queue at a subscriber is worth it.
	latencyFloor = 4
	// harmless is what a window may grow to although this process could make no use of it.
	harmless = 64
	// restartSize is the window after a time in which the subscriber was down.
	restartSize = 10
)

// window is how many deliveries may run at the same time. Latencies are judged in rounds of at least one round trip, by
// the lowest eighth of them, against medians of other rounds: a queue at the subscriber delays every request, while slow
// events, or quick ones, among others do not count.
type window struct {
	min, max, size float64
	start          float64 // up to here a window may grow although latencies do, by the slack
	capacity       float64 // answers a second that this process could wait for, 0 for any number
	growth         float64 // for each answer, 0 to hold
	good           int     // rounds in a row that allowed growth
	shrunk         time.Duration

	limited bool // a delivery was held back in this round
	peak    int  // most deliveries at a time in this round
	began   time.Duration
	kept    [keptSamples]time.Duration
	n       int           // samples of this round
	stale   bool          // one of them was sent before the window shrank
	low     time.Duration // lowest eighth of the last round

	// What was judged when latency shrank the window last; 0 for nothing. If it is the same in a window that is much
	// smaller, it was no queue.
	lowBefore time.Duration

	base, baseBefore time.Duration // least of the medians in this and in the last baseAge; 0 for none
	baseSince        time.Duration
}

func newWindow(start float64) window { return window{start: start, size: start, growth: quickGrowth} }

func (w *window) bound(least, most float64) {
	w.min, w.max = least, most
	w.resize(w.size)
}

func (w *window) resize(size float64) { w.size = min(max(size, w.min), w.max) }

// answered takes the latency of one request.
func (w *window) answered(now, latency time.Duration) {
	if w.limited && w.growth > 0 {
		w.resize(min(w.size+w.growth, w.useful()))
	}
	if !w.fits(now, latency) {
		return
	}
	w.kept[w.n%keptSamples] = latency
	w.n++
	if w.n >= roundSamples && now-w.began >= max(w.low, latency) {
		w.judge(now)
	}
}

// fits says whether a request belongs to the samples of this round: those that were sent before the window shrank only
// count, for the least latency, as long as there is none that was sent since.
func (w *window) fits(now, latency time.Duration) bool {
	switch old := now-latency < w.shrunk; {
	case old && w.n > 0 && !w.stale:
		return false
	case !old && w.stale:
		if w.n >= roundSamples {
			w.judge(now)
		}
		w.newRound(now)
	case old:
		w.stale = true
	}
	return true
}

// judge ends a round.
func (w *window) judge(now time.Duration) {
	kept := w.kept[:min(w.n, keptSamples)]
	slices.Sort(kept)
	w.low = kept[len(kept)/8]
	w.learn(now, kept[len(kept)/2])
	w.resize(min(w.size, w.useful()))
	over := float64(w.low) / float64(w.leastLatency()+slack)
	switch {
	case w.stale: // what was seen is no effect of this window
	case over <= growBelow && w.size > w.start && float64(w.low) > growBelow*float64(w.leastLatency()):
		// It waits for this process or the subscriber. More at a time would cost memory and processor time and bring nothing.
		w.growth, w.good, w.lowBefore = 0, 0, 0
	case over <= growBelow:
		if w.good++; w.good >= quickAfter || w.growth == quickGrowth {
			w.growth = quickGrowth
		} else {
			w.growth = slowGrowth
		}
		w.lowBefore = 0
	case over <= shrinkAbove || w.size <= latencyFloor:
		w.growth, w.good, w.lowBefore = 0, 0, 0
	default:
		w.lowBefore = w.low
		w.shrink(now, max(latencyFloor, min(w.size, float64(w.peak))*max(0.25, growBelow/over)))
	}
	w.newRound(now)
}

func (w *window) newRound(now time.Duration) {
	w.began, w.n, w.stale, w.limited, w.peak = now, 0, false, false, 0
}

// learn keeps the least latency. It is forgotten in time, as subscribers change, and at once when it turns out that they
// have. Where a queue is likely, the window is halved before: otherwise the queue of today would be the least latency of
// tomorrow.
func (w *window) learn(now, median time.Duration) {
	if b := float64(w.lowBefore); b > 0 && !w.stale && float64(w.low) > b/sameLatency && float64(w.low) < b*sameLatency {
		w.base, w.baseBefore, w.baseSince = median, 0, now
	}
	if w.base == 0 || median < w.base {
		w.base = median
	}
	if now-w.baseSince < max(baseAge, baseRounds*w.low) {
		return
	}
	queued := float64(w.low) > 1.2*float64(w.leastLatency()+slack)
	useful := w.useful()
	w.baseBefore, w.base, w.baseSince = w.base, median, now
	switch {
	case queued && w.size > latencyFloor:
		w.shrink(now, max(latencyFloor, w.size*probeCut))
	case w.size >= useful && w.size > w.start:
		w.shrink(now, max(w.start, w.size*probeCut))
	}
}

// useful is the largest window of which all can be made use of: it is no subscriber that latency beyond that waits for, but
// this process, and more at a time would cost it memory and processor time.
func (w *window) useful() float64 {
	if w.capacity == 0 || w.base == 0 {
		return math.Inf(1)
	}
	return max(w.start, harmless, w.capacity*w.leastLatency().Seconds())
}

func (w *window) leastLatency() time.Duration {
	if w.baseBefore == 0 {
		return w.base
	}
	return min(w.base, w.baseBefore)
}

// shrink sets a smaller size. What is under way is not judged by it.
func (w *window) shrink(now time.Duration, size float64) {
	w.resize(size)
	w.growth, w.good, w.shrunk = 0, 0, now
}

// due says whether a request that failed was sent after the window shrank last.
func (w *window) due(now, latency time.Duration) bool { return now-latency >= w.shrunk }

// cut shrinks to a part of what there was at most at a time, but no further than what it takes for this many answers a
// second.
func (w *window) cut(now time.Duration, to, rate float64) {
	most := min(w.size, float64(max(w.peak, 1)))
	w.shrink(now, min(w.size, max(most*to, 1+2*rate*w.leastLatency().Seconds())))
	w.stale, w.peak = w.n > 0, 0
}

// restart begins anew after the subscriber was down.
func (w *window) restart() {
	w.resize(min(w.size, restartSize))
	w.growth = quickGrowth
}
