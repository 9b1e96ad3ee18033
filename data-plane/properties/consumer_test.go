package properties

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

func defaultConsumer() ConsumerSettings {
	return ConsumerSettings{ConsumerConfig: kafka.DefaultConsumerConfig()}
}

func TestConsumerKeys(t *testing.T) {
	type settings = ConsumerSettings
	for text, want := range map[string]func(*settings){ // section 3.2
		"fetch.max.bytes=2000":               func(c *settings) { c.FetchMaxBytes = 2000 },
		"fetch.max.bytes=99999999":           func(*settings) {}, // an upper bound
		"max.partition.fetch.bytes=1000000":  func(c *settings) { c.MaxPartitionFetchBytes = 1000000 },
		"max.partition.fetch.bytes=10000000": func(c *settings) { c.MaxPartitionFetchBytes, c.FetchMaxBytes = 10000000, 10000000 },
		"fetch.max.wait.ms=20":               func(c *settings) { c.FetchMaxWait = 20 * time.Millisecond },
		"fetch.min.bytes=1000": func(c *settings) { // held back for fetch.max.wait.ms, not for longer
			c.FetchMinBytes, c.FetchWaitIdle = 1000, 500*time.Millisecond
		},
		"heartbeat.interval.ms=1000":       func(c *settings) { c.HeartbeatInterval = time.Second },
		"session.timeout.ms=45000":         func(c *settings) { c.SessionTimeout = 45 * time.Second },
		"max.poll.records=10":              func(c *settings) { c.MaxPollRecords, c.Concurrency = 10, 20 },
		"isolation.level=READ_COMMITTED":   func(c *settings) { c.IsolationLevel = kgo.ReadCommitted() },
		"auto.commit.interval.ms=100":      func(c *settings) { c.CommitInterval = 100 * time.Millisecond },
		"default.api.timeout.ms=9000":      func(c *settings) { c.APITimeout = 9 * time.Second },
		"request.timeout.ms=9000":          func(c *settings) { c.RequestTimeout = 9 * time.Second },
		"metadata.max.age.ms=5000":         func(c *settings) { c.MetadataMaxAge = 5 * time.Second },
		"connections.max.idle.ms=5000":     func(c *settings) { c.ConnectionsMaxIdle = 5 * time.Second },
		"connections.max.idle.ms=540000":   func(*settings) {}, // an upper bound
		"retry.backoff.ms=200":             func(c *settings) { c.RetryBackoff = 200 * time.Millisecond },
		"reconnect.backoff.max.ms=2000":    func(c *settings) { c.RetryBackoffMax = 2 * time.Second },
		"client.id=mine\nclient.rack=west": func(c *settings) { c.ClientID, c.Rack = "mine", "west" },
		"group.protocol=classic":           func(*settings) {},
		"group.protocol=Consumer":          func(c *settings) { c.ServerSide = true },
		"group.protocol=consumer\ngroup.remote.assignor=range": func(c *settings) {
			c.ServerSide, c.RemoteAssignor = true, kafka.AssignorRange
		},
		"group.instance.id=pod_1.a-B": func(c *settings) { c.InstanceID = "pod_1.a-B" },
	} {
		t.Run(text, func(t *testing.T) {
			got, warnings, err := Consumer(defaultConsumer(), "f", []byte(text))
			if err != nil || len(warnings) > 0 {
				t.Fatal(err, warnings)
			}
			expected := defaultConsumer()
			want(&expected)
			if !reflect.DeepEqual(got, expected) {
				t.Errorf("got  %+v\nwant %+v", got, expected)
			}
		})
	}
}

func TestAssignors(t *testing.T) {
	for text, row := range map[string]struct {
		want     string
		warnings int
	}{
		"": {want: "cooperative-sticky sticky range"},
		"partition.assignment.strategy=org.apache.kafka.clients.consumer.RangeAssignor":                        {want: "range"},
		"partition.assignment.strategy=RoundRobinAssignor, CooperativeStickyAssignor":                          {want: "roundrobin cooperative-sticky"},
		"partition.assignment.strategy=com.example.Mine":                                                       {want: "cooperative-sticky sticky range", warnings: 1},
		"partition.assignment.strategy=com.example.Mine,org.apache.kafka.clients.consumer.StickyAssignor,\\\n": {want: "cooperative-sticky sticky range", warnings: 1},
	} {
		t.Run(text, func(t *testing.T) {
			got, warnings, err := Consumer(defaultConsumer(), "f", []byte(text))
			if err != nil || len(warnings) != row.warnings {
				t.Fatal(err, warnings)
			}
			var names []string
			for _, b := range got.Balancers {
				names = append(names, b.ProtocolName())
			}
			if strings.Join(names, " ") != row.want {
				t.Errorf("%v, want %s", names, row.want)
			}
		})
	}
}

func TestConsumerWarnings(t *testing.T) { // CFG-18, CFG-76
	for text, word := range map[string]string{
		"max.poll.interval.ms=1":                                                "heartbeats",
		"allow.auto.create.topics=true":                                         "created by their resources",
		"enable.auto.commit=true":                                               "after its event is finished",
		"exclude.internal.topics=false":                                         "by name",
		"check.crcs=false":                                                      "always verified",
		"group.id=x":                                                            "group of its own",
		"group.remote.assignor=range":                                           "partition.assignment.strategy",
		"group.protocol=consumer\ngroup.instance.id=x":                          "members are dynamic",
		"group.protocol=consumer\nsession.timeout.ms=2000":                      "brokers decide",
		"group.protocol=consumer\nheartbeat.interval.ms=900":                    "brokers decide",
		"group.protocol=consumer\npartition.assignment.strategy=StickyAssignor": "group.remote.assignor",
		"send.buffer.bytes=1":                                                   "sockets",
		"cloudevent.invalid.transformer.enabled=false":                          "always turned",
		"acks=all": "unknown",
	} {
		t.Run(text, func(t *testing.T) {
			_, warnings, err := Consumer(defaultConsumer(), "f", []byte(text))
			if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0].Text, word) {
				t.Error(err, warnings)
			}
		})
	}
}

func TestWrongValuesOfConsumers(t *testing.T) { // CFG-16
	for text, allowed := range map[string]string{
		"auto.offset.reset=newest":     "one of earliest, latest, none",
		"isolation.level=serializable": "one of read_committed, read_uncommitted",
		"max.poll.records=0":           "a whole number from 1",
		"heartbeat.interval.ms=20000":  "less than session.timeout.ms, which is 10000",
		"session.timeout.ms=2000":      "more than heartbeat.interval.ms, which is 3000",
		"fetch.max.wait.ms=x":          "a whole number of milliseconds",
		"group.protocol=streams":       "one of classic, consumer",
		"group.remote.assignor=sticky": "one of range, uniform",
		"group.instance.id=a pod":      "letters, digits",
	} {
		t.Run(text, func(t *testing.T) {
			_, _, err := Consumer(defaultConsumer(), "f", []byte(text))
			key, value, _ := strings.Cut(text, "=")
			if err == nil || !strings.Contains(err.Error(), "f: "+key+": "+`"`+value+`" is not allowed: `) || !strings.Contains(err.Error(), allowed) {
				t.Errorf("%v does not say %q", err, allowed)
			}
		})
	}
}

func TestHTTPKeys(t *testing.T) { // CFG-27 to CFG-29
	client, warnings, err := ReadWebClient(WebClient{}, "f", []byte("idleTimeout=2.0\nconnectTimeout=500\nmaxPoolSize=7\nkeepAlive=true\nnoSuchKey=1"))
	if err != nil || client != (WebClient{IdleTimeout: 2 * time.Second, ConnectTimeout: 500 * time.Millisecond, MaxPoolSize: 7}) {
		t.Errorf("%+v, %v", client, err)
	}
	if keys := keysOf(warnings); !slices.Equal(keys, []string{"keepAlive", "noSuchKey"}) {
		t.Error(warnings)
	}
	server, warnings, err := ReadHTTPServer(HTTPServer{}, "f",
		[]byte("idleTimeout=30\nmaxHeaderSize=16384\nmaxInitialLineLength=8192\nhttp2ClearTextEnabled=false\nport=1\nalpnVersions=x"))
	want := HTTPServer{IdleTimeout: 30 * time.Second, MaxHeaderBytes: 16384, MaxLineBytes: 8192, NoClearHTTP2: true}
	if err != nil || server != want {
		t.Errorf("%+v, %v", server, err)
	}
	if keys := keysOf(warnings); !slices.Equal(keys, []string{"alpnVersions", "port"}) ||
		!strings.Contains(warnings[1].Text, "INGRESS_PORT") {
		t.Error(warnings)
	}
	for text, allowed := range map[string]string{
		"idleTimeout=-1": "a whole number of seconds; 0: no limit; from 0", "idleTimeout=1.5": "seconds", "connectTimeout=0": "from 1",
		"connectTimeout=Infinity": "milliseconds", "connectTimeout=NaN": "milliseconds",
	} {
		if _, _, err := ReadWebClient(WebClient{}, "f", []byte(text)); err == nil || !strings.Contains(err.Error(), allowed) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
