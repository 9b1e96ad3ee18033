package chaos

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/test/integration/traffic"
)

const (
	senders = 10
	// keysEach are the keys of one sender, which no other sends.
	keysEach = 30
	// interval is the time from one event of a sender to the next.
	interval = 60 * time.Millisecond
)

// load sends events as long as a run lasts, each once. What was answered 202 must be delivered.
type load struct {
	client *traffic.Client
	url    func() string
	end    context.CancelFunc
	done   sync.WaitGroup

	mu           sync.Mutex
	acknowledged map[string]time.Time
	refused      int
}

func newLoad(t *testing.T, url func() string) *load {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	l := &load{client: traffic.NewClient(t, senders), url: url, end: cancel, acknowledged: map[string]time.Time{}}
	for i := range senders {
		l.done.Go(func() { l.send(ctx, i) })
	}
	t.Cleanup(l.stop)
	return l
}

// send is one sender. It waits for every answer, so that the events of its keys are in Kafka in the order of their numbers.
func (l *load) send(ctx context.Context, sender int) {
	pace := time.NewTicker(interval)
	defer pace.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
		key := fmt.Sprintf("k%d_%d", sender, n%keysEach)
		e := traffic.Text(fmt.Sprintf("%s-%d", key, n), key)
		e.Key = key
		began := time.Now()
		code, _, err := l.client.Send(context.WithoutCancel(ctx), l.url(), e) // one that was begun is waited for
		l.mu.Lock()
		if err == nil && code == http.StatusAccepted {
			l.acknowledged[e.ID] = began
		} else {
			l.refused++
		}
		l.mu.Unlock()
	}
}

// stop ends the senders and waits for the answers that they wait for.
func (l *load) stop() {
	l.end()
	l.done.Wait()
}

// sent returns what was answered 202.
func (l *load) sent() map[string]time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.acknowledged)
}

func keyOf(id string) string {
	key, _, _ := strings.Cut(id, "-")
	return key
}

// retries is what every egress is given.
const retries = 3

// failures is how often an event fails before it succeeds, the same in every run: most never, some twice, a few always.
// Those that fail hold the committed offset back while they wait, with hundreds of finished events above it: what a
// process that knows only offsets delivers again.
func failures(id string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	switch n := h.Sum32() % 1000; {
	case n < 5:
		return 1 << 30
	case n < 45:
		return 2
	default:
		return 0
	}
}
