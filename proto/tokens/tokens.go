// Package tokens is the form in which OIDC tokens travel from the control plane, which asks for them, to a data plane,
// which shows them to subscribers. They are no part of the contract: a contract is a ConfigMap, and tokens are secret.
//
// The tokens of a data plane are spread over [Shards] Secrets, since one holds about a thousand. Each has one key, [File],
// whose value is a bundle as JSON; a projected volume mounts all of them into one directory, and a shard without a Secret
// is missing there. Which Secret a token is in is the hash of its identity, so that a new token changes one Secret.
//
// It does no I/O and reads no clock. Everything may be called by several goroutines at a time.
package tokens

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"knative.dev/eventing-kafka-go/proto/contract"
)

const (
	// Shards is how many Secrets hold the tokens of a data plane, at most. It is part of the mounted volumes, so it stays.
	Shards = 16
	// MaxBytes is the size of a bundle that fits into one Secret together with its metadata. Encode refuses more.
	MaxBytes = 1<<20 - 64<<10
	// MaxDecodedBytes bounds what is read at all.
	MaxDecodedBytes = 4 << 20

	format = 1
)

// ErrDamaged is wrapped by the errors of Decode for content that no Encode has written.
var ErrDamaged = errors.New("damaged tokens")

// TooLargeError says that tokens do not fit into one Secret.
type TooLargeError struct{ Size, Limit int }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("tokens take %d bytes, more than the %d that fit into one Secret", e.Size, e.Limit)
}

// Identity is whose token it is, and for whom.
type Identity struct {
	Namespace      string `json:"namespace"`
	ServiceAccount string `json:"serviceAccount"`
	Audience       string `json:"audience"`
}

func (i Identity) String() string {
	return fmt.Sprintf("ServiceAccount %s/%s for audience %q", i.Namespace, i.ServiceAccount, i.Audience)
}

// Shard is the number of the Secret that holds the token of an identity: 0 ≤ Shard < Shards.
func (i Identity) Shard() int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(i.key())) // it never fails
	return int(h.Sum32() % Shards)
}

func (i Identity) key() string { return i.Namespace + "\x00" + i.ServiceAccount + "\x00" + i.Audience }

func compareIdentities(a, b Identity) int { return strings.Compare(a.key(), b.key()) }

func compare(a, b Token) int { return compareIdentities(a.Identity, b.Identity) }

// Token is a token that was issued.
type Token struct {
	Identity
	Value   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

// File is the key of the Secret of a shard, and so the name of its file in the mounted directory.
func File(shard int) string { return "tokens-" + strconv.Itoa(shard) }

// bundle is what is written. A format that a build does not know is refused, new fields of a known one are not.
type bundle struct {
	Format int     `json:"format"`
	Tokens []Token `json:"tokens"`
}

// Encode returns the content of a File, the same for the same tokens in any order. It is a *[TooLargeError] above MaxBytes.
func Encode(all []Token) ([]byte, error) {
	content, err := json.Marshal(bundle{Format: format, Tokens: slices.SortedFunc(slices.Values(all), compare)})
	if err != nil {
		return nil, fmt.Errorf("encode tokens: %w", err)
	}
	if len(content) > MaxBytes {
		return nil, &TooLargeError{len(content), MaxBytes}
	}
	return content, nil
}

// Decode reads the content of a File. Errors wrap ErrDamaged and hold nothing of the content.
func Decode(content []byte) ([]Token, error) {
	var b bundle
	if err := json.Unmarshal(content, &b); err != nil {
		return nil, fmt.Errorf("%w: not the JSON of tokens", ErrDamaged)
	}
	if b.Format != format {
		return nil, fmt.Errorf("%w: format %d, this build knows %d", ErrDamaged, b.Format, format)
	}
	return b.Tokens, nil
}

// Wanted are the identities whose tokens a contract asks for, sorted. The ServiceAccount of an egress is in the namespace
// of its Trigger, Subscription or KafkaSource; a token is for the destination, for where replies go, and for the dead
// letter sink, as far as they have an audience.
func Wanted(c *contract.Contract) []Identity {
	set := map[Identity]bool{}
	for _, r := range c.GetResources() {
		for _, e := range r.GetEgresses() {
			config := e.GetEgressConfig()
			if config == nil {
				config = r.GetEgressConfig()
			}
			for _, audience := range []string{e.GetDestinationAudience(), e.GetReplyUrlAudience(), config.GetDeadLetterAudience()} {
				if id, ok := For(r, e, audience); ok {
					set[id] = true
				}
			}
		}
	}
	return slices.SortedFunc(maps.Keys(set), compareIdentities)
}

// For is whose token an egress shows to an audience. It is false when it shows none: without a ServiceAccount or an
// audience.
func For(r *contract.Resource, e *contract.Egress, audience string) (Identity, bool) {
	id := Identity{ServiceAccount: e.GetOidcServiceAccountName(), Audience: audience}
	for _, ref := range []*contract.Reference{e.GetSubscription(), e.GetReference(), r.GetReference()} {
		id.Namespace = cmp.Or(id.Namespace, ref.GetNamespace())
	}
	return id, id.ServiceAccount != "" && id.Audience != "" && id.Namespace != ""
}
