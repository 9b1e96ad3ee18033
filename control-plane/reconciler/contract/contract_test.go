package contract

import (
	"context"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	k8stesting "k8s.io/client-go/testing"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/apis"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/contractmap"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	kafkacredentials "knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/proto/contract"
)

const created = "create secrets, create configmaps"

func TestEveryContractIsWrittenOnceAndThenNoMore(t *testing.T) { // CT-04, CT-08
	for _, format := range []contract.Format{contract.FormatZstd, contract.FormatProtobuf, contract.FormatJSON} {
		environment := map[string]string{}
		for _, kind := range dataplane.Kinds() {
			environment[strings.ToUpper(string(kind))+"_CONTRACT_CONFIG_MAP_FORMAT"] = string(format)
		}
		w := newWorld(t, environment)
		for _, kind := range dataplane.Kinds() {
			if got := w.reconcile(w.plane(kind)); got != created {
				t.Errorf("%s %s: at first %q", format, kind, got)
			}
			if got := w.reconcile(w.plane(kind)); got != "" {
				t.Errorf("%s %s: then %q", format, kind, got)
			}
		}
		d := w.plane(dataplane.Broker)
		w.put("broker", aBroker("ns", "b1"))
		w.put("trigger", aTrigger("ns", "t1", "b1"))
		if got := w.reconcile(d); got != "update configmaps" {
			t.Errorf("%s: with a Broker %q", format, got)
		}
		s := w.contract(d)
		if s.Format != format || s.Contract.GetGeneration() != 2 || uids(s.Contract) != "b1(t1)" {
			t.Errorf("%s: %s %v", format, s.Format, s.Contract)
		}
		if own := s.Contract.GetResources()[0].GetContentHash() != ""; own != (format != contract.FormatJSON) {
			t.Errorf("%s: own fields %v (CFG-57)", format, own)
		}
		if got := w.reconcile(d); got != "" || w.contract(d).Contract.GetGeneration() != 2 {
			t.Errorf("%s: without a change %q", format, got)
		}
	}
}

func TestAnotherFormatIsWritten(t *testing.T) {
	w := newWorld(t, map[string]string{"BROKER_CONTRACT_CONFIG_MAP_FORMAT": "protobuf"})
	d := w.plane(dataplane.Broker)
	w.put("broker", aBroker("ns", "b1"))
	w.reconcile(d)
	d.Format = contract.FormatZstd
	w.source.builder.DataPlanes[dataplane.Broker] = d
	if got := w.reconcile(d); got != "update configmaps" || w.contract(d).Format != contract.FormatZstd {
		t.Errorf("%q, %s", got, w.contract(d).Format)
	}
}

func TestWhatIsNotReadyIsLeftOutAndWhatWasThereStays(t *testing.T) { // CT-27
	w := newWorld(t, nil)
	d := w.plane(dataplane.Broker)
	fresh := aBroker("ns", "fresh")
	fresh.Status.Annotations = nil
	waiting := aTrigger("ns", "waiting", "b1")
	waiting.Status.SubscriberURI = nil
	w.put("broker", aBroker("ns", "b1"), aBroker("ns", "b2"), fresh)
	w.put("trigger", aTrigger("ns", "t1", "b1"), aTrigger("ns", "t2", "b1"), waiting, aTrigger("ns", "t3", "b2"), aTrigger("ns", "t4", "none"))
	w.reconcile(d)
	if got := uids(w.contract(d).Contract); got != "b1(t1 t2) b2(t3)" {
		t.Fatalf("at first %s", got)
	}
	for _, row := range []struct {
		name   string
		change func()
		want   string
	}{
		{"a Trigger whose subscriber is not resolved any more is delivered to where it was", func() {
			lost := aTrigger("ns", "t1", "b1")
			lost.Status.SubscriberURI = nil
			w.put("trigger", lost)
		}, "b1(t1 t2) b2(t3)"},
		{"a Trigger that cannot be translated is delivered as it was", func() {
			broken := aTrigger("ns", "t2", "b1")
			broken.Status.SubscriberURI = &apis.URL{Scheme: "ftp", Host: "nowhere"}
			w.put("trigger", broken)
		}, "b1(t1 t2) b2(t3)"},
		{"a Broker without its ConfigMap stays with the Triggers that it had", func() {
			broken := aBroker("ns", "b2")
			broken.Spec.Config.Name = "gone"
			w.put("broker", broken)
		}, "b1(t1 t2) b2(t3)"},
		{"a Trigger that is deleted goes although its Broker is broken", func() {
			w.remove("trigger", aTrigger("ns", "t3", "b2"))
		}, "b1(t1 t2) b2"},
		{"a Trigger on its way out goes although it was broken", func() {
			ending := aTrigger("ns", "t2", "b1")
			ending.DeletionTimestamp = &metav1.Time{Time: w.now}
			w.put("trigger", ending)
		}, "b1(t1) b2"},
		{"a broken Broker on its way out goes", func() {
			ending := aBroker("ns", "b2")
			ending.DeletionTimestamp = &metav1.Time{Time: w.now}
			w.put("broker", ending)
		}, "b1(t1)"},
		{"a Broker that is deleted goes with its Triggers", func() { w.remove("broker", aBroker("ns", "b1")) }, ""},
	} {
		before := w.contract(d)
		row.change()
		w.reconcile(d)
		after := w.contract(d)
		if got := uids(after.Contract); got != row.want {
			t.Errorf("%s: %s", row.name, got)
		}
		if hash, ok := after.Group("t1"); ok {
			if was, _ := before.Group("t1"); was != hash {
				t.Errorf("%s: the entry of t1 has changed", row.name)
			}
		}
	}
}

func TestEveryKindHasItsEntry(t *testing.T) { // CT-31
	w := newWorld(t, nil)
	w.configMap(system, "kafka-channel-config", map[string]string{translate.ServersKey: "kafka:9092"})
	w.put("channel", aChannel("ns", "c1"))
	w.put("sink", aSink("ns", "k1", ""))
	w.put("source", aSource("ns", "s1", ""))
	for kind, want := range map[dataplane.Kind]string{dataplane.Channel: "c1", dataplane.Sink: "k1", dataplane.Source: "s1(s1)"} {
		w.reconcile(w.plane(kind))
		if got := uids(w.contract(w.plane(kind)).Contract); got != want {
			t.Errorf("%s: %q", kind, got)
		}
	}
	w.remove("source", aSource("ns", "s1", "")) // CT-30
	w.remove("channel", aChannel("ns", "c1"))
	w.remove("sink", aSink("ns", "k1", ""))
	for _, kind := range dataplane.Kinds() {
		w.reconcile(w.plane(kind))
		if got := uids(w.contract(w.plane(kind)).Contract); got != "" {
			t.Errorf("%s: %q is left", kind, got)
		}
	}
}

func TestAContractThatWasSpoiledIsRestoredAsItWas(t *testing.T) { // CT-04, CT-27
	for name, spoil := range map[string]func(*world, dataplane.DataPlane, *corev1.ConfigMap) error{
		"deleted": func(w *world, d dataplane.DataPlane, cm *corev1.ConfigMap) error {
			return w.api.CoreV1().ConfigMaps(d.Namespace).Delete(w.Context(), cm.Name, metav1.DeleteOptions{})
		},
		"torn": func(w *world, d dataplane.DataPlane, cm *corev1.ConfigMap) error {
			cm.BinaryData[contractmap.Key] = cm.BinaryData[contractmap.Key][:20]
			_, err := w.api.CoreV1().ConfigMaps(d.Namespace).Update(w.Context(), cm, metav1.UpdateOptions{})
			return err
		},
		"emptied": func(w *world, d dataplane.DataPlane, cm *corev1.ConfigMap) error {
			cm.BinaryData = nil
			_, err := w.api.CoreV1().ConfigMaps(d.Namespace).Update(w.Context(), cm, metav1.UpdateOptions{})
			return err
		},
	} {
		w := newWorld(t, nil)
		d := w.plane(dataplane.Broker)
		w.put("broker", aBroker("ns", "b1"))
		w.put("trigger", aTrigger("ns", "t1", "b1"))
		w.reconcile(d)
		broken := aTrigger("ns", "t1", "b1") // what is only in the contract any more is restored too
		broken.Status.SubscriberURI = nil
		w.put("trigger", broken)
		was := w.contract(d)
		cm, err := w.api.CoreV1().ConfigMaps(d.Namespace).Get(t.Context(), d.ContractName, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := spoil(w, d, cm); err != nil {
			t.Fatal(err)
		}
		if got := w.reconcile(d); !strings.HasSuffix(got, "configmaps") {
			t.Errorf("%s: %q", name, got)
		}
		if got := w.contract(d); !contract.Equivalent(got.Contract, was.Contract) || got.Contract.GetGeneration() != was.Contract.GetGeneration() {
			t.Errorf("%s: restored %v", name, got.Contract)
		}
		if got := w.reconcile(d); got != "" {
			t.Errorf("%s: then %q", name, got)
		}
	}
}

func TestAConflictIsAnErrorThatIsRetriedWithWhatThereIs(t *testing.T) {
	w := newWorld(t, nil)
	d := w.plane(dataplane.Broker)
	w.reconcile(d)
	w.put("broker", aBroker("ns", "b1"))
	refuse := true
	w.api.PrependReactor("update", "configmaps", func(k8stesting.Action) (bool, runtime.Object, error) {
		if refuse {
			refuse = false
			return true, nil, conflict()
		}
		return false, nil, nil
	})
	if _, _, err := w.try(d); err == nil || !strings.Contains(err.Error(), "somebody was faster") {
		t.Errorf("got %v", err)
	}
	if got := w.reconcile(d); got != "update configmaps" || uids(w.contract(d).Contract) != "b1" {
		t.Errorf("again: %q, %s", got, uids(w.contract(d).Contract))
	}
}

func TestWhoDoesNotLeadWritesNothing(t *testing.T) {
	w := newWorld(t, nil)
	w.put("broker", aBroker("ns", "b1"))
	w.Demote(universal())
	writes, _, err := w.try(w.plane(dataplane.Broker))
	if len(writes) != 0 || err == nil {
		t.Errorf("%v, %v", writes, err)
	}
	w.lead()
	if got := w.reconcile(w.plane(dataplane.Broker)); got != created {
		t.Errorf("then %q", got)
	}
}

func TestBrokersOfClassKafkaNamespacedHaveAContractInTheirNamespace(t *testing.T) {
	w := newWorld(t, nil)
	shared, own := w.plane(dataplane.Broker), w.plane(dataplane.Broker).In("ns")
	if got := w.reconcile(own); got != "" {
		t.Errorf("without a Broker %q", got)
	}
	namespaced := aBroker("ns", "b2")
	namespaced.Annotations[eventing.BrokerClassAnnotation] = eventing.NamespacedKafkaBrokerClass
	namespaced.Spec.Config.Namespace = "" // its own (BR-16)
	w.configMap("ns", "kafka-broker-config", map[string]string{
		translate.ServersKey: "kafka:9092", translate.PartitionsKey: "10", translate.ReplicationFactorKey: "3"})
	foreign := aBroker("ns", "b3")
	foreign.Annotations[eventing.BrokerClassAnnotation] = "MTChannelBasedBroker"
	w.put("broker", aBroker("ns", "b1"), namespaced, foreign)
	w.put("trigger", aTrigger("ns", "t1", "b1"), aTrigger("ns", "t2", "b2"), aTrigger("ns", "t3", "b3"))
	w.reconcile(shared)
	w.reconcile(own)
	if got := uids(w.contract(shared).Contract); got != "b1(t1)" {
		t.Errorf("shared: %s", got)
	}
	if got := uids(w.contract(own).Contract); got != "b2(t2)" {
		t.Errorf("of the namespace: %s", got)
	}
	cm, err := w.api.CoreV1().ConfigMaps("ns").Get(t.Context(), own.ContractName, metav1.GetOptions{})
	if err != nil || len(cm.OwnerReferences) != 1 || cm.OwnerReferences[0].Name != "b2" {
		t.Errorf("the contract belongs to %v: %v", cm.OwnerReferences, err)
	}
	secret, err := w.api.CoreV1().Secrets("ns").Get(t.Context(), own.CredentialsName, metav1.GetOptions{})
	if err != nil || len(secret.OwnerReferences) != 1 || secret.OwnerReferences[0].Name != "b2" {
		t.Errorf("the credentials belong to %v: %v", secret.OwnerReferences, err)
	}
	broken := aBroker("ns", "b0") // it has no entry, and an interest in the data plane
	broken.Annotations, broken.Status.Annotations = namespaced.Annotations, nil
	w.put("broker", broken)
	if got := w.reconcile(own); got != "update secrets, update configmaps" {
		t.Errorf("with another owner %q", got)
	}
	if got := w.reconcile(own); got != "" {
		t.Errorf("and once more %q", got)
	}
	w.remove("broker", broken)
	q := &queue{source: &w.source}
	if got := q.all(); len(got) != 5 || got[4].String() != own.Key() {
		t.Errorf("contracts %v", got)
	}
	ending := namespaced.DeepCopy()
	ending.DeletionTimestamp = &metav1.Time{Time: w.now}
	w.put("broker", ending)
	w.reconcile(own)
	if got := uids(w.contract(own).Contract); got != "" {
		t.Errorf("%q is left", got)
	}
}

func universal() bucket { return bucket{} }

func TestOnlyCredentialsThatAreReferencedAreWrittenAndBeforeTheContract(t *testing.T) { // SEC-40
	w := newWorld(t, nil)
	d := w.plane(dataplane.Source)
	w.secret("ns", "used", "7", map[string]string{"user": "u", "password": "p", "other": "stays"})
	w.secret("ns", "unused", "8", map[string]string{"user": "x", "password": "y"})
	w.put("source", aSource("ns", "s1", "used"), aSource("ns", "s2", ""))
	if got := w.reconcile(d); got != created {
		t.Errorf("order: %q", got)
	}
	bundle := w.bundle(d)
	if len(bundle.Secrets) != 1 || bundle.Secrets[0].Name != "used" || len(bundle.Secrets[0].Data) != 2 || string(bundle.Secrets[0].Data["password"]) != "p" {
		t.Errorf("credentials %v", bundle.Secrets)
	}
	w.secret("ns", "used", "9", map[string]string{"user": "u", "password": "rotated"})
	if got := w.reconcile(d); got != "update secrets, update configmaps" { // SEC-28
		t.Errorf("a rotation: %q", got)
	}
	if bundle = w.bundle(d); bundle.Secrets[0].Version != "9" || string(bundle.Secrets[0].Data["password"]) != "rotated" {
		t.Errorf("credentials %v", bundle.Secrets)
	}
	if err := w.api.CoreV1().Secrets("ns").Delete(t.Context(), "used", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := w.reconcile(d); got != "" || len(w.bundle(d).Secrets) != 1 || uids(w.contract(d).Contract) != "s1(s1) s2(s2)" {
		t.Errorf("a Secret that is gone: %q, %v", got, w.bundle(d))
	}
	if err := w.api.CoreV1().Secrets(system).Delete(t.Context(), d.CredentialsName, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := w.reconcile(d); got != "create secrets" {
		t.Errorf("the credentials were deleted: %q", got)
	}
	w.remove("source", aSource("ns", "s1", "used"))
	w.reconcile(d)
	if bundle = w.bundle(d); len(bundle.Secrets) != 0 {
		t.Errorf("without a source that needs them: %v", bundle.Secrets)
	}
}

// TestKeysThatFiltersNameTravelWithTheCredentials is EG-09: of the system namespace alone.
func TestKeysThatFiltersNameTravelWithTheCredentials(t *testing.T) {
	w := newWorld(t, nil)
	d := w.plane(dataplane.Broker)
	w.secret(system, "request-reply-keys", "1", map[string]string{"ns.rr.key1": "k"})
	w.secret("ns", "request-reply-keys", "1", map[string]string{"ns.rr.key1": "forged"})
	asking := aTrigger("ns", "t1", "b")
	asking.Spec.Filters = []eventingv1.SubscriptionsAPIFilter{{CESQL: `KN_VERIFY_CORRELATION_ID(replyid, "rr", "ns", "request-reply-keys", 0, 1)`}}
	w.put("broker", aBroker("ns", "b"))
	w.put("trigger", asking, aTrigger("ns", "t2", "b"))
	w.reconcile(d)
	for _, key := range []string{"k", "rotated"} {
		w.secret(system, "request-reply-keys", key, map[string]string{"ns.rr.key1": key})
		if !w.source.used.secret(types.NamespacedName{Namespace: system, Name: "request-reply-keys"}) && key != "k" {
			t.Error("a rotation would go unseen")
		}
		w.reconcile(d)
		if data := w.bundle(d).ByName()["(system)/request-reply-keys"]; string(data["ns.rr.key1"]) != key {
			t.Errorf("keys %v, want %q", data, key)
		}
	}
	if err := w.api.CoreV1().Secrets(system).Delete(t.Context(), "request-reply-keys", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	w.reconcile(d)
	if data := w.bundle(d).ByName()["(system)/request-reply-keys"]; string(data["ns.rr.key1"]) != "rotated" {
		t.Errorf("when the Secret is gone: %v", data)
	}
}

func (w *world) bundle(d dataplane.DataPlane) kafkacredentials.Bundle {
	w.Helper()
	s, err := w.api.CoreV1().Secrets(d.Namespace).Get(w.Context(), d.CredentialsName, metav1.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	b, err := kafkacredentials.Decode(s.Data[kafkacredentials.File])
	if err != nil {
		w.Fatal(err)
	}
	return b
}

func TestTrustBundlesOfTheSystemNamespaceAreInEveryContract(t *testing.T) { // CT-23, ST-19
	w := newWorld(t, nil)
	bundle := &corev1.ConfigMap{ObjectMeta: meta(system, "bundle"), Data: map[string]string{"a.pem": certificate, "b.pem": "no certificate"}}
	bundle.Labels = map[string]string{trustBundleLabel: "true"}
	elsewhere := bundle.DeepCopy()
	elsewhere.Namespace = "ns"
	unlabelled := &corev1.ConfigMap{ObjectMeta: meta(system, "other"), Data: map[string]string{"a.pem": certificate + "\n"}}
	w.put("bundle", bundle, elsewhere, unlabelled)
	w.reconcile(w.plane(dataplane.Sink))
	if got := w.contract(w.plane(dataplane.Sink)).Contract.GetTrustBundles(); len(got) != 1 || got[0] != certificate {
		t.Errorf("%d trust bundles", len(got))
	}
}

func TestIssuersOfTokensAreInTheContractsOfIngressesAndStayWhileTheyAreNotFound(t *testing.T) { // IN-46
	w := newWorld(t, nil)
	w.issuer = []*contract.TokenIssuer{{Issuer: "https://issuer", Keys: "{}"}}
	of := func(kind dataplane.Kind) int {
		w.reconcile(w.plane(kind))
		return len(w.contract(w.plane(kind)).Contract.GetTokenIssuers())
	}
	if sink, source := of(dataplane.Sink), of(dataplane.Source); sink != 1 || source != 0 {
		t.Errorf("%d where events enter, %d where they do not", sink, source)
	}
	w.issuer, w.issuerUnknown = nil, true // a controller that has just begun
	if n := of(dataplane.Sink); n != 1 {
		t.Errorf("%d while they are not found", n)
	}
	w.issuerUnknown = false // the flag is off
	if n := of(dataplane.Sink); n != 0 {
		t.Errorf("%d when nobody needs them", n)
	}
}

func TestAResetOffsetReachesTheGroupThoughItsReconcilerComesLater(t *testing.T) {
	w := newWorld(t, nil)
	shared := w.builder(w.source.builder.DataPlanes)
	w.source.builder = w.source.used.following(shared)
	shared.Paused = func(uid types.UID) bool { return uid == "t1" }
	d := w.plane(dataplane.Broker)
	w.put("broker", aBroker("ns", "b1"))
	w.put("trigger", aTrigger("ns", "t1", "b1"), aTrigger("ns", "t2", "b1"))
	w.reconcile(d)
	for _, e := range w.contract(d).Contract.GetResources()[0].GetEgresses() {
		if e.GetPaused() != (e.GetUid() == "t1") {
			t.Errorf("%s: paused %v", e.GetUid(), e.GetPaused())
		}
	}
}

func TestASubscriberWithoutAStartIsLeftOut(t *testing.T) {
	w := newWorld(t, nil)
	w.configMap(system, "kafka-channel-config", map[string]string{translate.ServersKey: "kafka:9092"})
	c := aChannel("ns", "c1")
	c.Spec.Subscribers = subscribers("u1", "u2")
	entries.SetPartitions(&c.Status.Status, map[string]int32{"u1": 3})
	w.put("channel", c)
	d := w.plane(dataplane.Channel)
	w.reconcile(d)
	if got := uids(w.contract(d).Contract); got != "c1(u1)" {
		t.Errorf("%s", got)
	}
	c = c.DeepCopy()
	c.Spec.Subscribers = subscribers("u2")
	w.put("channel", c)
	w.reconcile(d)
	if got := uids(w.contract(d).Contract); got != "c1" {
		t.Errorf("without its Subscription %s", got)
	}
}

func TestTheSizeIsMeasured(t *testing.T) { // CT-14
	w := newWorld(t, nil)
	sizes := map[string]int{}
	w.size = func(_ context.Context, d dataplane.DataPlane, bytes int) { sizes[d.Key()] = bytes }
	d := w.plane(dataplane.Sink)
	w.reconcile(d)
	if got := sizes[d.Key()]; got != w.contract(d).Size || got == 0 {
		t.Errorf("%v", sizes)
	}
}
