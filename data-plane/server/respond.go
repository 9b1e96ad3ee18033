package server

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/ingress"
)

// connection is what an answer says about its connection.
type connection uint8

const (
	connectionKept      connection = iota // HTTP/1.1's default, not said
	connectionClose                       // closed after this answer
	connectionKeepAlive                   // kept though the client speaks HTTP/1.0
)

// appendAnswer writes an answer as HTTP/1.1 has it. date is a whole header line.
func appendAnswer(b []byte, a ingress.Answer, date string, conn connection) []byte {
	if a.Status == http.StatusAccepted {
		b = append(b, "HTTP/1.1 202 Accepted\r\n"...)
	} else {
		b = append(b, "HTTP/1.1 "...)
		b = strconv.AppendInt(b, int64(a.Status), 10)
		b = append(b, ' ')
		b = append(b, http.StatusText(a.Status)...)
		b = append(b, "\r\n"...)
	}
	b = append(b, date...)
	switch conn {
	case connectionClose:
		b = append(b, "Connection: close\r\n"...)
	case connectionKeepAlive:
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	for _, h := range a.Headers {
		b = append(b, h.Name...)
		b = append(b, ": "...)
		b = append(b, h.Value...)
		b = append(b, "\r\n"...)
	}
	if a.Reason == "" {
		return append(b, "Content-Length: 0\r\n\r\n"...)
	}
	b = append(b, "Content-Type: text/plain; charset=utf-8\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(a.Reason)+1), 10)
	b = append(b, "\r\n\r\n"...)
	b = append(b, a.Reason...)
	return append(b, '\n')
}

// withoutBody turns an answer into that of a HEAD request.
func withoutBody(a ingress.Answer) ingress.Answer {
	a.Reason = ""
	return a
}

// dateHeader is the header Date, made anew when the second has changed.
type dateHeader struct{ current atomic.Pointer[datedLine] }

type datedLine struct {
	second int64
	line   string
}

func (d *dateHeader) line(now time.Time) string {
	second := now.Unix()
	if c := d.current.Load(); c != nil && c.second == second {
		return c.line
	}
	line := "Date: " + now.UTC().Format(http.TimeFormat) + "\r\n"
	d.current.Store(&datedLine{second, line})
	return line
}
