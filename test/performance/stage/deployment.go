package stage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/process"
	"knative.dev/eventing-kafka-go/test/performance/wire"
)

// Deployment is a subject that runs: a process for each role and the file that both read.
type Deployment struct {
	Subject
	stage     *Stage
	file      string
	address   string // of ingress
	processes map[Role]*process.Child
	logs      map[Role]string
}

// Deploy writes what to run and starts a process for each role. It does not wait until they serve.
func (s *Stage) Deploy(subject Subject, w Work, roles ...Role) (*Deployment, error) {
	folder, err := os.MkdirTemp(s.Folder, subject.Who+"-")
	if err != nil {
		return nil, err
	}
	d := &Deployment{
		Subject: subject, stage: s, file: filepath.Join(folder, "work"),
		processes: map[Role]*process.Child{}, logs: map[Role]string{},
	}
	if d.address, err = freeAddress(); err != nil {
		return nil, err
	}
	if err := d.Apply(w); err != nil {
		return nil, err
	}
	for _, role := range roles {
		c, err := subject.command(role, s.Broker.Servers, d.file, d.address, folder)
		if err != nil {
			return nil, err
		}
		d.processes[role], d.logs[role], err = s.start(subject.Who+"-"+string(role), c.env, c.path, c.args...)
		if err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Apply replaces what the deployment runs. The file appears in one step.
func (d *Deployment) Apply(w Work) error {
	b, err := d.encode(w, d.stage.Broker.Servers)
	if err != nil {
		return fmt.Errorf("write what %s runs: %w", d.Who, err)
	}
	if err := os.WriteFile(d.file+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(d.file+".new", d.file)
}

// URL is where a path is served.
func (d *Deployment) URL(path string) string { return "http://" + d.address + path }

// Stop ends the processes.
func (d *Deployment) Stop() {
	for _, child := range d.processes {
		d.stage.stop(child)
	}
}

// Failed says which process has ended by itself, and why.
func (d *Deployment) Failed() error {
	for role, child := range d.processes {
		if err := child.Ended(); err != nil {
			return fmt.Errorf("%w: %s", err, tail(d.logs[role]))
		}
	}
	return nil
}

// CPU is the processor time that a role has used.
func (d *Deployment) CPU(role Role) (time.Duration, error) {
	return process.CPU(d.processes[role].PID())
}

// Memory is what a role holds.
func (d *Deployment) Memory(role Role) (process.Memory, error) {
	return process.MemoryOf(d.processes[role].PID())
}

// Await202 posts an event to a path until it is accepted, and returns when that was. Refusals that say "not yet" (404,
// 503, no connection) are tried again; anything else is an error.
func (d *Deployment) Await202(ctx context.Context, path string, limit time.Duration) (time.Time, error) {
	var p poster
	defer p.close()
	request := wire.NewRequest(d.address, path, 1024)
	var last error
	err := Until(ctx, pollEvery/4, limit, "first 202 of "+d.Who+" at "+path, func() bool {
		var again bool
		again, last = p.post(d.address, request)
		return !again
	}, d.Failed)
	return time.Now(), errors.Join(err, last)
}

// poster posts on one connection as long as it lasts.
type poster struct {
	conn net.Conn
	in   *wire.Conn
}

// post sends an event; again says that a later attempt may be accepted.
func (p *poster) post(address string, request *wire.Request) (again bool, err error) {
	if p.conn == nil {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return true, err
		}
		p.conn, p.in = conn, wire.NewConn(conn)
	}
	if err := p.conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return false, err
	}
	status, err := p.exchange(request)
	if err != nil {
		p.close()
		return true, err
	}
	switch status {
	case 202:
		return false, nil
	case 404, 503:
		return true, fmt.Errorf("status %d", status)
	default:
		return false, fmt.Errorf("status %d", status)
	}
}

// exchange sends an event whose number is above those that sinks count.
func (p *poster) exchange(request *wire.Request) (int, error) {
	if _, err := p.conn.Write(request.Stamp(0, 1<<32, time.Now().UnixNano())); err != nil {
		return 0, err
	}
	return p.in.ReadResponse()
}

func (p *poster) close() {
	if p.conn != nil {
		_ = p.conn.Close() // nothing is waiting in it
		p.conn = nil
	}
}
