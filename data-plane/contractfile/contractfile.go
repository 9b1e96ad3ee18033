// Package contractfile turns the mounted files of a contract and of the credentials that it refers to into snapshots for
// the roles of the data plane. It decides which content counts and keeps the last good one, in memory and on disk; what a contract means is left to those who
// apply it.
//
// The rule: the latest content of the file that is a contract runs. Content that is none (damaged, for a newer build,
// or no bytes at all) is reported, and what ran before goes on; at the start of the process, that is what the last-good
// file holds. No bytes are an empty contract only for a process that has nothing else. To remove everything, the
// control plane writes an encoded contract without resources, which is never zero bytes once it has a generation.
//
// Contract and credentials are mounted apart and change at their own times, so either is applied with the latest of the
// other: a contract never waits for credentials, and resources whose Secrets are not there say so. Credentials are never
// kept on disk. Those that cannot be read or are damaged are reported, and the ones before stay in use.
//
// Run calls apply on its own goroutine, or for credentials on another that ends before Run returns, one call at a time;
// State may be called from any.
package contractfile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"knative.dev/eventing-kafka-go/data-plane/filewatch"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// Options say where the contract is.
type Options struct {
	// Path is the file that the contract is mounted as; its directory is watched.
	Path string
	// LastGood is a file that outlives the process, for the last contract that was applied. Default: none.
	LastGood string
	// CredentialsDir is the folder that credentials are mounted into; its file [credentials.File] is read. Default: none.
	CredentialsDir string
	// Interval is how often the files are read without a notification. Default 30 s.
	Interval time.Duration
	// Log gets what happens to the contract. Default: slog.Default.
	Log *slog.Logger
}

// Snapshot is a contract to be applied. It is shared by all who get it and must not be changed.
type Snapshot struct {
	Contract *contract.Contract
	// Credentials are the Secrets that the contract refers to; nil while none are mounted.
	Credentials kafka.Credentials
	// CredentialVersions are the resource versions of these Secrets by "namespace/name".
	CredentialVersions map[string]string
	// Problems are the entries that cannot run, and why.
	Problems []contract.Problem

	Format contract.Format // what it was read as
	Hash   string          // of its content, the same in every format that can hold it
	Bytes  int             // its size as read

	LoadedAt     time.Time
	FromLastGood bool // read from Options.LastGood, not from Options.Path
}

// State is what a Source has done so far.
type State struct {
	// Current is what runs now; nil before the first contract.
	Current *Snapshot
	// Stale says that Options.Path does not hold what runs: LastError says why.
	Stale       bool
	LastError   string // the last failure, also when it is over; "" when there was none
	LastErrorAt time.Time

	Loads   uint64 // contracts applied
	Rejects uint64 // contents that are no contract that this build can run
	Same    uint64 // contents that were what ran already

	// CredentialLoads counts contents of the credentials that were taken.
	CredentialLoads uint64
	// CredentialsError is why the mounted credentials are not those in use; "" when they are, or none are expected.
	CredentialsError string

	// LastGoodError is why Current could not be written to Options.LastGood; "" when it was.
	LastGoodError string
}

// Source reads contracts for one consumer.
type Source struct {
	o     Options
	apply func(Snapshot)

	work sync.Mutex // held while content is taken, so that apply is called once at a time
	// restored is set once LastGood was tried: it changes only through this process. Under work.
	restored bool
	mounted  mounted // under work

	mu         sync.Mutex // guards what follows
	state      State
	unreadable error // why Path cannot be read now
	rejected   error // why the content last read from Path was not taken
}

// New returns a Source that is started by Run. apply runs the contract and returns when it does; it is never called
// concurrently, and a contract that was replaced while it ran is skipped.
func New(o Options, apply func(Snapshot)) *Source {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Source{o: o, apply: apply}
}

// Run reads contracts until ctx ends and then returns nil. It fails only when Options make no sense.
func (s *Source) Run(ctx context.Context) error {
	if s.o.Path == "" {
		return errors.New("read contract: no path")
	}
	s.readCredentials() // before the contract, so that its first snapshot has them
	ctx, stop := context.WithCancel(ctx)
	var watching errgroup.Group
	if s.o.CredentialsDir != "" {
		watching.Go(func() error { return s.watchCredentials(ctx) })
	}
	err := s.watchContract(ctx)
	stop()
	return errors.Join(err, watching.Wait())
}

func (s *Source) watchContract(ctx context.Context) error {
	err := filewatch.Watch(ctx, s.o.Path, filewatch.Options{
		Interval: s.o.Interval, MaxBytes: contract.MaxDecodedBytes, OnError: s.onRead, Log: s.o.Log,
	}, s.onContent)
	if err != nil {
		return fmt.Errorf("read contract: %w", err)
	}
	return nil
}

// State returns what runs and what went wrong. Its Snapshot is shared and must not be changed.
func (s *Source) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.state
	st.Stale = s.unreadable != nil || s.rejected != nil
	return st
}

// onRead hears that the file cannot be read, or can again.
func (s *Source) onRead(err error) {
	s.work.Lock()
	defer s.work.Unlock()
	if !s.fail(&s.unreadable, err) {
		return
	}
	if err == nil {
		s.o.Log.Info("The contract file can be read again", "path", s.o.Path)
		return
	}
	s.o.Log.Warn("Cannot read the contract, what runs goes on", "path", s.o.Path, "error", err)
	s.restore()
}

// onContent takes what was read from the file.
func (s *Source) onContent(b []byte) {
	s.work.Lock()
	defer s.work.Unlock()
	if len(b) == 0 && s.restore() && s.State().Current.Bytes > 0 {
		s.reject(errors.New("empty contract file"))
		return
	}
	c, format, err := contract.Decode(b)
	if err != nil {
		s.reject(err)
		s.restore()
		return
	}
	s.fail(&s.rejected, nil)
	if s.load(Snapshot{Contract: c, Format: format, Bytes: len(b)}) {
		s.keep(c, format, b)
	}
}

// reject records content that is not taken.
func (s *Source) reject(err error) {
	s.fail(&s.rejected, err)
	s.mu.Lock()
	s.state.Rejects++
	s.mu.Unlock()
	s.o.Log.Warn("Contract refused, what runs goes on", "path", s.o.Path, "error", err)
}

// fail sets why the file does not hold what runs; nil means that this reason is gone. It reports whether that is news.
func (s *Source) fail(reason *error, err error) (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := *reason
	*reason = err
	if err == nil {
		return before != nil
	}
	s.state.LastError, s.state.LastErrorAt = err.Error(), time.Now()
	return before == nil || before.Error() != err.Error()
}

// load applies a contract and reports true, or notes that it runs already.
func (s *Source) load(next Snapshot) bool {
	current := s.State().Current
	if current != nil && isSame(current.Contract, next.Contract) {
		s.same(next)
		return false
	}
	next.Hash = contract.Hash(next.Contract)
	next.Problems = contract.Validate(next.Contract)
	next.LoadedAt = time.Now()
	next.Credentials, next.CredentialVersions = s.mounted.secrets, s.mounted.versions
	s.report(current, &next)
	s.apply(next)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Current = &next
	s.state.Loads++
	return true
}

// isSame reports whether nothing would change. The order of entries says nothing, but the generation does: it is what
// processes report as loaded.
func isSame(a, b *contract.Contract) bool {
	return a.GetGeneration() == b.GetGeneration() && (proto.Equal(a, b) || contract.Equivalent(a, b))
}

// same notes that the file holds what runs, perhaps in another format.
func (s *Source) same(next Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current := *s.state.Current // a Snapshot that was handed out stays as it is
	current.Format, current.Bytes, current.FromLastGood = next.Format, next.Bytes, next.FromLastGood
	s.state.Current = &current
	s.state.Same++
}

// report logs what is about to be applied, and what is odd about it.
func (s *Source) report(current, next *Snapshot) {
	log := s.o.Log.With("generation", next.Contract.GetGeneration(), "hash", next.Hash)
	if current != nil {
		switch before := current.Contract.GetGeneration(); {
		case next.Contract.GetGeneration() == before:
			log.Warn("The contract has the generation that runs but another content; it is loaded")
		case next.Contract.GetGeneration() < before:
			log.Warn("The contract has a lower generation than the one that runs; it is loaded", "before", before)
		}
	}
	for i, p := range next.Problems {
		if i == maxLogged {
			log.Warn("More entries of the contract cannot run", "count", len(next.Problems)-i)
			break
		}
		log.Warn("An entry of the contract cannot run", "resource", p.ResourceUID, "egress", p.EgressUID,
			"namespace", p.Reference.GetNamespace(), "name", p.Reference.GetName(), "error", p.Err)
	}
	log.Info("Loading a contract", "resources", len(next.Contract.GetResources()), "bytes", next.Bytes,
		"format", next.Format, "last_good", next.FromLastGood)
}

// maxLogged bounds how many problems of one contract are logged; the status has them all.
const maxLogged = 10
