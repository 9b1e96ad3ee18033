package egress

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/offsets"
)

// topicPartition names a partition.
type topicPartition struct {
	topic     string
	partition int32
}

// ownership is how far a partition is on its way out of this process.
type ownership uint8

const (
	// active partitions are delivered from.
	active ownership = iota
	// draining ones begin no delivery; results of those under way count.
	draining
	// gone ones are somebody else's: no result counts.
	gone
)

// partition is one partition from its assignment to this process until it is taken away; an assignment that comes
// back makes a new one, so that late results of the old one count for nothing (OF-12). Guarded by the group's mutex.
type partition struct {
	topicPartition
	state    ownership
	tracker  *offsets.Tracker // nil until the committed offset is known
	lane     *lane            // nil: unordered
	waiting  map[*task]*time.Timer
	buffered int // tasks that have no outcome
	bytes    int // of their records
	running  int
	paused   bool
	done     int64 // highest offset that Kafka took, -1 for none
	end      int64 // offset after the last record in the log, as of the last fetch
	problem  string
}

// lag is the number of records that are not finished, as far as offsets tell.
func (p *partition) lag() int64 {
	if p.tracker == nil || p.end <= 0 {
		return 0
	}
	return max(0, p.end-p.tracker.Prefix())
}

// age is how long ago the oldest unfinished record was written.
func (p *partition) age(now time.Time) time.Duration {
	if p.tracker == nil {
		return 0
	}
	written, ok := p.tracker.Oldest()
	if !ok {
		return 0
	}
	return max(0, now.Sub(time.UnixMilli(written)))
}

// size is what a record is counted with: about the memory that it holds.
func size(rec *kgo.Record) int {
	n := 200 + len(rec.Key) + len(rec.Value)
	for _, h := range rec.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

// detach copies what the record aliases, so that a record that waits for a retry does not hold the whole batch that
// it was fetched with (KF-21).
func detach(rec *kgo.Record) *kgo.Record {
	kept := *rec
	kept.Key = append([]byte(nil), rec.Key...)
	if rec.Value != nil {
		kept.Value = append([]byte{}, rec.Value...)
	}
	kept.Headers = make([]kgo.RecordHeader, len(rec.Headers))
	for i, h := range rec.Headers {
		kept.Headers[i] = kgo.RecordHeader{Key: string(append([]byte(nil), h.Key...)), Value: append([]byte(nil), h.Value...)}
	}
	return &kept
}
