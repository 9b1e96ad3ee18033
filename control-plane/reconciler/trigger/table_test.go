package trigger

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/apis/feature"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	rtesting "knative.dev/pkg/reconciler/testing"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/identity"
	"knative.dev/eventing-kafka-go/control-plane/reconcilertest"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

func TestTheWayToReady(t *testing.T) {
	kafka := start(t)
	cm := config(kafka.Bootstrap())
	waits := reconciled()
	pod := reconcilertest.Pod(dispatch, "1")
	lags := "waiting for 1 pods: pod kafka-broker-dispatcher-1 runs an older entry"
	located(rtesting.TableTest{
		{Name: "an object that is gone", Key: key},
		{
			Name: "the group starts at the end of the topic before anything is delivered (OF-01, TR-11)", Key: key,
			Objects:           []runtime.Object{newTrigger(), newBroker(), cm},
			WantStatusUpdates: updated(waits),
			PostConditions:    []func(*testing.T, *rtesting.TableRow){committed(kafka, map[int32]int64{0: 1, 1: 0})},
		},
		{
			Name: "contract and pods have it: Ready", Key: key,
			Objects:           []runtime.Object{reconciled(), newBroker(), cm, pod},
			OtherTestData:     pods(reconciled(), ""),
			WantStatusUpdates: updated(reconciled(ready)),
		},
		{
			Name: "Ready, and nothing is new: nothing is written", Key: key,
			Objects:       []runtime.Object{reconciled(ready), newBroker(), cm, pod},
			OtherTestData: pods(reconciled(), ""),
		},
		{
			Name: "a pod runs an older entry", Key: key,
			Objects:           []runtime.Object{reconciled(), newBroker(), cm, pod},
			OtherTestData:     map[string]any{inContract + "/of": reconciled(), olderPod: true},
			WantStatusUpdates: updated(reconciled(dependency(corev1.ConditionUnknown, "ProbeStatus", lags))),
		},
		{
			Name: "Ready, and a pod is new: it stays so", Key: key,
			Objects: []runtime.Object{reconciled(ready), newBroker(), cm, pod,
				func() runtime.Object { p := reconcilertest.Pod(dispatch, "2"); p.Status.PodIP = "nobody"; return p }()},
			OtherTestData: pods(reconciled(), ""),
		},
		{
			Name: "a pod rejects it", Key: key,
			Objects:       []runtime.Object{reconciled(), newBroker(), cm, pod},
			OtherTestData: pods(reconciled(), "no such filter"),
			WantStatusUpdates: updated(reconciled(dependency(corev1.ConditionFalse, "EntryRejected",
				"pod kafka-broker-dispatcher-1: no such filter"))),
		},
		{
			Name: "the contract has no room for it", Key: key,
			Objects:           []runtime.Object{reconciled(), newBroker(), cm, pod},
			OtherTestData:     map[string]any{refused: "too large"},
			WantStatusUpdates: updated(reconciled(dependency(corev1.ConditionFalse, "EntryRefused", "too large"))),
		},
		{
			Name: "no pod is there", Key: key,
			Objects:       []runtime.Object{reconciled(), newBroker(), cm},
			OtherTestData: pods(reconciled(), ""),
			WantStatusUpdates: updated(reconciled(dependency(corev1.ConditionUnknown, "ProbeStatus",
				"no pod with label app=kafka-broker-dispatcher is ready"))),
		},
	}).Test(t, factory)
}

func TestTheIdentityOfATrigger(t *testing.T) {
	kafka := start(t)
	cm := config(kafka.Bootstrap())
	name := "t-oidc-eventing.knative.dev-trigger"
	on := map[string]any{coreFlags: feature.Flags{feature.OIDCAuthentication: feature.Enabled}}
	identified := func(t *eventingv1.Trigger) {
		t.Status.Auth = &duckv1.AuthStatus{ServiceAccountName: &name}
		t.Status.MarkOIDCIdentityCreatedSucceeded()
	}
	foreign := "ServiceAccount ns/" + name + " is not owned by Trigger t"
	located(rtesting.TableTest{
		{
			Name: "with authentication it has a ServiceAccount (ST-18, TR-12)", Key: key, OtherTestData: on,
			Objects:           []runtime.Object{reconciled(), newBroker(), cm},
			WantStatusUpdates: updated(reconciled(identified)),
		},
		{
			Name: "its ServiceAccount is somebody else's (TR-08)", Key: key, OtherTestData: on, WantErr: true,
			Objects: []runtime.Object{reconciled(), newBroker(), cm,
				&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}},
			WantStatusUpdates: updated(reconciled(identified, func(t *eventingv1.Trigger) {
				t.Status.MarkOIDCIdentityCreatedFailed("Unable to resolve service account for OIDC authentication", "%s", foreign)
			})),
			WantEvents: []string{failed(foreign)},
		},
		{
			Name: "its subscriber is to be shown a token, and none is issued (SEC-41)", Key: key, OtherTestData: on,
			Objects: []runtime.Object{reconciled(), newBroker(), cm, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
				Namespace: reconcilertest.SystemNamespace, Name: "kafka-broker-credentials-tokens-15",
				Annotations: map[string]string{identity.RefusedAnnotation: `{"ns/` + name + `":"forbidden","ns/other":"x"}`},
			}}},
			WantStatusUpdates: updated(reconciled(identified, func(t *eventingv1.Trigger) {
				t.Status.MarkOIDCIdentityCreatedFailed("TokenNotIssued", "forbidden")
			})),
		},
		{
			Name: "without it has none", Key: key,
			Objects:           []runtime.Object{reconciled(identified), newBroker(), cm},
			WantStatusUpdates: updated(reconciled()),
		},
	}).Test(t, factory)
}

func TestWhereAGroupStarts(t *testing.T) {
	for _, tc := range []struct {
		name, file string
		want       map[int32]int64
	}{
		{"latest (CFG-26)", "auto.offset.reset=latest", map[int32]int64{0: 1, 1: 0}},
		{"nothing said (CFG-26)", "", map[int32]int64{0: 1, 1: 0}},
		{"earliest (OF-03)", "auto.offset.reset = earliest", map[int32]int64{0: 0, 1: 0}},
		{"anything else is earliest (OF-02)", "auto.offset.reset=none", map[int32]int64{0: 0, 1: 0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			kafka := start(t)
			located(rtesting.TableTest{{
				Name: tc.name, Key: key,
				Objects:           []runtime.Object{newTrigger(), newBroker(), config(kafka.Bootstrap()), settings(tc.file)},
				WantStatusUpdates: updated(reconciled()),
				PostConditions:    []func(*testing.T, *rtesting.TableRow){committed(kafka, tc.want)},
			}}).Test(t, factory)
		})
	}
}

func TestTheBrokerOfATrigger(t *testing.T) {
	kafka := start(t)
	cm := config(kafka.Bootstrap())
	brokerFailed := func(reason, message string) option {
		return func(t *eventingv1.Trigger) { t.Status.MarkBrokerFailed(reason, "%s", message) }
	}
	located(rtesting.TableTest{
		{
			Name: "it is gone, and with it its topic", Key: key,
			Objects:           []runtime.Object{reconciled(ready)},
			WantStatusUpdates: updated(reconciled(ready, unstarted, brokerFailed("BrokerDoesNotExist", "Broker ns/b does not exist"))),
		},
		{
			Name: "it is being deleted", Key: key,
			Objects:           []runtime.Object{reconciled(ready), newBroker(func(b *eventingv1.Broker) { b.DeletionTimestamp = newTrigger(deleted).DeletionTimestamp })},
			WantStatusUpdates: updated(reconciled(ready, brokerFailed("BrokerDeleted", "Broker ns/b is being deleted"))),
		},
		{
			Name: "it has another class: nothing is ours (TR-01)", Key: key,
			Objects: []runtime.Object{reconciled(ready), newBroker(func(b *eventingv1.Broker) {
				b.Annotations[eventing.BrokerClassAnnotation] = "MTChannelBasedBroker"
			})},
		},
		{
			Name: "its ingress is not ready, its topic is: what runs is followed (TR-13)", Key: key,
			Objects: []runtime.Object{reconciled(), newBroker(brokerConditions(notReady(corev1.ConditionFalse, "r"))), cm,
				reconcilertest.Pod(dispatch, "1")},
			OtherTestData:     pods(reconciled(), ""),
			WantStatusUpdates: updated(reconciled(ready, brokerFailed("r", "m"))),
		},
		{
			Name: "its topic is not made yet", Key: key,
			Objects: []runtime.Object{reconciled(unstarted), newBroker(func(b *eventingv1.Broker) { b.Status.Annotations = nil }), cm},
			WantStatusUpdates: updated(reconciled(unstarted, dependency(corev1.ConditionUnknown, "BrokerNotReady",
				"waiting for the topic of Broker b"))),
		},
		{
			Name: "Kafka is away for it", Key: key,
			Objects: []runtime.Object{reconciled(ready), newBroker(brokerConditions(notReady(corev1.ConditionFalse, "r"),
				apis.Condition{Type: conditions.TopicReady, Status: corev1.ConditionFalse}))},
			WantStatusUpdates: updated(reconciled(brokerFailed("r", "m"),
				dependency(corev1.ConditionUnknown, "BrokerNotReady", "waiting for the topic of Broker b"))),
		},
	}).Test(t, factory)
}

func TestDestinations(t *testing.T) {
	kafka := start(t)
	cm := config(kafka.Bootstrap())
	missing := "failed to get object ns/missing"
	brokerDeadLetter := func(b *eventingv1.Broker) {
		b.Spec.Delivery = &eventingduck.DeliverySpec{DeadLetterSink: to("other")}
	}
	located(rtesting.TableTest{
		{
			Name: "the subscriber is not there any more: the last one stays (TR-10)", Key: key, WantErr: true,
			Objects: []runtime.Object{reconciled(ready, subscriber(to("missing"))), newBroker(), cm},
			WantStatusUpdates: updated(reconciled(ready, subscriber(to("missing")), func(t *eventingv1.Trigger) {
				t.Status.MarkSubscriberResolvedFailed("Unable to get the Subscriber's URI", "%s", missing)
			})),
			WantEvents: []string{failed("subscriber: " + missing)},
		},
		{
			Name: "another subscriber: the contract has to follow", Key: key,
			Objects:       []runtime.Object{reconciled(ready, subscriber(to("other"))), newBroker(), cm, reconcilertest.Pod(dispatch, "1")},
			OtherTestData: map[string]any{held: true},
			WantStatusUpdates: updated(reconciled(subscriber(to("other")), func(t *eventingv1.Trigger) {
				t.Status.SubscriberURI = apis.HTTP("other.ns.svc")
			})),
		},
		{
			Name: "its dead letter sink is found in its own namespace (TR-14)", Key: key,
			Objects:           []runtime.Object{reconciled(deadLetter("other")), newBroker(), cm},
			WantStatusUpdates: updated(reconciled(deadLetter("other"), deadLetterFound)),
		},
		{
			Name: "its dead letter sink is not found", Key: key, WantErr: true,
			Objects: []runtime.Object{reconciled(deadLetter("missing")), newBroker(), cm},
			WantStatusUpdates: updated(reconciled(deadLetter("missing"), func(t *eventingv1.Trigger) {
				t.Status.MarkDeadLetterSinkResolvedFailed("Unable to get the dead letter sink's URI", "%s", missing)
			})),
			WantEvents: []string{failed("dead letter sink: " + missing)},
		},
		{
			Name: "the Broker's dead letter sink applies to a Trigger without delivery (BR-05)", Key: key,
			Objects: []runtime.Object{reconciled(), newBroker(brokerDeadLetter, func(b *eventingv1.Broker) {
				b.Status.DeadLetterSinkURI = apis.HTTP("other.ns.svc")
			}), cm},
			WantStatusUpdates: updated(reconciled(deadLetterFound)),
		},
		{
			Name: "the Broker's dead letter sink is not resolved", Key: key,
			Objects: []runtime.Object{reconciled(), newBroker(brokerDeadLetter), cm},
			WantStatusUpdates: updated(reconciled(func(t *eventingv1.Trigger) {
				t.Status.MarkDeadLetterSinkResolvedFailed("Unable to get the dead letter sink's URI", "the dead letter sink of Broker b is not resolved")
			}, func(t *eventingv1.Trigger) {
				t.Status.MarkDependencyFailed("EntryInvalid", "%s", `Broker ns/b: spec.delivery.deadLetterSink.ref: Service "other" in namespace "" is not resolved`)
			})),
			WantErr:    true,
			WantEvents: []string{failed(`Broker ns/b: spec.delivery.deadLetterSink.ref: Service "other" in namespace "" is not resolved`)},
		},
		{
			Name: "a delivery of its own replaces the Broker's (TR-05, TR-09)", Key: key,
			Objects: []runtime.Object{
				reconciled(deadLetterFound, func(t *eventingv1.Trigger) { t.Spec.Delivery = &eventingduck.DeliverySpec{} }),
				newBroker(brokerDeadLetter, func(b *eventingv1.Broker) { b.Status.DeadLetterSinkURI = apis.HTTP("other.ns.svc") }), cm,
			},
			WantStatusUpdates: updated(reconciled(func(t *eventingv1.Trigger) { t.Spec.Delivery = &eventingduck.DeliverySpec{} })),
		},
	}).Test(t, factory)
}

func TestAGroupThatIsNamedAfterItsTriggerIsKept(t *testing.T) { // KC-24
	kafka, empty := start(t), start(t)
	kafka.Commit(t, "t-uid", topic, map[int32]int64{0: 0, 1: 0})
	observed := func(t *eventingv1.Trigger) { t.Status.ObservedGeneration = 1 }
	old := func(t *eventingv1.Trigger) { t.Status.Annotations[translate.GroupStatusAnnotation] = "t-uid" }
	located(rtesting.TableTest{
		{
			Name: "a Trigger from before names were recorded", Key: key,
			Objects:           []runtime.Object{newTrigger(observed), newBroker(), config(kafka.Bootstrap())},
			WantStatusUpdates: updated(reconciled(old)),
		},
		{
			Name: "one whose name is recorded", Key: key,
			Objects:        []runtime.Object{reconciled(), newBroker(), config(kafka.Bootstrap())},
			PostConditions: []func(*testing.T, *rtesting.TableRow){committed(kafka, map[int32]int64{0: 1, 1: 0})},
		},
		{
			Name: "one without such a group", Key: key,
			Objects:           []runtime.Object{newTrigger(observed), newBroker(), config(empty.Bootstrap())},
			WantStatusUpdates: updated(reconciled()),
		},
		{
			Name: "a new one, which cannot have such a group", Key: key,
			Objects:           []runtime.Object{newTrigger(), newBroker(), config(empty.Bootstrap())},
			WantStatusUpdates: updated(reconciled()),
		},
	}).Test(t, factory)
}

func TestWhatKeepsAGroupFromStarting(t *testing.T) {
	kafka := start(t)
	cm := config(kafka.Bootstrap())
	order := annotated(annotation.DeliveryOrder, "sometimes")
	invalid := `Trigger ns/t: metadata.annotations[kafka.eventing.knative.dev/delivery.order]: expected "ordered" or "unordered", got "sometimes"`
	otherTopic := newBroker(func(b *eventingv1.Broker) { b.Status.Annotations[translate.TopicStatusAnnotation] = "gone" })
	noTopic := "failed to get partitions for topic gone: UNKNOWN_TOPIC_OR_PARTITION: This server does not host this topic-partition."
	away := "the pool of Kafka admin clients is closed"
	row := func(name string, trigger *eventingv1.Trigger, reason, message, event string, data map[string]any, objects ...runtime.Object) rtesting.TableRow {
		wanted := trigger.DeepCopy()
		wanted.Status.MarkDependencyFailed(reason, "%s", message)
		return rtesting.TableRow{
			Name: name, Key: key, WantErr: true, OtherTestData: data,
			Objects:           append([]runtime.Object{trigger}, objects...),
			WantStatusUpdates: updated(wanted), WantEvents: []string{failed(event + message)},
		}
	}
	in := "consumer group " + group + ": "
	noSecret := `get Secret ns/s: secret "s" not found`
	located(rtesting.TableTest{
		row("a wrong order (TR-03)", reconciled(order), "EntryInvalid", invalid, "", nil, newBroker(), cm),
		row("the topic is gone (OF-06)", reconciled(), "ConsumerGroupNotReady", noTopic, in, nil, otherTopic, cm),
		row("Kafka is away, and what was started stays", reconciled(ready), "ConsumerGroupNotReady", away, in,
			map[string]any{kafkaAway: true}, newBroker(), cm),
		row("its Secret is missing", reconciled(), "ConsumerGroupNotReady", noSecret, in, nil, newBroker(),
			config(kafka.Bootstrap(), translate.SecretNameKey, "s")),
		row("the settings of the data plane cannot be read", reconciled(), "ConfigInvalid",
			"ConfigMap knative-eventing/config-kafka-broker-data-plane: config-kafka-broker-consumer.properties: line 1: \\u12: four hexadecimal digits must follow \\u", "", nil,
			newBroker(), cm, settings(`a=\u12`)),
	}).Test(t, factory)
}

func TestDeletion(t *testing.T) {
	kafka := start(t)
	cm := config(kafka.Bootstrap())
	pod := reconcilertest.Pod(dispatch, "1")
	patches, event := released()
	waits := func(message string) option {
		return func(t *eventingv1.Trigger) {
			t.Status.MarkDependencyUnknown("Deleting", "%s", message)
			tried(`{"release":{"last":"2026-01-02T03:04:05Z"}}`)(t)
		}
	}
	kept := "consumer group " + group + ": kept because of annotation " + annotation.Deletion
	groupGone := func(t *testing.T, _ *rtesting.TableRow) { committed(kafka, nil)(t, nil) }
	located(rtesting.TableTest{
		{
			Name: "the contract still holds it", Key: key, WantErr: true,
			Objects:           []runtime.Object{reconciled(ready, deleted), newBroker(), cm},
			OtherTestData:     map[string]any{held: true},
			WantStatusUpdates: updated(reconciled(deleted, waits("it is still in the contract knative-eventing/kafka-broker-brokers-triggers"))),
		},
		{
			Name: "a pod still serves it", Key: key, WantErr: true,
			Objects:           []runtime.Object{reconciled(ready, deleted), newBroker(), cm, pod},
			OtherTestData:     map[string]any{podHolds: true},
			WantStatusUpdates: updated(reconciled(deleted, waits("pod kafka-broker-dispatcher-1 still serves it"))),
		},
		{
			Name: "a pod that never answers is not waited for for ever", Key: key,
			Objects:     []runtime.Object{reconciled(deleted, tried(`{"release":{"last":"2026-01-02T03:00:00Z"}}`)), newBroker(), cm, pod},
			WantPatches: patches, WantEvents: []string{event},
		},
		{
			Name: "kept on request (KC-22)", Key: key,
			Objects:     []runtime.Object{reconciled(deleted, annotated(annotation.Deletion, "keep")), newBroker(), cm},
			WantPatches: patches,
			WantEvents:  []string{rtesting.Eventf(corev1.EventTypeWarning, "LeftBehind", "Left in Kafka: %s", kept), event},
		},
		{
			Name: "nobody serves it: the group is deleted", Key: key,
			Objects:        []runtime.Object{reconciled(deleted), newBroker(), cm},
			WantPatches:    patches,
			WantEvents:     []string{event},
			PostConditions: []func(*testing.T, *rtesting.TableRow){groupGone},
		},
		{
			Name: "a Trigger that never had a group", Key: key,
			Objects:     []runtime.Object{newTrigger(deleted)},
			WantPatches: patches, WantEvents: []string{event},
		},
		{
			Name: "the Broker is gone: where Kafka is, the status knows", Key: key,
			Objects:        []runtime.Object{reconciled(deleted, in(kafka.Bootstrap()))},
			WantPatches:    patches,
			WantEvents:     []string{event},
			PostConditions: []func(*testing.T, *rtesting.TableRow){groupGone},
		},
		{
			Name: "the Broker is gone: tried again (KC-20)", Key: key, WantErr: true,
			Objects: []runtime.Object{reconciled(deleted)},
			WantStatusUpdates: updated(reconciled(deleted,
				tried(`{"connection":{"count":1,"last":"2026-01-02T03:04:05Z","error":"where Kafka is, Broker ns/b knew: broker.eventing.knative.dev \"b\" not found"}}`))),
		},
		{
			Name: "the Broker is gone: given up (KC-20)", Key: key,
			Objects:     []runtime.Object{reconciled(deleted, tried(`{"connection":{"count":5,"last":"2026-01-02T03:04:05Z","error":"e"}}`))},
			WantPatches: patches,
			WantEvents: []string{rtesting.Eventf(corev1.EventTypeWarning, "LeftBehind", "Left in Kafka: %s",
				"consumer group "+group+`: where Kafka is, Broker ns/b knew: broker.eventing.knative.dev "b" not found`), event},
		},
	}).Test(t, factory)
}

func TestOnlyTriggersOfOurClassAreTouched(t *testing.T) { // TR-01, TR-07
	other := func(b *eventingv1.Broker) {
		b.Annotations[eventing.BrokerClassAnnotation] = eventing.NamespacedKafkaBrokerClass
	}
	bare := func(t *eventingv1.Trigger) { t.Finalizers = nil }
	for _, tc := range []struct {
		name    string
		broker  *eventingv1.Broker
		trigger *eventingv1.Trigger
		want    bool
	}{
		{"our class", newBroker(), newTrigger(bare), true},
		{"another class", newBroker(other), newTrigger(bare), false},
		{"no Broker yet", nil, newTrigger(bare), false},
		{"no Broker any more", nil, newTrigger(), true},
		{"another class, and our finalizer", newBroker(other), newTrigger(), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := reconcilertest.New(t)
			if tc.broker != nil {
				w = reconcilertest.New(t, tc.broker)
			}
			if got := (&Reconciler{class: kafka(w.Installation), brokers: w.Brokers()}).isOurs(tc.trigger); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestAGroupIsStartedFromWhatIsRecorded(t *testing.T) { // OF-04
	kafka := start(t)
	recorded := reconciled(func(t *eventingv1.Trigger) { entries.SetPartitions(&t.Status.Status, map[string]int32{topic: 1}) })
	kafka.Commit(t, group, topic, map[int32]int64{0: 1})
	located(rtesting.TableTest{{
		Name: "a partition that was added begins at its beginning", Key: key,
		Objects:           []runtime.Object{recorded, newBroker(), config(kafka.Bootstrap())},
		WantStatusUpdates: updated(reconciled()),
		PostConditions:    []func(*testing.T, *rtesting.TableRow){committed(kafka, map[int32]int64{0: 1, 1: 0})},
	}}).Test(t, factory)
}

func TestMembersFollowWhatWaits(t *testing.T) { // ST-11
	kafka := start(t)
	members := func(n int32) option {
		return func(t *eventingv1.Trigger) { entries.SetMembers(&t.Status.Status, map[string]int32{"": n}) }
	}
	const minScale, maxScale = annotation.MinScale, annotation.MaxScale
	table := rtesting.TableTest{}
	for _, row := range []struct {
		name                string
		annotated, has, get option
		events              []string
	}{
		{"at least two", annotated(minScale, "2"), ready, members(2), nil},
		{"no more than partitions", annotated(minScale, "9"), ready, members(2), nil},
		{"what is recorded counts when a controller starts", annotated(maxScale, "2"), members(2), members(2), nil},
		{"it is not to be scaled any more", annotated(annotation.AutoscalingClass, "disabled"), members(2), ready, nil},
		{"what cannot be read changes nothing", annotated(minScale, "x"), members(2), members(2), []string{
			rtesting.Eventf(corev1.EventTypeWarning, "AutoscalingInvalid", "Consumer group "+group+" is not scaled: metadata.annotations["+minScale+
				`]: expected a number from 0 to 1000000, got "x"`)}},
	} {
		waits := func(o *eventingv1.Trigger) {
			dependency(corev1.ConditionUnknown, "WaitingForContract", "waiting for the contract in ConfigMap knative-eventing/kafka-broker-brokers-triggers")(o)
		}
		table = append(table, rtesting.TableRow{
			Name: row.name, Key: key, WantEvents: row.events,
			Objects:           []runtime.Object{reconciled(row.annotated, row.has, dependency(corev1.ConditionFalse, "Before", "")), newBroker(), config(kafka.Bootstrap())},
			WantStatusUpdates: updated(reconciled(row.annotated, row.get, waits)),
		})
	}
	located(table).Test(t, factory)
}
