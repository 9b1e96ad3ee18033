// Package stage sets up what a benchmark measures: a Kafka broker, a sink, and the processes of the two subjects, the
// data plane and the floor, each with the file that says what it shall run. It owns processes and files and ends and
// removes them all when it is closed; it measures nothing. A Stage belongs to one goroutine.
package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/process"
)

const (
	// stopGrace is how long a process may take to end by itself.
	stopGrace = 15 * time.Second
	// startLimit is how long a program may take to listen.
	startLimit = time.Minute
	// pollEvery is how often cheap questions are asked.
	pollEvery = 2 * time.Millisecond
)

// Options say where everything is.
type Options struct {
	Folder      string // for files and logs of the run; must exist
	Binaries    string // folder of floor, load and sink
	Plane       string // kafka-data-plane, "" leaves it out
	KafkaScript string // hack/kafka.sh
	Kafka       string // HOST:PORT of a running Kafka, "" starts one
	Self        string // this program, which is also the fake broker
}

// Stage is what was set up.
type Stage struct {
	Options
	Broker   *Broker
	Sink     *Sink
	Subjects []Subject

	children []*process.Child
	pids     *os.File // of every process that was started, for whoever cleans up after a crash
	started  int
}

// Open starts a broker and a sink. Close ends them, whether Open has failed or not.
func Open(ctx context.Context, o Options) (*Stage, error) {
	s := &Stage{Options: o}
	var err error
	if s.pids, err = os.Create(filepath.Join(o.Folder, "pids")); err != nil {
		return s, err
	}
	if s.Broker, err = openBroker(ctx, s); err != nil {
		return s, err
	}
	if s.Sink, err = s.openSink(ctx); err != nil {
		return s, err
	}
	s.Subjects = append(s.Subjects, floorSubject(filepath.Join(o.Binaries, "floor")))
	if o.Plane != "" {
		s.Subjects = append([]Subject{planeSubject(o.Plane)}, s.Subjects...)
	}
	return s, nil
}

// Close ends every process that was started and is still running.
func (s *Stage) Close() error {
	for _, c := range s.children {
		c.Stop(stopGrace)
	}
	var errs []error
	if s.Broker != nil {
		errs = append(errs, s.Broker.close())
	}
	if s.pids != nil {
		errs = append(errs, s.pids.Close())
	}
	return errors.Join(errs...)
}

// start runs a program whose output goes to a log file in the folder.
func (s *Stage) start(name string, env []string, path string, args ...string) (*process.Child, string, error) {
	s.started++
	logPath := filepath.Join(s.Folder, fmt.Sprintf("%03d-%s.log", s.started, name))
	out, err := os.Create(logPath)
	if err != nil {
		return nil, "", err
	}
	defer out.Close() // the child has a copy
	child, err := process.Start(name, out, env, path, args...)
	if err != nil {
		return nil, "", err
	}
	s.children = append(s.children, child)
	if _, err := fmt.Fprintln(s.pids, child.PID()); err != nil {
		return nil, "", err
	}
	return child, logPath, nil
}

func (s *Stage) stop(child *process.Child) {
	child.Stop(stopGrace)
	for i, c := range s.children {
		if c == child {
			s.children = append(s.children[:i], s.children[i+1:]...)
			return
		}
	}
}

// freeAddress returns an address on loopback that nothing listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func portOf(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	return port
}

// Until asks every so often until ready is true or the limit has passed. failed, if not nil, ends the wait with its
// error.
func Until(ctx context.Context, every, limit time.Duration, what string, ready func() bool, failed func() error) error {
	deadline := time.Now().Add(limit)
	for !ready() {
		if failed != nil {
			if err := failed(); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
		}
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("%s: %w", what, ctx.Err())
		case time.Now().After(deadline):
			return fmt.Errorf("%s: not within %v", what, limit)
		}
		time.Sleep(every)
	}
	return nil
}

// tail returns the end of a log for an error message.
func tail(path string) string {
	const size = 600
	file, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > size {
		_, _ = file.Seek(-size, io.SeekEnd) // else all of it is shown
	}
	b, err := io.ReadAll(file)
	if err != nil {
		return err.Error()
	}
	return strconv.Quote(string(b))
}
