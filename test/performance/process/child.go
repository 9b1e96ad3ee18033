package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Child is a started process.
type Child struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
	err  error // how it ended; read after done is closed
}

// Start runs a command. Its output, standard and error, goes to out; env is added to the environment of this process.
// The child has a process group of its own, so that an interrupt typed at the terminal reaches it only through Stop.
func Start(name string, out io.Writer, env []string, path string, args ...string) (*Child, error) {
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	c := &Child{name: name, cmd: cmd, done: make(chan struct{})}
	go func() {
		c.err = cmd.Wait()
		close(c.done)
	}()
	return c, nil
}

// PID is the process id.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Done is closed when the process has ended, whoever ended it.
func (c *Child) Done() <-chan struct{} { return c.done }

// Ended says how the process ended, nil while it runs.
func (c *Child) Ended() error {
	select {
	case <-c.done:
		return fmt.Errorf("%s ended: %w", c.name, errors.Join(c.err, errEnded))
	default:
		return nil
	}
}

var errEnded = errors.New("unexpectedly")

// Stop asks the process to end (SIGTERM), kills it after grace, and returns when it has ended.
func (c *Child) Stop(grace time.Duration) {
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-c.done:
	case <-time.After(grace):
		_ = c.cmd.Process.Kill()
		<-c.done
	}
}
