package status

import (
	"time"

	"knative.dev/eventing-kafka-go/data-plane/eventtypes"
)

// Report is what the data plane runs and how it fares at one moment.
type Report struct {
	Version        string    `json:"version"`
	Started        time.Time `json:"started"`
	Now            time.Time `json:"now"` // when the report was made; the handler sets it
	Roles          []string  `json:"roles"`
	Ready          bool      `json:"ready"`
	NotReadyReason string    `json:"notReadyReason,omitempty"`
	NotAliveReason string    `json:"notAliveReason,omitempty"` // why the process is to be restarted
	Contract       Contract  `json:"contract"`
	Routes         []Route   `json:"routes"`
	Groups         []Group   `json:"groups"`
	Process        Process   `json:"process"`
	Settings       []Setting `json:"settings,omitempty"`
}

// Setting is a mounted file of settings.
type Setting struct {
	File        string    `json:"file"`
	LoadedAt    time.Time `json:"loadedAt,omitzero"` // what is in force; zero = the defaults are
	Rejected    uint64    `json:"rejected"`          // contents that could not be used
	LastError   string    `json:"lastError,omitempty"`
	LastErrorAt time.Time `json:"lastErrorAt,omitzero"`
	Warnings    []string  `json:"warnings,omitempty"` // keys without effect
	// Values are what the file says and is in force; those that may be secrets are not shown.
	Values map[string]string `json:"values,omitempty"`
}

// Contract is the contract that is in force, and what is wrong with a newer one.
type Contract struct {
	Generation  uint64     `json:"generation"`
	Hash        string     `json:"hash,omitempty"`
	Format      string     `json:"format,omitempty"`
	Bytes       int        `json:"bytes"` // encoded
	LoadedAt    time.Time  `json:"loadedAt,omitzero"`
	LastGood    bool       `json:"lastGood,omitempty"` // it is an older one, kept because the newest cannot be used
	LastError   string     `json:"lastError,omitempty"`
	LastErrorAt time.Time  `json:"lastErrorAt,omitzero"`
	Rejected    []Rejected `json:"rejected,omitempty"`
	// LastGoodError is why it could not be kept for a restart of the process.
	LastGoodError string `json:"lastGoodError,omitempty"`
	// CredentialVersions are the Secrets that are mounted, by namespace/name; CredentialsError is why newer ones are not used.
	CredentialVersions map[string]string `json:"credentialVersions,omitempty"`
	CredentialsError   string            `json:"credentialsError,omitempty"`
}

// Rejected is an entry of the contract that cannot be served; the others are.
type Rejected struct {
	UID       string `json:"uid"`
	EgressUID string `json:"egressUid,omitempty"` // "" = the resource itself
	Kind      string `json:"kind,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	Reason    string `json:"reason"`
}

// Route is where the events of one resource enter.
type Route struct {
	UID         string            `json:"uid"`
	Kind        string            `json:"kind"`
	Namespace   string            `json:"namespace"`
	Name        string            `json:"name"`
	Topic       string            `json:"topic"`
	Host        string            `json:"host,omitempty"`
	Paths       []string          `json:"paths,omitempty"`
	ContentHash string            `json:"contentHash,omitempty"`
	Problem     string            `json:"problem,omitempty"` // why it answers 503; "" = it is served
	Accepted    uint64            `json:"accepted"`          // answered 202
	Answers     map[string]uint64 `json:"answers,omitempty"` // the other answers by status code
	LastError   string            `json:"lastError,omitempty"`
	LastErrorAt time.Time         `json:"lastErrorAt,omitzero"`
	// PendingBytes are those of events that wait for Kafka's acknowledgement.
	PendingBytes int64       `json:"pendingBytes,omitempty"`
	EventTypes   *EventTypes `json:"eventTypes,omitempty"` // of the events that were accepted; nil: not asked for
}

// Group is one consumer group that delivers to one destination.
type Group struct {
	UID          string      `json:"uid"`
	Kind         string      `json:"kind"`
	Namespace    string      `json:"namespace"`
	Name         string      `json:"name"`
	Resource     string      `json:"resource"` // what it reads from, for people: the broker of a trigger, a channel
	GroupID      string      `json:"groupId"`
	Topics       []string    `json:"topics,omitempty"`
	Destination  string      `json:"destination"`
	Order        string      `json:"order"`
	State        string      `json:"state"`
	Started      time.Time   `json:"started,omitzero"`   // as a member of this process; it goes on through rebalances
	PlacedOn     []string    `json:"placedOn,omitempty"` // names of the pods that join it; none = every process does
	Problem      string      `json:"problem,omitempty"`  // why it does not run; "" = it runs
	ContentHash  string      `json:"contentHash,omitempty"`
	Delivered    uint64      `json:"delivered"`
	Filtered     uint64      `json:"filtered"`
	Retried      uint64      `json:"retried"` // attempts after the first
	DeadLettered uint64      `json:"deadLettered"`
	Lost         uint64      `json:"lost"`   // failed, and there is no dead letter sink
	Parked       uint64      `json:"parked"` // written to the parking topic
	Discarded    uint64      `json:"discarded"`
	Replied      uint64      `json:"replied"`
	InFlight     int         `json:"inFlight"`
	Waiting      int         `json:"waiting"`               // for a retry
	NextRetry    time.Time   `json:"nextRetry,omitzero"`    // when the first of them is tried again
	Buffered     int         `json:"buffered"`              // bytes of events held in memory
	MemoryPart   int64       `json:"memoryPart,omitempty"`  // bytes that it may hold whatever other groups do
	Window       int         `json:"window,omitempty"`      // deliveries that may run at once
	Rate         float64     `json:"rate,omitempty"`        // that may begin in a second; 0 = any number
	RateLimited  bool        `json:"rateLimited,omitempty"` // the rate held a delivery back lately
	Breaker      string      `json:"breaker,omitempty"`     // open or half-open; "" = deliveries go on
	Halted       string      `json:"halted,omitempty"`      // why nothing is fetched
	LagRecords   int64       `json:"lagRecords"`
	LagSeconds   float64     `json:"lagSeconds"`
	LastError    string      `json:"lastError,omitempty"`
	LastErrorAt  time.Time   `json:"lastErrorAt,omitzero"`
	EventTypes   *EventTypes `json:"eventTypes,omitempty"` // of its replies, and of what a KafkaSource delivers; nil: not asked for
	Partitions   []Partition `json:"partitions,omitempty"`

	AlreadyFinished uint64 `json:"alreadyFinished,omitempty"` // by an earlier owner of the partition, and not delivered again
	LedgersIgnored  uint64 `json:"ledgersIgnored,omitempty"`  // commit metadata that was none of ours, or damaged
	Expired         uint64 `json:"expired,omitempty"`         // removed from the log before they were delivered
}

// EventTypes are the types of events that a resource has seen, for which the control plane creates EventTypes.
type EventTypes struct {
	Types   []EventType `json:"types"`
	Dropped uint64      `json:"dropped,omitempty"` // events of types that there was no room for
}

// EventType is one of them.
type EventType struct {
	Type   string `json:"type"`
	Source string `json:"source"`
	Schema string `json:"schema,omitempty"` // dataschema of the first event that had one
}

// EventTypesOf reports what was seen.
func EventTypesOf(seen *eventtypes.Seen) *EventTypes {
	types, dropped := seen.List()
	report := &EventTypes{Types: make([]EventType, 0, len(types)), Dropped: dropped}
	for _, t := range types {
		report.Types = append(report.Types, EventType{Type: t.Type, Source: t.Source, Schema: t.Schema})
	}
	return report
}

// Partition is one assigned partition of a group.
type Partition struct {
	Topic      string `json:"topic"`
	Partition  int32  `json:"partition"`
	Committed  int64  `json:"committed"`
	Next       int64  `json:"next"` // offset that is read next
	End        int64  `json:"end"`  // offset after the last record
	Lag        int64  `json:"lag"`
	Unfinished int    `json:"unfinished"` // events read and not finished
	Paused     bool   `json:"paused,omitempty"`
	// PausedReason is why nothing is fetched for it.
	PausedReason string `json:"pausedReason,omitempty"`
	Oldest       *Event `json:"oldest,omitempty"` // of the unfinished ones
}

// Event is one that was read and is not finished.
type Event struct {
	Offset      int64     `json:"offset"`
	Written     time.Time `json:"written"`              // to Kafka
	State       string    `json:"state"`                // queued, being delivered, or waiting for a retry
	NextAttempt time.Time `json:"nextAttempt,omitzero"` // while it waits
	To          string    `json:"to,omitempty"`         // where it is on its way: the subscriber, the dead letter sink, …
	Attempts    int       `json:"attempts,omitempty"`   // at the subscriber, those of earlier owners included
	Status      int       `json:"status,omitempty"`     // of the last answer
}

// Process is what the process uses.
type Process struct {
	Goroutines  int     `json:"goroutines"`
	HeapBytes   uint64  `json:"heapBytes"`
	RSSBytes    uint64  `json:"rssBytes"`
	CPUSeconds  float64 `json:"cpuSeconds"`            // user and system, since start
	EventBytes  int64   `json:"eventBytes,omitempty"`  // of events held in memory
	EventBudget int64   `json:"eventBudget,omitempty"` // the most of them
}
