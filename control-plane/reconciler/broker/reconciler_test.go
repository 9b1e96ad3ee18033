package broker

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgotesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/record"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	fakeeventingclient "knative.dev/eventing/pkg/client/injection/client/fake"
	brokerreconciler "knative.dev/eventing/pkg/client/injection/reconciler/eventing/v1/broker"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	fakekubeclient "knative.dev/pkg/client/injection/kube/client/fake"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	pkgreconciler "knative.dev/pkg/reconciler"
	rtesting "knative.dev/pkg/reconciler/testing"

	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/attempts"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/control-plane/finalize"
	"knative.dev/eventing-kafka-go/control-plane/following"
	"knative.dev/eventing-kafka-go/control-plane/reconcilertest"
	"knative.dev/eventing-kafka-go/control-plane/topics"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

const (
	namespace = "ns"
	topic     = "knative-broker-ns-b"
	key       = namespace + "/b"
	receive   = "kafka-broker-receiver"
	finalizer = "brokers.eventing.knative.dev"
)

func clock() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

type resolved struct{}

func (resolved) AddressableFromDestinationV1(_ context.Context, dest duckv1.Destination, _ any) (*duckv1.Addressable, error) {
	if dest.Ref.Name == "dls" {
		return &duckv1.Addressable{URL: apis.HTTP("dls." + dest.Ref.Namespace + ".svc")}, nil
	}
	return nil, errors.New("failed to get object " + dest.Ref.Namespace + "/" + dest.Ref.Name)
}

type option = func(*eventingv1.Broker)

// newBroker is a Broker that was never reconciled.
func newBroker(options ...option) *eventingv1.Broker {
	b := &eventingv1.Broker{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "b", UID: "b-uid", Generation: 1, Finalizers: []string{finalizer},
			Annotations: map[string]string{eventing.BrokerClassAnnotation: eventing.KafkaBrokerClass}},
		Spec: eventingv1.BrokerSpec{Config: &duckv1.KReference{Kind: "ConfigMap", Name: "config"}},
	}
	for _, o := range options {
		o(b)
	}
	return b
}

// begun is one whose reconcile has come to nothing but that there are pods.
func begun(options ...option) *eventingv1.Broker {
	return newBroker(append([]option{func(b *eventingv1.Broker) {
		b.Status.ObservedGeneration = b.Generation
		Conditions().Manage(&b.Status).InitializeConditions()
		manage(b).MarkTrue(conditions.DataPlaneAvailable)
	}}, options...)...)
}

// waits is one with a topic of its own, whose entry is not in the contract yet.
func waits(k *kafkatest.Cluster, options ...option) *eventingv1.Broker {
	return begun(append([]option{func(b *eventingv1.Broker) {
		manage(b).MarkTrue(conditions.ConfigParsed)
		b.Status.Annotations = map[string]string{
			translate.ServersKey: k.Bootstrap(), translate.PartitionsKey: "2", translate.ReplicationFactorKey: "1",
			topics.OriginStatusAnnotation: "created " + topic, translate.TopicStatusAnnotation: topic,
		}
		conditions.MarkTopicReady(manage(b), topic, "")
		manage(b).MarkTrueWithReason(conditions.EventPoliciesReady, "OIDCDisabled",
			"Feature %q must be enabled to support Authorization", "authentication-oidc")
		manage(b).MarkUnknown(conditions.Addressable, "NotServed", "the address is published when pods serve it")
		message := "waiting for the contract in ConfigMap knative-eventing/kafka-broker-brokers-triggers"
		manage(b).MarkUnknown(conditions.ConfigMapUpdated, "WaitingForContract", "%s", message)
		manage(b).MarkUnknown(conditions.ProbeSucceeded, "ProbeStatus", "status: NotReady, %s", message)
	}}, options...)...)
}

func manage(b *eventingv1.Broker) apis.ConditionManager { return Conditions().Manage(&b.Status) }

func written(b *eventingv1.Broker) {
	conditions.MarkConfigMapUpdated(manage(b), "knative-eventing", "kafka-broker-brokers-triggers")
}

func served(b *eventingv1.Broker) {
	written(b)
	manage(b).MarkTrue(conditions.ProbeSucceeded)
	manage(b).MarkTrue(conditions.Addressable)
	name := "http"
	http := duckv1.Addressable{Name: &name, URL: &apis.URL{
		Scheme: "http", Host: "kafka-broker-ingress.knative-eventing.svc.cluster.local", Path: "/ns/b"}}
	b.Status.Address, b.Status.Addresses = &http, []duckv1.Addressable{http}
}

func condition(t apis.ConditionType, status corev1.ConditionStatus, reason, message string) option {
	return func(b *eventingv1.Broker) {
		switch status {
		case corev1.ConditionTrue:
			manage(b).MarkTrueWithReason(t, reason, "%s", message)
		case corev1.ConditionFalse:
			manage(b).MarkFalse(t, reason, "%s", message)
		default:
			manage(b).MarkUnknown(t, reason, "%s", message)
		}
	}
}

func recorded(name, value string) option {
	return func(b *eventingv1.Broker) {
		if b.Status.Annotations == nil {
			b.Status.Annotations = map[string]string{}
		}
		if b.Status.Annotations[name] = value; value == "" {
			delete(b.Status.Annotations, name)
		}
	}
}

func annotated(name, value string) option {
	return func(b *eventingv1.Broker) { b.Annotations[name] = value }
}

func deleted(b *eventingv1.Broker) {
	now := metav1.NewTime(clock())
	b.DeletionTimestamp = &now
}

func config(k *kafkatest.Cluster, more ...string) *corev1.ConfigMap {
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "config"}, Data: map[string]string{
		translate.ServersKey: k.Bootstrap(), translate.PartitionsKey: "2", translate.ReplicationFactorKey: "1",
	}}
	for i := 0; i+1 < len(more); i += 2 {
		cm.Data[more[i]] = more[i+1]
	}
	return cm
}

func aSecret(finalizers ...string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "s", UID: "s-uid", ResourceVersion: "7", Finalizers: finalizers},
		Data:       map[string][]byte{"protocol": []byte("PLAINTEXT")},
	}
}

// Data of rows.
const (
	inContract = "the contract holds the entry of the Broker" // value: what pods say about it
	older      = "pods run an older entry"
	refused    = "the contract refuses it" // value: why
	kafkaAway  = "no connection to Kafka can be made"
	parkTopic  = "the installation has a parking topic" // value: its name
)

func factory(t *testing.T, row *rtesting.TableRow) (controller.Reconciler, rtesting.ActionRecorderList, rtesting.EventList) {
	t.Helper()
	w := reconcilertest.New(t, row.Objects...)
	var brokers, secrets []runtime.Object
	for _, o := range row.Objects {
		switch o.(type) {
		case *eventingv1.Broker:
			brokers = append(brokers, o)
		case *corev1.Secret:
			secrets = append(secrets, o)
		}
	}
	ctx := logging.WithLogger(t.Context(), zap.NewNop().Sugar())
	ctx, client := fakeeventingclient.With(ctx, brokers...)
	ctx, kube := fakekubeclient.With(ctx, secrets...)
	row.Ctx = ctx // its logger is quiet
	recorder := record.NewFakeRecorder(10)
	ctx = controller.WithEventRecorder(ctx, recorder)
	arrange(t, w, row)
	r := &Reconciler{
		Class: Class{Name: eventing.KafkaBrokerClass, Asker: kind, DataPlane: func(string) dataplane.DataPlane { return w.DataPlanes[dataplane.Broker] }},
		In:    w.Installation, Kube: kube, Resolver: resolved{}, Policies: w.Policies(), Now: clock,
		Owners:    topics.Owners{Channels: w.Channels(), Brokers: w.Brokers(), Entries: w.Entries},
		Following: following.New(func(types.NamespacedName) {}), Later: func(types.NamespacedName, time.Duration) {},
	}
	impl := brokerreconciler.NewReconciler(ctx, logging.FromContext(ctx), client, w.Brokers(), recorder, r, eventing.KafkaBrokerClass)
	if err := impl.(pkgreconciler.LeaderAware).Promote(pkgreconciler.UniversalBucket(), func(pkgreconciler.Bucket, types.NamespacedName) {}); err != nil {
		t.Fatal(err)
	}
	return impl, rtesting.ActionRecorderList{client, kube}, rtesting.EventList{Recorder: recorder}
}

func arrange(t *testing.T, w *reconcilertest.World, row *rtesting.TableRow) {
	t.Helper()
	data := row.OtherTestData
	w.ParkingTopic, _ = data[parkTopic].(string)
	if data[kafkaAway] != nil {
		w.Admins.Close()
	}
	if why, ok := data[refused].(string); ok {
		w.Write(t, dataplane.Broker, map[string]string{"b-uid": why})
	}
	b, ok := data[inContract+"/of"].(*eventingv1.Broker)
	if !ok {
		return
	}
	resource, _, err := w.Entries.Broker(b, nil, entries.Flags{Kafka: features.Defaults()})
	if err != nil {
		t.Fatal(err)
	}
	w.Write(t, dataplane.Broker, nil, resource)
	if problem, ok := data[inContract].(string); ok {
		w.Report(receive, reconcilertest.Serving(resource, problem))
	}
	if data[older] != nil {
		resource.Topics = []string{"older"}
		w.Report(receive, reconcilertest.Serving(resource, ""))
	}
}

func updated(b *eventingv1.Broker) []clientgotesting.UpdateActionImpl {
	return []clientgotesting.UpdateActionImpl{{Object: b}}
}

func failed(message string) []string {
	return []string{rtesting.Eventf(corev1.EventTypeWarning, "InternalError", "%s", message)}
}

func patch(name, text string) clientgotesting.PatchActionImpl {
	p := clientgotesting.PatchActionImpl{Name: name, Patch: []byte(text)}
	p.Namespace = namespace
	return p
}

var (
	released = patch("b", `{"metadata":{"finalizers":[],"resourceVersion":""}}`)
	removed  = rtesting.Eventf(corev1.EventTypeNormal, "FinalizerUpdate", `Updated "b" finalizers`)
)

func left(what string) string {
	return rtesting.Eventf(corev1.EventTypeWarning, finalize.ReasonLeftBehind, "Left in Kafka: %s", what)
}

func tried(text string) option { return recorded(attempts.StatusAnnotation, text) }

// cases run with a Kafka of their own each.
type cases map[string]func(k *kafkatest.Cluster) rtesting.TableRow

func (c cases) run(t *testing.T) {
	for name, row := range c {
		t.Run(name, func(t *testing.T) {
			k := kafkatest.Start(t)
			r := row(k)
			if r.Key == "" {
				r.Key = key
			}
			r.Test(t, factory)
		})
	}
}
