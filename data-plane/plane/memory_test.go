package plane

import (
	"math"
	"runtime/debug"
	"testing"
)

func TestTheMemoryForEventsIsAPartOfWhatThereIs(t *testing.T) {
	for _, row := range []struct {
		name    string
		content string
		want    int64
	}{
		{"no limit", "max\n", unlimitedEvents},
		{"no limit, as the first version says it", "9223372036854771712\n", unlimitedEvents},
		{"a limit", "1073741824\n", 512 << 20},
		{"a very small one", "4194304\n", leastEvents},
		{"nonsense", "x", unlimitedEvents},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := eventPart(cgroupLimit(row.content)); got != row.want {
				t.Errorf("got %d, want %d", got, row.want)
			}
		})
	}
	if got := eventPart(math.MaxInt64); got != unlimitedEvents {
		t.Errorf("without any limit %d", got)
	}
}

func TestTheGarbageCollectorLeavesRoomInAContainer(t *testing.T) { // REL-18
	for container, want := range map[int64]int64{math.MaxInt64: math.MaxInt64, 1000: 900, 500 << 20: 450 << 20} {
		if got := collectorLimit(container); got != want {
			t.Errorf("of %d: %d, want %d", container, got, want)
		}
	}
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	debug.SetMemoryLimit(123 << 20)
	t.Setenv("GOMEMLIMIT", "123MiB")
	if LimitMemory(); debug.SetMemoryLimit(-1) != 123<<20 {
		t.Error("what the environment says was overruled")
	}
}
