package wire

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

func TestRequestIsWhatNetHTTPReadsAsABinaryCloudEvent(t *testing.T) {
	r := NewRequest("localhost:8080", "/default/orders", 1024)
	for seq, sent := range []int64{1, 1_763_720_000_123_456_789} {
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(r.Stamp(7, uint64(seq), sent))))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Fatal(err)
		}
		if len(body) != 1024 || !json.Valid(body) {
			t.Errorf("body of %d bytes, valid JSON: %v", len(body), json.Valid(body))
		}
		lane, gotSeq, ok := ParseID([]byte(req.Header.Get("ce-id")))
		if lane != 7 || gotSeq != uint64(seq) || !ok {
			t.Errorf("id %q", req.Header.Get("ce-id"))
		}
		if got, _ := parseDigits([]byte(req.Header.Get("ce-senttime"))); int64(got) != sent {
			t.Errorf("sent %q, want %d", req.Header.Get("ce-senttime"), sent)
		}
		for name, want := range map[string]string{
			"ce-specversion": "1.0", "ce-type": Type, "ce-source": Source, "content-type": ContentType,
		} {
			if got := req.Header.Get(name); got != want {
				t.Errorf("%s %q, want %q", name, got, want)
			}
		}
	}
}

func TestRequestsAreReadBackHoweverTheyArriveInPieces(t *testing.T) {
	for _, size := range []int{0, 1, 1024, 200_000} {
		request := NewRequest("h", "/a/b", size)
		var stream []byte
		for seq := range uint64(5) {
			stream = append(stream, request.Stamp(3, seq, 1000+int64(seq))...)
		}
		for name, r := range map[string]io.Reader{
			"at once":          bytes.NewReader(stream),
			"byte by byte":     iotest.OneByteReader(bytes.NewReader(stream)),
			"in half requests": iotest.HalfReader(bytes.NewReader(stream)),
		} {
			c := NewConn(r)
			var got Received
			for seq := range uint64(5) {
				if err := c.ReadRequest(&got); err != nil {
					t.Fatalf("size %d, %s: %v", size, name, err)
				}
				if !got.Known || got.Lane != 3 || got.Seq != seq || got.Sent != 1000+int64(seq) || string(got.Path) != "/a/b" {
					t.Fatalf("size %d, %s: got %+v", size, name, got)
				}
			}
			if err := c.ReadRequest(&got); err != io.EOF {
				t.Errorf("size %d, %s: after the last request: %v", size, name, err)
			}
		}
	}
}

func TestReadRequestRefuses(t *testing.T) {
	tests := map[string]struct {
		request string
		want    error
	}{
		"chunked bodies":             {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", errNoLength},
		"a POST without a length":    {"POST / HTTP/1.1\r\nHost: h\r\n\r\n", errNoLength},
		"a head without end":         {"POST / HTTP/1.1\r\nx: " + strings.Repeat("x", 2*maxHead), errBigHead},
		"a connection cut in a head": {"POST / HTTP/1.1\r\nx", errTruncated},
		"a connection cut in a body": {"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n1234", errTruncated},
		"a negative length":          {"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", errHead},
		"another protocol":           {"PRI * HTTP/2.0\r\n\r\n", errHead},
		"a field without a colon":    {"POST / HTTP/1.1\r\nnonsense\r\n\r\n", errHead},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if err := NewConn(strings.NewReader(test.request)).ReadRequest(new(Received)); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestReadResponse(t *testing.T) {
	tests := map[string]struct {
		response string
		want     int
		err      error
	}{
		"202 without a body":         {"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n", 202, nil},
		"503 with a reason":          {"HTTP/1.1 503 No\r\nContent-Length: 5\r\n\r\nAway.", 503, nil},
		"204, which needs no length": {"HTTP/1.1 204 No Content\r\n\r\n", 204, nil},
		"200 of unknown length":      {"HTTP/1.1 200 OK\r\n\r\n", 0, errNoLength},
		"HTTP/1.0":                   {"HTTP/1.0 200 OK\r\n\r\n", 0, errHead},
		"a status that is no number": {"HTTP/1.1 2x0 OK\r\n\r\n", 0, errHead},
		"nothing":                    {"", 0, io.EOF},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := NewConn(strings.NewReader(test.response))
			got, err := c.ReadResponse()
			if got != test.want || !errors.Is(err, test.err) {
				t.Fatalf("got %d, %v", got, err)
			}
			if _, err := c.ReadResponse(); test.err == nil && err != io.EOF {
				t.Errorf("something of the response was left: %v", err)
			}
		})
	}
}

func TestParseIDTakesNothingButItsOwn(t *testing.T) {
	for _, id := range []string{"", "001-00000000001", "001-00000000001x", "0x1-000000000001", "001_000000000001"} {
		if _, _, ok := ParseID([]byte(id)); ok {
			t.Errorf("took %q", id)
		}
	}
}

func FuzzReadRequest(f *testing.F) {
	f.Add(NewRequest("h", "/p", 10).Stamp(1, 2, 3))
	f.Add([]byte("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, pieces := NewConn(bytes.NewReader(b)), NewConn(iotest.OneByteReader(bytes.NewReader(b)))
		for {
			var r1, r2 Received
			err1, err2 := whole.ReadRequest(&r1), pieces.ReadRequest(&r2)
			if (err1 == nil) != (err2 == nil) {
				t.Fatalf("%v at once, %v in pieces", err1, err2)
			}
			if err1 != nil {
				return
			}
			if !bytes.Equal(r1.Path, r2.Path) || r1.Known != r2.Known || r1.Seq != r2.Seq {
				t.Fatalf("%+v at once, %+v in pieces", r1, r2)
			}
		}
	})
}

func BenchmarkReadRequest(b *testing.B) {
	stream := NewRequest("h", "/10ms/run", 1024).Stamp(1, 2, 3)
	var r bytes.Reader
	c := NewConn(&r)
	var got Received
	b.ReportAllocs()
	for b.Loop() {
		r.Reset(stream)
		if err := c.ReadRequest(&got); err != nil {
			b.Fatal(err)
		}
	}
}
