package system

import (
	"errors"
	"io"
	"maps"
	"net"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// frame is a request as it is on a connection.
func frame(client string, r kmsg.Request) []byte {
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID(client)).AppendRequest(nil, r, 7)
}

func TestRequestsAreCountedHoweverTheyAreRead(t *testing.T) {
	topics := kmsg.NewPtrMetadataRequest()
	for range 100 { // longer than what is looked at
		topics.Topics = append(topics.Topics, kmsg.NewMetadataRequestTopic())
	}
	var sent []byte
	for _, request := range [][]byte{
		frame("a", kmsg.NewPtrHeartbeatRequest()), frame("b", topics), frame("a", kmsg.NewPtrHeartbeatRequest()), frame("", kmsg.NewPtrFetchRequest()),
	} {
		sent = append(sent, request...)
	}
	want := map[Request]int{{"a", "Heartbeat"}: 2, {"b", "Metadata"}: 1, {"", "Fetch"}: 1}
	for _, size := range []int{1, 3, 4, 50, len(sent)} {
		here, there := net.Pipe()
		go func() {
			_, _ = there.Write(sent) // if it fails, so does what is counted
			_ = there.Close()
		}()
		c := &tapped{Conn: here, counts: &counts{of: map[Request]int{}}}
		for buffer := make([]byte, size); ; {
			if _, err := c.Read(buffer); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if !maps.Equal(c.counts.of, want) {
			t.Errorf("read %d bytes at a time: %v, want %v", size, c.counts.of, want)
		}
	}
}
