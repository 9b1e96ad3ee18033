package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// backlogs yields partitions as kgo does, the highest first.
type backlogs []int64

func (b *backlogs) Next() (int, int64) {
	last := len(*b) - 1
	waiting := (*b)[last]
	*b = (*b)[:last]
	return last, waiting
}
func (b *backlogs) Rem() int { return len(*b) }

func TestKeysGoWhereJavaPutsThem(t *testing.T) {
	// From org.apache.kafka.common.utils.Utils.toPositive(Utils.murmur2(key)) % 1000.
	partitioner := NewPartitioner().ForTopic("topic").(kgo.TopicBackupPartitioner)
	for key, murmur2 := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string": -1486304829, "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		record := &kgo.Record{Key: []byte(key)}
		if !partitioner.RequiresConsistency(record) {
			t.Errorf("key %q may be placed anywhere", key)
		}
		want := int(uint32(murmur2)&0x7fffffff) % 1000
		if got := partitioner.PartitionByBackup(record, 1000, &noBackup{1000}); got != want {
			t.Errorf("key %q: partition %d, want %d", key, got, want)
		}
	}
}

func TestAnEmptyKeyIsAKey(t *testing.T) {
	partitioner := NewPartitioner().ForTopic("topic")
	if !partitioner.RequiresConsistency(&kgo.Record{Key: []byte{}}) || partitioner.RequiresConsistency(&kgo.Record{}) {
		t.Error("null and empty key are not told apart")
	}
}

func TestRecordsWithoutKey(t *testing.T) {
	place := func(p kgo.TopicPartitioner, size, n int, waiting ...int64) int {
		backlog := make(backlogs, n)
		copy(backlog, waiting)
		return p.(kgo.TopicBackupPartitioner).PartitionByBackup(&kgo.Record{Value: make([]byte, size)}, n, &backlog)
	}
	newBatch := func(p kgo.TopicPartitioner) { p.(kgo.TopicPartitionerOnNewBatch).OnNewBatch() }

	t.Run("stay until a new batch begins", func(t *testing.T) {
		p := NewPartitioner().ForTopic("topic")
		first := place(p, 100, 4)
		for range 50 {
			if got := place(p, 100, 4); got != first {
				t.Fatalf("went from %d to %d", first, got)
			}
		}
		newBatch(p)
		if got := place(p, 100, 4); got == first {
			t.Error("a new batch is on the same partition")
		}
	})
	t.Run("reach all partitions in turn when each is its own batch", func(t *testing.T) {
		p := NewPartitioner().ForTopic("topic")
		counts := map[int]int{}
		for range 400 {
			newBatch(p)
			counts[place(p, 10, 4)]++
		}
		for partition := range 4 {
			if counts[partition] != 100 {
				t.Errorf("partition %d has %d of 400", partition, counts[partition])
			}
		}
	})
	t.Run("move on after 64 KiB though the batch stays open", func(t *testing.T) {
		p := NewPartitioner().ForTopic("topic")
		first := place(p, 1<<10, 4)
		for i := range 63 {
			if got := place(p, 1<<10, 4); got != first {
				t.Fatalf("moved after %d KiB", i+1)
			}
		}
		if got := place(p, 1<<10, 4); got == first {
			t.Error("did not move")
		}
	})
	t.Run("avoid partitions for which much waits", func(t *testing.T) {
		p := NewPartitioner().ForTopic("topic")
		for range 8 {
			newBatch(p)
			if got := place(p, 10, 4, 9, 9, 2, 9); got != 2 {
				t.Errorf("went to %d", got)
			}
		}
	})
	t.Run("stay within the partitions there are", func(t *testing.T) {
		p := NewPartitioner().ForTopic("topic")
		for _, n := range []int{10, 10, 10, 3, 1, 2, 10, 1} {
			for range 20 {
				newBatch(p)
				if got := place(p, 40<<10, n); got < 0 || got >= n {
					t.Fatalf("partition %d of %d", got, n)
				}
			}
		}
	})
}
