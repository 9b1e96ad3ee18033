package process

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
)

// tail is how many lines of a process are shown when its test failed.
const tail = 40

// output keeps what a process writes. The process writes while the test reads.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *output) last() string {
	lines := strings.Split(strings.TrimSpace(o.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-tail):], "\n")
}

// started is the log entry with which a data plane says where it listens.
type started struct {
	Message string `json:"msg"`
	Ingress string `json:"ingress"`
	Status  string `json:"status"`
}

// addresses returns where the process listens, once it has said so; ingress is "" without the role.
func (o *output) addresses() (ingress, status string, ok bool) {
	for line := range strings.Lines(o.String()) {
		var entry started
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Message == "started" {
			return loopback(entry.Ingress), loopback(entry.Status), true
		}
	}
	return "", "", false
}

// loopback is how to reach an address that may stand for all interfaces.
func loopback(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("127.0.0.1:%s", port)
}
