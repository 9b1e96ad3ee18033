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

func TestProducerKeys(t *testing.T) {
	type config = kafka.ProducerConfig
	for text, want := range map[string]func(*config){ // CFG-19 and section 3.4: a value that a user chose keeps its meaning
		"acks=1":                   func(c *config) { c.Acks, c.Idempotence = kgo.LeaderAck(), false },
		"acks=0":                   func(c *config) { c.Acks, c.Idempotence = kgo.NoAck(), false },
		"acks=-1":                  func(*config) {},
		"buffer.memory=1000":       func(c *config) { c.BufferMemory = 1000 },
		"retries=3":                func(c *config) { c.Retries = 3 },
		"retries=0":                func(c *config) { c.Retries, c.Idempotence = 0, false },
		"delivery.timeout.ms=5000": func(c *config) { c.DeliveryTimeout = 5 * time.Second },
		"linger.ms=20":             func(c *config) { c.Linger = 20 * time.Millisecond },
		"max.block.ms=500":         func(c *config) { c.UnknownTopicRetries = 2 },
		"max.block.ms=0":           func(c *config) { c.UnknownTopicRetries = 1 },
		"max.request.size=8388608": func(c *config) { c.MaxRequestSize = 8 << 20 },
		"request.timeout.ms=7000":  func(c *config) { c.RequestTimeout = 7 * time.Second },
		"enable.idempotence=false": func(c *config) { c.Idempotence = false }, // CFG-21
		"enable.idempotence=true":  func(*config) {},
		"max.in.flight.requests.per.connection=1":                  func(c *config) { c.MaxInFlight = 1 },
		"max.in.flight.requests.per.connection=9":                  func(c *config) { c.MaxInFlight, c.Idempotence = 9, false },
		"metadata.max.age.ms=1000":                                 func(c *config) { c.MetadataMaxAge = time.Second },
		"metadata.max.age.ms=100":                                  func(c *config) { c.MetadataMaxAge, c.MetadataMinAge = 100*time.Millisecond, 100*time.Millisecond },
		"connections.max.idle.ms=5000":                             func(c *config) { c.ConnectionsMaxIdle = 5 * time.Second },
		"retry.backoff.ms=50":                                      func(c *config) { c.RetryBackoff = 50 * time.Millisecond },
		"reconnect.backoff.ms=50":                                  func(c *config) { c.RetryBackoff = 50 * time.Millisecond },
		"retry.backoff.ms=70\nreconnect.backoff.ms=50":             func(c *config) { c.RetryBackoff = 70 * time.Millisecond },
		"reconnect.backoff.max.ms=9000":                            func(c *config) { c.RetryBackoffMax = 9 * time.Second },
		"retry.backoff.max.ms=8000\nreconnect.backoff.max.ms=9000": func(c *config) { c.RetryBackoffMax = 8 * time.Second },
		"retry.backoff.ms=3000":                                    func(c *config) { c.RetryBackoff, c.RetryBackoffMax = 3*time.Second, 3*time.Second },
		"client.id=mine":                                           func(c *config) { c.ClientID = "mine" },
		"compression.type=gzip":                                    func(c *config) { c.Compression = []kgo.CompressionCodec{kgo.GzipCompression()} },
		"compression.type=snappy":                                  func(c *config) { c.Compression = []kgo.CompressionCodec{kgo.SnappyCompression()} },
		"compression.type=lz4":                                     func(c *config) { c.Compression = []kgo.CompressionCodec{kgo.Lz4Compression()} },
		"compression.type=none":                                    func(*config) {},
		"compression.type=zstd\ncompression.zstd.level=7":          func(c *config) { c.Compression = []kgo.CompressionCodec{kgo.ZstdCompression().WithLevel(7)} },
		"compression.type=gzip\ncompression.gzip.level=-1":         func(c *config) { c.Compression = []kgo.CompressionCodec{kgo.GzipCompression().WithLevel(-1)} },
		"linger.ms : 1\nlinger.ms = 30":                            func(c *config) { c.Linger = 30 * time.Millisecond }, // the last one counts
	} {
		t.Run(text, func(t *testing.T) {
			got, warnings, err := Producer(kafka.DefaultProducerConfig(), "f", []byte(text))
			if err != nil || len(warnings) > 0 {
				t.Fatal(err, warnings)
			}
			expected := kafka.DefaultProducerConfig()
			want(&expected)
			if !reflect.DeepEqual(got, expected) {
				t.Errorf("got  %+v\nwant %+v", got, expected)
			}
		})
	}
}

func TestPartitioners(t *testing.T) {
	record := &kgo.Record{Key: []byte("key")}
	for text, row := range map[string]struct {
		own, keyed bool // the partitioner is the default; a key decides
		warnings   int
	}{
		"":                              {own: true, keyed: true},
		"partitioner.ignore.keys=false": {own: true, keyed: true},
		"partitioner.ignore.keys=true":  {keyed: false},
		"partitioner.adaptive.partitioning.enable=false":                                   {keyed: true},
		"partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner":        {keyed: false},
		"partitioner.class=org.apache.kafka.clients.producer.UniformStickyPartitioner":     {keyed: false},
		"partitioner.class=org.apache.kafka.clients.producer.internals.DefaultPartitioner": {keyed: true},
		"partitioner.class=com.example.Mine":                                               {own: true, keyed: true, warnings: 1},
		"partitioner.class=RoundRobinPartitioner\npartitioner.ignore.keys=true":            {keyed: false, warnings: 1},
	} {
		t.Run(text, func(t *testing.T) {
			got, warnings, err := Producer(kafka.DefaultProducerConfig(), "f", []byte(text))
			if err != nil || len(warnings) != row.warnings {
				t.Fatal(err, warnings)
			}
			if (got.Partitioner == nil) != row.own {
				t.Fatalf("partitioner %T", got.Partitioner)
			}
			if row.own {
				return
			}
			if keyed := got.Partitioner.ForTopic("t").RequiresConsistency(record); keyed != row.keyed {
				t.Errorf("a key decides: %v", keyed)
			}
		})
	}
}

func TestProducerWarnings(t *testing.T) { // CFG-18, CFG-76
	for text, word := range map[string]string{
		"batch.size=32768":                                                                       "linger.ms",
		"no.such.key=secret-value":                                                               "unknown",
		"transactional.id=secret-value":                                                          "leave it out",
		"transaction.timeout.ms=1":                                                               "leave it out",
		"interceptor.classes=secret-value":                                                       "Java",
		"metric.reporters=secret-value":                                                          "metrics address",
		"partitioner.availability.timeout.ms=1":                                                  "leader",
		"receive.buffer.bytes=1":                                                                 "sockets",
		"client.dns.lookup=resolve_canonical_bootstrap_servers_only":                             "all addresses",
		"socket.connection.setup.timeout.ms=1":                                                   "100 is used",
		"socket.connection.setup.timeout.max.ms=1":                                               "socket.connection.setup.timeout.ms",
		"metadata.max.idle.ms=1":                                                                 "minute",
		"metadata.recovery.strategy=none":                                                        "bootstrap",
		"security.protocol=SASL_SSL":                                                             "Secret",
		"sasl.mechanism=PLAIN":                                                                   "Secret",
		"sasl.jaas.config=x password=\"secret-value\";":                                          "ignored",
		"sasl.jaas.config=x required password=\"secret-value":                                    "ignored: expected is one login module",
		"sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required;":                "Kerberos",
		"sasl.jaas.config=a.OAuthBearerLoginModule required clientId=\"secret-value\";":          "tokenEndpoint",
		"sasl.jaas.config=a.PlainLoginModule required username=\"u\" password=\"secret-value\";": "user and password",
		"sasl.jaas.config=a.IAMLoginModule required awsRoleArn=\"secret-value\";":                "roleARN",
		"sasl.login.callback.handler.class=a.B":                                                  "tokenProvider",
		"sasl.oauthbearer.token.endpoint.url=secret-value":                                       "tokenProvider",
		"sasl.kerberos.service.name=kafka":                                                       "SCRAM",
		"ssl.truststore.location=secret-value":                                                   "ca.crt",
		"ssl.keystore.type=JKS":                                                                  "user.crt",
		"ssl.endpoint.identification.algorithm=":                                                 "always verified",
		"ssl.enabled.protocols=TLSv1.1,TLSv1.3":                                                  "TLSv1.2",
		"ssl.cipher.suites=TLS_RSA_WITH_RC4_128_SHA,TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384,TLS_CHACHA20_POLY1305_SHA256": "not safe",
		"ssl.cipher.suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_AES_128_GCM_SHA256":                                        "TLS 1.3 are all used",
		"ssl.truststore.certificates=secret-value":                                                                              "ca.crt",
		"ssl.keystore.key=secret-value":                                                                                         "need each other",
		"bootstrap.servers=a:1":                                                                                                 "resource",
		"linger.ms=100000":                                                                                                      "60000 is used",
		"delivery.timeout.ms=10":                                                                                                "1000 is used",
		"request.timeout.ms=10":                                                                                                 "100 is used",
		"connections.max.idle.ms=-1":                                                                                            "15 minutes",
		"connections.max.idle.ms=3600000":                                                                                       "15 minutes",
		"compression.zstd.level=3":                                                                                              "compression.type=zstd",
	} {
		t.Run(text, func(t *testing.T) {
			_, warnings, err := Producer(kafka.DefaultProducerConfig(), "some.properties", []byte(text))
			if err != nil || len(warnings) != 1 {
				t.Fatal(err, warnings)
			}
			key, _, _ := strings.Cut(text, "=")
			got := warnings[0].String()
			if !strings.HasPrefix(got, "some.properties: "+key+": ") || !strings.Contains(got, word) || strings.Contains(got, "secret-value") {
				t.Errorf("%q does not say %q", got, word)
			}
		})
	}
}

func TestWrongValuesOfProducers(t *testing.T) { // CFG-16
	for text, allowed := range map[string]string{
		"acks=2":                                  "one of -1, 0, 1, all",
		"linger.ms=soon":                          "a whole number of milliseconds from 0 to 2147483647",
		"linger.ms=":                              "a whole number of milliseconds",
		"linger.ms=1.5":                           "a whole number of milliseconds",
		"linger.ms=-1":                            "a whole number of milliseconds",
		"buffer.memory=0":                         "a whole number of bytes from 1",
		"retries=99999999999":                     "a whole number from 0 to 2147483647",
		"enable.idempotence=yes":                  "true or false",
		"compression.type=brotli":                 "one of gzip, lz4, none, snappy, zstd",
		"compression.gzip.level=0":                "1 to 9",
		"compression.lz4.level=18":                "from 1 to 17",
		"connections.max.idle.ms=long":            "a whole number of milliseconds",
		"max.in.flight.requests.per.connection=0": "from 1 to",
		"acks=1\nenable.idempotence=true":         "needs acks=all",
		"client.id=" + strings.Repeat("x", 300):   "256 bytes",
	} {
		t.Run(text, func(t *testing.T) {
			_, _, err := Producer(kafka.DefaultProducerConfig(), "some.properties", []byte(text))
			if err == nil {
				t.Fatal("no error")
			}
			key, value, _ := strings.Cut(strings.Split(text, "\n")[0], "=")
			for _, part := range []string{"some.properties: " + key + ": ", `"` + value + `"`, allowed} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}

func TestAllWrongValuesAreReportedAtOnce(t *testing.T) {
	_, _, err := Producer(kafka.DefaultProducerConfig(), "f", []byte("linger.ms=x\nretries=y\nacks=all"))
	if err == nil || strings.Count(err.Error(), "not allowed") != 2 {
		t.Error(err)
	}
	if _, _, err := Producer(kafka.DefaultProducerConfig(), "f", []byte(`a=\u12`)); err == nil || !strings.Contains(err.Error(), "f: line 1") {
		t.Error(err)
	}
}

// FuzzSettings looks for a file that is accepted and makes settings that the Kafka client would refuse, or a panic.
func FuzzSettings(f *testing.F) {
	f.Add([]byte(shippedProducer + shippedConsumer + "idleTimeout=5\n"))
	f.Add([]byte("acks=0\nfetch.max.bytes=1\nmaxPoolSize=1e3\nidleTimeout=NaN\nmetadata.max.age.ms=1"))
	f.Add([]byte("connections.max.idle.ms=-9223372036854775808\nmax.block.ms=9223372036854775807"))
	f.Fuzz(func(t *testing.T, content []byte) {
		servers := kafka.Connection{Servers: []string{"localhost:9092"}}.Options()
		if c, _, err := Producer(kafka.DefaultProducerConfig(), "f", content); err == nil {
			if err := kgo.ValidateOpts(append(slices.Clone(servers), c.Options()...)...); err != nil {
				t.Error(err)
			}
		}
		base := ConsumerSettings{ConsumerConfig: kafka.DefaultConsumerConfig()}
		if c, _, err := Consumer(base, "f", content); err == nil && (c.NewFetchWait() == nil || c.Concurrency < 0) {
			t.Errorf("%+v", c)
		}
		if c, _, err := ReadWebClient(WebClient{}, "f", content); err == nil && (c.IdleTimeout < 0 || c.ConnectTimeout < 0) {
			t.Errorf("%+v", c)
		}
		if c, _, err := ReadHTTPServer(HTTPServer{}, "f", content); err == nil && c.IdleTimeout < 0 {
			t.Errorf("%+v", c)
		}
	})
}
