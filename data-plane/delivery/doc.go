// Package delivery takes one event of one egress to its outcome: filter, send to the subscriber, retry, reply, dead
// letter. What comes next is decided by a state machine that does no I/O and reads no clock (Delivery.Next); a Target
// carries it out over HTTP and Kafka. The package neither consumes nor commits, and never waits for a retry itself:
// it says how long to wait. A Target is immutable and may be used by any number of goroutines; a Job belongs to one
// goroutine at a time.
package delivery
