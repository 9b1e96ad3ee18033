package stage

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/test/performance/process"
	"knative.dev/eventing-kafka-go/test/performance/wire"
)

const (
	// exitUnavailable is how the script says that this machine cannot run Kafka.
	exitUnavailable = 3
	adminLimit      = time.Minute
)

// Broker is the Kafka of a run.
type Broker struct {
	Label   string   // what it is, for the report
	Servers []string // bootstrap servers
	client  *kgo.Client
	admin   *kadm.Client
	prefix  string
	topics  []string // created
	groups  []string // waited for
	pids    []int    // none when it was running before
	stop    func() error
	foreign bool // it was running before: what was created in it is deleted
}

func openBroker(ctx context.Context, s *Stage) (*Broker, error) {
	b := &Broker{prefix: "bench-" + strings.ToLower(rand.Text()[:6]) + "-", stop: func() error { return nil }}
	var err error
	if s.Kafka != "" {
		b.Label, b.Servers, b.foreign = "Kafka at "+s.Kafka, strings.Split(s.Kafka, ","), true
	} else if err = b.startKafka(ctx, s); isUnavailable(err) {
		err = b.startFake(ctx, s)
	}
	if err != nil {
		return b, err
	}
	b.client, err = kgo.NewClient(
		kgo.SeedBrokers(b.Servers...),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.MetadataMinAge(100*time.Millisecond),
		kgo.DisableClientMetrics(),
	)
	if err != nil {
		return b, err
	}
	b.admin = kadm.NewClient(b.client)
	ctx, cancel := context.WithTimeout(ctx, adminLimit)
	defer cancel()
	if err := b.client.Ping(ctx); err != nil {
		return b, fmt.Errorf("reach Kafka at %v: %w", b.Servers, err)
	}
	if versions, err := b.admin.ApiVersions(ctx); err == nil {
		versions.Each(func(v kadm.BrokerApiVersions) { b.Label += ", version " + v.VersionGuess() })
	}
	return b, b.warmUp(ctx)
}

func isUnavailable(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == exitUnavailable
}

// startKafka runs Apache Kafka by the project's script.
func (b *Broker) startKafka(ctx context.Context, s *Stage) error {
	env := append(os.Environ(), "KAFKA_DIR="+filepath.Join(s.Folder, "kafka"), "KAFKA_PORT=0")
	script := func(ctx context.Context, args ...string) (string, error) {
		var stdout, stderr bytes.Buffer
		cmd := exec.CommandContext(ctx, s.KafkaScript, args...)
		cmd.Env, cmd.Stdout, cmd.Stderr = env, &stdout, &stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // lets it clean up
		if err := cmd.Run(); err != nil {
			return "", fmt.Errorf("%s %s: %w: %s", s.KafkaScript, args[0], err, strings.TrimSpace(stderr.String()))
		}
		return strings.TrimSpace(stdout.String()), nil
	}
	b.stop = func() error {
		// The run's context may have ended; Kafka must end all the same.
		_, err := script(context.Background(), "down")
		return err
	}
	servers, err := script(ctx, "up")
	if err != nil {
		return err
	}
	pids, err := script(ctx, "pids")
	if err != nil {
		return err
	}
	for _, field := range strings.Fields(pids) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return fmt.Errorf("process ids of Kafka: %w", err)
		}
		b.pids = append(b.pids, pid)
	}
	b.Label, b.Servers = "Apache Kafka", strings.Split(servers, ",")
	return nil
}

// close deletes what was created in a Kafka that goes on running, and ends one that was started.
func (b *Broker) close() error {
	var errs []error
	if b.admin != nil && b.foreign {
		ctx, cancel := context.WithTimeout(context.Background(), adminLimit) // the run's may have ended
		defer cancel()
		_, err := b.admin.DeleteTopics(ctx, b.topics...)
		errs = append(errs, err)
		_, err = b.admin.DeleteGroups(ctx, b.groups...)
		errs = append(errs, err)
	}
	if b.client != nil {
		b.client.Close()
	}
	return errors.Join(append(errs, b.stop())...)
}

// CPU is the processor time that the broker has used; ok is false when its processes are not known.
func (b *Broker) CPU() (used time.Duration, ok bool) {
	for _, pid := range b.pids {
		d, err := process.CPU(pid)
		if err != nil {
			return 0, false
		}
		used += d
	}
	return used, len(b.pids) > 0
}

// Resident is the broker's resident memory in bytes, NaN when its processes are not known.
func (b *Broker) Resident() float64 {
	if len(b.pids) == 0 {
		return math.NaN()
	}
	var sum int64
	for _, pid := range b.pids {
		m, err := process.MemoryOf(pid)
		if err != nil {
			return math.NaN()
		}
		sum += m.Resident
	}
	return float64(sum)
}

// Topics creates topics whose names are this run's own and returns the names.
func (b *Broker) Topics(ctx context.Context, name string, n int, partitions int32) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, adminLimit)
	defer cancel()
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%s%s-%d", b.prefix, name, i)
	}
	for rest := names; len(rest) > 0; {
		some := rest[:min(len(rest), 100)]
		rest = rest[len(some):]
		results, err := b.admin.CreateTopics(ctx, partitions, 1, nil, some...)
		if err == nil {
			err = results.Error()
		}
		if err != nil {
			return nil, fmt.Errorf("create %d topics %q: %w", n, name, err)
		}
		b.topics = append(b.topics, some...)
	}
	if err := b.awaitTopics(ctx, names); err != nil {
		return nil, fmt.Errorf("create %d topics %q: %w", n, name, err)
	}
	return names, nil
}

// awaitTopics waits until brokers answer for every partition. Before, a client that asks is told to ask again, and
// what it waits for then is no figure of its own.
func (b *Broker) awaitTopics(ctx context.Context, names []string) error {
	var problem error
	err := Until(ctx, 10*pollEvery, adminLimit, "serve new topics", func() bool {
		ends, err := b.admin.ListEndOffsets(ctx, names...)
		if err == nil {
			err = ends.Error()
		}
		problem = err
		return err == nil
	}, nil)
	return errors.Join(err, problem)
}

// warmUp makes Kafka create its own topic for groups, which takes it a second when the first group comes.
func (b *Broker) warmUp(ctx context.Context) error {
	topic, err := b.Topic(ctx, "warm-up", 1)
	if err != nil {
		return err
	}
	var offsets kadm.Offsets
	offsets.AddOffset(topic, 0, 0, -1)
	b.groups = append(b.groups, b.Group("warm-up"))
	var problem error
	err = Until(ctx, 10*pollEvery, adminLimit, "commit for a first group", func() bool {
		problem = b.admin.CommitAllOffsets(ctx, b.Group("warm-up"), offsets)
		return problem == nil
	}, nil)
	return errors.Join(err, problem)
}

// Topic creates one topic.
func (b *Broker) Topic(ctx context.Context, name string, partitions int32) (string, error) {
	names, err := b.Topics(ctx, name, 1, partitions)
	if err != nil {
		return "", err
	}
	return names[0], nil
}

// Group returns a name for a consumer group of this run.
func (b *Broker) Group(name string) string { return b.prefix + name }

// Fill produces n events of size bytes evenly to the partitions of a topic. An event's lane is its partition.
func (b *Broker) Fill(ctx context.Context, topic string, partitions int32, n uint64, size int) error {
	return b.produce(ctx, topic, size, n, func(seq uint64) kgo.Record {
		partition := int32(seq % uint64(partitions))
		return kgo.Record{Partition: partition, Headers: stamped(int(partition), seq)}
	})
}

// FillKeys is Fill with the keys that keyOf says, each a number up to wire.MaxLane. An event's lane is its key, and all
// events of a key are in one partition. keyOf may wait until the event is due.
func (b *Broker) FillKeys(ctx context.Context, topic string, partitions int32, n uint64, size int, keyOf func(seq uint64) int) error {
	return b.produce(ctx, topic, size, n, func(seq uint64) kgo.Record {
		key := keyOf(seq)
		return kgo.Record{
			Partition: int32(key % int(partitions)), Key: strconv.AppendInt(nil, int64(key), 10), Headers: stamped(key, seq),
		}
	})
}

// Trickle produces events to the first partition of every topic, so many a second to each, for a time.
func (b *Broker) Trickle(ctx context.Context, topics []string, rate int, lasts time.Duration) error {
	began := time.Now()
	n := uint64(float64(rate*len(topics)) * lasts.Seconds())
	return b.produce(ctx, "", 64, n, func(seq uint64) kgo.Record {
		time.Sleep(time.Until(began.Add(time.Duration(float64(seq) / float64(n) * float64(lasts)))))
		return kgo.Record{Topic: topics[seq%uint64(len(topics))], Headers: stamped(0, seq)}
	})
}

// produce produces n records and waits until Kafka has them all.
func (b *Broker) produce(ctx context.Context, topic string, size int, n uint64, record func(seq uint64) kgo.Record) error {
	body := wire.Body(size)
	failed := make(chan error, 1)
	for seq := range n {
		r := record(seq)
		if r.Value = body; topic != "" {
			r.Topic = topic
		}
		b.client.Produce(ctx, &r, func(_ *kgo.Record, err error) {
			if err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		})
	}
	if err := b.client.Flush(ctx); err != nil {
		return fmt.Errorf("fill topic %q: %w", topic, err)
	}
	select {
	case err := <-failed:
		return fmt.Errorf("fill topic %q: %w", topic, err)
	default:
		return nil
	}
}

// stamped are the headers of an event that is sent now.
func stamped(lane int, seq uint64) []kgo.RecordHeader {
	return headers(wire.AppendID(nil, lane, seq), wire.AppendSent(nil, time.Now().UnixNano()))
}

func headers(id, sent []byte) []kgo.RecordHeader {
	return []kgo.RecordHeader{
		{Key: "ce_specversion", Value: []byte(wire.SpecVersion)},
		{Key: "ce_type", Value: []byte(wire.Type)},
		{Key: "ce_source", Value: []byte(wire.Source)},
		{Key: "ce_id", Value: id},
		{Key: "ce_" + wire.SentExtension, Value: sent},
		{Key: "content-type", Value: []byte(wire.ContentType)},
	}
}

// Records is the number of records in a topic.
func (b *Broker) Records(ctx context.Context, topic string) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, adminLimit)
	defer cancel()
	ends, err := b.admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return 0, fmt.Errorf("end of topic %q: %w", topic, err)
	}
	var sum uint64
	ends.Each(func(o kadm.ListedOffset) { sum += uint64(o.Offset) })
	return sum, nil
}

// Commits is how many commits of single partitions there were in the life of the cluster, NaN where that is not known.
func (b *Broker) Commits(ctx context.Context) float64 {
	ctx, cancel := context.WithTimeout(ctx, adminLimit)
	defer cancel()
	ends, err := b.admin.ListEndOffsets(ctx, "__consumer_offsets")
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return math.NaN() // a fake has no such topic
	}
	var sum float64
	ends.Each(func(o kadm.ListedOffset) { sum += float64(o.Offset) })
	return sum
}

// AwaitCommits waits until every group has committed everything that a topic has.
func (b *Broker) AwaitCommits(ctx context.Context, groups []string, topic string, limit time.Duration, failed func() error) error {
	ends, err := b.admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("end of topic %q: %w", topic, err)
	}
	left := groups
	every := pollEvery + time.Duration(len(groups))*time.Millisecond/2 // an answer about hundreds costs the broker
	err = Until(ctx, every, limit, fmt.Sprintf("commits of %d groups", len(groups)), func() bool {
		ctx, cancel := context.WithTimeout(ctx, adminLimit)
		defer cancel()
		fetched := b.admin.FetchManyOffsets(ctx, left...)
		left = slices.DeleteFunc(slices.Clone(left), func(group string) bool {
			done := fetched[group].Err == nil
			ends.Each(func(end kadm.ListedOffset) {
				at, ok := fetched[group].Fetched.Lookup(topic, end.Partition)
				done = done && (end.Offset == 0 || ok && at.At >= end.Offset)
			})
			return done
		})
		return len(left) == 0
	}, failed)
	if err != nil {
		return fmt.Errorf("%w: %d are behind", err, len(left))
	}
	return nil
}

// AwaitGroups waits until all groups are stable and have members. failed, if not nil, ends the wait with its error.
func (b *Broker) AwaitGroups(ctx context.Context, groups []string, limit time.Duration, failed func() error) error {
	return b.AwaitMembers(ctx, groups, 1, limit, failed)
}

// AwaitMembers waits until all groups are stable and have so many members, as AwaitGroups does.
func (b *Broker) AwaitMembers(ctx context.Context, groups []string, members int, limit time.Duration, failed func() error) error {
	b.groups = append(b.groups, groups...)
	var problem error
	every := pollEvery + time.Duration(len(groups))*time.Millisecond // an answer about hundreds costs the broker
	err := Until(ctx, every, limit, fmt.Sprintf("join %d groups", len(groups)), func() bool {
		ctx, cancel := context.WithTimeout(ctx, adminLimit)
		defer cancel()
		described, err := b.admin.DescribeGroups(ctx, groups...)
		if err != nil {
			problem = err
			return false
		}
		stable := 0
		for _, g := range described {
			if g.State == "Stable" && len(g.Members) >= members {
				stable++
			}
		}
		problem = fmt.Errorf("%d are stable", stable)
		return stable >= len(groups)
	}, failed)
	if err != nil {
		return errors.Join(err, problem)
	}
	return nil
}
