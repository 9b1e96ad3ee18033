package delivery

import "errors"

// Cause says how a request failed that got no answer.
type Cause uint8

// Causes. Answered is none: there was an answer, or nothing was sent.
const (
	Answered Cause = iota
	// Unreachable is a host that takes no connection: refused, no route, or a name that is unknown. Nothing was sent.
	Unreachable
	// TimedOut is no connection or no answer in time.
	TimedOut
	// Broken is an exchange that failed on the way: a connection that ended, an answer that is no HTTP, a certificate
	// that is not trusted.
	Broken
	// CutOff was ended by this process. It says nothing about the other side, so it uses up no attempt and leads to no
	// outcome: the event is delivered later, mostly by another process (EG-37).
	CutOff
	// NoToken is a request that was not made, since there is no token to show. Like CutOff it uses up no attempt (EG-21).
	NoToken
)

// errUnreachable marks the failure to make a connection.
var errUnreachable = errors.New("unreachable")

// cause tells why an exchange failed.
func (c *client) cause(err error) Cause {
	var timeout interface{ Timeout() bool }
	switch {
	case c.isClosed():
		return CutOff
	case errors.As(err, &timeout) && timeout.Timeout():
		return TimedOut
	case errors.Is(err, errUnreachable):
		return Unreachable
	}
	return Broken
}
