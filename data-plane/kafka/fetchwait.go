package kafka

import (
	"context"
	"encoding/binary"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// FetchWait gives one consumer client two waits for its fetches: a long one while it is idle, since brokers pay for
// every fetch of an idle group, and a short one while a partition of it is paused, since a partition that is resumed
// waits for the end of the fetch that left it out. kgo knows one fixed wait, so the fetches are changed on their way to
// the broker: pass [FetchWait.Dialer] to kgo.Dialer and the longer wait to kgo.FetchMaxWait. A wait is only ever made
// shorter; fetches with which kgo ends a session on the broker have a short one of their own.
//
// A fetch that is on its way keeps its wait. Therefore call SetPaused(true) before pausing and SetPaused(false) after
// resuming. The next few fetches on each connection stay short: the first may have been put together before the
// resumption, and on a new connection partitions whose start must be looked up join only after some fetches. kgo opens a
// new one whenever the assignment or a leader changes. Any goroutine may use it.
type FetchWait struct {
	idle   int32        // milliseconds
	paused atomic.Int32 // milliseconds, the longest wait while a partition is paused
	since  atomic.Int64 // when a partition was paused last, Unix nanoseconds
	now    func() time.Time
	// state counts the changes: odd while a partition is paused.
	state atomic.Uint64
}

// NewFetchWait returns the waits of one client.
func NewFetchWait(idle, paused time.Duration) *FetchWait {
	wait := &FetchWait{idle: int32(idle.Milliseconds()), now: time.Now}
	wait.SetPausedWait(paused)
	return wait
}

// SetPausedWait changes the longest wait while a partition is paused, from the next fetch on.
func (f *FetchWait) SetPausedWait(wait time.Duration) { f.paused.Store(int32(wait.Milliseconds())) }

// SetPaused says whether any partition of the client is paused; it is called for every partition that is. Waits begin
// short then and grow with the time that nothing else was paused: who pauses at some amount and resumes at half of it
// has, after any time, still events for as long again, while a partition that rests for hours costs few fetches.
func (f *FetchWait) SetPaused(paused bool) {
	if paused {
		f.since.Store(f.now().UnixNano())
	}
	for {
		state := f.state.Load()
		if paused == (state%2 == 1) || f.state.CompareAndSwap(state, state+1) {
			return
		}
	}
}

// Dialer returns next with the wait of fetches changed in what is written. Next must return connections on which Kafka's
// frames are written in clear, so encryption belongs into it.
func (f *FetchWait) Dialer(next func(ctx context.Context, network, address string) (net.Conn, error),
) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := next(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &fetchConn{Conn: conn, wait: f, short: settling}, nil
	}
}

// settling is how many fetches stay short after a pause and on a new connection.
const settling = 4

// fetchConn is a connection to a broker. kgo writes each request with one Write, and has one fetch at a time on it.
type fetchConn struct {
	net.Conn
	wait *FetchWait

	mu    sync.Mutex
	state uint64 // of wait at the last fetch
	short int    // fetches still to be short
}

// Write passes on what it is given, but for the wait of a fetch.
func (c *fetchConn) Write(frame []byte) (int, error) {
	offset, ok := fetchWaitOffset(frame)
	if !ok {
		return c.Conn.Write(frame)
	}
	wait := uint32(c.next())
	if binary.BigEndian.Uint32(frame[offset:]) <= wait {
		return c.Conn.Write(frame)
	}
	// A writer may not change what it is given, and the buffer is kgo's.
	changed := slices.Clone(frame)
	binary.BigEndian.PutUint32(changed[offset:], wait)
	return c.Conn.Write(changed)
}

// next returns the wait of the fetch that is being written.
func (c *fetchConn) next() int32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state := c.wait.state.Load(); state != c.state {
		c.state, c.short = state, settling
	}
	if c.state%2 == 1 {
		return c.wait.pausedWait(c.wait.now())
	}
	if c.short > 0 {
		c.short--
		return min(c.wait.paused.Load(), settlingWait)
	}
	return c.wait.idle
}

const (
	// firstPausedWait and settlingWait are milliseconds.
	firstPausedWait = 10
	settlingWait    = 100
)

// pausedWait is half of the time since a partition was paused last, within bounds.
func (f *FetchWait) pausedWait(now time.Time) int32 {
	half := (now.UnixNano() - f.since.Load()) / 2 / int64(time.Millisecond)
	return int32(min(max(half, firstPausedWait), int64(f.paused.Load())))
}

const (
	fetchKey = 1
	// maxFetchVersion is the last layout known; later ones pass unchanged.
	maxFetchVersion = 18
	// flexibleFetchVersion is the first with tagged fields, which end the header with their number.
	flexibleFetchVersion = 12
	// replicaFetchVersion is the last that begins with a replica id.
	replicaFetchVersion = 14
)

// fetchWaitOffset returns where MaxWaitMillis is in a fetch request. It is false for everything but exactly one whole
// frame of a fetch in a known version.
//
// The frame: length int32 (of what follows it), key int16, version int16, correlation id int32, client id (length
// int16, -1 for none), number of header tags (flexible versions), replica id int32 (up to version 14), MaxWaitMillis.
func fetchWaitOffset(frame []byte) (int, bool) {
	const clientID = 12
	if len(frame) < clientID+2 || uint64(binary.BigEndian.Uint32(frame)) != uint64(len(frame)-4) ||
		binary.BigEndian.Uint16(frame[4:]) != fetchKey {
		return 0, false
	}
	version := binary.BigEndian.Uint16(frame[6:])
	if version > maxFetchVersion {
		return 0, false
	}
	offset := clientID + 2
	if length := int16(binary.BigEndian.Uint16(frame[clientID:])); length > 0 {
		offset += int(length)
	}
	if version >= flexibleFetchVersion {
		if offset >= len(frame) || frame[offset] != 0 {
			return 0, false // header tags are not used in any version; their layout would have to be read
		}
		offset++
	}
	if version <= replicaFetchVersion {
		offset += 4
	}
	if offset+4 > len(frame) {
		return 0, false
	}
	return offset, true
}
