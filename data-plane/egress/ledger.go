package egress

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/data-plane/delivery"
	"knative.dev/eventing-kafka-go/data-plane/offsets"
)

// saved is what Kafka has of a partition's progress, and how much it takes.
type saved struct {
	prefix   int64  // highest offset that Kafka took, -1 for none
	text     string // the metadata that it took with it
	changes  uint64 // of the tracker, when that was written
	budget   int    // characters of metadata that the broker takes, as far as we know
	retryCap int    // events that may be in retry
}

func newSaved() saved {
	return saved{prefix: -1, budget: offsets.Budget, retryCap: offsets.RetryCap(offsets.Budget)}
}

// took notes what was committed.
func (s *saved) took(sent saved) {
	if sent.prefix >= s.prefix {
		s.prefix, s.text, s.changes = sent.prefix, sent.text, sent.changes
	}
}

// minBudget is the least that is of use: below, the prefix is committed alone.
const minBudget = 64

// shrink has the next ledger be half as long. The prefix is never held back by its ledger.
func (s *saved) shrink() {
	if s.budget /= 2; s.budget < minBudget {
		s.budget = 0
	}
	s.retryCap = offsets.RetryCap(s.budget)
}

// tooLarge says whether a broker refused a commit for its metadata: that of the partition, or that of the request, for
// which there may be no error of its own.
func (d *due) tooLarge(err error) bool {
	return errors.Is(err, kerr.OffsetMetadataTooLarge) || errors.Is(err, kerr.InvalidCommitOffsetSize) ||
		errors.Is(err, kerr.UnknownServerError) && d.length >= largeRequestMetadata
}

const (
	// maxRequestMetadata bounds the metadata of one commit: brokers write all of it as one batch, which has a limit.
	maxRequestMetadata = 900 << 10
	// largeRequestMetadata may be too large where that limit was lowered.
	largeRequestMetadata = 64 << 10
)

// due is what can be committed. Offsets and ledgers belong together, so they are taken in one critical section.
type due struct {
	offsets  map[string]map[int32]kgo.EpochOffset
	saved    map[topicPartition]dueOf
	ids      map[string][16]byte // of the topics
	nameless bool                // a topic has no id
	length   int                 // of all metadata
}

// dueOf is what is due of one partition.
type dueOf struct {
	saved
	of *partition
}

// due returns what can be committed of partitions, nil if there is nothing. The mutex is held.
func (g *group) due(of map[topicPartition]*partition) *due {
	d := &due{offsets: map[string]map[int32]kgo.EpochOffset{}, saved: map[topicPartition]dueOf{}, ids: map[string][16]byte{}}
	room := maxRequestMetadata / max(1, len(of))
	for at, p := range of {
		if p.tracker == nil || p.recreated || p.tracker.Prefix() < 0 || p.tracker.Changes() == p.saved.changes {
			continue
		}
		now := saved{prefix: p.tracker.Prefix(), changes: p.tracker.Changes()}
		if !g.options.LedgerOff {
			var cut bool
			if now.text, cut = p.tracker.Ledger().Encode(min(p.saved.budget, room)); cut {
				g.stats.LedgerCut()
			}
		}
		if now.prefix <= p.saved.prefix && now.text == p.saved.text {
			p.saved.changes = now.changes // what has changed is not worth a commit
			continue
		}
		if d.offsets[at.topic] == nil {
			d.offsets[at.topic] = map[int32]kgo.EpochOffset{}
			id, known := g.topicIDs[at.topic]
			d.ids[at.topic], d.nameless = id, d.nameless || !known
		}
		d.offsets[at.topic][at.partition] = kgo.EpochOffset{Epoch: -1, Offset: now.prefix}
		d.saved[at] = dueOf{now, p}
		d.length += len(now.text)
	}
	if len(d.saved) == 0 {
		return nil
	}
	return d
}

// describe sets the metadata of a commit. Left alone, the client sends its member id, which would overwrite a ledger.
func (d *due) describe(r *kmsg.OffsetCommitRequest) error {
	for i, t := range r.Topics {
		for j := range t.Partitions {
			text := d.saved[topicPartition{t.Topic, t.Partitions[j].Partition}].text
			r.Topics[i].Partitions[j].Metadata = &text
		}
	}
	return nil
}

// read takes the ledger of the last owner. What is none of ours is ignored: everything from the committed offset on is
// delivered then. The mutex is held.
func (g *group) read(p *partition, committed int64, metadata *string) offsets.Ledger {
	if g.options.LedgerOff || metadata == nil {
		return offsets.Ledger{}
	}
	l, reading := offsets.Decode(committed, *metadata)
	switch reading {
	case offsets.Read:
		p.saved.text = *metadata
		g.stats.LedgerRead()
	case offsets.None:
	default:
		g.stats.LedgerIgnored()
		g.log.Info("commit metadata ignored, what was finished above the committed offset is delivered again",
			"topic", p.topic, "partition", p.partition, "offset", committed, "reading", reading.String())
	}
	return l
}

// inherit gives a task the attempts that earlier owners have made.
func (t *task) inherit() {
	attempts, status := t.part.tracker.Tried(t.ticket)
	if attempts > 0 {
		t.tried = true
		t.Restore(attempts, status)
	}
}

// record writes down the attempts of a task that has no outcome yet. One that was made by a process that crashed before
// is not known to anybody, and is made again. The mutex is held.
func (g *group) record(t *task) {
	status := 0
	if s := t.Stage(); s != delivery.ToSubscriber && s != delivery.ToReply {
		status = t.Status()
	}
	before := t.part.tracker.Changes()
	t.part.tracker.Fail(t.ticket, t.Tried(), status)
	t.tried = t.Tried() > 0
	if t.part.tracker.Changes() != before {
		g.committer.dirty(g)
	}
}
