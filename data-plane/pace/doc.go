// Package pace decides how many deliveries of one egress may run now, and when the next may begin. It learns from how
// the subscriber fares: a window of deliveries grows while latency holds and shrinks when it grows; a rate appears when
// the subscriber refuses requests, and follows what it takes; a breaker, where one is asked for, stops everything but
// one probe at a time while the subscriber is down. It only delays: what an attempt means is for package delivery.
//
// It does no I/O, reads no clock and starts no goroutine: now is the time since any fixed moment, and never goes back.
// A Pacer is used by one goroutine at a time.
package pace
