package egress

import (
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// screening is which records of one poll the filter has refused.
type screening struct {
	target *targetRef // nil: nothing was screened
	parts  []screened // in the order in which the fetches have their partitions
}

// screened is what became of the records of one partition from the first new one on.
type screened struct {
	records []*kgo.Record
	refused []bool // by record
}

// screenLimit bounds how long one poll asks filters, as rebalances wait for it.
const screenLimit = 200 * time.Millisecond

// screen asks the filter about new records before any of them costs a task, a place in a lane and a goroutine. It does so
// without the mutex; only the goroutine that polls calls it, which alone adds offsets to trackers.
func (g *group) screen(fetches kgo.Fetches, now time.Time) *screening {
	s := g.fresh(fetches)
	for i := range s.parts {
		p := &s.parts[i]
		p.refused = make([]bool, len(p.records))
		s.target.Screen(p.records, now, screenLimit-time.Since(now), p.refused)
	}
	return s
}

// fresh takes the target of now and the records that no tracker knows yet; nothing if there is no filter.
func (g *group) fresh(fetches kgo.Fetches) *screening {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := &screening{}
	if !g.target.Selective() {
		return s
	}
	s.target = g.target
	s.target.users++
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		next := int64(math.MaxInt64)
		if p := g.partitions[topicPartition{f.Topic, f.Partition}]; p != nil && p.tracker != nil {
			next = p.tracker.Next()
		}
		s.parts = append(s.parts, screened{records: from(f.Records, next)})
	})
	return s
}

// from are the records from an offset on.
func from(records []*kgo.Record, offset int64) []*kgo.Record {
	for i, rec := range records {
		if rec.Offset >= offset {
			return records[i:]
		}
	}
	return nil
}

// next returns whether each record of the next partition is refused. It is called once for each, in their order.
func (s *screening) next(records []*kgo.Record) func(i int) bool {
	if s.target == nil {
		return func(int) bool { return false }
	}
	refused := s.parts[0].refused
	s.parts = s.parts[1:]
	old := len(records) - len(refused)
	return func(i int) bool { return i >= old && refused[i-old] }
}

// done ends the use of the target. The mutex is held.
func (s *screening) done() {
	if s.target != nil {
		s.target.done()
	}
}
