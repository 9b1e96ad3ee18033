package contract

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"

	"knative.dev/eventing-kafka-go/control-plane/contractmap"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	kafkacredentials "knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// noise is text that compression makes little of: one that no other text shares a piece with.
func noise(rnd *rand.Rand, n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[rnd.IntN(len(letters))]
	}
	return string(b)
}

// bulky is a Trigger whose entry takes about that many bytes.
func bulky(rnd *rand.Rand, name, of string, bytes int) *eventingv1.Trigger {
	t := aTrigger("ns", name, of)
	t.Spec.Filter = &eventingv1.TriggerFilter{Attributes: map[string]string{"type": noise(rnd, bytes)}}
	return t
}

func TestWhatDoesNotFitIsRefusedAndTheRestIsWritten(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	w := newWorld(t, map[string]string{"BROKER_CONTRACT_CONFIG_MAP_FORMAT": "protobuf"})
	d := w.plane(dataplane.Broker)
	w.put("broker", aBroker("ns", "b1"))
	first := list(50, func(i int) any { return bulky(rnd, numbered("a", i), "b1", 10_000) })
	w.put("trigger", first...)
	w.reconcile(d)
	if s := w.contract(d); len(s.Refused) != 0 || len(s.Contract.GetResources()[0].GetEgresses()) != 50 {
		t.Fatalf("50 do not fit: %v", s.Refused)
	}
	w.put("trigger", list(100, func(i int) any { return bulky(rnd, numbered("b", i), "b1", 10_000) })...)
	w.put("trigger", bulky(rnd, "giant", "b1", contract.MaxBytes))
	w.settle(d)
	s := w.contract(d)
	n := len(s.Contract.GetResources()[0].GetEgresses())
	t.Logf("%d of 151 Triggers fit into %d bytes, %d are refused", n, s.Size, len(s.Refused))
	if n+len(s.Refused) != 151 || s.Size > contract.MaxBytes || s.Size < contract.MaxBytes-11_000 {
		t.Errorf("%d are in it, %d refused, %d bytes", n, len(s.Refused), s.Size)
	}
	for _, uid := range []string{"giant", "b0099"} {
		if !strings.Contains(s.Refused[uid], fmt.Sprint("the contract is full: ", contract.MaxBytes, " bytes fit")) {
			t.Errorf("%s: %q", uid, s.Refused[uid])
		}
	}
	for _, o := range first {
		if uid := string(o.(*eventingv1.Trigger).UID); !s.Has(uid) {
			t.Errorf("%s, which ran, is gone", uid)
		}
	}
	w.roomIsFilled(d, first)
}

// roomIsFilled goes on with a full contract: what runs may be removed, and one that grows too much stays as it was.
func (w *world) roomIsFilled(d dataplane.DataPlane, first []any) {
	w.Helper()
	rnd := rand.New(rand.NewPCG(3, 4))
	was, _ := w.contract(d).Group("a0000")
	w.put("trigger", bulky(rnd, "a0000", "b1", 200_000))
	w.settle(d)
	s := w.contract(d)
	if is, _ := s.Group("a0000"); is != was || !strings.Contains(s.Refused["a0000"], "what ran before this change goes on") {
		w.Errorf("one that grew: %q", s.Refused["a0000"])
	}
	refused := len(s.Refused)
	for _, o := range first[1:11] {
		w.remove("trigger", o)
	}
	w.settle(d)
	if s = w.contract(d); len(s.Refused) > refused-9 || len(s.Refused) == 0 {
		w.Errorf("%d were refused, and when 10 were removed %d are", refused, len(s.Refused))
	}
}

// settle reconciles until nothing is written, as the events of what is written make it happen.
func (w *world) settle(d dataplane.DataPlane) {
	w.Helper()
	for range 10 {
		if w.reconcile(d) == "" {
			return
		}
	}
	w.Error("a contract that is full is written for ever")
}

func TestABrokerThatDoesNotFitIsRefusedWithItsTriggers(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	w := newWorld(t, nil)
	d := w.plane(dataplane.Broker)
	w.put("broker", aBroker("ns", "b1"))
	w.put("trigger", bulky(rnd, "t1", "b1", 900_000))
	w.reconcile(d)
	giant := aBroker("ns", "b2")
	giant.Status.Annotations["default.topic"] = strings.Repeat("x", 249)
	w.put("broker", giant)
	w.put("trigger", bulky(rnd, "t2", "b2", 900_000), aTrigger("ns", "t3", "b2"))
	w.settle(d)
	if s := w.contract(d); uids(s.Contract) != "b1(t1) b2(t3)" || s.Refused["t2"] == "" || len(s.Refused) != 1 {
		t.Errorf("%s, refused %v", uids(s.Contract), s.Refused)
	}
}

func TestCredentialsThatDoNotFitRefuseThoseWhoNeedThem(t *testing.T) { // SEC-41
	rnd := rand.New(rand.NewPCG(7, 8))
	w := newWorld(t, nil)
	d := w.plane(dataplane.Source)
	for i, secret := range []string{"s0", "s1", "s2"} {
		w.secret("ns", secret, fmt.Sprint(i), map[string]string{"user": "u", "password": noise(rnd, 400_000)})
	}
	w.put("source", aSource("ns", "a", "s0"))
	w.reconcile(d)
	w.put("source", aSource("ns", "b", "s1"), aSource("ns", "c", "s2"), aSource("ns", "d", ""), aSource("ns", "e", "s0"))
	w.settle(d)
	s := w.contract(d)
	if got := uids(s.Contract); got != "a(a) d(d) e(e)" {
		t.Errorf("%s, refused %v", got, s.Refused)
	}
	for _, uid := range []string{"b", "c"} {
		if !strings.Contains(s.Refused[uid], fmt.Sprint("credentials of the data plane are full: ", kafkacredentials.MaxBytes)) {
			t.Errorf("%s: %q", uid, s.Refused[uid])
		}
	}
}

const brokers, each = 100, 100

// installation fills the caches with Brokers and Triggers as an installation has them: random UIDs, names and hosts that
// are all different, three filters each, a certificate authority, one of several, with every tenth.
func (w *world) installation(authorities int) {
	rnd := rand.New(rand.NewPCG(9, 10))
	cas := list(authorities, func(int) string {
		return "-----BEGIN CERTIFICATE-----\n" + noise(rnd, 800) + "\n-----END CERTIFICATE-----\n" // one of an elliptic curve
	})
	n := 0
	for range brokers {
		namespace := "team-" + words(rnd)
		broker := aBroker(namespace, words(rnd))
		broker.UID = uid(rnd)
		w.put("broker", broker)
		for i := range each {
			authority := ""
			if i%10 == 0 {
				authority = cas[n%authorities]
				n++
			}
			w.put("trigger", realistic(rnd, namespace, broker.Name, authority))
		}
	}
}

// What 10,000 Triggers of 100 Brokers take up, made through caches, entries and translate.
func TestTenThousandTriggersFit(t *testing.T) {
	w := newWorld(t, nil)
	w.installation(10)
	d := w.plane(dataplane.Broker)
	began := time.Now()
	resources, err := w.source.resources(t.Context(), d, nil)
	if err != nil || len(resources) != brokers {
		t.Fatalf("%d resources, %v", len(resources), err)
	}
	made := time.Since(began)
	c := &contract.Contract{Generation: 1, Resources: resources}
	began = time.Now()
	if _, err := contract.Encode(c, contract.FormatZstd); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d Triggers made in %v, encoded in %v", brokers*each, made.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	for _, f := range []contract.Format{contract.FormatZstd, contract.FormatProtobuf, contract.FormatJSON} {
		printed(t, c, f, "10 authorities")
	}
	distinct := newWorld(t, nil)
	distinct.installation(1000)
	if resources, err = distinct.source.resources(t.Context(), d, nil); err != nil {
		t.Fatal(err)
	}
	printed(t, &contract.Contract{Generation: 1, Resources: resources}, contract.FormatZstd, "1000 authorities")
	w.versioned()
	for _, what := range []string{"first", "nothing is new", "one has changed"} {
		if what == "one has changed" {
			trigger, _ := w.objects["trigger"].List()[0].(*eventingv1.Trigger)
			trigger = trigger.DeepCopy()
			trigger.Status.SubscriberURI.Host = "other"
			w.put("trigger", trigger)
		}
		began = time.Now()
		writes := w.reconcile(d)
		t.Logf("%s: reconciled in %v: %q", what, time.Since(began).Round(time.Millisecond), writes)
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	t.Logf("%d MiB of heap are in use", memory.HeapInuse>>20)
	if s := w.contract(d); len(s.Refused) > 0 || len(s.Contract.GetResources()) != brokers {
		t.Errorf("%d are refused", len(s.Refused))
	}
}

// printed shows what a contract takes up.
func printed(t *testing.T, c *contract.Contract, f contract.Format, what string) {
	t.Helper()
	size := sizeOf(t, c, f)
	per := float64(size) / (brokers * each)
	t.Logf("%s, %-13s %8d bytes, %4.0f a Trigger: a ConfigMap holds %d", what, f, size, per, int(float64(contract.MaxBytes)/per))
}

// sizeOf is the size of a contract that need not fit.
func sizeOf(t *testing.T, c *contract.Contract, f contract.Format) int {
	t.Helper()
	encoded, err := contract.Encode(c, f)
	var large *contract.TooLargeError
	if errors.As(err, &large) {
		return large.Size
	}
	if err != nil {
		t.Fatal(err)
	}
	return len(encoded)
}

func realistic(rnd *rand.Rand, namespace, broker string, authority string) *eventingv1.Trigger {
	t := aTrigger(namespace, words(rnd)+"-"+noiseName(rnd, 4), broker)
	t.UID = uid(rnd)
	t.Status.SubscriberURI.Host = words(rnd) + "-" + noiseName(rnd, 5) + "." + namespace + ".svc.cluster.local"
	t.Status.SubscriberURI.Path = "/" + words(rnd)
	t.Spec.Filters = []eventingv1.SubscriptionsAPIFilter{
		{Exact: map[string]string{"type": "com." + words(rnd) + "." + words(rnd)}},
		{Prefix: map[string]string{"source": "/" + words(rnd) + "/" + words(rnd)}},
		{CESQL: "subject LIKE '" + words(rnd) + "%' AND priority > " + fmt.Sprint(rnd.IntN(1000))},
	}
	if authority != "" {
		t.Status.SubscriberURI.Scheme, t.Status.SubscriberCACerts = "https", &authority
	}
	entries.SetPartitions(&t.Status.Status, map[string]int32{"knative-broker-" + namespace + "-" + broker: 10})
	return t
}

func TestTheRefusedAreWrittenInOneWay(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	w := newWorld(t, nil)
	d := w.plane(dataplane.Broker)
	w.put("broker", aBroker("ns", "b1"))
	w.put("trigger", list(3000, func(i int) any { return bulky(rnd, numbered("t", i), "b1", 1000) })...)
	w.settle(d)
	s := w.contract(d)
	if n := len(s.Refused); n != len(contractmap.Bounded(s.Refused)) || n != 1000 {
		t.Errorf("%d are refused", n)
	}
}

// words are two of a language, as people name things.
func words(rnd *rand.Rand) string {
	pick := func() string {
		all := strings.Fields("order invoice payment customer shipment inventory price catalog basket refund audit report ledger account " +
			"login session device sensor alert metric image video thumbnail upload search index notify email sms push fraud score " +
			"tax vat booking flight hotel seat ticket loyalty coupon review rating comment message chat call contact lead deal quote")
		return all[rnd.IntN(len(all))]
	}
	return pick() + "-" + pick()
}

func noiseName(rnd *rand.Rand, n int) string {
	return strings.ToLower(strings.Map(alphanumeric, noise(rnd, n)))
}

func alphanumeric(r rune) rune {
	if r == '+' || r == '/' {
		return 'x'
	}
	return r
}

func uid(rnd *rand.Rand) types.UID {
	return types.UID(fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", rnd.Uint32(), rnd.IntN(1<<16), rnd.IntN(1<<12), rnd.IntN(1<<12), rnd.Int64N(1<<48)))
}
