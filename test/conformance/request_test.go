package conformance

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"knative.dev/eventing-kafka-go/data-plane/oidc/oidctest"
)

// request is what a case sends to the ingress.
type request struct {
	message
	Method   string `json:"method"`
	Target   string `json:"target"`
	Host     string `json:"host"`
	Chunks   int    `json:"chunks"`   // sent in chunks of so many bytes, without Content-Length
	Raw      string `json:"raw"`      // the whole request, line by line
	Protocol string `json:"protocol"` // h2c (known before), upgrade (to h2c, which must be agreed to), or HTTP/1.1
	Leave    bool   `json:"leave"`    // closes the connection without reading an answer

	Token map[string]any `json:"token"` // claims of the Bearer token that is shown, beside the usual ones; null takes one away
}

func (r *request) fields() []string {
	lines := r.lines("ce-", "1", "Content-Type: application/cloudevents+json")
	if r.Token == nil {
		return lines
	}
	token := tokenIssuer().Token("aud", "system:serviceaccount:ns:sender", time.Now(), r.Token)
	return append(slices.Clone(lines), "Authorization: Bearer "+token)
}

// tokenIssuer is the one whose keys the contract has.
var tokenIssuer = sync.OnceValue(func() *oidctest.Issuer { return oidctest.New("https://issuer.example", "k1") })

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
	reader := bufio.NewReader(conn)
	answer, err := http.ReadResponse(reader, &http.Request{Method: r.Method})
	if err != nil {
		return nil, nil, err
	}
	if r.Protocol == "upgrade" {
		return followUpgrade(conn, reader, answer)
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
	if r.Protocol == "upgrade" {
		b.WriteString("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n")
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

// followUpgrade goes on in HTTP/2 as the answer agreed to, and reads what the request that asked is answered there.
func followUpgrade(conn net.Conn, reader io.Reader, agreed *http.Response) (*http.Response, []byte, error) {
	agreed.Body.Close()
	if agreed.StatusCode != http.StatusSwitchingProtocols || agreed.Header.Get("Upgrade") != "h2c" {
		return nil, nil, fmt.Errorf("answered %s to a request to upgrade", agreed.Status)
	}
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		return nil, nil, err
	}
	frames := http2.NewFramer(conn, reader)
	frames.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := frames.WriteSettings(); err != nil {
		return nil, nil, err
	}
	var (
		answer *http.Response
		body   []byte
	)
	for {
		frame, err := frames.ReadFrame()
		if err != nil {
			return nil, nil, err
		}
		if frame.Header().StreamID != 1 { // the stream of the request that asked
			continue
		}
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			if answer, err = fromFields(f); err != nil {
				return nil, nil, err
			}
		case *http2.DataFrame:
			body = append(body, f.Data()...)
		case *http2.RSTStreamFrame:
			return nil, nil, fmt.Errorf("the stream ended with %v", f.ErrCode)
		}
		if answer != nil && frame.Header().Flags.Has(http2.FlagDataEndStream) {
			return answer, body, nil
		}
	}
}

func fromFields(f *http2.MetaHeadersFrame) (*http.Response, error) {
	code, err := strconv.Atoi(f.PseudoValue("status"))
	if err != nil {
		return nil, err
	}
	answer := &http.Response{StatusCode: code, Proto: "HTTP/2.0", ProtoMajor: 2, Header: http.Header{}}
	for _, h := range f.RegularFields() {
		answer.Header.Add(h.Name, h.Value)
	}
	return answer, nil
}
