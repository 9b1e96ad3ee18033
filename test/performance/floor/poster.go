package main

import (
	"bufio"
	"fmt"
	"net"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/valyala/fasthttp"
)

const bufferSize = 8 << 10

// poster posts one event at a time on a connection of its own. Pools, deadlines and retries of a client are left out.
type poster struct {
	host, path string
	conn       net.Conn
	w          *bufio.Writer
	r          *bufio.Reader
	req        fasthttp.Request
	resp       fasthttp.Response
}

// poster returns a connection that is not in use.
func (g *group) poster() (*poster, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n := len(g.idle); n > 0 {
		p := g.idle[n-1]
		g.idle = g.idle[:n-1]
		return p, nil
	}
	conn, err := net.Dial("tcp", g.host)
	if err != nil {
		return nil, err
	}
	p := &poster{host: g.host, path: g.path, conn: conn, w: bufio.NewWriterSize(conn, bufferSize), r: bufio.NewReaderSize(conn, bufferSize)}
	p.resp.Header.DisableNormalizing()
	return p, nil
}

func (g *group) release(p *poster) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.idle = append(g.idle, p)
}

func (p *poster) close() {
	if p != nil {
		_ = p.conn.Close() // nothing is waiting in it
	}
}

func (p *poster) post(r *kgo.Record) error {
	h := &p.req.Header
	h.Reset()
	h.DisableNormalizing()
	h.SetNoDefaultContentType(true)
	h.SetMethod(fasthttp.MethodPost)
	h.SetRequestURI(p.path)
	h.SetHost(p.host)
	for i := range r.Headers {
		if name := requestName(r.Headers[i].Key); name != "" {
			h.AddBytesV(name, r.Headers[i].Value)
		} else if r.Headers[i].Key == "content-type" {
			h.SetContentTypeBytes(r.Headers[i].Value)
		}
	}
	p.req.SetBodyRaw(r.Value)
	if err := p.req.Write(p.w); err != nil {
		return err
	}
	if err := p.w.Flush(); err != nil {
		return err
	}
	if err := p.resp.Read(p.r); err != nil {
		return err
	}
	if code := p.resp.StatusCode(); code/100 != 2 {
		return fmt.Errorf("%s%s answered %d", p.host, p.path, code)
	}
	return nil
}
