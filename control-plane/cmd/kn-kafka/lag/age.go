package lag

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// silence ends the search for the oldest records: what has not come by then is not there (a transaction that is open,
	// a partition without a leader).
	silence = 5 * time.Second
	// fetchBytes is enough for one batch of each partition, which always comes whole.
	fetchBytes = 1 << 10
)

type place struct {
	topic     string
	partition int32
}

// age reads the oldest unfinished record of every partition that has one. It is that at the committed offset.
func (r *Reader) age(ctx context.Context, g *Group) error {
	wanted := map[place]*Partition{}
	from := map[string]map[int32]kgo.Offset{}
	for i := range g.Partitions {
		p := &g.Partitions[i]
		if p.Records == 0 {
			p.Seconds = new(float64)
			continue
		}
		wanted[place{p.Topic, p.Partition}] = p
		if from[p.Topic] == nil {
			from[p.Topic] = map[int32]kgo.Offset{}
		}
		from[p.Topic][p.Partition] = kgo.NewOffset().At(max(0, p.Committed))
	}
	if len(wanted) == 0 {
		return nil
	}
	options := append(r.connection.Options(), kgo.ConsumePartitions(from), kgo.FetchMaxPartitionBytes(fetchBytes),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), // the committed record may have been deleted
		kgo.KeepControlRecords())                          // the mark of a transaction may be all that is there
	client, err := kgo.NewClient(options...)
	if err != nil {
		return fmt.Errorf("create a client to read records: %w", err)
	}
	defer client.Close()
	for len(wanted) > 0 {
		found, err := r.poll(ctx, client, wanted)
		if err != nil || found == 0 {
			return err
		}
	}
	return nil
}

// poll takes the partitions of which a record has come out of wanted.
func (r *Reader) poll(ctx context.Context, client *kgo.Client, wanted map[place]*Partition) (found int, err error) {
	limited, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	fetches := client.PollFetches(limited)
	if ctx.Err() != nil {
		return 0, fmt.Errorf("read the oldest records: %w", ctx.Err())
	}
	now := r.now()
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		at := place{f.Topic, f.Partition}
		p := wanted[at]
		if p == nil {
			return
		}
		if f.Err != nil && !errors.Is(f.Err, context.DeadlineExceeded) {
			err = errors.Join(err, fmt.Errorf("topic %q, partition %d: %w", f.Topic, f.Partition, f.Err))
		}
		if len(f.Records) > 0 {
			seconds := max(0, now.Sub(f.Records[0].Timestamp).Seconds())
			p.Seconds = &seconds
			delete(wanted, at)
			found++
		}
	})
	return found, err
}
