package stage

import (
	"fmt"
	"strings"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/report"
)

// Role is what a process does.
type Role string

// The roles; each is a process.
const (
	Ingress Role = "ingress"
	Egress  Role = "egress"
)

// Work is what a subject shall run.
type Work struct {
	Ingress []IngressWork
	Egress  []EgressWork
	// Dispatchers are the names of the processes that share the egresses; none: each process runs all. Not for the floor.
	Dispatchers []string
}

// IngressWork takes events at a path into a topic.
type IngressWork struct{ Path, Topic string }

// EgressWork delivers a topic's events to a URL, from the topic's start.
type EgressWork struct {
	Group, Topic, URL string
	Ordered           bool
	// ByKey orders the events of a record key only; the floor delivers those in no order.
	ByKey bool
	// Concurrency is how many deliveries may run at the same time at most, 0 for what the process decides. Not for the floor.
	Concurrency uint32
	// Type is that of the events that are wanted, "" for all. Not for the floor.
	Type string
}

// Subject is one of the two that are compared.
type Subject struct {
	Who string // report.Ours or report.Floor
	// command is how a role is started: file says what to run, address is where ingress listens, folder takes files.
	command func(role Role, servers []string, file, address, folder string) (command, error)
	// encode is what the file holds.
	encode func(w Work, servers []string) ([]byte, error)
}

// Named is the subject as a process with a name of its own, by which Work.Dispatchers finds it. Not for the floor.
func (s Subject) Named(name string) Subject { return s.With("POD_NAME=" + name) }

// With is the subject with further environment variables, NAME=VALUE.
func (s Subject) With(env ...string) Subject {
	without := s.command
	s.command = func(role Role, servers []string, file, address, folder string) (command, error) {
		c, err := without(role, servers, file, address, folder)
		c.env = append(c.env, env...)
		return c, err
	}
	return s
}

// Committing is the floor with another time that something finished waits for its commit, for many groups: it shares no
// connections among them, so each makes few deliveries at a time. Not for the data plane, which takes a longer time for an
// upper bound.
func (s Subject) Committing(every time.Duration) Subject {
	usual := s.command
	s.command = func(role Role, servers []string, file, address, folder string) (command, error) {
		c, err := usual(role, servers, file, address, folder)
		c.args = append([]string{"-commit-every", every.String(), "-in-flight", "4"}, c.args...)
		return c, err
	}
	return s
}

type command struct {
	path      string
	args, env []string
}

func floorSubject(binary string) Subject {
	return Subject{
		Who: report.Floor,
		command: func(role Role, servers []string, file, address, _ string) (command, error) {
			return command{path: binary, args: []string{
				"-kafka", strings.Join(servers, ","), "-routes", file, "-listen", address, string(role),
			}}, nil
		},
		encode: func(w Work, _ []string) ([]byte, error) {
			var b strings.Builder
			for _, in := range w.Ingress {
				fmt.Fprintf(&b, "ingress %s %s\n", in.Path, in.Topic)
			}
			for _, e := range w.Egress {
				order := "unordered"
				if e.Ordered {
					order = "ordered"
				}
				fmt.Fprintf(&b, "egress %s %s %s %s\n", e.Group, e.Topic, e.URL, order)
			}
			return []byte(b.String()), nil
		},
	}
}
