package egress

import (
	"slices"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/placement"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// unlisted is a process that the contract's list of dispatchers does not name. It waits to be listed; when that takes too
// long, nobody is there to write lists, and it joins every group: all listed pods may be gone, and who delivers must not
// depend on a controller. A process that was listed once and is not any more was taken off on purpose, and stays away.
type unlisted struct {
	listed bool // it was, at some time
	alone  bool // it has waited long enough
	timer  *time.Timer
	// latest is what Apply was called with last, to be applied again when the wait is over.
	latest *contract.Contract
	creds  kafka.Credentials
	closed bool
}

// plan places the egresses of a contract for this process. The mutex is held.
func (s *Set) plan(c *contract.Contract, creds kafka.Credentials) *placement.Plan {
	u := &s.unlisted
	u.latest, u.creds = c, creds
	pods := c.GetDispatchers()
	switch {
	case s.options.Name == "" || len(pods) == 0:
	case slices.Contains(pods, s.options.Name):
		u.listed, u.alone = true, false
		u.stop()
	case u.alone:
		return placement.New("", nil)
	case !u.listed && u.timer == nil && !u.closed:
		u.timer = time.AfterFunc(s.options.UnlistedWait, s.joinAlone)
	}
	return placement.New(s.options.Name, pods)
}

func (u *unlisted) stop() {
	if u.timer != nil {
		u.timer.Stop()
		u.timer = nil
	}
}

// joinAlone ends the wait of a process that nobody has listed.
func (s *Set) joinAlone() {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := &s.unlisted
	if u.timer == nil || u.closed {
		return // listed, or closed, at this moment
	}
	u.timer, u.alone = nil, true
	s.options.Log.Warn("not among the contract's dispatchers after a wait: joining every group", "name", s.options.Name,
		"dispatchers", u.latest.GetDispatchers(), "wait", s.options.UnlistedWait)
	s.apply(u.latest, u.creds)
}
