package ingress

import (
	"bytes"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/data-plane/eventtypes"
	"knative.dev/eventing-kafka-go/data-plane/oidc"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// table is where requests go. It never changes once requests see it.
type table struct {
	paths  map[string]*route
	hosts  map[string]*route // as hostKey writes them
	byUID  map[string]*route
	routes []*route // in the order of the contract
	sinks  []Sink
	closed bool

	issuers *oidc.Issuers // of tokens
}

// renewIssuers returns the issuers of a contract, which know the tokens that they have verified before. t may be nil.
func (t *table) renewIssuers(c *contract.Contract) *oidc.Issuers {
	if t == nil {
		return oidc.NewIssuers(c.GetTokenIssuers())
	}
	return t.issuers.Renew(c.GetTokenIssuers())
}

// route is one ingress, or a place that several claim.
type route struct {
	uid         string // "" for a place that several claim
	labels      telemetry.Labels
	reference   *contract.Reference
	contentHash string
	host        string
	paths       []string

	// problem is why every request gets 503; "" means that the rest is set.
	problem string
	// conflicts say which places of this route are claimed by others too.
	conflicts []string

	topic      string
	servers    string // of Kafka, in spans
	mode       cloudevent.Mode
	subjectKey bool   // IN-38
	noteTypes  bool   // IN-57
	guard      *guard // nil: everybody may send
	sink       Sink
	blame      func(string) string // see [kafka.Connection.Blame]; nil adds nothing
	metrics    *telemetry.Ingress
	complaints *complaints
	account    *account
}

// account is what all routes of one uid share, one after the other.
type account struct {
	pending atomic.Int64 // bytes of bodies that wait for Kafka
	types   eventtypes.Seen

	mu   sync.Mutex
	last string // error, for people to see
	at   time.Time
}

// charge notes that a body is about to wait for Kafka, unless too much does already. A single one may, whatever its size.
func (a *account) charge(n, limit int64) bool {
	if now := a.pending.Add(n); now > limit && now > n {
		a.pending.Add(-n)
		return false
	}
	return true
}

func (a *account) failed(reason string) {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last, a.at = reason, now
}

func (a *account) lastFailure() (string, time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last, a.at
}

// release gives back the producers. Records that were handed over before are still written.
func (t *table) release() {
	for _, s := range t.sinks {
		s.Release()
	}
}

// forget tells producers which topics of the old table no route of the next one writes.
func (t *table) forget(next *table) {
	type place struct{ key, topic string }
	used := map[place]bool{}
	for _, r := range next.routes {
		used[place{r.sink.Key, r.topic}] = true
	}
	for _, r := range t.routes {
		if p := (place{r.sink.Key, r.topic}); r.sink.Forget != nil && !used[p] {
			used[p] = true
			r.sink.Forget(r.topic)
		}
	}
}

// find returns the route of a request or nil (IN-20, IN-21): the path as it stands without one trailing slash wins, then
// the host counts.
func (t *table) find(path, host string) *route {
	if n := len(path); n > 0 && path[n-1] == '/' {
		path = path[:n-1]
	}
	if r := t.paths[path]; r != nil {
		return r
	}
	if len(t.hosts) == 0 || len(host) > maxHost {
		return nil
	}
	var buf [maxHost]byte
	return t.hosts[string(hostKey(buf[:0], host))]
}

// maxHost is longer than any DNS name with a port.
const maxHost = 272

// hostKey appends a host as the table has it: lower case, without port and trailing dot (IN-24).
func hostKey(dst []byte, host string) []byte {
	start := len(dst)
	for i := 0; i < len(host); i++ {
		c := host[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	name := dst[start:]
	if i := bytes.LastIndexByte(name, ':'); i >= 0 && bytes.IndexByte(name[i:], ']') < 0 {
		name = name[:i]
	}
	name = bytes.TrimSuffix(name, []byte{'.'})
	return dst[:start+len(name)]
}

// trouble says everything that is wrong with a route.
func (r *route) trouble() string {
	s := r.problem
	for _, c := range r.conflicts {
		if s != "" {
			s += "; "
		}
		s += c
	}
	return s
}

// bodyLimit is the size of the largest body that can become a record: the rest of a record is at least its required
// attributes. What exceeds the limit by other headers is found when the record is made. JSON may carry data as base64,
// which is longer by a third than what is written.
func (r *route) bodyLimit(json bool) int {
	limit := r.sink.MaxRecordBytes
	if json {
		return limit/3*4 + jsonAttributes
	}
	return max(limit-requiredHeaders, 0)
}

const (
	// requiredHeaders is what the headers of a record with the shortest possible attributes take.
	requiredHeaders = len("ce_specversion1.0ce_idice_sourcesce_typet")
	// jsonAttributes leaves room for the attributes of a structured event, which are no data.
	jsonAttributes = 8 << 10
)

// key sets the record key of an event that brings none (IN-38).
func (r *route) key(e *cloudevent.Event, rec *kgo.Record) {
	if r.subjectKey && rec.Key == nil && e.Subject != "" {
		rec.Key = []byte(e.Subject)
	}
}
