package main

import (
	"context"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/test/performance/collect"
	"knative.dev/eventing-kafka-go/test/performance/loadgen"
)

func TestReadRoutes(t *testing.T) {
	tests := map[string]struct {
		text string
		want routes
		fail bool
	}{
		"an empty file has none": {want: routes{}},
		"ingress and egress": {
			text: "ingress /a t\n\negress g t http://h/p ordered\negress g2 t http://h/p unordered\n",
			want: routes{
				ingress: map[string]string{"/a": "t"},
				egress: map[egressRoute]bool{
					{"g", "t", "http://h/p", true}: true, {"g2", "t", "http://h/p", false}: true,
				},
			},
		},
		"an unknown kind is refused":  {text: "both /a t", fail: true},
		"an unknown order is refused": {text: "egress g t http://h/p sorted", fail: true},
		"a short line is refused":     {text: "ingress /a", fail: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := readRoutes(write(t, test.text))
			if test.fail {
				if err == nil {
					t.Error("no error")
				}
				return
			}
			if err != nil || !maps.Equal(got.ingress, test.want.ingress) || !maps.Equal(got.egress, test.want.egress) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestHeaderNamesAreTranslatedForthAndBack(t *testing.T) {
	for request, record := range map[string]string{
		"ce-id": "ce_id", "Ce-Type": "ce_type", "ce-specversion": "ce_specversion", "CE-Source": "ce_source",
		"ce-time": "ce_time", "ce-subject": "ce_subject", "ce-senttime": "ce_senttime", "ce-partitionKey": "ce_partitionkey",
	} {
		if got := recordName([]byte(request)); got != record {
			t.Errorf("%s became %s", request, got)
		}
		if got := requestName(record); got != strings.ToLower(request) {
			t.Errorf("%s became %s", record, got)
		}
	}
	for _, name := range []string{"content-type", "ce_", "traceparent"} {
		if got := requestName(name); got != "" {
			t.Errorf("%s became %s", name, got)
		}
	}
}

func TestOnlyWhatIsFinishedWithoutAGapIsCommitted(t *testing.T) {
	l := &lane{group: &group{}}
	l.group.dirty.Store(true) // no commit is to be made
	first := l.begin([]*kgo.Record{{Offset: 5}, {Offset: 7}, {Offset: 8}})
	for _, step := range []struct {
		done uint64
		next int64
	}{{2, 0}, {0, 6}, {1, 9}} {
		l.done(first + step.done)
		if next, _ := l.uncommitted(); next != step.next {
			t.Fatalf("after delivery %d the next offset is %d, want %d", step.done, next, step.next)
		}
	}
	if second := l.begin([]*kgo.Record{{Offset: 20}}); second != first+3 {
		t.Errorf("the fourth delivery has number %d after %d", second, first)
	}
}

// TestEveryEventArrives runs the whole way: load, ingress, Kafka, both kinds of egress, sink. It ends the program
// in the middle and starts it again, which may repeat events but must not lose any.
func TestEveryEventArrives(t *testing.T) {
	const events = 2000
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "events", 4)
	sink, sinkURL := startSink(t)
	orderedPath, unorderedPath := "/0s/ordered", "/100us/unordered"
	path := write(t, "ingress /in events\n"+
		"egress g1 events "+sinkURL+orderedPath+" ordered\n"+
		"egress g2 events "+sinkURL+unorderedPath+" unordered\n")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	in := "http://" + listener.Addr().String()
	background(t, func(ctx context.Context) error { return runIngress(ctx, cluster.Addrs(), path, listener) })
	stopEgress := background(t, func(ctx context.Context) error {
		return runEgress(ctx, cluster.Addrs(), path, pace{10, 250 * time.Millisecond})
	})
	if status := await202(t, in+"/in"); status != http.StatusAccepted {
		t.Fatalf("status %d", status)
	}
	for i := range uint64(2) {
		result, err := loadgen.Run(t.Context(), loadgen.Options{
			URL: in + "/in", Connections: 8, Count: events / 2, FirstSeq: i * events / 2, Size: 100,
		})
		if err != nil || result.Statuses[202] != events/2 {
			t.Fatalf("%+v, %v", result, err)
		}
		if i == 0 {
			stopEgress()
			background(t, func(ctx context.Context) error {
				return runEgress(ctx, cluster.Addrs(), path, pace{10, 250 * time.Millisecond})
			})
		}
	}
	for _, path := range []string{orderedPath, unorderedPath} {
		eventually(t, func() bool { return sink.Stats(path).Distinct >= events })
	}
	for _, group := range []string{"g1", "g2"} {
		eventually(t, func() bool {
			var sum int64
			for _, offset := range cluster.Committed(t, group, "events") {
				sum += offset
			}
			return sum == events+1 // await202 has sent one, too
		})
	}
}

func TestRequestsThatCannotBeServed(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "events", 1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	in := "http://" + listener.Addr().String()
	path := write(t, "ingress /in events\n")
	background(t, func(ctx context.Context) error { return runIngress(ctx, cluster.Addrs(), path, listener) })
	await202(t, in+"/in")
	if got := post(t, in+"/other", true); got != http.StatusNotFound {
		t.Errorf("an unknown path: %d", got)
	}
	if got := post(t, in+"/in", false); got != http.StatusBadRequest {
		t.Errorf("no event: %d", got)
	}
	rewrite(t, path, "ingress /in events\ningress /other events\n")
	await202(t, in+"/other")
}

func startSink(t *testing.T) (*collect.Server, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := collect.New()
	background(t, func(ctx context.Context) error { return s.Serve(ctx, listener) })
	return s, "http://" + listener.Addr().String()
}

// background runs f until the test or stop ends it, which fails the test if f has failed.
func background(t *testing.T, f func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	done := false
	stop = func() {
		if done {
			return
		}
		done = true
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "routes")
	rewrite(t, path, text)
	return path
}

func rewrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func post(t *testing.T, url string, event bool) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if event {
		for name, value := range map[string]string{"id": "1", "type": "t", "source": "s", "specversion": "1.0"} {
			req.Header.Set("ce-"+name, value)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func await202(t *testing.T, url string) (status int) {
	t.Helper()
	eventually(t, func() bool { status = post(t, url, true); return status != http.StatusNotFound })
	return status
}

func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("did not come true in time")
		}
	}
}
