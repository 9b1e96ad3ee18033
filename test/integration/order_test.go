package integration

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/test/integration/cluster"
	"knative.dev/eventing-kafka-go/test/integration/poll"
	"knative.dev/eventing-kafka-go/test/integration/process"
	"knative.dev/eventing-kafka-go/test/integration/traffic"
)

// witness is a subscriber of an ordered egress that checks what order means: of a partition one event at a time, the
// next one only after the last one was finished, and so all events of a key in the order in which they were sent.
type witness struct {
	mu       sync.Mutex
	busy     map[int32]string // event that is being delivered, by partition
	next     map[int32]int64  // offset after the last finished one
	sequence map[string]int   // number after the last finished one, by key
	retries  int
	problems []string
}

func newWitness() *witness {
	return &witness{busy: map[int32]string{}, next: map[int32]int64{}, sequence: map[string]int{}}
}

// failsFirst is how every so often the first attempt at an event fails.
const failsFirst = 17

func (w *witness) answer(d traffic.Delivery) int {
	w.begin(d)
	time.Sleep(time.Millisecond) // the work of the subscriber, in which another delivery would show
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.busy, d.Partition)
	if d.Attempt == 1 && d.Offset%failsFirst == 0 {
		w.retries++
		return http.StatusServiceUnavailable
	}
	w.finish(d)
	return http.StatusAccepted
}

func (w *witness) begin(d traffic.Delivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if other, ok := w.busy[d.Partition]; ok {
		w.complain("%s came while %s of the same partition was not answered", d.ID, other)
	}
	w.busy[d.Partition] = d.ID
	if next := w.next[d.Partition]; d.Offset > next {
		w.complain("%s, offset %d of partition %d, came before offset %d was finished", d.ID, d.Offset, d.Partition, next)
	}
}

// finish notes an event that is answered 2xx. One that was finished before is delivered again, which order allows.
func (w *witness) finish(d traffic.Delivery) {
	w.next[d.Partition] = max(w.next[d.Partition], d.Offset+1)
	key, number, _ := strings.Cut(d.ID, "-")
	n, err := strconv.Atoi(number)
	if err != nil || n > w.sequence[key] {
		w.complain("%s was finished, and %s-%d was not yet", d.ID, key, w.sequence[key])
	}
	w.sequence[key] = max(w.sequence[key], n+1)
}

func (w *witness) complain(format string, args ...any) {
	if len(w.problems) < 20 {
		w.problems = append(w.problems, fmt.Sprintf(format, args...))
	}
}

// sendInOrder sends events of one key, each after the answer to the last one, until end is closed. It returns how many.
func sendInOrder(t *testing.T, client *traffic.Client, url, key string, end <-chan struct{}) int {
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	for n := 0; ; n++ {
		select {
		case <-end:
			return n
		case <-pace.C:
		}
		e := traffic.Text(fmt.Sprintf("%s-%d", key, n), key)
		e.Key = key
		if code, reason, err := client.Send(t.Context(), url, e); err != nil || code != http.StatusAccepted {
			t.Errorf("%s: %d %s %v", e.ID, code, reason, err)
			return n
		}
	}
}

// Order holds from the sender of a key to the subscriber, through retries, and while partitions move to another process
// and back.
func TestOrderIsKeptThroughRetriesAndRebalances(t *testing.T) {
	const keys, partitions = 8, 6
	k := cluster.Start(t)
	topic := k.Topic(t, "order", partitions, nil)
	w := newWitness()
	subscriber := traffic.NewSubscriber(t, w.answer)
	e := egress(cluster.Name("order"), subscriber.URL, contract.DeliveryOrder_ORDERED)
	e.EgressConfig = &contract.EgressConfig{Retry: 5, BackoffDelay: 5, BackoffPolicy: contract.BackoffPolicy_Linear}
	mount := process.NewMount(t, contractOf(1, resource(k, "b", topic, e)))
	first := process.New(t, "all", mount, 10*time.Second)
	first.Start(t)

	client, end, ledger := traffic.NewClient(t, keys), make(chan struct{}), map[string]time.Time{}
	var senders sync.WaitGroup
	var mu sync.Mutex
	for i := range keys {
		senders.Go(func() {
			key := string(rune('a' + i))
			n := sendInOrder(t, client, at(first, "b")(), key, end)
			mu.Lock()
			defer mu.Unlock()
			for i := range n {
				ledger[fmt.Sprintf("%s-%d", key, i)] = time.Now()
			}
		})
	}
	t.Cleanup(senders.Wait)
	stop := sync.OnceFunc(func() { close(end) })
	t.Cleanup(stop)

	second := process.New(t, "egress", mount, 10*time.Second)
	awaitShares := func(planes ...*process.Plane) {
		t.Helper()
		poll.Until(t, patience, func() string {
			var shares []int
			total := 0
			for _, p := range planes {
				n := p.Assigned(t, e.GetUid())
				shares, total = append(shares, n), total+n
			}
			if total == partitions && shares[0] > 0 && shares[len(shares)-1] > 0 {
				return ""
			}
			return fmt.Sprintf("the partitions are shared, they are %v of %d", shares, partitions)
		})
		before := subscriber.Distinct()
		poll.Until(t, patience, func() string {
			if n := subscriber.Distinct() - before; n < 300 {
				return fmt.Sprintf("300 events are delivered, they are %d", n)
			}
			return ""
		})
	}
	awaitShares(first)
	for range 2 {
		second.Start(t)
		awaitShares(first, second)
		if _, err := second.Terminate(t); err != nil {
			t.Errorf("the second process ended with %v", err)
		}
		awaitShares(first)
	}
	stop()
	senders.Wait()
	assertNothingLost(t, k, topic, ledger, subscriber)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, problem := range w.problems {
		t.Error(problem)
	}
	if w.retries == 0 {
		t.Error("nothing was retried")
	}
	t.Logf("%d events in order, %d retries, %d delivered again", len(ledger), w.retries, subscriber.Repeated())
}
