package kafka

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

// written is a connection that remembers what was written to it.
type written struct {
	net.Conn
	frames [][]byte
}

func (w *written) Write(b []byte) (int, error) {
	w.frames = append(w.frames, bytes.Clone(b))
	return len(b), nil
}

// through returns a connection whose writes go through wait, and what they become.
func through(t testing.TB, wait *FetchWait) (net.Conn, *written) {
	t.Helper()
	var out written
	conn, err := wait.Dialer(func(context.Context, string, string) (net.Conn, error) { return &out, nil })(
		t.Context(), "tcp", "broker:9092")
	if err != nil {
		t.Fatal(err)
	}
	return conn, &out
}

// fetchRequest is a fetch with every field set that version has.
func fetchRequest(version int16, waitMillis int32) *kmsg.FetchRequest {
	request := kmsg.NewPtrFetchRequest()
	request.Version = version
	request.MaxWaitMillis = waitMillis
	request.MinBytes = 1
	request.MaxBytes = 1 << 20
	request.SessionID, request.SessionEpoch = 7, 8
	request.Rack = "rack"
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic = "topic"
	topic.TopicID = [16]byte{1, 2, 3}
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.Partition, partition.FetchOffset = 3, 42
	topic.Partitions = append(topic.Partitions, partition)
	request.Topics = append(request.Topics, topic)
	if version >= 12 {
		request.ClusterID = kmsg.StringPtr("cluster")
	}
	return request
}

func formatter(clientID *string) *kmsg.RequestFormatter {
	if clientID == nil {
		return kmsg.NewRequestFormatter()
	}
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID(*clientID))
}

func TestFetchWaitChangesEveryVersionOfAFetch(t *testing.T) {
	empty, named := "", "client"
	for version := range int16(maxFetchVersion + 1) {
		for _, clientID := range []*string{nil, &empty, &named} {
			t.Run(fmt.Sprintf("v%d client %v", version, clientID != nil), func(t *testing.T) {
				format := formatter(clientID)
				before := format.AppendRequest(nil, fetchRequest(version, 5000), 9)
				kept := bytes.Clone(before)
				wait := NewFetchWait(5*time.Second, 100*time.Millisecond)
				conn, out := through(t, wait)
				wait.SetPaused(true)
				wait.since.Store(0) // long ago: the wait is the longest of a pause
				if n, err := conn.Write(before); n != len(before) || err != nil {
					t.Fatalf("wrote %d of %d: %v", n, len(before), err)
				}
				want := format.AppendRequest(nil, fetchRequest(version, 100), 9)
				if !bytes.Equal(out.frames[0], want) {
					t.Errorf("got  %x\nwant %x", out.frames[0], want)
				}
				if !bytes.Equal(before, kept) {
					t.Error("the buffer of the caller was changed")
				}
			})
		}
	}
}

// TestKnownFetchVersionsAreAllVersions fails when a new client library speaks a version that FetchWait does not know: its
// layout must be looked at then.
func TestKnownFetchVersionsAreAllVersions(t *testing.T) {
	if latest := kmsg.NewPtrFetchRequest().MaxVersion(); latest != maxFetchVersion {
		t.Errorf("kmsg knows fetch up to v%d, FetchWait up to v%d", latest, maxFetchVersion)
	}
}

func TestFetchWaitPassesEverythingElseUnchanged(t *testing.T) {
	clientID := "client"
	format := formatter(&clientID)
	wait := NewFetchWait(5*time.Second, 100*time.Millisecond)
	wait.SetPaused(true)
	wait.since.Store(0) // long ago: the wait is the longest of a pause
	conn, out := through(t, wait)
	same := func(name string, frame []byte) {
		t.Helper()
		out.frames = nil
		if _, err := conn.Write(frame); err != nil {
			t.Fatal(err)
		}
		if len(out.frames) != 1 || !bytes.Equal(out.frames[0], frame) {
			t.Errorf("%s was changed:\n%x\n%x", name, frame, out.frames)
		}
	}
	for key := range int16(kmsg.MaxKey + 1) {
		request := kmsg.RequestForKey(key)
		if request == nil || key == fetchKey {
			continue
		}
		for version := int16(0); version <= request.MaxVersion(); version++ {
			request.SetVersion(version)
			same(fmt.Sprintf("%s v%d", kmsg.NameForKey(key), version), format.AppendRequest(nil, request, 1))
		}
	}

	fetch := format.AppendRequest(nil, fetchRequest(13, 5000), 1)
	for length := range fetch {
		same("the beginning of a fetch", fetch[:length])
	}
	same("more than a fetch", append(bytes.Clone(fetch), 0))
	same("two fetches at once", append(bytes.Clone(fetch), fetch...))
	later := bytes.Clone(fetch)
	binary.BigEndian.PutUint16(later[6:], maxFetchVersion+1)
	same("a fetch of a later version", later)
	tagged := bytes.Clone(fetch)
	tagged[14+len(clientID)] = 1
	same("a fetch with header tags", tagged)
	same("a fetch that waits less already", format.AppendRequest(nil, fetchRequest(13, 1), 1))
	same("a fetch that waits as long already", format.AppendRequest(nil, fetchRequest(13, 100), 1))
	long := bytes.Clone(fetch)
	binary.BigEndian.PutUint16(long[12:], 0x7fff)
	same("a fetch whose client id is longer than the frame", long)

	random := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		noise := make([]byte, random.IntN(64))
		for i := range noise {
			noise[i] = byte(random.Uint32())
		}
		if len(noise) > 6 {
			binary.BigEndian.PutUint32(noise, uint32(len(noise)-4)) // a whole frame ...
			noise[4], noise[5] = byte(random.Uint32()), 2           // ... of another request
		}
		same("noise", noise)
	}
}

// FuzzFetchWaitOffset: whatever is written, nothing panics, and what changes is at most the wait of one whole fetch.
func FuzzFetchWaitOffset(f *testing.F) {
	clientID := "client"
	for version := range int16(maxFetchVersion + 1) {
		f.Add(formatter(&clientID).AppendRequest(nil, fetchRequest(version, 5000), 1))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		offset, ok := fetchWaitOffset(frame)
		if ok && (offset < 14 || offset+4 > len(frame) || binary.BigEndian.Uint16(frame[4:]) != fetchKey) {
			t.Errorf("offset %d in %x", offset, frame)
		}
	})
}

func TestFetchWaitFollowsPauses(t *testing.T) {
	format := formatter(nil)
	wait := NewFetchWait(5*time.Second, 200*time.Millisecond)
	clock := time.Now()
	wait.now = func() time.Time { return clock }
	conn, out := through(t, wait)
	other, otherOut := through(t, wait)
	millis := func(conn net.Conn, out *written) uint32 {
		out.frames = nil
		if _, err := conn.Write(format.AppendRequest(nil, fetchRequest(4, 9999), 1)); err != nil {
			t.Fatal(err)
		}
		return binary.BigEndian.Uint32(out.frames[0][4+2+2+4+2+4:])
	}
	expect := func(step string, got, want uint32) {
		t.Helper()
		if got != want {
			t.Errorf("%s: waits %d ms, want %d", step, got, want)
		}
	}
	settles := func(step string, conn net.Conn, out *written) {
		t.Helper()
		for range settling {
			expect(step+", settling", millis(conn, out), 100)
		}
		expect(step+", settled", millis(conn, out), 5000)
		expect(step+", settled", millis(conn, out), 5000)
	}
	settles("new connection", conn, out)
	wait.SetPaused(true)
	for range 3 * settling {
		expect("paused", millis(conn, out), 10)
	}
	for _, step := range []struct {
		passed time.Duration
		want   uint32
	}{{20 * time.Millisecond, 10}, {40 * time.Millisecond, 30}, {100 * time.Millisecond, 80}, {time.Hour, 200}} {
		clock = clock.Add(step.passed)
		expect("paused for longer", millis(conn, out), step.want)
	}
	wait.SetPaused(true)
	expect("paused again", millis(conn, out), 10)
	wait.SetPaused(false)
	settles("after the pause", conn, out)
	settles("other connection", other, otherOut)
	wait.SetPaused(false)
	expect("not paused again", millis(conn, out), 5000)
	wait.SetPaused(true)
	wait.SetPaused(false)
	settles("after a pause without a fetch", conn, out)
	wait.SetPausedWait(20 * time.Millisecond)
	expect("another short wait does not touch the long one", millis(conn, out), 5000)
	wait.SetPaused(true)
	clock = clock.Add(time.Hour)
	expect("paused with another wait", millis(conn, out), 20)
}

func TestFetchWaitReportsDialErrors(t *testing.T) {
	refused := errors.New("refused")
	dial := NewFetchWait(time.Second, time.Millisecond).Dialer(func(context.Context, string, string) (net.Conn, error) {
		return nil, refused
	})
	if conn, err := dial(t.Context(), "tcp", "broker:9092"); conn != nil || !errors.Is(err, refused) {
		t.Errorf("got %v, %v", conn, err)
	}
}

// patience is how long a test waits for what must happen.
const patience = time.Minute

// watchFetches sends the wait of every fetch that reaches the broker.
func watchFetches(cluster *kafkatest.Cluster) <-chan int32 {
	waits := make(chan int32, 10000)
	cluster.Fake().ControlKey(fetchKey, func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.Fake().KeepControl()
		waits <- request.(*kmsg.FetchRequest).MaxWaitMillis
		return nil, nil, false
	})
	return waits
}

func awaitFetch(t *testing.T, waits <-chan int32, want int32) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case got := <-waits:
			if got == want {
				return
			}
		case <-deadline:
			t.Fatalf("no fetch with a wait of %d ms arrived", want)
		}
	}
}

func TestPausedPartitionResumesQuicklyThoughIdleWaitsAreLong(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "topic", 2)
	waits := watchFetches(cluster)

	connection := Connection{Servers: cluster.Addrs()}
	config := DefaultConsumerConfig()
	config.FetchWaitIdle = 2 * patience // who waits for it waits too long
	wait := config.NewFetchWait()
	frozen := time.Now() // so that paused waits stay the first one, and can be told from others
	wait.now = func() time.Time { return frozen }
	client, err := kgo.NewClient(append(append(connection.Options(), config.Options()...),
		kgo.Dialer(wait.Dialer(connection.Dial())), kgo.ConsumerGroup("group"), kgo.ConsumeTopics("topic"))...)
	if err != nil {
		t.Fatal(err)
	}
	polled := make(chan *kgo.Record, 100)
	var poller sync.WaitGroup
	defer poller.Wait()
	defer client.CloseAllowingRebalance()
	poller.Go(func() {
		for {
			fetches := client.PollFetches(t.Context())
			client.AllowRebalance()
			if fetches.IsClientClosed() || t.Context().Err() != nil {
				return
			}
			fetches.EachRecord(func(r *kgo.Record) { polled <- r })
		}
	})
	expect := func(partition int32) {
		t.Helper()
		select {
		case r := <-polled:
			if r.Partition != partition {
				t.Fatalf("polled a record of partition %d, not %d", r.Partition, partition)
			}
		case <-time.After(patience):
			t.Fatalf("no record of partition %d arrives", partition)
		}
	}
	cluster.Produce(t, &kgo.Record{Topic: "topic", Partition: 0})
	expect(0)
	awaitFetch(t, waits, int32(config.FetchWaitIdle.Milliseconds()))

	for round := range 5 {
		wait.SetPaused(true)
		client.PauseFetchPartitions(map[string][]int32{"topic": {0}})
		// The fetch on its way is a long one that has partition 0; an event on partition 1 ends it.
		cluster.Produce(t, &kgo.Record{Topic: "topic", Partition: 1})
		expect(1)
		awaitFetch(t, waits, firstPausedWait)
		cluster.Produce(t, &kgo.Record{Topic: "topic", Partition: 0})
		awaitFetch(t, waits, firstPausedWait)

		start := time.Now()
		client.ResumeFetchPartitions(map[string][]int32{"topic": {0}})
		wait.SetPaused(false)
		expect(0)
		t.Logf("round %d: resumed after %v", round, time.Since(start)) // 150 ms on a quiet machine
		awaitFetch(t, waits, int32(config.FetchWaitIdle.Milliseconds()))
	}

	// A client that closes ends its fetch session; that fetch keeps its short wait.
	start := time.Now()
	client.CloseAllowingRebalance()
	if took := time.Since(start); took > patience {
		t.Errorf("closing took %v", took)
	}
	awaitFetch(t, waits, 1)
}
