// Package migrationtest is the cluster of tests of takeovers: objects in memory, programs that do what their Deployments
// say, and requests that fail or after which the program that makes them dies.
//
// It is for tests alone. A Cluster belongs to one test.
package migrationtest

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/yaml"

	"knative.dev/eventing-kafka-go/control-plane/contractmap"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/migration/kube"
	"knative.dev/eventing-kafka-go/control-plane/migration/served"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// Namespace of the installation.
const Namespace = "knative-eventing"

// ErrKilled is what a program gets that dies.
var ErrKilled = errors.New("killed")

// Cluster is a cluster in memory.
type Cluster struct {
	Client *fake.FakeDynamicClient
	// Follow is called before each request: what the programs of a cluster do meanwhile. It uses Objects and Set.
	Follow func()
	// Refuse may answer a request with an error. nil: none is refused.
	Refuse func(action clienttesting.Action) error
	// Forbidden are rights, as "verb resource", that the program does not have.
	Forbidden map[string]bool
	// Serving says whether pods run what the contract says, and answer probes.
	Serving bool

	tb  testing.TB
	now time.Time

	mu          sync.Mutex
	requests    int
	writes      []string
	die         int // after so many writes; 0: never
	dead        bool
	failRequest int // 0: none
}

var resources = map[string]kube.Resource{
	"ConfigMap": kube.ConfigMaps, "Secret": kube.Secrets, "Service": kube.Services, "ServiceAccount": kube.ServiceAccounts, "Pod": kube.Pods,
	"Deployment": kube.Deployments, "StatefulSet": kube.StatefulSets, "HorizontalPodAutoscaler": kube.HPAs, "PodDisruptionBudget": kube.PDBs,
	"Lease": kube.Leases, "ClusterRole": kube.ClusterRoles, "ClusterRoleBinding": kube.ClusterRoleBindings, "Role": kube.Roles,
	"RoleBinding": kube.RoleBindings, "MutatingWebhookConfiguration": kube.MutatingWebhooks, "ValidatingWebhookConfiguration": kube.ValidatingWebhooks,
	"CustomResourceDefinition": kube.CRDs, "KafkaChannel": kube.KafkaChannels, "Consumer": kube.Consumers, "ConsumerGroup": kube.ConsumerGroups,
	"ScaledObject": kube.ScaledObjects, "KafkaBinding": kube.KafkaBindings,
	"Trigger":     {Group: "eventing.knative.dev", Version: "v1", Resource: "triggers"},
	"KafkaSource": {Group: "sources.knative.dev", Version: "v1", Resource: "kafkasources"},
}

// New makes a cluster that has what manifests say.
func New(tb testing.TB, manifests string) *Cluster {
	tb.Helper()
	lists := map[schema.GroupVersionResource]string{}
	for kind, r := range resources {
		lists[r] = kind + "List"
	}
	c := &Cluster{tb: tb, Serving: true, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Forbidden: map[string]bool{}}
	c.Client = fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists)
	c.Client.PrependReactor("create", "selfsubjectaccessreviews", c.review)
	c.Client.PrependReactor("*", "*", c.request)
	c.Apply(manifests)
	return c
}

// Apply adds or replaces objects.
func (c *Cluster) Apply(manifests string) {
	c.tb.Helper()
	reader := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(manifests)))
	for {
		text, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		o := &kube.Object{}
		if err == nil {
			err = yaml.Unmarshal(text, &o.Object)
		}
		if err != nil {
			c.tb.Fatalf("%v in %s", err, text)
		}
		if len(o.Object) > 0 {
			c.Set(o)
		}
	}
}

// Set adds or replaces an object, past all who watch requests.
func (c *Cluster) Set(o *kube.Object) {
	c.tb.Helper()
	o = o.DeepCopy()
	normalise(o.Object)
	r, ok := resources[o.GetKind()]
	if !ok {
		c.tb.Fatalf("kind %q is not known here", o.GetKind())
	}
	if o.GetUID() == "" {
		o.SetUID(types.UID("uid-of-" + o.GetName()))
	}
	tracker := c.Client.Tracker()
	if err := tracker.Update(r, o, o.GetNamespace()); apierrors.IsNotFound(err) {
		err = tracker.Create(r, o, o.GetNamespace())
		if err != nil {
			c.tb.Fatal(err)
		}
	} else if err != nil {
		c.tb.Fatal(err)
	}
}

// normalise makes numbers what a client reads.
func normalise(node any) any {
	switch v := node.(type) {
	case map[string]any:
		for key := range v {
			v[key] = normalise(v[key])
		}
	case []any:
		for i := range v {
			v[i] = normalise(v[i])
		}
	case float64:
		return int64(v)
	case int:
		return int64(v)
	}
	return node
}

// Get returns an object, nil when it is not there.
func (c *Cluster) Get(kind, namespace, name string) *kube.Object {
	c.tb.Helper()
	o, err := c.Client.Tracker().Get(resources[kind], namespace, name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		c.tb.Fatal(err)
	}
	return o.(*kube.Object).DeepCopy()
}

// Objects returns all objects of a kind.
func (c *Cluster) Objects(kind string) []*kube.Object {
	c.tb.Helper()
	r := resources[kind]
	list, err := c.Client.Tracker().List(r, r.GroupVersion().WithKind(kind), "")
	if err != nil {
		c.tb.Fatal(err)
	}
	var all []*kube.Object
	for i := range list.(*unstructured.UnstructuredList).Items {
		all = append(all, list.(*unstructured.UnstructuredList).Items[i].DeepCopy())
	}
	return all
}

// Remove removes an object.
func (c *Cluster) Remove(kind, namespace, name string) {
	c.tb.Helper()
	if err := c.Client.Tracker().Delete(resources[kind], namespace, name); err != nil {
		c.tb.Fatal(err)
	}
}

// State is all there is, as text, without what differs from run to run.
func (c *Cluster) State() string {
	c.tb.Helper()
	var lines []string
	for kind := range resources {
		for _, o := range c.Objects(kind) {
			if o.GetName() == "kafka-post-install-report" {
				continue
			}
			o.SetResourceVersion("")
			annotations := o.GetAnnotations()
			for key := range annotations {
				if strings.HasSuffix(key, "-at") {
					annotations[key] = "then"
				}
			}
			if annotations != nil {
				o.SetAnnotations(annotations)
			}
			text, err := yaml.Marshal(o.Object)
			if err != nil {
				c.tb.Fatal(err)
			}
			lines = append(lines, kind+" "+o.GetNamespace()+"/"+o.GetName()+"\n"+string(text))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// DieAfter has the program die after so many writes; FailAt has its n-th request fail. 0 is never.
func (c *Cluster) DieAfter(writes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.die, c.writes, c.dead = writes, nil, false
}

// FailAt has the n-th request fail, as when the API server is overloaded.
func (c *Cluster) FailAt(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failRequest, c.requests, c.writes = n, 0, nil
}

// Serve says whether pods run what the contract says.
func (c *Cluster) Serve(yes bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Serving = yes
}

// Writes are the changes that were made since the last DieAfter or FailAt, as "verb resource namespace/name".
func (c *Cluster) Writes() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.writes)
}

// Requests is how many there were since the last FailAt.
func (c *Cluster) Requests() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests
}

// Now is a clock that goes on by a second each time it is read.
func (c *Cluster) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Second)
	return c.now
}

// request comes before each request of the client, one at a time.
func (c *Cluster) request(action clienttesting.Action) (bool, runtime.Object, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return true, nil, ErrKilled
	}
	c.requests++
	if c.requests == c.failRequest {
		return true, nil, apierrors.NewInternalError(errors.New("the API server is overloaded"))
	}
	if c.Refuse != nil {
		if err := c.Refuse(action); err != nil {
			return true, nil, err
		}
	}
	if c.Follow != nil {
		c.Follow()
	}
	if verb := action.GetVerb(); verb != "get" && verb != "list" && action.GetResource().Resource != "selfsubjectaccessreviews" {
		c.writes = append(c.writes, Describe(action))
		c.dead = len(c.writes) == c.die // this one is still made
	}
	return false, nil, nil
}

// Describe is an action as text.
func Describe(action clienttesting.Action) string {
	name := ""
	if named, ok := action.(interface{ GetName() string }); ok {
		name = named.GetName()
	}
	if create, ok := action.(clienttesting.CreateAction); ok {
		name = create.GetObject().(*kube.Object).GetName()
	}
	return fmt.Sprintf("%s %s %s/%s", action.GetVerb(), action.GetResource().Resource, action.GetNamespace(), name)
}

func (c *Cluster) review(action clienttesting.Action) (bool, runtime.Object, error) {
	o := action.(clienttesting.CreateAction).GetObject().(*kube.Object).DeepCopy()
	verb, _, _ := unstructured.NestedString(o.Object, "spec", "resourceAttributes", "verb")
	resource, _, _ := unstructured.NestedString(o.Object, "spec", "resourceAttributes", "resource")
	o.Object["status"] = map[string]any{"allowed": !c.Forbidden[verb+" "+resource]}
	return true, o, nil
}

// Looks is a clock that goes on by a millisecond whenever it is looked at. A run that measures its patience with it looks as
// often for what it waits for on a machine that is slow as on any other.
func Looks() func() time.Time {
	var at time.Time
	return func() time.Time {
		at = at.Add(time.Millisecond)
		return at
	}
}

// Checker looks at the cluster. Its pods run what contracts say while Serving.
func (c *Cluster) Checker(ctx context.Context) *served.Checker {
	c.tb.Helper()
	checker, err := served.New(ctx, kube.Client{Dynamic: c.Client}, Namespace, slog.New(slog.DiscardHandler))
	if err != nil {
		c.tb.Fatal(err)
	}
	checker.Now = c.Now
	checker.Probe = func(_ context.Context, _, host string) error {
		if !c.serves() {
			return errors.New("404 Not Found for " + host)
		}
		return nil
	}
	checker.Rollout = rollout.New(ctx, rollout.Options{
		Pods: checker.Pods(ctx), Interval: time.Millisecond, Idle: time.Millisecond, Log: slog.New(slog.DiscardHandler),
		Fetch: func(context.Context, string) (rollout.Report, error) { return c.report(), nil },
	})
	return checker
}

func (c *Cluster) serves() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Serving
}

// report is what each pod runs: all contracts, while it serves at all.
func (c *Cluster) report() rollout.Report {
	r := rollout.Report{Routes: map[string]rollout.Entry{}, Groups: map[string]rollout.Entry{}}
	if !c.serves() {
		return r
	}
	planes, _ := dataplane.FromEnvironment(func(string) string { return "" }, Namespace)
	for _, d := range planes {
		o, err := c.Client.Tracker().Get(kube.ConfigMaps, d.Namespace, d.ContractName)
		if err != nil {
			continue
		}
		cm, err := kube.ConfigMap(o.(*kube.Object))
		if err != nil {
			continue
		}
		s, err := contractmap.Parse(cm)
		if err != nil {
			continue
		}
		for _, res := range s.Contract.GetResources() {
			r.Routes[res.GetUid()] = rollout.Entry{Hash: contract.IngressHash(res), State: "running"}
			for _, e := range res.GetEgresses() {
				r.Groups[e.GetUid()] = rollout.Entry{Hash: contract.EgressHash(res, e), State: "running"}
			}
		}
	}
	return r
}

// WriteContract writes the contract of a data plane, if it is another one.
func (c *Cluster) WriteContract(name string, resources ...*contract.Resource) {
	c.tb.Helper()
	encoded, err := contract.Encode(&contract.Contract{Generation: uint64(len(resources)), Resources: resources}, contract.FormatJSON)
	if err != nil {
		c.tb.Fatal(err)
	}
	c.Set(&kube.Object{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"namespace": Namespace, "name": name},
		"binaryData": map[string]any{"data": base64.StdEncoding.EncodeToString(encoded)},
	}})
}

// Deployments gives each Deployment the pods that it asks for.
func (c *Cluster) Deployments() {
	for _, d := range c.Objects("Deployment") {
		replicas, found, _ := unstructured.NestedInt64(d.Object, "spec", "replicas")
		if !found {
			replicas = 1
		}
		status := map[string]any{
			"observedGeneration": d.GetGeneration(), "replicas": replicas, "updatedReplicas": replicas, "availableReplicas": replicas,
		}
		if before, _, _ := unstructured.NestedMap(d.Object, "status"); !maps.Equal(before, status) {
			d.Object["status"] = status
			c.Set(d)
		}
	}
}
