// Package deploy brings what the manifests ask for into Kafka and into the contract of kn-kafka dev: topics, the starts
// of consumer groups, the mounted file. It takes away what belonged to objects that were removed.
//
// It owns the order of these steps, which is that of a cluster: a start is committed before its egress runs, an entry
// leaves the contract before its topic goes. An error of one object never ends what works of it or of others. Topics
// that it did not create are never deleted.
//
// A Deployer belongs to one goroutine.
package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/dev/inventory"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/dev/resolve"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/manifest"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// Options are what a Deployer works with.
type Options struct {
	Inventory *inventory.Inventory
	// Pool has the admin clients, one for each set of credentials.
	Pool *kafkaadmin.Pool
	// Servers are the bootstrap servers of the contract, whatever the manifests say.
	Servers []string
	// Retention is the retention.ms of topics that say none; "" leaves it to Kafka.
	Retention string
	// ParkingTopic is created for the resources that deliver events, and takes what nothing else takes; "" is none.
	ParkingTopic string
	// CreateMissing creates topics that should exist already: a Kafka that starts empty has none.
	CreateMissing bool
	Format        contract.Format
	// Write puts encoded credentials and an encoded contract where the data plane reads them and returns when the
	// contract runs.
	Write func(ctx context.Context, credentials, contract []byte, generation uint64) error
}

// Deployer brings plans to Kafka and into the contract.
type Deployer struct {
	Options
	current *contract.Contract // nil before the first
	tries   map[string]int     // failed attempts to clean up, by name of the record
	admin   *kafkaadmin.Admin  // the last that was used: also for what belonged to removed objects
}

// New returns a Deployer that has deployed nothing.
func New(o Options) *Deployer { return &Deployer{Options: o, tries: map[string]int{}} }

// Result is what a deployment has left to say.
type Result struct {
	// Problems are why something does not run.
	Problems []manifest.Problem
	// Notes are what is different from what was asked for.
	Notes []string
	// Retry says that Kafka was the reason of a problem.
	Retry bool
}

// Apply deploys a plan. The error is about the contract as a whole: then the one before goes on.
func (d *Deployer) Apply(ctx context.Context, plan *resolve.Plan) (Result, error) {
	run := &deployment{Deployer: d, ctx: ctx}
	var resources []*contract.Resource
	for _, r := range plan.Resources {
		if entry := run.resource(r); entry != nil {
			resources = append(resources, entry)
		}
	}
	next := translate.Contract(d.before(), resources, translate.Shared{TrustBundles: plan.TrustBundles})
	if d.current != nil && next.GetGeneration() == d.current.GetGeneration() {
		return run.result, nil
	}
	encoded, err := contract.Encode(next, d.Format)
	if err != nil {
		return run.result, fmt.Errorf("encode the contract: %w", err)
	}
	secrets, err := credentials.Encode(credentials.Collect(next, d.secret))
	if err != nil {
		return run.result, fmt.Errorf("encode the credentials: %w", err)
	}
	// A number that was used is never used for another content, also when the program ends here.
	d.Inventory.SetContractGeneration(next.GetGeneration())
	if err := d.Write(ctx, secrets, encoded, next.GetGeneration()); err != nil {
		return run.result, err
	}
	d.current = next
	return run.result, nil
}

// before is the contract that the next one follows: the first of this run follows the last of the run before.
func (d *Deployer) before() *contract.Contract {
	if d.current != nil {
		return d.current
	}
	if n := d.Inventory.ContractGeneration(); n > 0 {
		// It held something else: addresses are new in each run.
		return &contract.Contract{Generation: n, Resources: []*contract.Resource{{Uid: "of an earlier run"}}}
	}
	return nil
}

// deployment is one Apply under way.
type deployment struct {
	*Deployer
	ctx    context.Context //nolint:containedctx // lives as long as the call that has it
	result Result
}

// resource deploys one resource and returns its entry, nil when it has none.
func (d *deployment) resource(r *resolve.Resource) *contract.Resource {
	before := d.entry(r.UID())
	if r.Failed {
		return before
	}
	if err := d.connect(r); err != nil {
		d.fail(r.Object, "", err)
		return before
	}
	for _, topic := range r.Topics {
		if err := d.topic(r, topic); err != nil {
			d.fail(r.Object, "", err)
			return before
		}
	}
	parking, err := d.parking(r)
	if err != nil {
		d.fail(r.Object, "", err)
		return before
	}
	groups, broken := d.groups(r)
	connection := translate.Connection{
		BootstrapServers: d.Servers, AuthSecret: r.Secret, MultiAuth: r.Net, ParkingTopic: parking,
	}
	now, errs, err := r.Translate(connection, groups)
	if err != nil {
		d.translateError(r, err)
		return before
	}
	for _, e := range errs {
		d.translateError(r, e)
	}
	broken = append(broken, r.Broken...)
	return translate.KeepWorking(now, before, append(broken, errs...))
}

// connect chooses the admin client for the credentials of a resource.
func (d *deployment) connect(r *resolve.Resource) error {
	asked := &contract.Resource{BootstrapServers: strings.Join(d.Servers, ",")}
	known := credentials.Secrets{}
	var refs []*contract.Reference
	switch {
	case r.Net != nil:
		asked.Auth = &contract.Resource_MultiAuthSecret{MultiAuthSecret: r.Net}
		for _, of := range r.Net.GetReferences() {
			refs = append(refs, of.GetReference())
		}
	case r.Secret != nil:
		asked.Auth = &contract.Resource_AuthSecret{AuthSecret: r.Secret}
		refs = []*contract.Reference{r.Secret}
	}
	for _, ref := range refs {
		if secret, ok := d.secret(ref.GetNamespace(), ref.GetName()); ok {
			known[credentials.Name(ref)] = secret.Data
		}
	}
	connection, err := kafka.ConnectionOf(asked, known)
	if err != nil {
		return err
	}
	d.admin, err = d.Pool.Admin(connection)
	return err
}

// secret is a Secret of the manifests.
func (d *Deployer) secret(namespace, name string) (credentials.Secret, bool) {
	o := d.Inventory.Get(manifest.ID{Kind: "Secret", Namespace: namespace, Name: name})
	if o == nil {
		return credentials.Secret{}, false
	}
	return credentials.Secret{
		Namespace: namespace, Name: name, Version: strconv.FormatInt(o.Value.GetGeneration(), 10),
		Data: o.Value.(*corev1.Secret).Data, //nolint:forcetypeassert // the kind says so
	}, true
}

// Admin is the admin client that was last used; nil before the first.
func (d *Deployer) Admin() *kafkaadmin.Admin { return d.admin }

// entry is what the contract in force says of a resource.
func (d *Deployer) entry(uid string) *contract.Resource {
	for _, r := range d.current.GetResources() {
		if r.GetUid() == uid {
			return r
		}
	}
	return nil
}

// topic makes sure that a topic of a resource is there.
func (d *deployment) topic(r *resolve.Resource, topic resolve.Topic) error {
	record := d.Inventory.Record(r.Object.ID)
	if topic.External {
		err := d.external(r, topic.Name)
		if err == nil && len(r.Paths) > 0 {
			record.Topic = topic.Name
		}
		return d.kafka(err)
	}
	want := d.config(topic.Topic)
	got, err := d.ensure(&want)
	if err != nil {
		return d.kafka(err)
	}
	if want.ReplicationFactor < topic.ReplicationFactor && got.Created {
		d.note("%s: topic %s gets %d replicas instead of %d, as there are no more brokers",
			r.Object.ID, want.Name, want.ReplicationFactor, topic.ReplicationFactor)
	}
	if !got.Created && record.Topic == "" {
		d.note("%s: topic %s was there before: it is used, and kept when the object is removed", r.Object.ID, want.Name)
	}
	for _, drift := range got.Drift {
		d.note("%s: topic %s differs: %s", r.Object.ID, want.Name, drift)
	}
	record.Topic = want.Name
	if got.Created {
		record.AddCreated(want.Name)
	}
	return nil
}

// parkingRetention is how long parked events are kept: they wait for people.
const parkingRetention = 365 * 24 * time.Hour

// parkingBytes is the largest record that the parking topic takes: one of the size that a topic takes as Kafka comes, and
// the headers that say why it was parked.
const parkingBytes = 2 << 20

// parking makes sure that the parking topic is there for a resource that delivers events, and returns its name. It stays
// when the resource goes: what is in it has not been looked at. A resource that may not create it does without.
func (d *deployment) parking(r *resolve.Resource) (string, error) {
	if d.ParkingTopic == "" || len(r.Groups) == 0 {
		return "", nil
	}
	_, err := d.admin.EnsureTopic(d.ctx, kafkaadmin.TopicConfig{
		Name: d.ParkingTopic, Partitions: 1, ReplicationFactor: 1, Config: map[string]string{
			"cleanup.policy": "delete", "retention.ms": strconv.FormatInt(parkingRetention.Milliseconds(), 10),
			"max.message.bytes": strconv.Itoa(parkingBytes),
		},
	})
	switch {
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		d.note("%s: no parking topic, events that nothing takes are held: %v", r.Object.ID, err)
		return "", nil
	case err != nil:
		return "", d.kafka(fmt.Errorf("parking topic: %w", err))
	}
	return d.ParkingTopic, nil
}

// config is how a topic is created here.
func (d *Deployer) config(topic translate.Topic) kafkaadmin.TopicConfig {
	c := kafkaadmin.TopicConfig{
		Name: topic.Name, Partitions: topic.Partitions, ReplicationFactor: topic.ReplicationFactor, Config: map[string]string{},
	}
	if d.Retention != "" {
		c.Config["retention.ms"] = d.Retention
	}
	maps.Copy(c.Config, topic.Config)
	return c
}

// ensure creates a topic unless it is there, with fewer replicas when there are not enough brokers.
func (d *deployment) ensure(want *kafkaadmin.TopicConfig) (kafkaadmin.TopicResult, error) {
	for {
		got, err := d.admin.EnsureTopic(d.ctx, *want)
		if !errors.Is(err, kerr.InvalidReplicationFactor) || want.ReplicationFactor <= 1 {
			return got, err
		}
		want.ReplicationFactor--
	}
}

// external looks for a topic that must exist.
func (d *deployment) external(r *resolve.Resource, name string) error {
	_, err := d.admin.ValidateTopic(d.ctx, name)
	var invalid *kafkaadmin.InvalidTopicError
	if !d.CreateMissing || !errors.As(err, &invalid) {
		return err
	}
	created, err := d.admin.EnsureTopic(d.ctx, d.config(translate.Topic{Name: name, Partitions: 1, ReplicationFactor: 1}))
	if created.Created {
		d.Inventory.Record(r.Object.ID).AddCreated(name)
		d.note("%s: topic %s was not there: created with 1 partition, which only the embedded Kafka does", r.Object.ID, name)
	}
	return err
}

// groups commits the starts of the egresses, and returns what is known of their groups and which of them failed.
func (d *deployment) groups(r *resolve.Resource) (map[types.UID]translate.Group, []*translate.Error) {
	groups := map[types.UID]translate.Group{}
	var broken []*translate.Error
	names := make([]string, 0, len(r.Groups))
	topics := make([]string, len(r.Topics))
	for i, topic := range r.Topics {
		topics[i] = topic.Name
	}
	for _, g := range r.Groups {
		names = append(names, g.ID)
		record := d.Inventory.Record(g.Object.ID)
		own := g.UID == g.Object.Value.GetUID() // a channel's subscribers that are written by hand have no object
		start := kafkaadmin.GroupStart{Group: g.ID, Topics: topics, Start: r.Start}
		if own {
			start.Initialised = record.Partitions
		}
		partitions, err := d.admin.EnsureGroup(d.ctx, start)
		if err != nil {
			err = d.kafka(err)
			d.fail(g.Object, "", err)
			broken = append(broken, &translate.Error{Object: &contract.Reference{Uuid: string(g.UID)}, Err: err})
			continue
		}
		if own {
			record.Group, record.Partitions = g.ID, partitions
		}
		groups[g.UID] = translate.Group{ID: g.ID, Partitions: partitions}
	}
	d.Inventory.Record(r.Object.ID).Groups = names
	return groups, broken
}

// kafka notes that an error came from Kafka and may go away by itself. A topic that must exist may come.
func (d *deployment) kafka(err error) error {
	if err != nil {
		d.result.Retry = true
	}
	return err
}

func (d *deployment) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(d.result.Notes, text) {
		d.result.Notes = append(d.result.Notes, text)
	}
}

func (d *deployment) fail(o *manifest.Object, field string, err error) {
	d.result.Problems = append(d.result.Problems, manifest.Problem{
		Location: o.Source.At(field), Object: o.ID, Field: field, Reason: err.Error(),
	})
}

// translateError places an error of translate, which names the object and, for a Subscription, the field of the
// channel that core has copied it to.
func (d *deployment) translateError(r *resolve.Resource, err error) {
	var e *translate.Error
	if !errors.As(err, &e) {
		d.fail(r.Object, "", err)
		return
	}
	for _, g := range r.Groups {
		if string(g.UID) == e.Object.GetUuid() && g.Object != r.Object {
			d.fail(g.Object, ownField(e.Field), e.Err)
			return
		}
	}
	d.fail(r.Object, e.Field, e.Err)
}
