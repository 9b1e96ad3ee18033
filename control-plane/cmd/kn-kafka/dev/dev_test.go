package dev

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

func TestAChannelIsReachedInEveryWay(t *testing.T) {
	t.Parallel()
	s, mapped := newSubscriber(t), newSubscriber(t)
	f := newFolder(t, "a.yaml", channel("c", "")+subscription("direct", "c", uri(s))+
		subscription("mapped", "c", "{ref: {apiVersion: v1, kind: Service, name: m}, uri: /path}")+
		subscription("shown", "c", "{ref: {apiVersion: v1, kind: Service, name: shown}}"))
	r := start(t, "-f", f.dir, "--map", "default/m="+mapped.URL)
	r.accepts("/default/c", "1")
	r.accepts("/channel/default/c", "2")
	r.accepts("/anything", "3", func(q *http.Request) { q.Host = "c-kn-channel.default.svc.cluster.local" })
	for _, got := range []*subscriber{s, mapped} {
		eventually(t, "three events arrive", func() bool { return len(got.got()) == 3 })
	}
	eventually(t, "the built-in display shows them", func() bool {
		return r.printed("Service default/shown  ← test  id=1") && r.printed("Service default/shown  ← test  id=3")
	})
	eventually(t, "the account counts them", func() bool {
		return r.printed("KafkaChannel default/c: in 3") && r.printed("Subscription default/direct: in 3, delivered 3, filtered 0, retried 0, dead-lettered 0")
	})
	if status, _ := r.post("/default/unknown", "4"); status != http.StatusNotFound {
		t.Errorf("an unknown path answers %d", status)
	}
	r.end()
	if n := len(readyLine.FindAllString(r.out.String(), -1)); n != 1 {
		t.Errorf("%d lines begin with ready:", n)
	}
}

func TestEditsTakeEffectWithoutARestart(t *testing.T) {
	t.Parallel()
	a, b := newSubscriber(t), newSubscriber(t)
	f := newFolder(t, "broker.yaml", broker("b"), "trigger.yaml", trigger("t", "b", uri(a), ""))
	r := start(t, "-f", f.dir)
	r.accepts("/default/b", "first")
	eventually(t, "the first subscriber gets the event", func() bool { return a.count("first") == 1 })

	f.write("trigger.yaml", trigger("t", "b", uri(b), "  filter: {attributes: {subject: wanted}}\n"))
	began := time.Now()
	eventually(t, "the edit is told", func() bool { return r.printed("changed: Trigger default/t") })
	wanted := func(q *http.Request) { q.Header.Set("ce-subject", "wanted") }
	n := 0
	eventually(t, "the second subscriber gets what passes the filter", func() bool {
		n++
		r.accepts("/default/b", fmt.Sprint("unwanted-", n))
		r.accepts("/default/b", fmt.Sprint("wanted-", n), wanted)
		return len(b.got()) > 0
	})
	t.Logf("in effect after %s", time.Since(began))
	if slices.ContainsFunc(b.got(), func(id string) bool { return strings.HasPrefix(id, "unwanted") }) {
		t.Errorf("the filter lets through %q", b.got())
	}

	f.write("more.yaml", trigger("u", "b", uri(a), ""))
	eventually(t, "an added Trigger delivers", func() bool {
		r.accepts("/default/b", "added")
		return a.count("added") > 0
	})
}

func TestRemovedObjectsLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	s := newSubscriber(t)
	kafka := kafkatest.Start(t)
	kafka.CreateTopic(t, "knative-messaging-kafka.default.adopted", 1)
	f := newFolder(t, "keep.yaml", channel("keep", ""), "gone.yaml", channel("gone", "")+subscription("s", "gone", uri(s)),
		"adopted.yaml", channel("adopted", ""), "broker.yaml", broker("b"), "trigger.yaml", trigger("t", "b", uri(s), ""))
	r := start(t, "-f", f.dir, "--kafka", kafka.Bootstrap())
	admin := adminOf(t, kafka.Bootstrap())
	if got := topics(t, admin); len(got) != 4 {
		t.Errorf("topics %q", got)
	}
	for _, path := range []string{"/default/gone", "/default/b", "/default/adopted"} {
		r.accepts(path, path)
	}
	eventually(t, "both groups have delivered", func() bool { return len(s.got()) == 2 })
	for _, name := range []string{"gone.yaml", "adopted.yaml", "trigger.yaml"} {
		f.remove(name)
	}
	eventually(t, "the routes are gone", func() bool {
		gone, _ := r.post("/default/gone", "x")
		adopted, _ := r.post("/default/adopted", "x")
		return gone == http.StatusNotFound && adopted == http.StatusNotFound
	})
	want := []string{"knative-broker-default-b", "knative-messaging-kafka.default.adopted", "knative-messaging-kafka.default.keep"}
	eventually(t, "the topic that was created is deleted, the one that was not is kept", func() bool { return slices.Equal(topics(t, admin), want) })
	eventually(t, "the groups are deleted", func() bool { return len(groups(t, admin)) == 0 })
	eventually(t, "it is said that the adopted topic stays", func() bool {
		return r.printed("topic knative-messaging-kafka.default.adopted is kept: it was not created here")
	})
	r.accepts("/default/b", "y")

	f.write("gone.yaml", channel("gone", "")+subscription("s", "gone", uri(s)))
	eventually(t, "an object that comes back works again", func() bool {
		status, _ := r.post("/default/gone", "back")
		return status == http.StatusAccepted && s.count("back") > 0
	})
	if slices.Contains(s.got()[2:], "/default/gone") {
		t.Errorf("an event of the deleted topic was delivered again")
	}
}

func adminOf(t *testing.T, servers string) *kadm.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(servers), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

// topics are those of objects: the parking topic belongs to none of them and stays.
func topics(t *testing.T, admin *kadm.Client) []string {
	t.Helper()
	listed, err := admin.ListTopics(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(listed.Names(), func(name string) bool { return name == translate.DefaultParkingTopic })
}

func groups(t *testing.T, admin *kadm.Client) []string {
	t.Helper()
	listed, err := admin.ListGroups(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return listed.Groups()
}

func TestAWrongManifestIsRefusedAndTheOthersRun(t *testing.T) {
	t.Parallel()
	s := newSubscriber(t)
	f := newFolder(t, "right.yaml", channel("right", "")+subscription("s", "right", uri(s)),
		"wrong.yaml", channel("wrong", "numPartitions: 0, replicas: 2")+channel("negative", "numPartitions: -1"), "broken.yaml", "kind: [\n")
	r := start(t, "-f", f.dir)
	for _, want := range []string{
		"refused: " + filepath.Join(f.dir, "wrong.yaml") + ":4: KafkaChannel default/wrong: spec.replicas: unknown field\n",
		"refused: " + filepath.Join(f.dir, "wrong.yaml") + ":9: KafkaChannel default/negative: spec.numPartitions: invalid value: -1\n",
		"refused: " + filepath.Join(f.dir, "broken.yaml") + ":1: is not YAML: did not find expected node content\n",
	} {
		if !r.printed(want) {
			t.Errorf("not printed: %s", want)
		}
	}
	r.accepts("/default/right", "1")
	eventually(t, "the right one delivers", func() bool { return s.count("1") == 1 })

	f.write("right.yaml", channel("right", "delivery: {retry: -1}")+subscription("s", "right", uri(s)))
	eventually(t, "a wrong edit is refused", func() bool {
		return r.printed("right.yaml:4: KafkaChannel default/right: spec.delivery.retry: invalid value: -1 (what was accepted before goes on)")
	})
	r.accepts("/default/right", "2")
	eventually(t, "what was accepted before goes on", func() bool { return s.count("2") == 1 })

	f.write("right.yaml", channel("right", "")+subscription("s", "right", uri(s)))
	f.write("wrong.yaml", channel("wrong", ""))
	f.remove("broken.yaml")
	eventually(t, "all is accepted", func() bool { return r.printed("accepted: nothing is refused any more") })
	r.accepts("/default/wrong", "3")
}

func TestAPathThatTwoKindsShareIsRefused(t *testing.T) {
	t.Parallel()
	s := newSubscriber(t)
	f := newFolder(t, "a.yaml", channel("x", "")+subscription("s", "x", uri(s)), "b.yaml", broker("x")+trigger("t", "x", uri(s), ""))
	r := start(t, "-f", f.dir)
	if !r.printed("path /default/x is claimed by KafkaChannel default/x (" + filepath.Join(f.dir, "a.yaml:1") + "), which is at /channel/default/x, and by Broker default/x (" +
		filepath.Join(f.dir, "b.yaml:1") + "), which is at /broker/default/x") {
		t.Errorf("both places are not named")
	}
	status, body := r.post("/default/x", "ambiguous")
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "/channel/default/x") || !strings.Contains(body, "/broker/default/x") {
		t.Errorf("the short path answers %d %q", status, body)
	}
	r.accepts("/channel/default/x", "channel")
	r.accepts("/broker/default/x", "broker")
	eventually(t, "the long paths deliver", func() bool { return s.count("channel") == 1 && s.count("broker") == 1 })
	if s.count("ambiguous") > 0 {
		t.Error("an event to the short path was delivered")
	}
	f.remove("b.yaml")
	eventually(t, "the short path works when one of the two is gone", func() bool {
		status, _ := r.post("/default/x", "again")
		return status == http.StatusAccepted
	})
}

func TestARestartWithDataContinues(t *testing.T) {
	t.Parallel()
	s := newSubscriber(t)
	data := filepath.Join(t.TempDir(), "data")
	f := newFolder(t, "a.yaml", channel("c", "delivery: {retry: 1000, backoffPolicy: linear, backoffDelay: PT0.05S}")+subscription("s", "c", uri(s)))
	s.answer = func(id string, _ *http.Request) int {
		if id == "held" {
			return http.StatusServiceUnavailable
		}
		return http.StatusAccepted
	}
	r := start(t, "-f", f.dir, "--data", data)
	for i := range 5 {
		r.accepts("/default/c", fmt.Sprint(i))
	}
	eventually(t, "the first events arrive", func() bool { return len(s.got()) == 5 })
	r.accepts("/default/c", "held")
	r.accepts("/default/c", "behind") // one partition, in order
	eventually(t, "an event is under way", func() bool { return s.count("held") > 0 })
	second := launch(t, "-f", f.dir, "--data", data)
	if err := <-second.ended; err == nil || !strings.Contains(err.Error(), "another kn-kafka dev uses this folder") {
		t.Errorf("a second one in the same folder: %v", err)
	}
	second.ended <- nil
	r.end()

	s.mu.Lock()
	s.answer, s.ids = nil, slices.DeleteFunc(s.ids, func(id string) bool { return id == "held" })
	s.mu.Unlock()
	r = start(t, "-f", f.dir, "--data", data)
	r.accepts("/default/c", "new")
	eventually(t, "what was not finished and what is new arrives", func() bool { return s.count("new") == 1 })
	for i := range 5 {
		if n := s.count(fmt.Sprint(i)); n != 1 {
			t.Errorf("event %d was delivered %d times", i, n)
		}
	}
	if s.count("held") != 1 || s.count("behind") != 1 {
		t.Errorf("got %q", s.got())
	}
}

func TestARestartWithoutAnObjectKeepsItsEvents(t *testing.T) {
	t.Parallel()
	s := newSubscriber(t)
	data := filepath.Join(t.TempDir(), "data")
	f := newFolder(t, "c.yaml", channel("c", ""), "s.yaml", subscription("s", "c", uri(s)))
	r := start(t, "-f", f.dir, "--data", data)
	r.accepts("/default/c", "1")
	eventually(t, "the event arrives", func() bool { return s.count("1") == 1 })
	r.end()

	f.remove("c.yaml")
	r = start(t, "-f", f.dir, "--data", data)
	if !r.printed("KafkaChannel.messaging.knative.dev/default/c of an earlier run is not among the manifests: its topic is kept") {
		t.Error("it is not said that the topic is kept")
	}
	if !r.printed("s.yaml:5: Subscription default/s: spec.channel: KafkaChannel default/c does not run") {
		t.Error("it is not said that the Subscription has no channel")
	}
	f.write("c.yaml", channel("c", ""))
	eventually(t, "the channel is back", func() bool {
		status, _ := r.post("/default/c", "2")
		return status == http.StatusAccepted
	})
	eventually(t, "its Subscription goes on where it was", func() bool { return s.count("2") >= 1 })
	if s.count("1") != 1 {
		t.Errorf("got %q", s.got())
	}
}

func TestARealKafkaIsUsedAsItIs(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.Start(t)
	s := newSubscriber(t)
	f := newFolder(t, "a.yaml", broker("b")+trigger("t", "b", uri(s), ""))
	r := start(t, "-f", f.dir, "--kafka", kafka.Bootstrap(), "--contract-format", "json")
	for _, want := range []string{
		"  Kafka      " + kafka.Bootstrap() + "\n",
		"note: bootstrap.servers x:9092 of ConfigMap default/br (" + filepath.Join(f.dir, "a.yaml:9") + ") is replaced by the Kafka above",
		"note: Broker default/b: topic knative-broker-default-b gets 1 replicas instead of 3, as there are no more brokers",
	} {
		if !r.printed(want) {
			t.Errorf("not printed: %s", want)
		}
	}
	r.accepts("/default/b", "1")
	eventually(t, "the event arrives", func() bool { return s.count("1") == 1 })
	if got := kafka.Records(t, "knative-broker-default-b", 1); string(got[0].Value) != `{"n":1}` {
		t.Errorf("record %s", got[0].Value)
	}
	r.end()
	admin := adminOf(t, kafka.Bootstrap())
	if got := topics(t, admin); !slices.Equal(got, []string{"knative-broker-default-b"}) {
		t.Errorf("topics after the end: %q", got)
	}
	if listed, err := admin.ListTopics(context.Background(), translate.DefaultParkingTopic); err != nil || !listed.Has(translate.DefaultParkingTopic) {
		t.Errorf("the parking topic did not stay: %v, %v", listed, err)
	}
}

func TestASinkWritesTheTopicThatASourceReads(t *testing.T) {
	t.Parallel()
	s := newSubscriber(t)
	source := "apiVersion: sources.knative.dev/v1\nkind: KafkaSource\nmetadata: {name: src}\nspec:\n  bootstrapServers: [y:1]\n  topics: [shared, other]\n  sink: " + uri(s) + "\n---\n"
	sink := "apiVersion: eventing.knative.dev/v1alpha1\nkind: KafkaSink\nmetadata: {name: snk}\nspec: {bootstrapServers: ['x:1'], topic: shared, numPartitions: 2, replicationFactor: 1, contentMode: structured}\n---\n"
	f := newFolder(t, "sink.yaml", sink, "source.yaml", source)
	r := start(t, "-f", f.dir)
	for _, want := range []string{
		"note: spec.bootstrapServers x:1 of KafkaSink default/snk (" + filepath.Join(f.dir, "sink.yaml:4") + ") is replaced by the Kafka above",
		"note: KafkaSource default/src: topic other was not there: created with 1 partition, which only the embedded Kafka does",
		"KafkaSource default/src → " + s.URL,
	} {
		if !r.printed(want) {
			t.Errorf("not printed: %s", want)
		}
	}
	r.accepts("/sink/default/snk", "1")
	r.accepts("/default/snk", "2")
	eventually(t, "the events arrive", func() bool { return s.count("1") == 1 && s.count("2") == 1 })

	kafka := regexp.MustCompile(`(?m)^  Kafka .* at (\S+)$`).FindStringSubmatch(r.out.String())[1]
	client, err := kgo.NewClient(kgo.SeedBrokers(kafka))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(context.Background(), &kgo.Record{Topic: "other", Value: []byte("plain")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a record that is no event arrives as one", func() bool { return s.count("partition:0/offset:0") == 1 })

	f.write("source.yaml", strings.Replace(source, "spec:\n", "spec:\n  consumers: 0\n", 1))
	eventually(t, "the source is paused", func() bool { return r.printed("changed: KafkaSource default/src") })
	f.write("source.yaml", source)
	r.accepts("/default/snk", "3")
	eventually(t, "it goes on where it was, in the group that it was given", func() bool { return s.count("3") > 0 })
	f.remove("source.yaml")
	f.remove("sink.yaml")
	admin := adminOf(t, kafka)
	eventually(t, "nothing is left", func() bool { return len(topics(t, admin)) == 0 && len(groups(t, admin)) == 0 })
}

func TestSecretsOfTheManifestsAreUsed(t *testing.T) {
	t.Parallel()
	admitted := []kgo.Opt{kgo.SASL(scram.Auth{User: "me", Pass: "right"}.AsSha512Mechanism())}
	kafka := kafkatest.StartFor(t, admitted, kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "me", "right"))
	s := newSubscriber(t)
	secret := func(keys string) string {
		return "apiVersion: v1\nkind: Secret\nmetadata: {name: creds}\nstringData: {protocol: SASL_PLAINTEXT, sasl.mechanism: SCRAM-SHA-512" + keys + "}\n"
	}
	f := newFolder(t, "broker.yaml", strings.Replace(broker("b"), "data: {boot", "data: {auth.secret.ref.name: creds, boot", 1)+trigger("t", "b", uri(s), ""),
		"secret.yaml", secret(", user: me"))
	r := launch(t, "-f", f.dir, "--kafka", kafka.Bootstrap())
	eventually(t, "what is missing is told", func() bool {
		return r.printed("error: "+filepath.Join(f.dir, "broker.yaml")+":1: Broker default/b: credentials for Kafka: secret default/creds: ") && r.printed("password")
	})
	f.write("secret.yaml", secret(", user: me, password: right"))
	eventually(t, "ready", func() bool { return readyLine.MatchString(r.out.String()) })
	r.address = readyLine.FindStringSubmatch(r.out.String())[1]
	eventually(t, "the Broker works", func() bool {
		status, _ := r.post("/default/b", "1")
		return status == http.StatusAccepted && s.count("1") > 0
	})
	if r.printed("right") {
		t.Error("the password is printed")
	}
}

func TestASourceUsesTheKeysOfSecretsThatItNames(t *testing.T) {
	t.Parallel()
	admitted := []kgo.Opt{kgo.SASL(scram.Auth{User: "me", Pass: "right"}.AsSha256Mechanism())}
	kafka := kafkatest.StartFor(t, admitted, kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "me", "right"))
	kafka.CreateTopic(t, "plain", 1)
	kafka.Produce(t, &kgo.Record{Topic: "plain", Value: []byte("hello")})
	s := newSubscriber(t)
	key := func(name string) string { return "{secretKeyRef: {name: creds, key: " + name + "}}" }
	f := newFolder(t, "source.yaml", "apiVersion: sources.knative.dev/v1beta1\nkind: KafkaSource\nmetadata: {name: s}\nspec:\n"+
		"  bootstrapServers: ['elsewhere:9092']\n  topics: [plain]\n  initialOffset: earliest\n  consumerGroup: g\n  sink: "+uri(s)+"\n"+
		"  net: {sasl: {enable: true, user: "+key("u")+", password: "+key("p")+", type: "+key("t")+"}}\n")
	r := launch(t, "-f", f.dir, "--kafka", kafka.Bootstrap())
	eventually(t, "the missing Secret is told with its field", func() bool {
		return r.printed("spec.net.sasl.password.secretKeyRef.name: Secret default/creds is not among the manifests")
	})
	f.write("secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: creds}\nstringData: {u: me, p: right, t: SCRAM-SHA-256}\n")
	eventually(t, "the record of the topic arrives", func() bool { return s.count("partition:0/offset:0") > 0 })
}

func TestAnUnreachableKafkaIsWaitedForAndTold(t *testing.T) {
	t.Parallel()
	f := newFolder(t, "a.yaml", channel("c", ""))
	r := launch(t, "-f", f.dir, "--kafka", "127.0.0.1:1")
	eventually(t, "it is told", func() bool { return r.printed("waiting: no answer from Kafka: dial tcp 127.0.0.1:1") })
	r.end()
	if readyLine.MatchString(r.out.String()) {
		t.Error("it is ready")
	}
}

func TestManifestsFromStandardInput(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(context.Background())
	var out output
	cmd := Command()
	cmd.SetArgs([]string{"-f", "-", "--listen", "127.0.0.1:0", "--status", "127.0.0.1:0"})
	cmd.SetIn(strings.NewReader(channel("c", "")))
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	ended := make(chan error)
	go func() { ended <- cmd.ExecuteContext(ctx) }()
	eventually(t, "ready", func() bool { return readyLine.MatchString(out.String()) })
	if !strings.Contains(out.String(), "KafkaChannel default/c  (<stdin>:1)") {
		t.Errorf("printed %s", out.String())
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWrongFlagsAreRefused(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "no manifests: give files or folders with -f"},
		{[]string{"-f", "/no/such/folder"}, "manifests: stat /no/such/folder: no such file or directory"},
		{[]string{"-f", f.dir, "--map", "x=http://y"}, `--map "x=http://y": expected NAMESPACE/NAME=URL`},
		{[]string{"-f", f.dir, "--kafka", "localhost"}, "--kafka localhost: expected embedded or HOST:PORT,…"},
		{[]string{"-f", f.dir, "--contract-format", "xml"}, "--contract-format: "},
		{[]string{"-f", f.dir, "--events", "all"}, `--events "all": expected line, detail or json`},
		{[]string{"-f", f.dir, "--once"}, "--once: expected one file *.expect beside the manifests, found 0"},
		{[]string{"-f", f.dir, "--listen", "nowhere:x"}, "listen"},
	} {
		r := launch(t, test.args...)
		err := <-r.ended
		r.ended <- nil
		if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, context.Canceled) {
			t.Errorf("%q: %v, want %q", test.args, err, test.want)
		}
	}
}
