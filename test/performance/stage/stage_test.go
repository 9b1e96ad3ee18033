package stage

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"knative.dev/eventing-kafka-go/proto/contract"
)

var work = Work{
	Ingress: []IngressWork{{Path: "/in", Topic: "a"}, {Path: "/other/in", Topic: "b"}},
	Egress: []EgressWork{
		{Group: "g1", Topic: "a", URL: "http://h/1", Ordered: true},
		{Group: "g2", Topic: "a", URL: "http://h/2"},
	},
}

func TestThePlaneIsGivenAValidContract(t *testing.T) {
	subject := planeSubject("kafka-data-plane")
	for generation := uint64(1); generation <= 2; generation++ {
		b, err := subject.encode(work, []string{"k1:9092", "k2:9092"})
		if err != nil {
			t.Fatal(err)
		}
		c, _, err := contract.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if problems := contract.Validate(c); len(problems) > 0 {
			t.Errorf("problems: %+v", problems)
		}
		if c.GetGeneration() != generation || len(c.GetResources()) != 4 {
			t.Fatalf("generation %d, %d resources", c.GetGeneration(), len(c.GetResources()))
		}
		in, out := c.GetResources()[1], c.GetResources()[2]
		if in.GetIngress().GetPath() != "/other/in" || in.GetTopics()[0] != "b" || in.GetBootstrapServers() != "k1:9092,k2:9092" {
			t.Errorf("ingress: %v", in)
		}
		e := out.GetEgresses()[0]
		if e.GetConsumerGroup() != "g1" || e.GetDestination() != "http://h/1" || e.GetDeliveryOrder() != contract.DeliveryOrder_ORDERED {
			t.Errorf("egress: %v", e)
		}
		if other := c.GetResources()[3].GetEgresses()[0]; other.GetDeliveryOrder() != contract.DeliveryOrder_UNORDERED || proto.Equal(e, other) {
			t.Errorf("egress: %v", other)
		}
	}
}

func TestTheFloorIsGivenALineForEachRoute(t *testing.T) {
	b, err := floorSubject("floor").encode(work, nil)
	if err != nil {
		t.Fatal(err)
	}
	const want = "ingress /in a\ningress /other/in b\negress g1 a http://h/1 ordered\negress g2 a http://h/2 unordered\n"
	if string(b) != want {
		t.Errorf("got\n%s", b)
	}
}

func TestThePlaneIsStartedInItsRole(t *testing.T) {
	c, err := planeCommand("/bin/plane", Egress, "/w/work", "127.0.0.1:8123", "/w")
	if err != nil {
		t.Fatal(err)
	}
	env := strings.Join(c.env, "\n")
	if c.path != "/bin/plane" || len(c.args) != 1 || c.args[0] != "egress" ||
		!strings.Contains(env, "DATA_PLANE_CONFIG_FILE_PATH=/w/work\n") || !strings.Contains(env, "INGRESS_PORT=8123\n") {
		t.Errorf("%+v", c)
	}
}

func TestUntil(t *testing.T) {
	ended := errors.New("ended")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := map[string]struct {
		ctx    context.Context
		limit  time.Duration
		ready  bool
		failed func() error
		want   string
	}{
		"returns when it is ready":             {ctx: t.Context(), limit: 0, ready: true},
		"gives up after the limit":             {ctx: t.Context(), limit: time.Millisecond, want: "not within"},
		"gives up when there is no more point": {ctx: t.Context(), limit: time.Hour, failed: func() error { return ended }, want: "ended"},
		"gives up with its context":            {ctx: cancelled, limit: time.Hour, want: "canceled"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := Until(test.ctx, time.Microsecond, test.limit, "wait", func() bool { return test.ready }, test.failed)
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAwait202(t *testing.T) {
	statuses := []int{404, 503, 404, 202}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(statuses[0])
		statuses = statuses[1:]
	}))
	defer server.Close()
	d := &Deployment{address: strings.TrimPrefix(server.URL, "http://")}
	if _, err := d.Await202(t.Context(), "/in", time.Minute); err != nil {
		t.Errorf("after refusals that say not yet: %v", err)
	}
	statuses = []int{400}
	if _, err := d.Await202(t.Context(), "/in", time.Minute); err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("after a refusal that says never: %v", err)
	}
}

func TestTailShowsTheEndOfALog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte(strings.Repeat("x", 5000)+"\nthe end"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := tail(path); !strings.HasSuffix(got, `the end"`) || len(got) > 1000 {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}
