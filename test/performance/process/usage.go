// Package process reads what a process has used from the operating system, and starts and ends the processes of a
// benchmark. It ends only processes that it started. Values are safe for use by one goroutine at a time.
package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// tick is the unit of the times in /proc/PID/stat: 1/100 s on every Linux architecture that Go runs on.
const tick = 10 * time.Millisecond

// Memory is what a process holds resident, in bytes: now, and at most since its start or the last ResetPeak.
type Memory struct{ Resident, Peak int64 }

// CPU is the processor time, user and system, that a process has used since its start, its ended threads included.
// It is exact to the nanosecond where the kernel offers the process's clock, else to a tick of 10 ms.
func CPU(pid int) (time.Duration, error) {
	if d, ok := clock(pid); ok {
		return d, nil
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("processor time of process %d: %w", pid, err)
	}
	return parseStat(b)
}

// MemoryOf reads the resident memory of a process.
func MemoryOf(pid int) (Memory, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Memory{}, fmt.Errorf("memory of process %d: %w", pid, err)
	}
	return parseStatus(b)
}

// ResetPeak makes the peak start again from what is resident now.
func ResetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// parseStat adds up utime and stime, fields 14 and 15. Field 2, the command in parentheses, may itself hold spaces and
// parentheses, so fields are counted from the last closing one.
func parseStat(b []byte) (time.Duration, error) {
	end := bytes.LastIndexByte(b, ')')
	if end < 0 {
		return 0, errors.New("parse stat: no command")
	}
	fields := bytes.Fields(b[end+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("parse stat: %d fields after the command, want 13", len(fields))
	}
	var ticks uint64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseUint(string(f), 10, 52)
		if err != nil {
			return 0, fmt.Errorf("parse stat: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}

func parseStatus(b []byte) (Memory, error) {
	var m Memory
	for line := range bytes.Lines(b) {
		for name, value := range map[string]*int64{"VmRSS:": &m.Resident, "VmHWM:": &m.Peak} {
			rest, found := bytes.CutPrefix(line, []byte(name))
			if !found {
				continue
			}
			kib, err := strconv.ParseInt(string(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte(" kB"))), 10, 52)
			if err != nil {
				return Memory{}, fmt.Errorf("parse status: %s %w", name, err)
			}
			*value = kib << 10
		}
	}
	if m == (Memory{}) {
		return m, errors.New("parse status: neither VmRSS nor VmHWM (the process has ended)")
	}
	return m, nil
}
