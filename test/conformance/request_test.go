package conformance

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// request is what a case sends to the ingress.
type request struct {
	message
	Method   string `json:"method"`
	Target   string `json:"target"`
	Host     string `json:"host"`
	Chunks   int    `json:"chunks"`   // sent in chunks of so many bytes, without Content-Length
	Raw      string `json:"raw"`      // the whole request, line by line
	Protocol string `json:"protocol"` // h2c, or HTTP/1.1
	Leave    bool   `json:"leave"`    // closes the connection without reading an answer
}

func (r *request) fields() []string {
	return r.lines("ce-", "1", "Content-Type: application/cloudevents+json")
}

// send makes the request over a connection of its own and reads the whole answer.
func (r *request) send(address string) (*http.Response, []byte, error) {
	if r.Protocol == "h2c" {
		return r.sendHTTP2(address)
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(deadline)); err != nil {
		return nil, nil, err
	}
	if r.Leave {
		_, err := conn.Write(r.wire())
		return nil, nil, err
	}
	go func() { _, _ = conn.Write(r.wire()) }() // the answer may come before everything is sent
	answer, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: r.Method})
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer, body, err
}

// wire is the request as it goes over the connection.
func (r *request) wire() []byte {
	if r.Raw != "" {
		return []byte(strings.ReplaceAll(r.Raw, "\n", "\r\n"))
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.Target, r.Host)
	for _, line := range r.fields() {
		fmt.Fprintf(&b, "%s\r\n", line)
	}
	body := r.bytes()
	if r.Chunks == 0 {
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(body))
		b.Write(body)
		return b.Bytes()
	}
	b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
	for len(body) > 0 {
		n := min(r.Chunks, len(body))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	b.WriteString("0\r\n\r\n")
	return b.Bytes()
}

func (r *request) sendHTTP2(address string) (*http.Response, []byte, error) {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.Method, "http://"+address+r.Target, bytes.NewReader(r.bytes()))
	if err != nil {
		return nil, nil, err
	}
	req.Host = r.Host
	for _, line := range r.fields() {
		name, value := field(line)
		req.Header.Add(name, value)
	}
	answer, err := transport.RoundTrip(req)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	if answer.ProtoMajor != 2 {
		return nil, nil, fmt.Errorf("answered in %s", answer.Proto)
	}
	body, err := io.ReadAll(answer.Body)
	return answer, body, err
}
