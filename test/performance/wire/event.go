// Package wire is the HTTP/1.1 that the load generator and the sink speak: just enough to send, answer and recognise
// binary CloudEvents, because what these two cost is taken from the machine that is measured. It parses heads in place,
// allocates nothing per event, and refuses what it does not understand instead of guessing. A Request and a Conn belong
// to one goroutine.
package wire

import (
	"strconv"
	"strings"
)

// Attributes of the events. Times are nanoseconds since 1970 in the extension, in a fixed number of digits.
const (
	SpecVersion = "1.0"
	Type        = "performance.event"
	Source      = "/performance/load"
	ContentType = "application/json"
	// SentExtension holds when the event was due to be sent.
	SentExtension = "senttime"
)

const (
	laneDigits = 3
	seqDigits  = 12
	sentDigits = 19
	idLength   = laneDigits + 1 + seqDigits
	// MaxLane is the highest lane that an id can hold.
	MaxLane = 999
)

// AppendID appends the id of event seq of a lane: the lane, a dash, the number, in fixed widths. A lane is a stream
// whose events have an order, e.g. a partition.
func AppendID(dst []byte, lane int, seq uint64) []byte {
	dst = appendDigits(dst, uint64(lane), laneDigits)
	dst = append(dst, '-')
	return appendDigits(dst, seq, seqDigits)
}

// ParseID reverses AppendID; ok is false for any other text.
func ParseID(id []byte) (lane int, seq uint64, ok bool) {
	if len(id) != idLength || id[laneDigits] != '-' {
		return 0, 0, false
	}
	l, ok1 := parseDigits(id[:laneDigits])
	s, ok2 := parseDigits(id[laneDigits+1:])
	return int(l), s, ok1 && ok2
}

// AppendSent appends a time in nanoseconds as SentExtension has it.
func AppendSent(dst []byte, ns int64) []byte { return appendDigits(dst, uint64(ns), sentDigits) }

func appendDigits(dst []byte, n uint64, width int) []byte {
	start := len(dst)
	for range width {
		dst = append(dst, '0')
	}
	for i := len(dst) - 1; i >= start; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
	return dst
}

func parseDigits(b []byte) (uint64, bool) {
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, len(b) > 0
}

// Body returns size bytes of JSON, the same every time, that a compressor gains little on. Sizes below 2 give a digit.
func Body(size int) []byte {
	if size < 2 {
		return []byte("0")[:size]
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	b := make([]byte, size)
	state := uint64(0x9E3779B97F4A7C15)
	for i := range b {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		b[i] = alphabet[state>>58]
	}
	b[0], b[size-1] = '"', '"'
	return b
}

// Request is a POST of one binary CloudEvent, complete but for id and time.
type Request struct {
	buf      []byte
	id, sent int
}

// NewRequest returns a request for an absolute path with an event of size bytes of data.
func NewRequest(host, path string, size int) *Request {
	var b strings.Builder
	b.WriteString("POST " + path + " HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: " + ContentType +
		"\r\nContent-Length: " + strconv.Itoa(size) + "\r\nce-specversion: " + SpecVersion + "\r\nce-type: " + Type +
		"\r\nce-source: " + Source + "\r\nce-id: ")
	r := &Request{id: b.Len()}
	b.WriteString(strings.Repeat("0", idLength) + "\r\nce-" + SentExtension + ": ")
	r.sent = b.Len()
	b.WriteString(strings.Repeat("0", sentDigits) + "\r\n\r\n")
	r.buf = append([]byte(b.String()), Body(size)...)
	return r
}

// Stamp sets id and time and returns the request's bytes, which are valid until the next Stamp.
func (r *Request) Stamp(lane int, seq uint64, sent int64) []byte {
	AppendID(r.buf[:r.id], lane, seq)
	AppendSent(r.buf[:r.sent], sent)
	return r.buf
}
