package egress

import (
	"math"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/budget"
	"knative.dev/eventing-kafka-go/data-plane/delivery"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/pace"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// pacing is what holds a group back: the pacer of its target, and its share of the memory for events. Guarded by the
// group's mutex.
type pacing struct {
	pacer *pace.Pacer
	timer *time.Timer   // wakes the group when a delivery may begin
	due   time.Duration // when it does, since the start of the group; 0: it is not armed

	share    *budget.Share
	held     int64 // bytes of all tasks
	unpolled int64 // bytes that the client has fetched and not handed over
	reported int64 // of both to the share
	halted   string
}

// Why nothing is fetched.
const (
	haltBudget  = "the memory for events is used up"
	haltBreaker = "the subscriber is down"
)

const (
	// reportStep is how much may be held without telling the share.
	reportStep = 16 << 10
	// reviewPause is how often a group that was halted looks whether it may go on.
	reviewPause = 20 * time.Millisecond
	// startConcurrency is what a window usually begins with: enough for a subscriber that answers at once, which more would only
	// cost memory and processor time. It doubles in a round trip where that brings something.
	startConcurrency = 32
	// loweredConcurrency is what a user sets who wants less than is usual: then it is the most.
	loweredConcurrency = 100
	// processorCapacity is how many deliveries a processor makes in a second at most: one takes 11 µs and more of its time,
	// with the smallest events and a subscriber that answers at once.
	processorCapacity = 100_000
	// defaultMaxConcurrency is the largest window where nobody says.
	defaultMaxConcurrency = 1024
)

// maxConcurrency is the largest window where the contract does not say.
func (o Options) maxConcurrency() int {
	if o.Concurrency < loweredConcurrency {
		return o.Concurrency
	}
	return max(o.Concurrency, defaultMaxConcurrency)
}

// startConcurrency is the window to begin with. Who asks for more than is usual gets it.
func (o Options) startConcurrency() int {
	if o.Concurrency > loweredConcurrency {
		return o.Concurrency
	}
	return min(o.Concurrency, startConcurrency)
}

// paceOf is what a contract says about the pace of an egress. The rate limiter of ordered egresses is a feature flag
// (EG-74).
func paceOf(e *contract.Egress, o Options) pace.Config {
	p := e.GetPace()
	c := pace.Config{
		Min: int(p.GetMinConcurrency()), Start: o.startConcurrency(), Max: o.maxConcurrency(),
		Rate: float64(p.GetRateLimit()), Breaker: p.GetBreaker(),
		Capacity: float64(runtime.GOMAXPROCS(0)) * processorCapacity,
	}
	if n := int(p.GetMaxConcurrency()); n > 0 {
		c.Max = n
	}
	if e.GetFeatureFlags().GetEnableRateLimiter() && orderOf(e) != unordered {
		flag := float64(max(o.Consumer.MaxPollRecords, 1)) * float64(max(e.GetVReplicas(), 1))
		if c.Rate == 0 || flag < c.Rate {
			c.Rate = flag
		}
	}
	return c
}

// repace takes the pace of another target. What was learned of a destination stays as long as it is the same. The mutex
// is held.
func (g *group) repace(old, target *targetRef) {
	g.lanes.limit = max(target.pace.Max, target.pace.Min)
	if g.pacing.pacer == nil || old.destination != target.destination {
		g.pacing.pacer = pace.New(target.pace)
		return
	}
	g.pacing.pacer.Configure(target.pace)
}

// since is a time as the pacer has it.
func (g *group) since(now time.Time) time.Duration { return now.Sub(g.started) }

// allowed asks the pacer whether one more delivery may begin. If not, the group is woken when it may. The mutex is held.
func (g *group) allowed(now time.Time) bool {
	ok, wait := g.pacing.pacer.Take(g.since(now))
	if !ok && wait > 0 {
		g.wakeIn(now, wait)
	}
	return ok
}

// wakeIn dispatches after a time, unless that happens sooner already. The mutex is held.
func (g *group) wakeIn(now time.Time, wait time.Duration) {
	due := g.since(now) + wait
	if g.pacing.due > 0 && g.pacing.due <= due {
		return
	}
	g.pacing.due = due
	if g.pacing.timer != nil {
		g.pacing.timer.Reset(wait)
		return
	}
	g.pacing.timer = time.AfterFunc(wait, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.pacing.due = 0
		g.dispatch()
	})
}

// paced tells the pacer how a delivery went. The mutex is held.
func (g *group) paced(t *task, call delivery.Call, now time.Time) {
	t.pacer.Done(g.since(now), sampleOf(call))
	if g.pacing.halted == "" && g.pacing.pacer.Open() && !g.stopping {
		g.pacing.halted = haltBreaker
		g.wait.SetPaused(true)
		time.AfterFunc(0, g.review) // it calls the client, which must not happen here
	}
}

// spare is asked about failures where the egress has a breaker.
func (g *group) spare(t *task) func(delivery.Call) bool {
	return func(call delivery.Call) bool {
		s := sampleOf(call)
		s.First = t.Attempts() == 0
		now := time.Now()
		g.mu.Lock()
		defer g.mu.Unlock()
		return t.pacer.Spare(g.since(now), s)
	}
}

// sampleOf is a call as the pacer sees it.
func sampleOf(c delivery.Call) pace.Sample {
	s := pace.Sample{Outcome: pace.Answered, Latency: c.Latency, RetryAfter: c.RetryAfter}
	switch {
	case !c.Made, c.Cause == delivery.CutOff:
		s.Outcome = pace.Void
	case c.Cause == delivery.Unreachable, c.Status == http.StatusTooManyRequests, c.Status == http.StatusServiceUnavailable:
		s.Outcome = pace.Refused
	case c.Cause == delivery.TimedOut:
		s.Outcome = pace.TimedOut
	case c.Cause == delivery.Broken, c.Status >= http.StatusInternalServerError:
		s.Outcome = pace.Failed
	}
	return s
}

// holds counts what the group has in memory. The mutex is held.
func (g *group) holds(bytes int) {
	p := &g.pacing
	p.held += int64(bytes)
	all := p.held + p.unpolled
	if d := all - p.reported; d >= reportStep || d <= -reportStep || all == 0 {
		p.reported = all
		p.share.Hold(all)
	}
}

// holdsUnpolled counts what the client has in memory beyond that. Of paused partitions it drops it when it is polled. The
// mutex is held.
func (g *group) holdsUnpolled() {
	if g.client != nil {
		g.pacing.unpolled = g.client.BufferedFetchBytes()
	}
	g.holds(0)
}

// halt stops fetching until the reason is gone. It returns the partitions that are to be paused at the client: whoever
// cannot do that leaves it to review. The mutex is held.
func (g *group) halt(why string) []*partition {
	if g.stopping {
		return nil
	}
	if g.pacing.halted == "" {
		g.wait.SetPaused(true)
		time.AfterFunc(reviewPause, g.review)
	}
	g.pacing.halted = why
	return g.pauseAll()
}

// pauseAll marks partitions as paused and returns those that were not: all but those that may be fed. The mutex is held.
func (g *group) pauseAll() (changed []*partition) {
	feeding := g.feeding()
	for _, p := range g.partitions {
		if p.state == active && p.problem == "" && !p.paused && (!feeding || p.buffered > 0) {
			p.paused = true
			changed = append(changed, p)
		}
	}
	return changed
}

// feeding says whether partitions of which nothing is held are fetched from though the memory for events is used up:
// batches come whole, and where they are large a few partitions could have all of it, for as long as their events are
// tried. The mutex is held.
func (g *group) feeding() bool { return !g.pacing.pacer.Open() && g.pacing.share.Spare() }

// hungry marks partitions as resumed that may be fed, and returns them. The mutex is held.
func (g *group) hungry() (changed []*partition) {
	if !g.feeding() {
		return nil
	}
	for _, p := range g.partitions {
		if p.state == active && p.problem == "" && p.paused && p.buffered == 0 {
			p.paused = false
			changed = append(changed, p)
		}
	}
	return changed
}

// review keeps all partitions of a halted group paused, and resumes those that have room when it may go on.
func (g *group) review() {
	g.mu.Lock()
	if g.stopping || g.pacing.halted == "" {
		g.mu.Unlock()
		return
	}
	g.holdsUnpolled()
	// A breaker needs an event to probe with.
	if (g.pacing.pacer.Open() && g.pacing.held > 0) || !g.pacing.share.Roomy() {
		changed, fed := g.pauseAll(), g.hungry()
		time.AfterFunc(reviewPause, g.review)
		g.mu.Unlock()
		g.pause(changed)
		for _, p := range fed {
			g.resume(p)
		}
		return
	}
	g.pacing.halted = ""
	var resumed []*partition
	for _, p := range g.partitions {
		if p.state == active && p.problem == "" && p.paused && g.flow.roomy(p) {
			p.paused = false
			resumed = append(resumed, p)
		}
	}
	g.adjustWait()
	g.mu.Unlock()
	for _, p := range resumed {
		g.resume(p)
	}
}

// flow bounds what one partition may hold in memory, with hysteresis: from high on it is paused, from low on resumed.
// Low is half of high, which kafka.FetchWait counts on: what is left lasts about as long as the pause did.
type flow struct {
	highRecords, lowRecords int
	highBytes, lowBytes     int
}

const (
	// leastHigh and mostHigh bound highRecords; for each of bytesPer records there is a MiB.
	leastHigh, mostHigh = 1024, 4096
	bytesPer            = 704 // events of 1 KiB take one and a half
)

// flowFor keeps enough for a window of deliveries while a partition that was paused is fetched from again.
func flowFor(window int) flow {
	high := min(max(2*window, leastHigh), mostHigh)
	bytes := high * (1 << 20) / bytesPer
	return flow{highRecords: high, lowRecords: high / 2, highBytes: bytes, lowBytes: bytes / 2}
}

// fairly is which part of its room a group has its partitions fill by themselves. A fetch brings up to half of what one
// may hold beyond that.
const fairly = 2. / 3

// among shares what a group has room for among its partitions, else the first ones that are fetched would take it all and
// the others had nothing to deliver.
func (f flow) among(partitions int, room int64) flow {
	fair := int(fairly * float64(room) / float64(max(partitions, 1)))
	f.highBytes = max(min(f.highBytes, fair), 1)
	f.lowBytes = f.highBytes / 2
	return f
}

// fit bounds what partitions may hold by what deliveries need and memory allows. The mutex is held.
func (g *group) fit(now time.Time) {
	window := g.lanes.window(g.pacing.pacer.Status(g.since(now)).Window)
	g.flow = flowFor(window).among(len(g.partitions), g.pacing.share.Room())
}

// resize asks brokers for as much as fits. Polls and assignments exclude each other, and nobody else calls it.
func (g *group) resize(client *kgo.Client) {
	if g.scripted.commit != nil {
		return
	}
	g.mu.Lock()
	in := g.flow
	g.mu.Unlock()
	if g.size.adjust(g.pacing.share.Part(), in) {
		client.UpdateFetchMaxBytes(g.size.asked, g.size.ofOne)
	}
}

func (f flow) full(p *partition) bool {
	return p.buffered >= f.highRecords || p.bytes >= f.highBytes
}

func (f flow) roomy(p *partition) bool {
	return p.buffered <= f.lowRecords && p.bytes <= f.lowBytes
}

// pause stops the fetching of partitions that are full. The goroutine that polls calls it before a rebalance may go on.
func (g *group) pause(full []*partition) {
	for _, p := range full {
		g.client.PauseFetchPartitions(map[string][]int32{p.topic: {p.partition}})
	}
	// A delivery may have made room meanwhile, when the partition was not paused at the client yet.
	for _, p := range full {
		g.mu.Lock()
		again := !p.paused || p.state == gone
		g.mu.Unlock()
		if again {
			g.resume(p)
		}
	}
}

// resume lets a partition be fetched again.
func (g *group) resume(p *partition) {
	g.client.ResumeFetchPartitions(map[string][]int32{p.topic: {p.partition}})
}

// adjustWait lets fetches wait long again when no partition is paused any more. While one is, they return soon, so that
// what is resumed does not wait for a long poll; that begins in accept, before the pause. The mutex is held, so that a
// pause and a resumption cannot overtake each other.
func (g *group) adjustWait() {
	for _, p := range g.partitions {
		if p.paused && p.problem == "" && p.state == active {
			return
		}
	}
	g.wait.SetPaused(false)
}

// fetchSize bounds what one fetch brings into memory to a part of what the group may hold. Kafka counts the bytes of
// batches as they are stored, which compressed events exceed by far. The client calls it as a hook, the goroutine that polls
// adjusts.
type fetchSize struct {
	stored, unpacked atomic.Int64 // bytes of batches since the last adjustment
	ratio            float64      // of the two
	most, mostOfOne  int32        // what the settings allow, in all and for one partition
	asked, ofOne     int32        // bytes
}

const (
	// fetchPart is which part of its memory a group fetches at once, from each broker.
	fetchPart = 4
	// unknownRatio is how compressed events are taken to be before one was seen.
	unknownRatio = 10
	// leastFetch is what is asked for at the least, in bytes. A batch comes whole, however large it is.
	leastFetch = 16 << 10
)

func newFetchSize(c kafka.ConsumerConfig, part int64, in flow) *fetchSize {
	f := &fetchSize{ratio: unknownRatio, most: c.FetchMaxBytes, mostOfOne: c.MaxPartitionFetchBytes}
	f.asked, f.ofOne = f.within(part, in)
	return f
}

// OnFetchBatchRead implements kgo.HookFetchBatchRead.
func (f *fetchSize) OnFetchBatchRead(_ kgo.BrokerMetadata, _ string, _ int32, m kgo.FetchBatchMetrics) {
	f.stored.Add(int64(m.CompressedBytes))
	f.unpacked.Add(int64(m.UncompressedBytes))
}

// within is how many bytes to ask for, in all and of one partition, where a group may hold a part of the memory.
func (f *fetchSize) within(part int64, in flow) (asked, ofOne int32) {
	limit := func(bytes int64, most int32) int32 {
		return min(max(int32(min(float64(bytes)/f.ratio, math.MaxInt32)), leastFetch), most)
	}
	asked = limit(part/fetchPart, f.most)
	return asked, min(limit(int64(in.lowBytes), f.mostOfOne), asked)
}

// adjust says whether to ask for another number of bytes than before; small changes are left out.
func (f *fetchSize) adjust(part int64, in flow) (changed bool) {
	if stored, unpacked := f.stored.Swap(0), f.unpacked.Swap(0); stored > 0 {
		seen := max(1, float64(unpacked)/float64(stored))
		f.ratio = max(seen, (f.ratio+seen)/2) // at once where more comes than was thought
	}
	asked, ofOne := f.within(part, in)
	if alike(asked, f.asked) && alike(ofOne, f.ofOne) {
		return false
	}
	f.asked, f.ofOne = asked, ofOne
	return true
}

// alike says whether two numbers of bytes differ by less than a quarter.
func alike(a, b int32) bool { return max(a, b)-min(a, b) < max(min(a, b)/4, 1) }

func (f *fetchSize) options() []kgo.Opt {
	return []kgo.Opt{kgo.FetchMaxBytes(f.asked), kgo.FetchMaxPartitionBytes(f.ofOne), kgo.WithHooks(f)}
}
