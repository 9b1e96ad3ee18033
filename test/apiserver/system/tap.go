package system

import (
	"encoding/binary"
	"net"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Request is a kind of request to Kafka, from a client as it names itself.
type Request struct{ Client, Kind string }

// tap counts the requests that pass the connections of a listener.
type tap struct {
	net.Listener

	counts *counts
}

// Accept implements net.Listener.
func (t *tap) Accept() (net.Conn, error) {
	c, err := t.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &tapped{Conn: c, counts: t.counts}, nil
}

// counts are how many requests of each kind there were.
type counts struct {
	mu sync.Mutex
	of map[Request]int
}

func (c *counts) add(r Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[r]++
}

// tapped is a connection that is read by one goroutine, that of the broker.
type tapped struct {
	net.Conn

	counts *counts
	head   []byte // of the request that is being read, up to headSize
	left   int    // bytes of it that are still to come, once its size is known
}

// headSize is how much of a request is looked at: size, key, version, correlation id, and a client's name, which is cut
// off when it is longer.
const (
	nameAt   = 4 + 2 + 2 + 4 + 2
	headSize = nameAt + 100
)

// Read implements net.Conn.
func (t *tapped) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	t.see(b[:n])
	return n, err
}

func (t *tapped) see(b []byte) {
	for len(b) > 0 {
		if t.left == 0 { // a request begins
			take := min(4-len(t.head), len(b))
			t.head, b = append(t.head, b[:take]...), b[take:]
			if len(t.head) < 4 {
				return
			}
			if t.left = int(binary.BigEndian.Uint32(t.head)); t.left == 0 {
				t.head = t.head[:0]
				continue
			}
		}
		take := min(t.left, len(b))
		keep := min(take, headSize-len(t.head))
		t.head = append(t.head, b[:keep]...)
		b, t.left = b[take:], t.left-take
		if t.left == 0 {
			t.counts.add(requestOf(t.head))
			t.head = t.head[:0]
		}
	}
}

func requestOf(head []byte) Request {
	if len(head) < nameAt {
		return Request{Kind: "none"}
	}
	r := Request{Kind: kmsg.NameForKey(int16(binary.BigEndian.Uint16(head[4:])))}
	if length := int(int16(binary.BigEndian.Uint16(head[nameAt-2:]))); length > 0 {
		r.Client = string(head[nameAt:min(nameAt+length, len(head))])
	}
	return r
}
