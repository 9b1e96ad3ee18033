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

// eventMemory is how many bytes of events a process may hold: a part of GOMEMLIMIT, or of what its container has.
func eventMemory() int64 {
	limit := debug.SetMemoryLimit(-1)
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if content, err := os.ReadFile(file); err == nil {
			limit = min(limit, cgroupLimit(string(content)))
		}
	}
	return eventPart(limit)
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
