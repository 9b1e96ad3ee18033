package ingress

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// build makes the table of a contract. old gives the routes of the same uid their past.
func (i *Ingress) build(c *contract.Contract, creds kafka.Credentials, old *table) *table {
	t := &table{paths: map[string]*route{}, hosts: map[string]*route{}, byUID: map[string]*route{}}
	t.issuers = old.renewIssuers(c)
	places := places{paths: map[string][]*route{}, hosts: map[string][]*route{}}
	for _, resource := range c.GetResources() {
		if resource.GetIngress() == nil {
			continue
		}
		r := i.route(resource, t, old)
		if r.problem == "" {
			i.connect(r, resource, creds, t)
		}
		t.routes = append(t.routes, r)
		places.add(r)
	}
	places.assign(t)
	return t
}

// route makes what needs no connection, and finds what is wrong with the entry.
func (i *Ingress) route(resource *contract.Resource, t, old *table) *route {
	ref := resource.GetReference()
	r := &route{
		uid:         resource.GetUid(),
		reference:   ref,
		labels:      telemetry.Labels{Kind: strings.ToLower(ref.GetKind()), Namespace: ref.GetNamespace(), Name: ref.GetName()},
		contentHash: contract.IngressHash(resource),
		host:        string(hostKey(nil, resource.GetIngress().GetHost())),
		paths:       pathsOf(resource.GetIngress()),
		noteTypes:   resource.GetFeatureFlags().GetEnableEventTypeAutocreate(),
		servers:     resource.GetBootstrapServers(),
		subjectKey:  resource.GetIngress().GetKeyFallback() == contract.KeyFallback_SUBJECT,
	}
	if topics := resource.GetTopics(); len(topics) > 0 {
		r.topic = topics[0]
	}
	if resource.GetIngress().GetContentMode() == contract.ContentMode_STRUCTURED {
		r.mode = cloudevent.Structured
	}
	r.account = &account{}
	if old != nil && old.byUID[r.uid] != nil {
		r.account = old.byUID[r.uid].account
	}
	err := entryError(resource)
	if err == nil {
		r.guard, err = newGuard(resource.GetIngress(), t.issuers)
	}
	if t.byUID[r.uid] != nil {
		err = errors.Join(err, fmt.Errorf("uid: %q is already the uid of another entry", r.uid))
	} else {
		t.byUID[r.uid] = r
	}
	r.metrics, r.complaints = i.metrics.Ingress(r.uid, r.labels), i.complaints
	if err != nil {
		r.problem = oneLine(err.Error())
	}
	return r
}

// connect gives a route its producer.
func (i *Ingress) connect(r *route, resource *contract.Resource, creds kafka.Credentials, t *table) {
	connection, err := kafka.ConnectionOf(resource, creds)
	if err != nil {
		r.problem = oneLine(err.Error())
		return
	}
	s, err := i.acquire(connection)
	if err != nil {
		r.problem = oneLine(err.Error())
		return
	}
	r.sink, r.blame = s, connection.Blame
	t.sinks = append(t.sinks, s)
}

// entryError says why an entry cannot be served. Places that others claim too are no fault of the whole entry, so it is
// validated by itself, and its egresses do not concern an ingress.
func entryError(r *contract.Resource) error {
	alone := &contract.Resource{Uid: r.GetUid(), Topics: r.GetTopics(), BootstrapServers: r.GetBootstrapServers(),
		Ingress: r.GetIngress(), Auth: r.GetAuth(), Reference: r.GetReference()}
	var errs []error
	for _, p := range contract.Validate(&contract.Contract{Resources: []*contract.Resource{alone}}) {
		errs = append(errs, p.Err)
	}
	return errors.Join(errs...)
}

// pathsOf returns the paths of an ingress as requests are compared with them, none twice. "/" is no path (IN-22).
func pathsOf(ingress *contract.Ingress) []string {
	var paths []string
	for _, p := range append([]string{ingress.GetPath()}, ingress.GetPaths()...) {
		p = strings.TrimSuffix(p, "/")
		if strings.HasPrefix(p, "/") && !slices.Contains(paths, p) {
			paths = append(paths, p)
		}
	}
	return paths
}

// hostsOf returns a host and, for the DNS name of a Service, the short forms that a cluster resolves (IN-24).
func hostsOf(host string) []string {
	if host == "" {
		return nil
	}
	service, _, ok := strings.Cut(host+".", ".svc.")
	if !ok || !strings.Contains(service, ".") {
		return []string{host}
	}
	hosts := []string{host, service + ".svc", service}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// places are the paths and hosts of all routes, and who claims them.
type places struct{ paths, hosts map[string][]*route }

func (p places) add(r *route) {
	for _, path := range r.paths {
		p.paths[path] = append(p.paths[path], r)
	}
	for _, host := range hostsOf(r.host) {
		p.hosts[host] = append(p.hosts[host], r)
	}
}

// assign gives each place to the route that claims it. One that several claim answers 503 for all of them, since events
// must not go to a resource that the sender may not mean.
func (p places) assign(t *table) {
	for path, claimants := range p.paths {
		t.paths[path] = p.owner(path, claimants)
	}
	for host, claimants := range p.hosts {
		t.hosts[host] = p.owner("host "+host, claimants)
	}
	for _, r := range t.routes {
		slices.Sort(r.conflicts)
	}
}

func (p places) owner(place string, claimants []*route) *route {
	if len(claimants) == 1 {
		return claimants[0]
	}
	names := make([]string, len(claimants))
	for i, r := range claimants {
		names[i] = r.title()
		if others := p.unambiguous(r); len(others) > 0 {
			names[i] += " (at " + strings.Join(others, ", ") + ")"
		}
	}
	problem := fmt.Sprintf("%s is claimed by more than one resource: %s", place, strings.Join(names, " and "))
	for _, r := range claimants {
		r.conflicts = append(r.conflicts, problem)
	}
	return &route{problem: problem}
}

// unambiguous returns the places where a route alone is reached.
func (p places) unambiguous(r *route) []string {
	var alone []string
	for _, path := range r.paths {
		if len(p.paths[path]) == 1 {
			alone = append(alone, path)
		}
	}
	if r.host != "" && len(p.hosts[r.host]) == 1 {
		alone = append(alone, "host "+r.host)
	}
	return alone
}

// title names the resource of a route for people.
func (r *route) title() string {
	if r.reference.GetName() == "" {
		return "resource " + r.uid
	}
	return fmt.Sprintf("%s %s/%s", cmp.Or(r.reference.GetKind(), "resource"), r.reference.GetNamespace(), r.reference.GetName())
}
