package contract

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgotesting "k8s.io/client-go/testing"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	eventingv1alpha1 "knative.dev/eventing/pkg/apis/eventing/v1alpha1"
	"knative.dev/eventing/pkg/apis/feature"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// chaos is a world in which anything that a contract of Brokers is made from may change at any time.
type chaos struct {
	*world
	rnd    *rand.Rand
	flags  entries.Flags
	paused map[types.UID]bool
	from   []string // who the EventPolicy lets in; nil: there is none
	next   int
}

func newChaos(t *testing.T, seed uint64) *chaos {
	t.Helper()
	c := &chaos{
		world: newWorld(t, nil), rnd: rand.New(rand.NewPCG(seed, 1)), paused: map[types.UID]bool{}, from: []string{"a"},
		flags: entries.Flags{Core: feature.Flags{}, Kafka: features.Defaults()},
	}
	c.versioned()
	c.source.flags = func() entries.Flags { return c.flags }
	c.source.builder.Paused = func(uid types.UID) bool { return c.paused[uid] }
	c.source.builder.Policy = func(string, string) (*eventingv1alpha1.EventPolicy, error) {
		if c.from == nil {
			return nil, conflict()
		}
		return &eventingv1alpha1.EventPolicy{Status: eventingv1alpha1.EventPolicyStatus{From: c.from}}, nil
	}
	for _, ns := range []string{"n1", "n2"} {
		c.settings(ns)
		for _, name := range []string{"kafka", "own"} {
			b := aBroker(ns, name)
			b.UID = types.UID(ns + "-" + name)
			b.Spec.Config.Namespace = ""
			if name == "own" {
				b.Annotations[eventing.BrokerClassAnnotation] = eventing.NamespacedKafkaBrokerClass
			}
			c.put("broker", b)
		}
	}
	return c
}

// versioned has the API server number its ConfigMaps, which the fake does not.
func (w *world) versioned() {
	version := 0
	w.api.PrependReactor("*", "configmaps", func(a clientgotesting.Action) (bool, runtime.Object, error) {
		if written, ok := a.(interface{ GetObject() runtime.Object }); ok {
			if cm, ok := written.GetObject().(*corev1.ConfigMap); ok {
				version++
				cm.ResourceVersion = strconv.Itoa(version)
			}
		}
		return false, nil, nil
	})
}

// settings writes the ConfigMap of a namespace anew, with or without a Secret, and the Secret, or not.
func (c *chaos) settings(ns string) {
	data := map[string]string{translate.ServersKey: fmt.Sprintf("kafka-%d:9092", c.rnd.IntN(2)), translate.PartitionsKey: "1", translate.ReplicationFactorKey: "1"}
	if c.rnd.IntN(3) == 0 {
		data[translate.SecretNameKey] = "s"
	}
	_ = c.api.CoreV1().ConfigMaps(ns).Delete(c.Context(), "kafka-broker-config", metav1.DeleteOptions{})
	_ = c.api.CoreV1().Secrets(ns).Delete(c.Context(), "s", metav1.DeleteOptions{})
	if c.rnd.IntN(20) > 0 {
		c.configMap(ns, "kafka-broker-config", data)
	}
	if c.rnd.IntN(8) > 0 {
		protocol := []string{"PLAINTEXT", "SSL"}[c.rnd.IntN(2)]
		c.secret(ns, "s", strconv.Itoa(c.rnd.Int()), map[string]string{"protocol": protocol})
	}
}

func pick[T any](c *chaos, of ...T) T { return of[c.rnd.IntN(len(of))] }

// anyOf returns a copy of an object of a kind; nil when there is none.
func anyOf[T interface{ DeepCopy() T }](c *chaos, kind string) (t T, ok bool) {
	keys := c.objects[kind].ListKeys()
	if len(keys) == 0 {
		return t, false
	}
	slices.Sort(keys)
	o, _, _ := c.objects[kind].GetByKey(pick(c, keys...))
	object, ok := o.(T)
	return object.DeepCopy(), ok
}

func (c *chaos) delivery() *eventingduck.DeliverySpec {
	retry := c.rnd.Int32N(5)
	d := &eventingduck.DeliverySpec{Retry: &retry}
	if c.rnd.IntN(2) == 0 {
		d.DeadLetterSink = &duckv1.Destination{Ref: &duckv1.KReference{Kind: "Service", Name: "dls"}}
	}
	return pick(c, nil, d, d)
}

func (c *chaos) target(host string) *apis.URL {
	return pick(c, nil, apis.HTTP(fmt.Sprint(host, c.rnd.IntN(3))), apis.HTTP(fmt.Sprint(host, c.rnd.IntN(3))))
}

// step changes one thing and says which.
func (c *chaos) step() string {
	switch n := c.rnd.IntN(20); {
	case n < 3:
		c.next++
		t := aTrigger(pick(c, "n1", "n2"), fmt.Sprint("t", c.next), pick(c, "kafka", "own"))
		c.put("trigger", t)
		return "another Trigger"
	case n < 11:
		return c.trigger()
	case n < 15:
		return c.broker()
	case n < 17:
		c.settings(pick(c, "n1", "n2"))
		return "settings"
	case n < 18:
		c.from = pick(c, nil, []string{"a"}, []string{"b", "c*"}, []string{"d"})
		return "EventPolicy"
	case n < 19:
		kafka := *c.flags.Kafka
		kafka.RateLimiter = c.rnd.IntN(2) == 0
		c.flags = entries.Flags{Kafka: &kafka, Core: feature.Flags{
			feature.OIDCAuthentication: pick(c, feature.Enabled, feature.Disabled), feature.EvenTypeAutoCreate: pick(c, feature.Enabled, feature.Disabled),
		}}
		return "flags"
	default:
		if t, ok := anyOf[*eventingv1.Trigger](c, "trigger"); ok {
			c.paused = maps.Clone(c.paused)
			c.paused[t.UID] = !c.paused[t.UID]
		}
		return "a ResetOffset"
	}
}

func (c *chaos) trigger() string {
	t, ok := anyOf[*eventingv1.Trigger](c, "trigger")
	if !ok {
		return "nothing"
	}
	what := c.rnd.IntN(9)
	switch what {
	case 0:
		c.remove("trigger", t)
		return "a Trigger less"
	case 1:
		t.Status.SubscriberURI = c.target("sub")
	case 2:
		ca := fmt.Sprint("ca", c.rnd.IntN(2))
		t.Status.SubscriberCACerts = pick(c, nil, &ca)
	case 3:
		t.Spec.Delivery = c.delivery()
	case 4:
		t.Status.DeadLetterSinkURI = c.target("dls")
	case 5:
		t.Annotations = pick(c, nil, map[string]string{annotation.DeliveryOrder: "ordered"}, map[string]string{annotation.DeliveryOrder: "wrong"})
	case 6:
		t.Spec.Filters = []eventingv1.SubscriptionsAPIFilter{{CESQL: pick(c, "TRUE", "type = 'x'", "(")}}
	case 7:
		entries.SetPartitions(&t.Status.Status, pick(c, nil, map[string]int32{"t": c.rnd.Int32N(3) + 1}))
		entries.SetMembers(&t.Status.Status, pick(c, nil, map[string]int32{"": c.rnd.Int32N(3) + 1}))
	case 8:
		t.DeletionTimestamp = pick(c, nil, &metav1.Time{Time: c.now})
	}
	c.put("trigger", t)
	return fmt.Sprint("Trigger ", what)
}

func (c *chaos) broker() string {
	b, ok := anyOf[*eventingv1.Broker](c, "broker")
	if !ok {
		return "nothing"
	}
	what := c.rnd.IntN(6)
	switch what {
	case 0:
		b.Spec.Delivery = c.delivery()
	case 1:
		b.Status.DeadLetterSinkURI = c.target("broker-dls")
	case 2:
		topic := map[string]string{translate.TopicStatusAnnotation: fmt.Sprint("topic", c.rnd.IntN(2))}
		b.Status.Annotations = pick(c, nil, topic, topic, topic, topic)
	case 3:
		b.Annotations[annotation.InvalidRecords] = pick(c, "discard", "dead-letter", "discard", "dead-letter", "wrong")
	case 4:
		b.Status.Policies = pick(c, nil, []eventingduck.AppliedEventPolicyRef{{Name: "p"}})
	case 5:
		b.Labels = map[string]string{"of no account": strconv.Itoa(c.rnd.Int())}
	}
	c.put("broker", b)
	return fmt.Sprint("Broker ", what)
}

// uncached is the contract that is made without anything that is remembered.
func (c *chaos) uncached(d dataplane.DataPlane, before *contract.Contract) *contract.Contract {
	c.Helper()
	fresh := source{
		builder: c.source.builder, flags: c.source.flags, brokers: c.source.brokers, triggers: c.source.triggers, configMaps: c.source.configMaps,
	}
	resources, err := fresh.resources(c.Context(), d, before)
	if err != nil {
		c.Fatal(err)
	}
	return translate.Contract(before, resources, translate.Shared{})
}

func TestWhatIsRememberedOfEntriesIsWhatTheyAre(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			c := newChaos(t, seed)
			planes := []dataplane.DataPlane{c.plane(dataplane.Broker), c.plane(dataplane.Broker).In("n1"), c.plane(dataplane.Broker).In("n2")}
			planes[0].Namespace = system
			before, made := make([]*contract.Contract, len(planes)), 0
			for i := range 300 {
				did := c.step()
				for p, d := range planes {
					want := c.uncached(d, before[p])
					c.reconcile(d)
					got := c.contract(d).Contract
					if !contract.Equivalent(want, got) {
						t.Fatalf("step %d, %s: contract %s is\n%v\nwant\n%v", i, did, d.Key(), got, want)
					}
					if got.GetGeneration() != before[p].GetGeneration() {
						made++
					}
					before[p] = got
				}
			}
			if made < 50 {
				t.Errorf("only %d of 900 contracts were others than before", made)
			}
		})
	}
}

func TestOnlyWhatHasChangedIsMadeAnew(t *testing.T) {
	w := newWorld(t, nil)
	d := w.plane(dataplane.Broker)
	for i := range 3 {
		of := numbered("b", i)
		w.put("broker", aBroker("ns", of))
		w.put("trigger", list(5, func(i int) any { return aTrigger("ns", of+numbered("t", i), of) })...)
	}
	parts := func() (resources map[*contract.Resource]bool, egresses map[*contract.Egress]bool) {
		all, err := w.source.resources(t.Context(), d, nil)
		if err != nil || len(all) != 3 {
			t.Fatalf("%d resources, %v", len(all), err)
		}
		resources, egresses = map[*contract.Resource]bool{}, map[*contract.Egress]bool{}
		for _, r := range all {
			resources[r] = true
			for _, e := range r.GetEgresses() {
				egresses[e] = true
			}
		}
		return resources, egresses
	}
	resources, egresses := parts()
	changed := aTrigger("ns", "b0001t0001", "b0001")
	changed.Status.SubscriberURI.Host = "other"
	w.put("trigger", changed)
	more, others := parts()
	maps.DeleteFunc(more, func(r *contract.Resource, _ bool) bool { return resources[r] })
	maps.DeleteFunc(others, func(e *contract.Egress, _ bool) bool { return egresses[e] })
	if len(more) != 1 || len(others) != 1 {
		t.Errorf("one Trigger has changed, and %d resources with %d egresses were made", len(more), len(others))
	}
	w.remove("broker", aBroker("ns", "b0000"))
	w.put("broker", aBroker("ns", "b0004"))
	if again, _ := parts(); len(again) != 3 {
		t.Errorf("%d resources", len(again))
	}
}
