package lag

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/data-plane/offsets"
)

// now is when the tests look; the record of offset n was written 100-n seconds before.
var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// fill makes a topic whose partitions have 100 records each.
func fill(t *testing.T, cluster *kafkatest.Cluster, topic string, partitions int32) {
	t.Helper()
	cluster.CreateTopic(t, topic, partitions)
	for p := range partitions {
		var records []*kgo.Record
		for n := range 100 {
			records = append(records, &kgo.Record{
				Topic: topic, Partition: p, Value: []byte("x"), Timestamp: now.Add(time.Duration(n-100) * time.Second),
			})
		}
		cluster.Produce(t, records...)
	}
}

func admin(t *testing.T, cluster *kafkatest.Cluster) *kadm.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.Addrs()...), kgo.DisableClientMetrics())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

func commit(t *testing.T, cluster *kafkatest.Cluster, group, topic string, partition int32, at int64, metadata string) {
	t.Helper()
	all := kadm.Offsets{}
	all.Add(kadm.Offset{Topic: topic, Partition: partition, At: at, LeaderEpoch: -1, Metadata: metadata})
	if err := admin(t, cluster).CommitAllOffsets(limited(t), group, all); err != nil {
		t.Fatal(err)
	}
}

func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// ledger is what a data plane would write: some events above 40 are not finished, up to 60.
func ledger(t *testing.T) string {
	t.Helper()
	text, cut := offsets.Ledger{Base: 40, Horizon: 60, Unfinished: []offsets.Unfinished{
		{Offset: 40, Attempts: 3}, {Offset: 45}, {Offset: 50, Attempts: 1}, {Offset: 70, Attempts: 2},
	}}.Encode(offsets.Budget)
	if cut || text == "" {
		t.Fatalf("ledger %q", text)
	}
	return text
}

// execute runs the command.
func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := Command()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(limited(t))
	return out.String(), err
}

func TestEveryKindOfCommitIsRead(t *testing.T) {
	cluster := kafkatest.Start(t, kfake.NumBrokers(2))
	fill(t, cluster, "orders", 6)
	commit(t, cluster, "g", "orders", 0, 40, ledger(t))
	commit(t, cluster, "g", "orders", 1, 100, "")
	commit(t, cluster, "g", "orders", 2, 90, "kgo-5ad0")
	commit(t, cluster, "g", "orders", 3, 41, ledger(t))
	damaged := []byte(ledger(t))
	damaged[len(damaged)/2] ^= 1
	commit(t, cluster, "g", "orders", 4, 40, string(damaged))
	commit(t, cluster, "g", "orders", 5, 0, "")

	r, err := NewReader(kafka.Connection{Servers: cluster.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	r.now = func() time.Time { return now }
	groups, err := r.Read(limited(t), []string{"g"})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := WriteTable(&text, groups); err != nil {
		t.Fatal(err)
	}
	// Of 40 to 59, 40, 45 and 50 are not finished: 17 are, and of the 60 from the committed offset on 43 are not.
	want := `g: Empty, members 0, lag 272 records, 1m40s
  TOPIC   PARTITION  COMMITTED  FINISHED ABOVE  END  LAG  AGE    RETRYING                                    NOTE
  orders  0          40         17              100  43   1m0s   40 (tried 3), 50 (tried 1), 70 (tried 2)    -
  orders  1          100        0               100  0    0s     -                                           -
  orders  2          90         0               100  10   10s    -                                           committed by another program: "kgo-5ad0"
  orders  3          41         0               100  59   59s    -                                           its ledger is of another offset: a tool has moved the offset
  orders  4          40         0               100  60   1m0s   -                                           its ledger is damaged
  orders  5          0          0               100  100  1m40s  -                                           -
`
	if got := text.String(); squeeze(got) != squeeze(want) {
		t.Errorf("got\n%s", got)
	}
}

// squeeze makes one space of several: widths of columns are not what is tested.
func squeeze(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

func TestJSONHasEverything(t *testing.T) {
	cluster := kafkatest.Start(t)
	fill(t, cluster, "orders", 1)
	commit(t, cluster, "g", "orders", 0, 40, ledger(t))
	out, err := execute(t, "-b", cluster.Bootstrap(), "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var groups []Group
	if err := json.Unmarshal([]byte(out), &groups); err != nil {
		t.Fatal(err)
	}
	if len(groups) != 1 || len(groups[0].Partitions) != 1 || groups[0].Records != 43 || groups[0].Seconds == nil {
		t.Fatalf("%s", out)
	}
	p := groups[0].Partitions[0]
	if p.Ledger != "read" || len(p.Retrying) != 3 || p.Retrying[1] != (Retry{Offset: 50, Attempts: 1}) || *p.Seconds <= 0 {
		t.Errorf("%s", out)
	}
}

func TestGroupsAreChosenByNameAndPattern(t *testing.T) {
	cluster := kafkatest.Start(t)
	fill(t, cluster, "orders", 1)
	for _, g := range []string{"knative-trigger-a", "knative-trigger-b", "other", "knative.trigger-c"} {
		commit(t, cluster, g, "orders", 0, 100, "")
	}
	for _, test := range []struct{ name, groups, want string }{
		{"one", "other", "other"},
		{"several, in the order of their names", "other,knative-trigger-a", "knative-trigger-a other"},
		{"a prefix", "knative-trigger-*", "knative-trigger-a knative-trigger-b"},
		{"a pattern and a name that it has", "*-b,knative-trigger-b", "knative-trigger-b"},
		{"all", "", "knative-trigger-a knative-trigger-b knative.trigger-c other"},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := []string{"-b", cluster.Bootstrap(), "-o", "json"}
			if test.groups != "" {
				args = append(args, "--group", test.groups)
			}
			out, err := execute(t, args...)
			if err != nil {
				t.Fatal(err)
			}
			var groups []Group
			if err := json.Unmarshal([]byte(out), &groups); err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, g := range groups {
				names = append(names, g.Group)
			}
			if got := strings.Join(names, " "); got != test.want {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestManyRetriesAreCounted(t *testing.T) {
	var p Partition
	for n := range int64(12) {
		p.Retrying = append(p.Retrying, Retry{Offset: n, Attempts: 1})
	}
	if got := retrying(p); !strings.HasSuffix(got, "9 (tried 1), and 2 more") {
		t.Error(got)
	}
}

func TestARecordThatIsGoneIsNotWaitedFor(t *testing.T) {
	cluster := kafkatest.Start(t)
	fill(t, cluster, "orders", 1)
	commit(t, cluster, "g", "orders", 0, 10, "")
	cluster.DeleteRecords(t, "orders", 0, 55)
	out, err := execute(t, "-b", cluster.Bootstrap(), "-g", "g")
	if err != nil || strings.Contains(out, "unknown") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestErrorsSayWhatIsWrong(t *testing.T) {
	cluster := kafkatest.Start(t)
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, test := range []struct {
		name, want string
		args       []string
	}{
		{"no servers", "--bootstrap-servers: expected HOST:PORT", nil},
		{"another form", `--output "xml": expected table or json`, []string{"-b", "h:1", "-o", "xml"}},
		{"a group that is not", `there is no group "none" among the 0 of this cluster`, []string{"-b", cluster.Bootstrap(), "-g", "none"}},
		{"nobody listens", "list the groups of Kafka at 127.0.0.1:1: ", []string{"-b", "127.0.0.1:1", "--timeout", "1s"}},
		{"no such Secret", "--secret: open ", []string{"-b", "h:1", "--secret", filepath.Join(dir, "none")}},
		{"no Secret", `kind "ConfigMap", expected one Secret`, []string{"-b", "h:1", "--secret", write("c.yaml", "kind: ConfigMap\n")}},
		{"a Secret that asks for what cannot be", "protocol", []string{"-b", "h:1", "--secret",
			write("s.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: n}\nstringData: {protocol: MAGIC}\n")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if out, err := execute(t, test.args...); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestASecretAdmitsTheCommand(t *testing.T) {
	cluster := kafkatest.StartFor(t, []kgo.Opt{scramOption("admin", "secret")}, kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "admin", "secret"))
	path := filepath.Join(t.TempDir(), "secret.yaml")
	content := "apiVersion: v1\nkind: Secret\nmetadata: {name: kafka, namespace: n}\nstringData:\n" +
		"  protocol: SASL_PLAINTEXT\n  sasl.mechanism: SCRAM-SHA-512\n  user: admin\n  password: secret\n"
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := execute(t, "-b", cluster.Bootstrap(), "--secret", path); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := execute(t, "-b", cluster.Bootstrap(), "--timeout", "5s"); err == nil {
		t.Errorf("admitted without the Secret:\n%s", out)
	}
}

func scramOption(user, password string) kgo.Opt {
	return kgo.SASL(scram.Auth{User: user, Pass: password}.AsSha512Mechanism())
}
