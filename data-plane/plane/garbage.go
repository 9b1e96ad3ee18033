package plane

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// garbageSpare is how much more a busy process may have that was freed and not collected yet, in bytes: what is fetched
	// is garbage a moment later, and to look for it each time there is as much of it as of what is in use costs a tenth of all
	// processor time.
	garbageSpare = 32 << 20
	// usualPercent is the garbage collector's default, mostPercent the most that makes a difference.
	usualPercent, mostPercent = 100, 400
	// garbageLook is how often is looked how many collections there were, busyCollections how many of them in that time
	// make a process busy, and calmLooks how often in a row there must be none until it is not.
	garbageLook     = 250 * time.Millisecond
	busyCollections = 2
	calmLooks       = 8
)

// FollowCollections lets the process have more garbage while it is busy, until ctx ends; unless GOGC says how much. It does
// not change what the process is kept below (LimitMemory). A process calls it once.
func FollowCollections(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	samples := []metrics.Sample{{Name: "/gc/cycles/automatic:gc-cycles"}, {Name: "/gc/heap/live:bytes"}}
	g := garbage{percent: usualPercent}
	for tick := time.Tick(garbageLook); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		metrics.Read(samples)
		before := g.percent
		if g.look(samples[0].Value.Uint64(), samples[1].Value.Uint64()); g.percent != before {
			debug.SetGCPercent(g.percent)
		}
	}
}

// garbage decides how much garbage there may be.
type garbage struct {
	percent int    // that is to be set
	cycles  uint64 // of the last look
	calm    int    // looks without a collection
}

// look chooses the percent, from the number of collections so far and the bytes that the last one found in use.
func (g *garbage) look(cycles, live uint64) {
	collections := cycles - g.cycles
	g.cycles = cycles
	g.calm++
	if collections > 0 {
		g.calm = 0
	}
	switch {
	case g.calm >= calmLooks:
		g.percent = usualPercent
	case g.percent == usualPercent && collections < busyCollections, collections == 0: // it stays
	default:
		g.percent = rounded(min(mostPercent, usualPercent+int(garbageSpare*100/max(live, 1))))
	}
}

// rounded is a percent that changes in steps, as each change stops the world for a moment.
func rounded(percent int) int { return percent / 25 * 25 }
