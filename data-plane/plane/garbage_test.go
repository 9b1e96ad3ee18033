package plane

import "testing"

func TestABusyProcessMayHaveMoreGarbageUntilItIsCalm(t *testing.T) {
	g := garbage{percent: usualPercent}
	cycles := uint64(0)
	look := func(collections, live uint64) int {
		cycles += collections
		g.look(cycles, live)
		return g.percent
	}
	for i, step := range []struct {
		collections, live uint64
		want              int
	}{
		{0, 8 << 20, 100},
		{1, 8 << 20, 100},  // now and then is not busy
		{2, 8 << 20, 400},  // 32 MiB are four times of it: the most there is
		{1, 16 << 20, 300}, // less often, as there is more room now
		{0, 16 << 20, 300},
		{3, 64 << 20, 150},
		{1, 4 << 30, 100}, // next to which 32 MiB are nothing
		{2, 32 << 20, 200},
		{0, 0, 200}, {0, 0, 200}, {0, 0, 200}, {0, 0, 200}, {0, 0, 200}, {0, 0, 200}, {0, 0, 200},
		{0, 0, 100}, // calm for two seconds
		{2, 0, 400}, // nothing was measured yet
	} {
		if got := look(step.collections, step.live); got != step.want {
			t.Errorf("step %d: %d %%, want %d", i, got, step.want)
		}
	}
}
