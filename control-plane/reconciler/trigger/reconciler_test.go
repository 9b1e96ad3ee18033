package trigger

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgotesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/record"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/apis/feature"
	fakeeventingclient "knative.dev/eventing/pkg/client/injection/client/fake"
	triggerreconciler "knative.dev/eventing/pkg/client/injection/reconciler/eventing/v1/trigger"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	pkgreconciler "knative.dev/pkg/reconciler"
	rtesting "knative.dev/pkg/reconciler/testing"

	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/attempts"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/control-plane/groups"
	"knative.dev/eventing-kafka-go/control-plane/reconcilertest"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

const (
	namespace = "ns"
	topic     = "knative-broker-ns-b"
	group     = "knative-trigger-ns-t"
	key       = namespace + "/t"
	subURL    = "http://sub.ns.svc"
	otherURL  = "http://other.ns.svc"
	dispatch  = "kafka-broker-dispatcher"
)

// clock is the time of all rows.
func clock() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

// resolved answers for URIs, and for references to sub and other.
type resolved struct{}

func (resolved) AddressableFromDestinationV1(_ context.Context, dest duckv1.Destination, _ any) (*duckv1.Addressable, error) {
	if dest.Ref == nil {
		return &duckv1.Addressable{URL: dest.URI, CACerts: dest.CACerts, Audience: dest.Audience}, nil
	}
	if dest.Ref.Name == "sub" || dest.Ref.Name == "other" {
		return &duckv1.Addressable{URL: apis.HTTP(dest.Ref.Name + "." + dest.Ref.Namespace + ".svc")}, nil
	}
	return nil, errors.New("failed to get object " + dest.Ref.Namespace + "/" + dest.Ref.Name)
}

func to(name string) *duckv1.Destination {
	return &duckv1.Destination{Ref: &duckv1.KReference{Kind: "Service", Name: name, APIVersion: "v1"}}
}

type option = func(*eventingv1.Trigger)

// newTrigger is a Trigger that was never reconciled.
func newTrigger(options ...option) *eventingv1.Trigger {
	t := &eventingv1.Trigger{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "t", UID: "t-uid", Generation: 1, Finalizers: []string{"kafka.triggers.eventing.knative.dev"}},
		Spec:       eventingv1.TriggerSpec{Broker: "b", Subscriber: *to("sub")},
	}
	for _, o := range options {
		o(t)
	}
	return t
}

// reconciled is one whose subscriber was found and whose group was started, and which waits for the contract.
func reconciled(options ...option) *eventingv1.Trigger {
	resolve := func(t *eventingv1.Trigger) {
		s := &t.Status
		s.ObservedGeneration = t.Generation
		s.InitializeConditions()
		s.PropagateSubscriptionCondition(&apis.Condition{Status: corev1.ConditionTrue})
		s.PropagateBrokerCondition(&apis.Condition{Status: corev1.ConditionTrue})
		s.MarkOIDCIdentityCreatedSucceededWithReason("authentication-oidc feature disabled", "")
		s.SubscriberURI = apis.HTTP("sub.ns.svc")
		s.MarkSubscriberResolvedSucceeded()
		s.MarkDeadLetterSinkNotConfigured()
		s.Annotations = map[string]string{translate.GroupStatusAnnotation: group}
		entries.SetPartitions(&s.Status, map[string]int32{topic: 2})
		s.MarkDependencyUnknown("WaitingForContract",
			"waiting for the contract in ConfigMap knative-eventing/kafka-broker-brokers-triggers")
	}
	return newTrigger(append([]option{resolve}, options...)...)
}

func ready(t *eventingv1.Trigger) { t.Status.MarkDependencySucceeded() }

func dependency(status corev1.ConditionStatus, reason, message string) option {
	return func(t *eventingv1.Trigger) {
		if status == corev1.ConditionFalse {
			t.Status.MarkDependencyFailed(reason, "%s", message)
			return
		}
		t.Status.MarkDependencyUnknown(reason, "%s", message)
	}
}

func unstarted(t *eventingv1.Trigger) { entries.SetPartitions(&t.Status.Status, nil) }

func annotated(name, value string) option {
	return func(t *eventingv1.Trigger) { t.Annotations = map[string]string{name: value} }
}

func subscriber(d *duckv1.Destination) option {
	return func(t *eventingv1.Trigger) { t.Spec.Subscriber = *d }
}

func deadLetter(name string) option {
	return func(t *eventingv1.Trigger) {
		t.Spec.Delivery = &eventingduck.DeliverySpec{DeadLetterSink: to(name)}
	}
}

func deadLetterFound(t *eventingv1.Trigger) {
	t.Status.DeadLetterSinkURI = apis.HTTP("other.ns.svc")
	t.Status.MarkDeadLetterSinkResolvedSucceeded()
}

func deleted(t *eventingv1.Trigger) {
	now := metav1.NewTime(clock())
	t.DeletionTimestamp = &now
}

func tried(record string) option {
	return func(t *eventingv1.Trigger) { t.Status.Annotations[attempts.StatusAnnotation] = record }
}

type brokerOption = func(*eventingv1.Broker)

func newBroker(options ...brokerOption) *eventingv1.Broker {
	b := &eventingv1.Broker{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "b", UID: "b-uid", Annotations: map[string]string{
			eventing.BrokerClassAnnotation: eventing.KafkaBrokerClass}},
		Spec: eventingv1.BrokerSpec{Config: &duckv1.KReference{Kind: "ConfigMap", Name: "config"}},
	}
	b.Status.Annotations = map[string]string{translate.TopicStatusAnnotation: topic}
	b.Status.SetConditions(apis.Conditions{{Type: apis.ConditionReady, Status: corev1.ConditionTrue}})
	for _, o := range options {
		o(b)
	}
	return b
}

func brokerConditions(c ...apis.Condition) brokerOption {
	return func(b *eventingv1.Broker) { b.Status.SetConditions(c) }
}

func config(servers string, more ...string) *corev1.ConfigMap {
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "config"}, Data: map[string]string{
		translate.ServersKey: servers, translate.PartitionsKey: "2", translate.ReplicationFactorKey: "1",
	}}
	for i := 0; i+1 < len(more); i += 2 {
		cm.Data[more[i]] = more[i+1]
	}
	return cm
}

func settings(file string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: reconcilertest.SystemNamespace, Name: "config-kafka-broker-data-plane"},
		Data:       map[string]string{consumerFile: file},
	}
}

// Data of rows.
const (
	ofNamespace = "the reconciler is that of class KafkaNamespaced"
	coreFlags   = "the flags of core"
	inContract  = "the contract holds the entry of the wanted Trigger" // value: what its pods say about it
	olderPod    = "pods run an older entry"
	refused     = "the contract refuses it" // value: why
	held        = "the contract holds the Trigger as it was"
	podHolds    = "a pod serves the Trigger as it was"
	kafkaAway   = "no connection to Kafka can be made"
)

// in says where the consumer group of a Trigger is.
func in(servers string) option {
	return func(t *eventingv1.Trigger) {
		entries.RecordCluster(&t.Status.Status, translate.Settings{BootstrapServers: []string{servers}})
	}
}

// located records in the Triggers of a table whose groups were started where these are: in the Kafka of their row.
func located(table rtesting.TableTest) rtesting.TableTest {
	for _, row := range table {
		servers := ""
		for _, o := range row.Objects {
			if cm, ok := o.(*corev1.ConfigMap); ok && cm.Data[translate.ServersKey] != "" {
				servers = cm.Data[translate.ServersKey]
			}
		}
		all := slices.Clone(row.Objects)
		for _, update := range row.WantStatusUpdates {
			all = append(all, update.Object)
		}
		for _, o := range all {
			if t, ok := o.(*eventingv1.Trigger); ok && servers != "" && t.Status.Annotations[entries.PartitionsStatusAnnotation] != "" {
				in(servers)(t)
			}
		}
	}
	return table
}

// factory makes a reconciler out of the objects and data of a row.
func factory(t *testing.T, row *rtesting.TableRow) (controller.Reconciler, rtesting.ActionRecorderList, rtesting.EventList) {
	t.Helper()
	w := reconcilertest.New(t, row.Objects...)
	var own []runtime.Object
	for _, o := range row.Objects {
		if _, ok := o.(*eventingv1.Trigger); ok {
			own = append(own, o)
		}
	}
	ctx := logging.WithLogger(t.Context(), zap.NewNop().Sugar())
	if flags, ok := row.OtherTestData[coreFlags].(feature.Flags); ok {
		ctx = feature.ToContext(ctx, flags)
	}
	ctx, client := fakeeventingclient.With(ctx, own...)
	row.Ctx = ctx // its logger is quiet
	recorder := record.NewFakeRecorder(10)
	ctx = controller.WithEventRecorder(ctx, recorder)
	arrange(t, w, row)
	r := &Reconciler{
		class: kafka(w.Installation),
		in:    w.Installation, brokers: w.Brokers(), resolver: resolved{}, groups: groups.NewStarter(clock),
		later: func(*eventingv1.Trigger, time.Duration) {}, now: clock,
	}
	if row.OtherTestData[ofNamespace] != nil {
		r.class = namespaced(w.Installation)
	}
	impl := triggerreconciler.NewReconciler(ctx, logging.FromContext(ctx), client, w.Triggers(), recorder, r,
		controller.Options{FinalizerName: r.class.finalizer})
	if err := impl.(pkgreconciler.LeaderAware).Promote(pkgreconciler.UniversalBucket(), func(pkgreconciler.Bucket, types.NamespacedName) {}); err != nil {
		t.Fatal(err)
	}
	return impl, rtesting.ActionRecorderList{client}, rtesting.EventList{Recorder: recorder}
}

// arrange writes contracts and has pods report.
func arrange(t *testing.T, w *reconcilertest.World, row *rtesting.TableRow) {
	t.Helper()
	if row.OtherTestData[kafkaAway] != nil {
		w.Admins.Close()
	}
	if why, ok := row.OtherTestData[refused].(string); ok {
		w.Write(t, dataplane.Broker, map[string]string{"t-uid": why})
	}
	of := func(trigger *eventingv1.Trigger) {
		b, err := w.Brokers().Brokers(namespace).Get("b")
		if err != nil {
			t.Fatal(err)
		}
		resource, _, err := w.Entries.Trigger(b, trigger, entries.Flags{Kafka: features.Defaults()})
		if err != nil {
			t.Fatal(err)
		}
		if problem, ok := row.OtherTestData[inContract].(string); ok {
			w.Report(dispatch, reconcilertest.Serving(resource, problem))
		}
		if row.OtherTestData[podHolds] != nil {
			w.Report(dispatch, reconcilertest.Serving(resource, ""))
			return
		}
		w.Write(t, dataplane.Broker, nil, resource)
		if row.OtherTestData[olderPod] != nil {
			resource.Egresses[0].Destination = otherURL
			w.Report(dispatch, reconcilertest.Serving(resource, ""))
		}
	}
	if wanted, ok := row.OtherTestData[inContract+"/of"].(*eventingv1.Trigger); ok {
		of(wanted)
	}
	if row.OtherTestData[held] != nil || row.OtherTestData[podHolds] != nil {
		of(reconciled(ready))
	}
}

// pods of data planes, with what they say about the entry of a Trigger.
func pods(of *eventingv1.Trigger, problem string) map[string]any {
	return map[string]any{inContract: problem, inContract + "/of": of}
}

func updated(t *eventingv1.Trigger) []clientgotesting.UpdateActionImpl {
	return []clientgotesting.UpdateActionImpl{{Object: t}}
}

func failed(message string) string {
	return rtesting.Eventf(corev1.EventTypeWarning, "InternalError", "%s", message)
}

func released() ([]clientgotesting.PatchActionImpl, string) {
	patch := clientgotesting.PatchActionImpl{Name: "t", Patch: []byte(`{"metadata":{"finalizers":[],"resourceVersion":""}}`)}
	patch.Namespace = namespace
	return []clientgotesting.PatchActionImpl{patch}, rtesting.Eventf(corev1.EventTypeNormal, "FinalizerUpdate", `Updated "t" finalizers`)
}

// committed is a check of where the group starts.
func committed(c *kafkatest.Cluster, want map[int32]int64) func(*testing.T, *rtesting.TableRow) {
	return func(t *testing.T, _ *rtesting.TableRow) {
		got := c.Committed(t, group, topic)
		for p, offset := range want {
			if at, ok := got[p]; !ok || at != offset {
				t.Errorf("partition %d starts at %d (%v), want %d", p, at, ok, offset)
			}
		}
		if len(got) != len(want) {
			t.Errorf("committed %v, want %v", got, want)
		}
	}
}

// start is a Kafka with the topic, which holds one record.
func start(t *testing.T) *kafkatest.Cluster {
	t.Helper()
	c := kafkatest.Start(t)
	c.CreateTopic(t, topic, 2)
	c.Produce(t, &kgo.Record{Topic: topic, Partition: 0, Value: []byte("x")})
	return c
}

func notReady(t corev1.ConditionStatus, reason string) apis.Condition {
	return apis.Condition{Type: apis.ConditionReady, Status: t, Reason: reason, Message: "m"}
}
