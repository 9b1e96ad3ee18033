package credentials

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// How the Secrets of a data plane are mounted: one Secret for each data plane, with one key, File, whose value is a
// Bundle as JSON. One key, because a name in the form namespace and name can be longer than a key may be, and because
// one file is exchanged as a whole. The Secrets' resource versions travel along, so that a pod can report which
// versions it runs.
const (
	// File is the key of that Secret and so the name of the file in the mounted directory.
	File = "credentials"
	// MaxBytes is the size of a bundle that fits into one Secret together with its metadata. Encode refuses more.
	MaxBytes = 1<<20 - 64<<10
	// MaxDecodedBytes bounds what is read at all.
	MaxDecodedBytes = 4 << 20

	// SystemNamespace stands for the namespace of Knative Eventing in a bundle, wherever that is; no namespace is called so.
	// Secrets that filters name are there, so that no Secret of a user can stand in for one.
	SystemNamespace = "(system)"

	bundleFormat = 1
)

// ErrDamaged is wrapped by the errors of Decode for content that no Encode has written.
var ErrDamaged = errors.New("damaged credentials")

// TooLargeError says that credentials do not fit into one Secret.
type TooLargeError struct{ Size, Limit int }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("credentials take %d bytes, more than the %d that fit into one Secret", e.Size, e.Limit)
}

// Secret is one Secret of a Bundle.
type Secret struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Version is metadata.resourceVersion; "" where there is none.
	Version string            `json:"version,omitempty"`
	Data    map[string][]byte `json:"data"` // base64 in JSON
}

// Bundle is what a data plane may use.
type Bundle struct {
	Secrets []Secret
}

// bundleJSON is what is written. A format that a build does not know is refused, new fields of a known one are not.
type bundleJSON struct {
	Format  int      `json:"format"`
	Secrets []Secret `json:"secrets"`
}

// Encode returns the content of File, the same for the same Secrets in any order. It is a *[TooLargeError] above
// MaxBytes.
func Encode(b Bundle) ([]byte, error) {
	secrets := slices.SortedFunc(slices.Values(b.Secrets), func(a, b Secret) int {
		return strings.Compare(a.name(), b.name())
	})
	content, err := json.Marshal(bundleJSON{Format: bundleFormat, Secrets: secrets})
	if err != nil {
		return nil, fmt.Errorf("encode credentials: %w", err)
	}
	if len(content) > MaxBytes {
		return nil, &TooLargeError{len(content), MaxBytes}
	}
	return content, nil
}

// Decode reads the content of File. Errors wrap ErrDamaged and hold nothing of the content.
func Decode(content []byte) (Bundle, error) {
	var b bundleJSON
	if err := json.Unmarshal(content, &b); err != nil {
		return Bundle{}, fmt.Errorf("%w: not the JSON of credentials", ErrDamaged)
	}
	if b.Format != bundleFormat {
		return Bundle{}, fmt.Errorf("%w: format %d is not known to this build", ErrDamaged, b.Format)
	}
	seen := make(map[string]bool, len(b.Secrets))
	for _, s := range b.Secrets {
		if s.Namespace == "" || s.Name == "" {
			return Bundle{}, fmt.Errorf("%w: a Secret without a name", ErrDamaged)
		}
		if seen[s.name()] {
			return Bundle{}, fmt.Errorf("%w: a Secret is in it twice", ErrDamaged)
		}
		seen[s.name()] = true
	}
	return Bundle{b.Secrets}, nil
}

func (s Secret) name() string { return s.Namespace + "/" + s.Name }

// ByName returns the data of the Secrets; never nil, as credentials that hold no Secret were given nevertheless.
func (b Bundle) ByName() Secrets {
	secrets := make(Secrets, len(b.Secrets))
	for _, s := range b.Secrets {
		secrets[s.name()] = s.Data
	}
	return secrets
}

// Versions returns the resource versions of the Secrets by name.
func (b Bundle) Versions() map[string]string {
	versions := make(map[string]string, len(b.Secrets))
	for _, s := range b.Secrets {
		versions[s.name()] = s.Version
	}
	return versions
}

// Collect gathers the Secrets that the resources of a contract need: no others, and of those only the keys that mean
// something. get returns a Secret or false; what is missing is left out, and the resource that needs it says so.
func Collect(c *contract.Contract, get func(namespace, name string) (Secret, bool)) Bundle {
	wanted := map[string]map[string]bool{} // Secret to keys
	var refs []*contract.Reference
	for _, r := range c.GetResources() {
		for _, ref := range References(r) {
			if wanted[Name(ref)] == nil {
				wanted[Name(ref)] = map[string]bool{}
				refs = append(refs, ref)
			}
			for _, key := range keysOf(r, ref) {
				wanted[Name(ref)][key] = true
			}
		}
	}
	var b Bundle
	for _, ref := range refs {
		if secret, ok := get(ref.GetNamespace(), ref.GetName()); ok {
			kept := Secret{ref.GetNamespace(), ref.GetName(), secret.Version, map[string][]byte{}}
			for key := range wanted[Name(ref)] {
				if value, ok := secret.Data[key]; ok {
					kept.Data[key] = value
				}
			}
			b.Secrets = append(b.Secrets, kept)
		}
	}
	return b
}

// keysOf are the keys of a Secret that a resource reads, perhaps.
func keysOf(r *contract.Resource, ref *contract.Reference) []string {
	if r.GetAuthSecret() != nil {
		return knownKeys
	}
	var keys []string
	for _, s := range r.GetMultiAuthSecret().GetReferences() {
		for _, key := range s.GetKeyFieldReferences() {
			if Name(s.GetReference()) == Name(ref) {
				keys = append(keys, key.GetSecretKey())
			}
		}
	}
	return keys
}
