package process

import (
	"syscall"
	"time"
	"unsafe"
)

// cpuClockSched selects the scheduler's count of a process's run time in the kernel's encoding of clock ids: the
// complement of the process id above three bits.
const cpuClockSched = 2

func clock(pid int) (time.Duration, bool) {
	id := ^pid<<3 | cpuClockSched
	var t syscall.Timespec
	_, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, uintptr(id), uintptr(unsafe.Pointer(&t)), 0)
	return time.Duration(t.Nano()), errno == 0
}
