package lag

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/offsets"
)

// Group is a consumer group and how far it is behind.
type Group struct {
	Group string `json:"group"`
	// State is Kafka's name for it, e.g. Stable or Empty.
	State   string `json:"state"`
	Members int    `json:"members"`
	// Records and Seconds are the sum and the maximum of the partitions.
	Records    int64       `json:"lagRecords"`
	Seconds    *float64    `json:"lagSeconds"`
	Partitions []Partition `json:"partitions"`
}

// Partition is how far a group is in one partition.
type Partition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	// Committed is the offset below which everything is finished, -1 when nothing was committed; End the next offset to be
	// written.
	Committed int64 `json:"committed"`
	End       int64 `json:"end"`
	// Finished is how many offsets above Committed are finished.
	Finished int64 `json:"finishedAbove"`
	// Retrying were tried without success, by offset.
	Retrying []Retry `json:"retrying"`
	// Records is how many offsets are not finished.
	Records int64 `json:"lagRecords"`
	// Seconds is the age of the oldest record that is not finished, 0 when there is none; absent when it could not be read.
	Seconds *float64 `json:"lagSeconds"`
	// Ledger is what the metadata of the commit is: read, none, foreign, newer, moved or corrupt.
	Ledger string `json:"ledger"`
	// Metadata is its text where it is foreign.
	Metadata string `json:"metadata,omitempty"`
}

// Retry is an event that was tried and is not finished.
type Retry struct {
	Offset   int64 `json:"offset"`
	Attempts int   `json:"attempts"`
}

// Reader reads from one cluster.
type Reader struct {
	connection kafka.Connection
	client     *kgo.Client
	admin      *kadm.Client
	now        func() time.Time
}

// NewReader opens a client. The error is about the settings of the connection: nothing is connected yet.
func NewReader(c kafka.Connection) (*Reader, error) {
	client, err := kgo.NewClient(append(c.Options(), kgo.RetryTimeout(retryTime))...)
	if err != nil {
		return nil, fmt.Errorf("create a client of Kafka at %s: %w", strings.Join(c.Servers, ","), err)
	}
	return &Reader{connection: c, client: client, admin: kadm.NewClient(client), now: time.Now}, nil
}

// retryTime is how long a request is repeated while no broker answers.
const retryTime = 10 * time.Second

// Close ends the client.
func (r *Reader) Close() { r.client.Close() }

// Read returns the groups that are named, sorted by name; "*" in a name stands for any text, and no names for all groups.
// A name that no group has is an error.
func (r *Reader) Read(ctx context.Context, names []string) ([]Group, error) {
	chosen, err := r.choose(ctx, names)
	if err != nil {
		return nil, err
	}
	groups := make([]Group, 0, len(chosen))
	for _, name := range chosen {
		g, err := r.read(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("consumer group %q: %w", name, err)
		}
		groups = append(groups, g)
	}
	return groups, nil
}

// choose returns the names of existing groups.
func (r *Reader) choose(ctx context.Context, names []string) ([]string, error) {
	listed, err := r.admin.ListGroups(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the groups of Kafka at %s: %w", strings.Join(r.connection.Servers, ","), err)
	}
	all := listed.Groups()
	if len(names) == 0 {
		slices.Sort(all)
		return all, nil
	}
	var chosen []string
	for _, name := range names {
		pattern, err := regexp.Compile("^" + strings.ReplaceAll(regexp.QuoteMeta(name), `\*`, ".*") + "$")
		if err != nil {
			return nil, fmt.Errorf("group %q: %w", name, err)
		}
		found := slices.DeleteFunc(slices.Clone(all), func(g string) bool { return !pattern.MatchString(g) })
		if len(found) == 0 {
			return nil, fmt.Errorf("there is no group %q among the %d of this cluster", name, len(all))
		}
		chosen = append(chosen, found...)
	}
	slices.Sort(chosen)
	return slices.Compact(chosen), nil
}

func (r *Reader) read(ctx context.Context, name string) (Group, error) {
	all, err := r.admin.Lag(ctx, name)
	described := all[name]
	if err == nil {
		err = described.Error()
	}
	if errors.Is(err, kerr.GroupIDNotFound) {
		return Group{}, errors.New("it has gone meanwhile")
	}
	if err != nil {
		return Group{}, err
	}
	g := Group{Group: name, State: described.State, Members: len(described.Members), Partitions: []Partition{}}
	for _, l := range described.Lag.Sorted() {
		if l.Err != nil {
			return Group{}, fmt.Errorf("topic %q, partition %d: %w", l.Topic, l.Partition, l.Err)
		}
		g.Partitions = append(g.Partitions, partitionOf(l))
	}
	slices.SortFunc(g.Partitions, func(a, b Partition) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	if err := r.age(ctx, &g); err != nil {
		return Group{}, err
	}
	g.total()
	return g, nil
}

// partitionOf reads the ledger of a partition.
func partitionOf(l kadm.GroupMemberLag) Partition {
	p := Partition{
		Topic: l.Topic, Partition: l.Partition, Committed: l.Commit.At, End: l.End.Offset, Records: l.Lag, Retrying: []Retry{},
	}
	ledger, reading := offsets.Decode(l.Commit.At, l.Commit.Metadata)
	p.Ledger = reading.String()
	switch reading {
	case offsets.Read:
	case offsets.Foreign:
		p.Metadata = l.Commit.Metadata
		return p
	default:
		return p
	}
	known := int64(0)
	for _, u := range ledger.Unfinished {
		if u.Offset < ledger.Horizon {
			known++
		}
		if u.Attempts > 0 {
			p.Retrying = append(p.Retrying, Retry{Offset: u.Offset, Attempts: u.Attempts})
		}
	}
	p.Finished = ledger.Horizon - ledger.Base - known
	p.Records = max(0, p.Records-p.Finished)
	return p
}

func (g *Group) total() {
	seconds := 0.0
	complete := true
	for _, p := range g.Partitions {
		g.Records += p.Records
		if p.Seconds == nil {
			complete = false
			continue
		}
		seconds = max(seconds, *p.Seconds)
	}
	if complete || seconds > 0 {
		g.Seconds = &seconds
	}
}
