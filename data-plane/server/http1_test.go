package server_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

func TestHTTP1ByteForByte(t *testing.T) {
	r := startRig(t, rigOptions{acquire: instant(1 << 20)})
	const chunkedEvent = eventHeader + "Transfer-Encoding: chunked\r\n\r\n"
	const structured = "POST /ns/name HTTP/1.1\r\nHost: x\r\nContent-Type: application/cloudevents+json\r\n"
	large := `{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"` + strings.Repeat("AAAA", 325_000) + `"}`
	kept, closed := true, false
	for name, row := range map[string]struct {
		sent   string
		status int
		kept   bool // the connection takes another request
	}{
		"an event with a length":                                    {goodEvent, 202, kept},
		"an event in chunks":                                        {chunkedEvent + "2\r\nda\r\n2;ext=1\r\nta\r\n0\r\n\r\n", 202, kept},
		"chunks with trailers":                                      {chunkedEvent + "4\r\ndata\r\n0\r\nA: b\r\nC: d\r\n\r\n", 202, kept},
		"an event without a body":                                   {eventHeader + "\r\n", 202, kept},
		"a body of no bytes":                                        {eventHeader + "Content-Length: 0\r\n\r\n", 202, kept},
		"no chunks but the last":                                    {chunkedEvent + "0\r\n\r\n", 202, kept},
		"an empty line before a request":                            {"\r\n" + goodEvent, 202, kept},
		"the client wants to close":                                 {eventHeader + "Connection: close\r\nContent-Length: 4\r\n\r\ndata", 202, closed},
		"the client wants to close, in a list and in capitals":      {eventHeader + "Connection: TE, Close\r\nContent-Length: 4\r\n\r\ndata", 202, closed},
		"HTTP/1.0 closes":                                           {strings.Replace(goodEvent, "HTTP/1.1", "HTTP/1.0", 1), 202, closed},
		"HTTP/1.0 with keep-alive":                                  {strings.Replace(goodEvent, "HTTP/1.1", "HTTP/1.0\r\nConnection: keep-alive", 1), 202, kept},
		"an unknown path, body read and thrown away":                {strings.Replace(goodEvent, "/ns/name", "/no", 1), 404, kept},
		"a method that is not allowed":                              {strings.Replace(goodEvent, "POST", "PATCH", 1), 405, kept},
		"an unknown path with chunks of unknown size":               {strings.Replace(chunkedEvent, "/ns/name", "/no", 1), 404, closed},
		"a length over the limit is refused before the body":        {eventHeader + "Content-Length: 99999999999\r\n\r\n", 413, closed},
		"a chunk over the limit is refused when it is read":         {chunkedEvent + "fffff\r\n" + strings.Repeat("x", 0xfffff) + "\r\n10\r\n0123456789abcdef\r\n", 413, closed},
		"a chunk size over the limit is believed when it comes":     {chunkedEvent + "ffffffffff\r\n" + strings.Repeat("x", 1<<20), 413, closed},
		"a structured body may be larger than its record by base64": {fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", structured, len(large), large), 202, kept},
		"a negative length":                                         {eventHeader + "Content-Length: -1\r\n\r\n", 400, closed},
		"a length that is no number":                                {eventHeader + "Content-Length: 4x\r\n\r\ndata", 400, closed},
		"two lengths":                                               {eventHeader + "Content-Length: 4\r\nContent-Length: 5\r\n\r\ndata", 400, closed},
		"a length and chunks":                                       {eventHeader + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, closed},
		"chunks and a length":                                       {eventHeader + "Transfer-Encoding: chunked\r\nCONTENT-LENGTH: 4\r\n\r\n0\r\n\r\n", 400, closed},
		"an unknown coding":                                         {eventHeader + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, closed},
		"HTTP/1.0 with chunks":                                      {strings.Replace(chunkedEvent, "HTTP/1.1", "HTTP/1.0", 1) + "0\r\n\r\n", 400, closed},
		"a chunk size that is no number":                            {chunkedEvent + "zz\r\ndata\r\n0\r\n\r\n", 400, closed},
		"a chunk longer than it said":                               {chunkedEvent + "2\r\ndata\r\n0\r\n\r\n", 400, closed},
		"two hosts":                                                 {strings.Replace(goodEvent, "Host: x", "Host: x\r\nHost: y", 1), 400, closed},
		"no host":                                                   {strings.Replace(goodEvent, "Host: x\r\n", "", 1), 400, closed},
		"no HTTP":                                                   {"hello\r\n\r\n", 400, closed},
		"a request line without a target":                           {"POST\r\nHost: x\r\n\r\n", 400, closed},
		"a header name with a space":                                {strings.Replace(goodEvent, "Host: x", "Host: x\r\nA b : c", 1), 400, closed},
		"a header with a control character":                         {strings.Replace(goodEvent, "type: type", "type: ty\x01pe", 1), 400, closed},
		"a header of 8 KiB and more":                                {strings.Replace(goodEvent, "Host: x", "Host: x\r\nA: "+strings.Repeat("a", 8<<10), 1), 431, closed},
		"a header of nearly 8 KiB":                                  {strings.Replace(goodEvent, "Host: x", "Host: x\r\nA: "+strings.Repeat("a", 7900), 1), 202, kept},
		"a target of 8 KiB and more":                                {strings.Replace(goodEvent, "/ns/name", "/"+strings.Repeat("a", 8<<10), 1), 414, closed},
		"a target of more than 4 KiB":                               {strings.Replace(goodEvent, "/ns/name", "/"+strings.Repeat("a", 4<<10), 1), 414, closed},
		"a target of nearly 4 KiB and a header of nearly 8 KiB":     {strings.Replace(strings.Replace(goodEvent, "/ns/name", "/ns/name?"+strings.Repeat("a", 4000), 1), "Host: x", "Host: x\r\nA: "+strings.Repeat("a", 7900), 1), 202, kept},
		"another version":                                           {strings.Replace(goodEvent, "HTTP/1.1", "HTTP/3.0", 1), 505, closed},
		"another version's preface, nearly":                         {"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX", 505, closed},
		"an expectation that nobody knows":                          {eventHeader + "Expect: everything\r\nContent-Length: 4\r\n\r\ndata", 417, closed},
		"100-continue without waiting":                              {eventHeader + "Expect: 100-continue\r\nContent-Length: 4\r\n\r\ndata", 202, kept},
		"100-continue for a body that nobody takes":                 {strings.Replace(eventHeader, "/ns/name", "/no", 1) + "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n", 404, closed},
		"100-continue for a body over the limit":                    {eventHeader + "Expect: 100-Continue\r\nContent-Length: 9999999\r\n\r\n", 413, closed},
		"an absolute target":                                        {strings.Replace(goodEvent, "/ns/name", "http://y/ns/name?a=b", 1), 202, kept},
		"OPTIONS *":                                                 {"OPTIONS * HTTP/1.1\r\nHost: name-kn-channel.ns\r\n\r\n", 200, kept},
		"a request to upgrade to another protocol":                  {strings.Replace(goodEvent, "Host: x", "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket", 1), 202, kept},
		"a request to upgrade to HTTP/2 without settings":           {strings.Replace(goodEvent, "Host: x", "Host: x\r\nConnection: Upgrade\r\nUpgrade: h2c", 1), 202, kept},
		"a request to upgrade that is refused":                      {strings.Replace(strings.Replace(goodEvent, "/ns/name", "/no", 1), "Host: x", upgradeHeader, 1), 404, kept},
		"a request to upgrade with settings that are none":          {strings.Replace(goodEvent, "Host: x", "Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAA", 1), 400, kept},
	} {
		t.Run(name, func(t *testing.T) {
			w := r.dial(t)
			go io.WriteString(w, row.sent) //nolint:errcheck // it is refused halfway, sometimes
			a := w.receive(t)
			if a.status != row.status || (a.status >= 400) != (a.body != "") {
				t.Fatalf("answer %+v, want %d", a, row.status)
			}
			if said := a.header.Get("Connection") != "close"; said != row.kept {
				t.Errorf("header %v, want the connection kept: %v", a.header, row.kept)
			}
			if !row.kept {
				w.receiveEnd(t)
				return
			}
			w.send(t, goodEvent)
			if a := w.receive(t); a.status != 202 {
				t.Errorf("the next request: %+v", a)
			}
		})
	}
}

func TestAnswersCarryADate(t *testing.T) {
	r := startRig(t, rigOptions{acquire: instant(1 << 20)})
	w := r.dial(t)
	w.send(t, goodEvent)
	date := w.receive(t).header.Get("Date")
	if at, err := time.Parse(time.RFC1123, date); err != nil || time.Since(at).Abs() > time.Minute {
		t.Fatalf("date %q: %v", date, err)
	}
}

func TestContinueIsSentBeforeTheBodyIs(t *testing.T) {
	r := startRig(t, rigOptions{acquire: instant(1 << 20)})
	w := r.dial(t)
	w.send(t, eventHeader, "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
	if a := w.receive(t); a.status != 100 {
		t.Fatalf("answer %+v, want 100", a)
	}
	w.send(t, "data", goodEvent)
	for range 2 {
		if a := w.receive(t); a.status != 202 {
			t.Fatalf("answer %+v, want 202", a)
		}
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	r := startRig(t, rigOptions{acquire: instant(1 << 20)})
	w := r.dial(t)
	var all strings.Builder
	for n := range 300 {
		all.WriteString(goodEvent)
		fmt.Fprintf(&all, "GET /no%d HTTP/1.1\r\nHost: x\r\nK-Network-Probe: probe\r\nContent-Length: 3\r\n\r\nabc", n)
	}
	go io.WriteString(w, all.String()) //nolint:errcheck // the answers tell
	for n := range 300 {
		if a := w.receive(t); a.status != 202 {
			t.Fatalf("%d: %+v", n, a)
		}
		if a := w.receive(t); a.status != 404 || !strings.Contains(a.body, fmt.Sprintf("/no%d ", n)) {
			t.Fatalf("%d: %+v", n, a)
		}
	}
}

// A client that is busy sending a large body looks at the answer when it gets to it. Until then its writes must not fail:
// common clients report that and not the answer, and so would try again for ever.
func TestWhoSendsTooMuchIsNotCutOffBeforeTheAnswerIsRead(t *testing.T) {
	r := startRig(t, rigOptions{acquire: instant(1 << 20)})
	w := r.dial(t)
	w.send(t, eventHeader, "Content-Length: 268435456\r\n\r\n")
	w.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)) //nolint:errcheck // the write tells
	if n, err := w.Write(make([]byte, 256<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after %d bytes: %v, want to be kept waiting", n, err)
	}
	if a := w.receive(t); a.status != 413 {
		t.Errorf("answer %+v, want 413", a)
	}
}
