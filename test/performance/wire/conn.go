package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

const (
	maxHead = 16 << 10
	// Most events of a benchmark are read in one piece.
	bufferSize = 32 << 10
)

var (
	headEnd      = []byte("\r\n\r\n")
	errHead      = errors.New("malformed head")
	errBigHead   = fmt.Errorf("head above %d bytes", maxHead)
	errNoLength  = errors.New("body without Content-Length")
	errTruncated = errors.New("connection closed within a message")
)

// Conn reads HTTP/1.1 messages one after another from a connection.
type Conn struct {
	r          io.Reader
	buf        []byte
	start, end int
}

// NewConn returns a Conn that reads from r.
func NewConn(r io.Reader) *Conn { return &Conn{r: r, buf: make([]byte, bufferSize)} }

// Received is the request of an event. Path is valid until the next read. Lane, Seq and Sent are set when the event is
// one of AppendID and AppendSent, else Known is false.
type Received struct {
	Method, Path []byte
	Known        bool
	Lane         int
	Seq          uint64
	Sent         int64
}

// ReadResponse reads a response, skips its body and returns its status. io.EOF means that the connection was closed
// between messages.
func (c *Conn) ReadResponse() (status int, err error) {
	head, err := c.head()
	if err != nil {
		return 0, err
	}
	line, fields := cutLine(head)
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, fmt.Errorf("%w: %q", errHead, line)
	}
	code, ok := parseDigits(line[9:12])
	if !ok {
		return 0, fmt.Errorf("%w: %q", errHead, line)
	}
	var e fieldsOfInterest
	if err := e.read(fields); err != nil {
		return 0, err
	}
	if e.length < 0 && code != 204 && code != 304 {
		return 0, fmt.Errorf("response %d: %w", code, errNoLength)
	}
	return int(code), c.skip(max(e.length, 0))
}

// ReadRequest reads a request into r and skips its body. io.EOF means that the connection was closed between messages.
func (c *Conn) ReadRequest(r *Received) error {
	*r = Received{}
	head, err := c.head()
	if err != nil {
		return err
	}
	line, fields := cutLine(head)
	method, rest, ok1 := bytes.Cut(line, []byte(" "))
	path, version, ok2 := bytes.Cut(rest, []byte(" "))
	if !ok1 || !ok2 || string(version) != "HTTP/1.1" {
		return fmt.Errorf("%w: %q", errHead, line)
	}
	var e fieldsOfInterest
	if err := e.read(fields); err != nil {
		return err
	}
	if e.length < 0 && string(method) != "GET" {
		return fmt.Errorf("%s: %w", method, errNoLength)
	}
	r.Method, r.Path = method, path
	var idOK bool
	var sent uint64
	r.Lane, r.Seq, idOK = ParseID(e.id)
	sent, sentOK := parseDigits(e.sent)
	r.Sent, r.Known = int64(sent), idOK && sentOK
	// The path lies in the buffer, whose bytes are kept until the next message is read, unless the body does not fit.
	if c.end-c.start < e.length {
		r.Method, r.Path = bytes.Clone(method), bytes.Clone(path)
	}
	return c.skip(max(e.length, 0))
}

// head returns the next message's head with the last line's end, and leaves the body to be skipped.
func (c *Conn) head() ([]byte, error) {
	if c.start == c.end {
		c.start, c.end = 0, 0
	}
	searched := c.start
	for {
		if i := bytes.Index(c.buf[searched:c.end], headEnd); i >= 0 {
			head := c.buf[c.start : searched+i+2]
			c.start = searched + i + len(headEnd)
			return head, nil
		}
		if c.end-c.start > maxHead {
			return nil, errBigHead
		}
		searched = max(c.start, c.end-len(headEnd)+1)
		if c.end == len(c.buf) {
			copy(c.buf, c.buf[c.start:c.end])
			searched -= c.start
			c.start, c.end = 0, c.end-c.start
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

func (c *Conn) fill() error {
	n, err := c.r.Read(c.buf[c.end:])
	c.end += n
	if n > 0 {
		return nil
	}
	if err == io.EOF && c.end > c.start {
		return errTruncated
	}
	return err
}

func (c *Conn) skip(n int) error {
	for n > c.end-c.start {
		n -= c.end - c.start
		c.start, c.end = 0, 0
		if err := c.fill(); err != nil {
			if err == io.EOF {
				return errTruncated
			}
			return err
		}
	}
	c.start += n
	return nil
}

// fieldsOfInterest are the header fields that matter here. length is -1 when there is none.
type fieldsOfInterest struct {
	length   int
	id, sent []byte
}

func (f *fieldsOfInterest) read(fields []byte) error {
	f.length = -1
	for len(fields) > 0 {
		var line []byte
		line, fields = cutLine(fields)
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			return fmt.Errorf("%w: %q", errHead, line)
		}
		switch {
		case is(name, "ce-id"):
			f.id = bytes.TrimSpace(value)
		case is(name, "ce-"+SentExtension):
			f.sent = bytes.TrimSpace(value)
		case is(name, "transfer-encoding"):
			return fmt.Errorf("transfer-encoding %s: %w", bytes.TrimSpace(value), errNoLength)
		case is(name, "content-length"):
			n, err := strconv.Atoi(string(bytes.TrimSpace(value)))
			if err != nil || n < 0 {
				return fmt.Errorf("%w: %q", errHead, line)
			}
			f.length = n
		}
	}
	return nil
}

// is compares a field name with a lower-case one, whatever its case.
func is(name []byte, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i := range name {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return b, nil
	}
	return bytes.TrimSuffix(b[:i], []byte("\r")), b[i+1:]
}
