package program

import "syscall"

// attributes make a child end with the test, even with one that ends without cleaning up. The signal comes when the
// thread that started the child ends, so that thread must wait for the child.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
