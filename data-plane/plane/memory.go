package plane

import (
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

const (
	// eventShare is how much of the memory of a process events may take: the rest is for what handles them, and for what
	// was freed and not collected yet.
	eventShare = 2
	// unlimitedEvents is for a process without any limit, in bytes.
	unlimitedEvents = 512 << 20
	// leastEvents is what a process needs to go on, whatever its limit.
	leastEvents = 8 << 20
)

// LimitMemory has the garbage collector keep the process below the limit of its container, with room for what is not its:
// unless GOMEMLIMIT says how. A process calls it once, before it starts a plane.
func LimitMemory() {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetMemoryLimit(collectorLimit(containerLimit()))
}

// collectorLimit is what the garbage collector may let a process have whose container has so much.
func collectorLimit(container int64) int64 {
	if container == math.MaxInt64 {
		return container
	}
	return container / 10 * 9
}

// eventMemory is how many bytes of events a process may hold: a part of GOMEMLIMIT, or of what its container has.
func eventMemory() int64 {
	return eventPart(min(debug.SetMemoryLimit(-1), containerLimit()))
}

// containerLimit is how much memory the container of the process has, math.MaxInt64 without a limit.
func containerLimit() int64 {
	limit := int64(math.MaxInt64)
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if content, err := os.ReadFile(file); err == nil {
			limit = min(limit, cgroupLimit(string(content)))
		}
	}
	return limit
}

// cgroupLimit reads a limit of a control group; "max", or what is larger than any memory, is none.
func cgroupLimit(content string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(content), 10, 64)
	if err != nil || n <= 0 || n >= math.MaxInt64/2 {
		return math.MaxInt64
	}
	return n
}

// eventPart is the part of a limit that events may take.
func eventPart(limit int64) int64 {
	if limit >= math.MaxInt64/2 {
		return unlimitedEvents
	}
	return max(limit/eventShare, leastEvents)
}
