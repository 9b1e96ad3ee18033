package kafkatest

import (
	"maps"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestCluster(t *testing.T) {
	cluster := Start(t, kfake.NumBrokers(2), kfake.SeedTopics(1, "seeded"))
	if len(cluster.Addrs()) != 2 {
		t.Fatalf("addresses %q", cluster.Bootstrap())
	}
	cluster.CreateTopic(t, "topic", 3)
	cluster.Produce(t, &kgo.Record{Topic: "seeded"}, &kgo.Record{Topic: "topic", Partition: 2, Value: []byte("x")},
		&kgo.Record{Topic: "topic", Partition: 2, Value: []byte("y")})
	records := cluster.Records(t, "topic", 2)
	if len(records) != 2 || records[0].Partition != 2 || string(records[0].Value) != "x" || records[1].Offset != 1 {
		t.Errorf("got %v", records)
	}
	if got := cluster.Committed(t, "group", "topic"); len(got) != 0 {
		t.Errorf("a group that never was has committed %v", got)
	}
	want := map[int32]int64{0: 0, 2: 1}
	cluster.Commit(t, "group", "topic", want)
	if got := cluster.Committed(t, "group", "topic"); !maps.Equal(got, want) {
		t.Errorf("committed %v, want %v", got, want)
	}
	cluster.DeleteRecords(t, "topic", 2, 1)
	if got := cluster.Records(t, "topic", 1); len(got) != 1 || string(got[0].Value) != "y" {
		t.Errorf("after deleting the first record: %v", got)
	}
	cluster.DeleteTopic(t, "topic")
	cluster.CreateTopic(t, "topic", 1)
	cluster.Produce(t, &kgo.Record{Topic: "topic"})
	if got := cluster.Records(t, "topic", 1); got[0].Offset != 0 {
		t.Errorf("after making the topic again: %v", got)
	}
}
