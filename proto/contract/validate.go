package contract

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Scope is how much of a contract a Problem makes unusable.
type Scope uint8

const (
	// ScopeResource is the ingress and every egress of the resource.
	ScopeResource Scope = iota
	// ScopeIngress is the ingress alone; the egresses of the resource can run.
	ScopeIngress
	// ScopeEgress is one egress.
	ScopeEgress
)

// Problem is why an entry of a contract cannot run. The rest of the contract can.
type Problem struct {
	Scope Scope
	// ResourceUID and EgressUID identify the entry as the contract does; EgressUID is "" unless Scope is ScopeEgress.
	ResourceUID, EgressUID string
	// Reference is the object that the entry was made from, as users know it; nil when the entry does not say.
	Reference *Reference
	// Resource and Egress are the entry itself, since UIDs can be missing or given twice. Egress is nil unless Scope is
	// ScopeEgress.
	Resource *Resource
	Egress   *Egress
	// Err says which field is wrong and why.
	Err error
}

// Validate returns what is wrong with which entry, in the order of the contract, at most one Problem for a resource as a
// whole, one for its ingress and one for each egress; Err joins everything found. Of two entries that claim the same
// UID, path or host the first one keeps it. It does not change c.
func Validate(c *Contract) []Problem {
	v := validator{uids: map[string]bool{}, egressUIDs: map[string]bool{}, routes: map[string]string{}}
	for _, r := range c.GetResources() {
		v.resource(r)
	}
	return v.problems
}

// validator collects problems; its maps hold what earlier entries claimed.
type validator struct {
	problems   []Problem
	uids       map[string]bool
	egressUIDs map[string]bool
	routes     map[string]string // path or host → UID of the resource that has it
}

func (v *validator) resource(r *Resource) {
	if err := v.resourceError(r); err != nil {
		v.problems = append(v.problems, Problem{Scope: ScopeResource, ResourceUID: r.GetUid(), Reference: r.GetReference(),
			Resource: r, Err: err})
	}
	if i := r.GetIngress(); i != nil {
		if err := v.ingressError(r, i); err != nil {
			v.problems = append(v.problems, Problem{Scope: ScopeIngress, ResourceUID: r.GetUid(), Reference: r.GetReference(),
				Resource: r, Err: err})
		}
	}
	for _, e := range r.GetEgresses() {
		if err := v.egressError(r, e); err != nil {
			v.problems = append(v.problems, Problem{Scope: ScopeEgress, ResourceUID: r.GetUid(), EgressUID: e.GetUid(),
				Reference: egressReference(e), Resource: r, Egress: e, Err: err})
		}
	}
}

// egressReference is the object of an egress as users know it.
func egressReference(e *Egress) *Reference {
	if s := e.GetSubscription(); s != nil {
		return s
	}
	return e.GetReference()
}

func (v *validator) resourceError(r *Resource) error {
	errs := []error{claim(v.uids, r.GetUid())}
	if len(r.GetTopics()) == 0 {
		errs = append(errs, errors.New("topics: none"))
	}
	for i, t := range r.GetTopics() {
		if t == "" {
			errs = append(errs, fmt.Errorf("topics[%d]: empty", i))
		}
	}
	errs = append(errs, serversError(r.GetBootstrapServers()), authError(r), enumError("invalidRecords", r.GetInvalidRecords()))
	for _, name := range slices.Sorted(maps.Keys(r.GetCloudEventOverrides().GetExtensions())) {
		if !isExtensionName(name) {
			errs = append(errs, fmt.Errorf("cloudEventOverrides: %q is not the name of an extension (a-z, 0-9)", name))
		}
	}
	return errors.Join(errs...)
}

// claim reports a UID that is empty or that an earlier entry has.
func claim(seen map[string]bool, uid string) error {
	switch {
	case uid == "":
		return errors.New("uid: empty")
	case seen[uid]:
		return fmt.Errorf("uid: %q is already the uid of another entry", uid)
	}
	seen[uid] = true
	return nil
}

func serversError(list string) error {
	if strings.TrimSpace(list) == "" {
		return errors.New("bootstrapServers: empty")
	}
	for server := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(server) == "" {
			return fmt.Errorf("bootstrapServers: %q has an empty entry", list)
		}
	}
	return nil
}

func isExtensionName(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

func authError(r *Resource) error {
	switch a := r.GetAuth().(type) {
	case *Resource_AuthSecret:
		return secretError("authSecret", a.AuthSecret)
	case *Resource_MultiAuthSecret:
		return multiSecretError(a.MultiAuthSecret)
	}
	return nil
}

func secretError(field string, ref *Reference) error {
	if ref.GetNamespace() == "" || ref.GetName() == "" {
		return fmt.Errorf("%s: names no Secret (namespace %q, name %q)", field, ref.GetNamespace(), ref.GetName())
	}
	return nil
}

func multiSecretError(m *MultiSecretReference) error {
	errs := []error{enumError("multiAuthSecret.protocol", m.GetProtocol())}
	for i, ref := range m.GetReferences() {
		field := fmt.Sprintf("multiAuthSecret.references[%d]", i)
		errs = append(errs, secretError(field, ref.GetReference()))
		for _, k := range ref.GetKeyFieldReferences() {
			if k.GetSecretKey() == "" {
				errs = append(errs, fmt.Errorf("%s: secretKey of %v: empty", field, k.GetField()))
			}
			errs = append(errs, enumError(field+".field", k.GetField()))
		}
	}
	return errors.Join(errs...)
}

func (v *validator) ingressError(r *Resource, i *Ingress) error {
	errs := []error{enumError("ingress.contentMode", i.GetContentMode()), enumError("ingress.keyFallback", i.GetKeyFallback())}
	if n := len(r.GetTopics()); n > 1 {
		errs = append(errs, fmt.Errorf("topics: %d, an ingress takes exactly one", n))
	}
	errs = append(errs, v.routesError(r, i))
	for n, p := range i.GetEventPolicies() {
		field := fmt.Sprintf("ingress.eventPolicies[%d]", n)
		for k, m := range p.GetTokenMatchers() {
			if m.GetMatcher() == nil {
				errs = append(errs, fmt.Errorf("%s.tokenMatchers[%d]: matches nothing that this build knows", field, k))
			}
		}
		errs = append(errs, filtersError(field+".filters", p.GetFilters()))
	}
	return errors.Join(errs...)
}

// routesError checks where the ingress can be reached, and claims those places.
func (v *validator) routesError(r *Resource, i *Ingress) error {
	var errs []error
	var usable int
	paths := i.GetPaths()
	if p := i.GetPath(); p != "" {
		paths = append([]string{p}, paths...)
	}
	for _, p := range paths {
		switch {
		case p == "" || p == "/": // never a route; only a fault when nothing else is one
		case p[0] != '/':
			errs = append(errs, fmt.Errorf("ingress.path: %q does not begin with a slash", p))
		default:
			usable++
			errs = append(errs, v.claimRoute("path", p, r))
		}
	}
	if h := i.GetHost(); h != "" {
		usable++
		errs = append(errs, v.claimRoute("host", strings.ToLower(strings.TrimSuffix(h, ".")), r))
	}
	if usable == 0 && len(errs) == 0 {
		errs = append(errs, fmt.Errorf("ingress: path %q and host %q leave no way to reach it", i.GetPath(), i.GetHost()))
	}
	return errors.Join(errs...)
}

func (v *validator) claimRoute(kind, value string, r *Resource) error {
	key := kind + " " + value
	if owner, taken := v.routes[key]; taken && owner != r.GetUid() {
		return fmt.Errorf("ingress.%s: %q is already taken by the resource %q", kind, value, owner)
	}
	v.routes[key] = r.GetUid()
	return nil
}
