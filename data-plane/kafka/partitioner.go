package kafka

import "github.com/twmb/franz-go/pkg/kgo"

// stickyBytes is how much goes to one partition while its batch stays open, the size that Java's producer has too.
// Without it a broker that is slow to take a batch would attract everything until the batch is full.
const stickyBytes = 64 << 10

// NewPartitioner places records with a key as Java does, murmur2 of the key. Records without one stay on a partition
// until a new batch begins or 64 KiB went there, then go on to the partition with the least waiting for it, the next
// in turn where several have the least. So full batches form under load, and at low rates neighbouring events spread
// over the partitions, where consumers that keep order can work on them side by side.
//
// kgo's own partitioners do the first and not the second, and hold a random generator of 5 KiB for every topic.
func NewPartitioner() kgo.Partitioner {
	return partitioner{keyed: kgo.StickyKeyPartitioner(nil).ForTopic("")}
}

type partitioner struct {
	// keyed is only asked for records with a key, for which it has no state.
	keyed kgo.TopicPartitioner
}

func (p partitioner) ForTopic(string) kgo.TopicPartitioner {
	return &topicPartitioner{keyed: p.keyed, current: -1}
}

// topicPartitioner is called under a lock of its topic.
type topicPartitioner struct {
	keyed   kgo.TopicPartitioner
	current int // partition that records without a key go to, -1: to be chosen
	last    int // the one chosen before
	bytes   int // what went to current
}

// RequiresConsistency makes kgo offer all partitions for a key, also those that cannot be written at the moment.
func (*topicPartitioner) RequiresConsistency(r *kgo.Record) bool { return r.Key != nil }

// OnNewBatch is called when a record would begin a batch, before its partition is asked for again.
func (t *topicPartitioner) OnNewBatch() { t.current = -1 }

// Partition is what kgo would call were there no PartitionByBackup.
func (t *topicPartitioner) Partition(r *kgo.Record, n int) int {
	return t.PartitionByBackup(r, n, &noBackup{rest: n})
}

// PartitionByBackup returns a partition below n; backlog yields each of them once, the highest first.
func (t *topicPartitioner) PartitionByBackup(r *kgo.Record, n int, backlog kgo.TopicBackupIter) int {
	if r.Key != nil {
		return t.keyed.Partition(r, n)
	}
	if t.bytes += len(r.Value); t.bytes > stickyBytes || t.current >= n {
		t.current = -1
	}
	if t.current < 0 {
		t.current = t.choose(n, backlog)
		t.last = t.current
		t.bytes = len(r.Value)
	}
	return t.current
}

// choose returns the partition with the smallest backlog that comes first after the last one.
func (t *topicPartitioner) choose(n int, backlog kgo.TopicBackupIter) int {
	best, bestBacklog, bestDistance := 0, int64(-1), 0
	for range n {
		candidate, waiting := backlog.Next()
		distance := (candidate - t.last - 1 + n) % n
		if distance < 0 { // the topic has fewer partitions than before
			distance = candidate
		}
		if bestBacklog < 0 || waiting < bestBacklog || waiting == bestBacklog && distance < bestDistance {
			best, bestBacklog, bestDistance = candidate, waiting, distance
		}
	}
	return best
}

// noBackup says that nothing waits anywhere.
type noBackup struct{ rest int }

func (b *noBackup) Next() (int, int64) { b.rest--; return b.rest, 0 }
func (b *noBackup) Rem() int           { return b.rest }
