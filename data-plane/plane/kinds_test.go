package plane

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// transact writes one event in a transaction, and commits or aborts it.
func transact(t *testing.T, k *kafkatest.Cluster, topic, id string, end kgo.TransactionEndTry) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Addrs()...), kgo.TransactionalID("writer"), kgo.DisableClientMetrics())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	record := &kgo.Record{Topic: topic, Headers: []kgo.RecordHeader{
		{Key: "ce_specversion", Value: []byte("1.0")}, {Key: "ce_id", Value: []byte(id)},
		{Key: "ce_source", Value: []byte("/test")}, {Key: "ce_type", Value: []byte("t")},
	}}
	if err = client.BeginTransaction(); err == nil {
		err = client.ProduceSync(ctx, record).FirstErr()
	}
	if err == nil {
		err = client.EndTransaction(ctx, end)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestSourcesSeeNoAbortedTransactionsUnlessTheirFileSaysSo(t *testing.T) { // CFG-24
	for _, test := range []struct {
		name         string
		files        map[string]string
		own          bool // the sources have a file of their own
		broker, sink bool // who gets what was aborted: the Trigger, the KafkaSource
	}{
		{name: "without files", broker: true},
		{name: "a file for all that says nothing", files: map[string]string{"consumer": "max.poll.records=10"}, broker: true},
		{name: "a file for all", files: map[string]string{"consumer": "isolation.level=read_committed"}},
		{name: "a file for sources beside that of the rest", own: true, broker: true, files: map[string]string{
			"consumer": "isolation.level=read_uncommitted", "source": "isolation.level=read_committed"}},
		{name: "a file for sources that wants all", own: true, broker: true, sink: true, files: map[string]string{
			"source": "isolation.level=read_uncommitted"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := kafkatest.Start(t)
			k.CreateTopic(t, "topic-b", 1)
			transact(t, k, "topic-b", "aborted", kgo.TryAbort)
			transact(t, k, "topic-b", "committed", kgo.TryCommit)
			url, trigger := sink(t)
			sourceURL, source := sink(t)
			c := broker(k, "b", 1, url)
			c.Resources = append(c.Resources, &contract.Resource{
				Uid: "uid-source", Topics: []string{"topic-b"}, BootstrapServers: k.Bootstrap(),
				Reference: &contract.Reference{Namespace: "ns", Name: "s", Kind: "KafkaSource"},
				Egresses: []*contract.Egress{{
					Uid: "egress-source", ConsumerGroup: "group-source", Destination: sourceURL,
					ReplyStrategy: &contract.Egress_DiscardReply{DiscardReply: &contract.Empty{}},
					Reference:     &contract.Reference{Namespace: "ns", Name: "s", Kind: "KafkaSource"},
				}},
			})
			paths, _ := mountSettings(t, test.files)
			r := startWith(t, c, func(config *Config) {
				config.Settings = paths
				if test.own {
					config.KindConsumers = map[string]string{"KafkaSource": filepath.Join(filepath.Dir(paths.Consumer), "source")}
				}
			})
			r.eventually("what was committed arrives", func() bool { return trigger.has("committed") && source.has("committed") })
			r.eventually("what was aborted arrives where it is wanted", func() bool { // in no order with what was committed
				return (trigger.has("aborted") || !test.broker) && (source.has("aborted") || !test.sink)
			})
			if trigger.has("aborted") != test.broker || source.has("aborted") != test.sink {
				t.Errorf("what was aborted reached the Trigger: %v, the source: %v", trigger.has("aborted"), source.has("aborted"))
			}
		})
	}
}
