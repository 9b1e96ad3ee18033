package broker

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgotesting "k8s.io/client-go/testing"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	rtesting "knative.dev/pkg/reconciler/testing"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
	"knative.dev/eventing-kafka-go/control-plane/apis/eventing"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/reconcilertest"
	"knative.dev/eventing-kafka-go/control-plane/topics"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

type objects = []runtime.Object

var pod = reconcilertest.Pod(receive, "1")

func TestTheWayToReady(t *testing.T) {
	cases{
		"an object of another class": func(k *kafkatest.Cluster) rtesting.TableRow {
			return rtesting.TableRow{Objects: objects{newBroker(annotated(eventing.BrokerClassAnnotation, "MTChannelBasedBroker")), config(k), pod}}
		},
		"first it is written down whose the topic is": func(k *kafkatest.Cluster) rtesting.TableRow {
			want := waits(k, recorded(translate.TopicStatusAnnotation, ""))
			want.Status.Conditions = begun(func(b *eventingv1.Broker) { manage(b).MarkTrue(conditions.ConfigParsed) },
				condition(conditions.TopicReady, corev1.ConditionUnknown, "TopicClaimed", "Topic "+topic+" is about to be created")).Status.Conditions
			return rtesting.TableRow{Objects: objects{newBroker(), config(k), pod}, WantStatusUpdates: updated(want), WantErr: true}
		},
		"then it is made": func(k *kafkatest.Cluster) rtesting.TableRow {
			return rtesting.TableRow{
				Objects:           objects{begun(recorded(topics.OriginStatusAnnotation, "created "+topic)), config(k), pod},
				WantStatusUpdates: updated(waits(k)),
				PostConditions:    []func(*testing.T, *rtesting.TableRow){func(t *testing.T, _ *rtesting.TableRow) { k.DeleteTopic(t, topic) }},
			}
		},
		"contract and pods have it: it is Ready and has an address (ST-06)": func(k *kafkatest.Cluster) rtesting.TableRow {
			return rtesting.TableRow{
				Objects: objects{waits(k), config(k), pod}, OtherTestData: map[string]any{inContract: "", inContract + "/of": waits(k)},
				WantStatusUpdates: updated(waits(k, served)),
			}
		},
		"Ready, and nothing is new": func(k *kafkatest.Cluster) rtesting.TableRow {
			return rtesting.TableRow{
				Objects: objects{waits(k, served), config(k), pod}, OtherTestData: map[string]any{inContract: "", inContract + "/of": waits(k)},
			}
		},
		"a pod runs an older entry": func(k *kafkatest.Cluster) rtesting.TableRow {
			return rtesting.TableRow{
				Objects: objects{waits(k), config(k), pod}, OtherTestData: map[string]any{older: true, inContract + "/of": waits(k)},
				WantStatusUpdates: updated(waits(k, written, condition(conditions.ProbeSucceeded, corev1.ConditionUnknown, "ProbeStatus",
					"status: NotReady, waiting for 1 pods: pod kafka-broker-receiver-1 runs an older entry"))),
			}
		},
		"a pod rejects it": func(k *kafkatest.Cluster) rtesting.TableRow {
			return rtesting.TableRow{
				Objects: objects{waits(k), config(k), pod}, OtherTestData: map[string]any{inContract: "no", inContract + "/of": waits(k)},
				WantStatusUpdates: updated(waits(k, written, condition(conditions.ProbeSucceeded, corev1.ConditionFalse, "EntryRejected",
					"status: NotReady, pod kafka-broker-receiver-1: no"))),
			}
		},
		"the contract has no room for it": func(k *kafkatest.Cluster) rtesting.TableRow {
			return rtesting.TableRow{
				Objects: objects{waits(k), config(k), pod}, OtherTestData: map[string]any{refused: "too large"},
				WantStatusUpdates: updated(waits(k, condition(conditions.ConfigMapUpdated, corev1.ConditionFalse, "EntryRefused", "too large"),
					condition(conditions.ProbeSucceeded, corev1.ConditionUnknown, "ProbeStatus", "status: NotReady, too large"))),
			}
		},
		"there is no data plane: everything else goes on (ST-20)": func(k *kafkatest.Cluster) rtesting.TableRow {
			return rtesting.TableRow{
				Objects:           objects{waits(k), config(k)},
				WantStatusUpdates: updated(waits(k, func(b *eventingv1.Broker) { conditions.MarkDataPlaneUnavailable(manage(b)) })),
			}
		},
		"conditions of another implementation go": func(k *kafkatest.Cluster) rtesting.TableRow {
			return rtesting.TableRow{
				Objects: objects{waits(k, func(b *eventingv1.Broker) {
					b.Status.Conditions = append(b.Status.Conditions, apis.Condition{Type: "FilterReady", Status: corev1.ConditionTrue})
				}), config(k), pod},
				WantStatusUpdates: updated(waits(k)),
			}
		},
		"a parking topic is made and recorded": func(k *kafkatest.Cluster) rtesting.TableRow {
			return rtesting.TableRow{
				Objects: objects{waits(k), config(k), pod}, OtherTestData: map[string]any{parkTopic: "parked"},
				WantStatusUpdates: updated(waits(k, recorded(entries.ParkingStatusAnnotation, "parked"))),
				PostConditions:    []func(*testing.T, *rtesting.TableRow){func(t *testing.T, _ *rtesting.TableRow) { k.DeleteTopic(t, "parked") }},
			}
		},
	}.run(t)
}

func TestConfiguration(t *testing.T) {
	wrong := func(name string, b option, message string, more ...runtime.Object) {
		cases{name: func(*kafkatest.Cluster) rtesting.TableRow {
			return rtesting.TableRow{
				Objects: append(objects{newBroker(b), pod}, more...), WantErr: true, WantEvents: failed(message),
				WantStatusUpdates: updated(begun(b, condition(conditions.ConfigParsed, corev1.ConditionFalse, "ConfigInvalid", message))),
			}
		}}.run(t)
	}
	same := func(*eventingv1.Broker) {}
	wrong("none (BR-04)", func(b *eventingv1.Broker) { b.Spec.Config = nil }, "spec.config names no ConfigMap")
	wrong("it is missing", same, `get ConfigMap ns/config: configmap "config" not found`)
	wrong("it says too little", same, "invalid configuration - numPartitions: 0 - replicationFactor: 0 - bootstrapServers: []",
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "config"}})
	dls := func(name string) option {
		return func(b *eventingv1.Broker) {
			b.Spec.Delivery = &eventingduck.DeliverySpec{DeadLetterSink: &duckv1.Destination{Ref: &duckv1.KReference{Name: name}}}
		}
	}
	cases{
		"it is gone, and was recorded (BR-09)": func(k *kafkatest.Cluster) rtesting.TableRow {
			return rtesting.TableRow{
				Objects: objects{waits(k), pod},
				WantStatusUpdates: updated(waits(k, condition(conditions.ConfigParsed, corev1.ConditionTrue, "ConfigMapMissing",
					"ConfigMap ns/config is gone: what was read of it applies"))),
			}
		},
		"the dead letter sink is in the Broker's namespace": func(k *kafkatest.Cluster) rtesting.TableRow {
			return rtesting.TableRow{
				Objects:           objects{waits(k, dls("dls")), config(k), pod},
				WantStatusUpdates: updated(waits(k, dls("dls"), func(b *eventingv1.Broker) { b.Status.DeadLetterSinkURI = apis.HTTP("dls.ns.svc") })),
			}
		},
		"the dead letter sink is not found": func(k *kafkatest.Cluster) rtesting.TableRow {
			message := "dead letter sink: failed to get object ns/x"
			return rtesting.TableRow{
				Objects: objects{waits(k, dls("x")), config(k), pod}, WantErr: true, WantEvents: failed(message),
				WantStatusUpdates: updated(waits(k, dls("x"), condition(conditions.ConfigParsed, corev1.ConditionFalse, "DeadLetterSinkNotResolved", message))),
			}
		},
	}.run(t)
}

func TestTopics(t *testing.T) {
	external := annotated(annotation.ExternalTopic, "mine")
	parsed := func(b *eventingv1.Broker) { manage(b).MarkTrue(conditions.ConfigParsed) }
	noTopic := func(name string) string {
		return "invalid topic " + name + ": topic not found in metadata response, UNKNOWN_TOPIC_OR_PARTITION: This server does not host this topic-partition."
	}
	settings := func(k *kafkatest.Cluster) option {
		return func(b *eventingv1.Broker) {
			b.Status.Annotations = map[string]string{
				translate.ServersKey: k.Bootstrap(), translate.PartitionsKey: "2", translate.ReplicationFactorKey: "1"}
		}
	}
	topicFalse := func(reason, message string) option {
		return condition(conditions.TopicReady, corev1.ConditionFalse, reason, message)
	}
	cases{
		"an external one is used (BR-11)": func(k *kafkatest.Cluster) rtesting.TableRow {
			k.CreateTopic(t, "mine", 1)
			return rtesting.TableRow{
				Objects: objects{newBroker(external), config(k), pod},
				WantStatusUpdates: updated(waits(k, external, recorded(topics.OriginStatusAnnotation, ""), recorded(translate.TopicStatusAnnotation, "mine"),
					func(b *eventingv1.Broker) { conditions.MarkTopicReady(manage(b), "mine", "") })),
			}
		},
		"an external one is missing (KC-02)": func(k *kafkatest.Cluster) rtesting.TableRow {
			return rtesting.TableRow{
				Objects: objects{newBroker(external), config(k), pod}, WantErr: true, WantEvents: failed(`topic "mine": ` + noTopic("mine")),
				WantStatusUpdates: updated(begun(external, parsed, settings(k),
					topicFalse("Topic is not present or invalid", "Check topics [mine] configuration: "+noTopic("mine")))),
			}
		},
		"one that existed is adopted (KC-12)": func(k *kafkatest.Cluster) rtesting.TableRow {
			k.CreateTopic(t, topic, 2)
			return rtesting.TableRow{
				Objects: objects{newBroker(), config(k), pod},
				WantStatusUpdates: updated(waits(k, recorded(topics.OriginStatusAnnotation, "adopted "+topic), func(b *eventingv1.Broker) {
					conditions.MarkTopicReady(manage(b), topic, "the topic existed before and is kept when this object is deleted")
				})),
			}
		},
		"one that existed has other partitions, which is said and used": func(k *kafkatest.Cluster) rtesting.TableRow {
			k.CreateTopic(t, topic, 5)
			return rtesting.TableRow{
				Objects: objects{newBroker(), config(k), pod},
				WantStatusUpdates: updated(waits(k, recorded(topics.OriginStatusAnnotation, "adopted "+topic), func(b *eventingv1.Broker) {
					conditions.MarkTopicReady(manage(b), topic, "the topic existed before and is kept when this object is deleted; "+
						"the topic differs from what is asked for: partitions: 5, wanted 2")
				})),
			}
		},
		"one that is another Broker's": func(k *kafkatest.Cluster) rtesting.TableRow {
			other := waits(k, func(b *eventingv1.Broker) { b.Name, b.UID = "other", "other-uid" })
			message := `topic "` + topic + `" belongs to Broker ns/other`
			return rtesting.TableRow{
				Objects: objects{newBroker(), other, config(k), pod}, WantErr: true, WantEvents: failed(message),
				WantStatusUpdates: updated(begun(parsed, settings(k),
					topicFalse("Topic is not present or invalid", "Check topics ["+topic+"] configuration: "+message))),
			}
		},
		"Kafka is away, and what works stays": func(k *kafkatest.Cluster) rtesting.TableRow {
			message := "the pool of Kafka admin clients is closed"
			return rtesting.TableRow{
				Objects: objects{waits(k, served), config(k), pod}, WantErr: true, OtherTestData: map[string]any{kafkaAway: true},
				WantStatusUpdates: updated(waits(k, served, topicFalse("Failed to obtain Kafka cluster admin", message))), WantEvents: failed(message),
			}
		},
		"the Secret is missing (ST-01)": func(k *kafkatest.Cluster) rtesting.TableRow {
			message := `get Secret ns/s: secret "s" not found`
			return rtesting.TableRow{
				Objects: objects{newBroker(), config(k, translate.SecretNameKey, "s"), pod}, WantErr: true, WantEvents: failed(message),
				WantStatusUpdates: updated(begun(condition(conditions.ConfigParsed, corev1.ConditionFalse, "Failed to get broker auth secret", message))),
			}
		},
		"the Secret is kept from deletion (BR-13)": func(k *kafkatest.Cluster) rtesting.TableRow {
			return rtesting.TableRow{
				Objects:           objects{waits(k), config(k, translate.SecretNameKey, "s"), aSecret("x"), pod},
				WantPatches:       []clientgotesting.PatchActionImpl{patch("s", `{"metadata":{"finalizers":["x","kafka.eventing/b-uid"],"resourceVersion":"7"}}`)},
				WantStatusUpdates: updated(waits(k, recorded(translate.SecretNameKey, "s"))),
			}
		},
		"a Secret that is not used any more is let go (BR-13)": func(k *kafkatest.Cluster) rtesting.TableRow {
			return rtesting.TableRow{
				Objects:           objects{waits(k, recorded(translate.SecretNameKey, "s")), config(k), aSecret("kafka.eventing/b-uid", "x"), pod},
				WantPatches:       []clientgotesting.PatchActionImpl{patch("s", `{"metadata":{"finalizers":["x"],"resourceVersion":"7"}}`)},
				WantStatusUpdates: updated(waits(k)),
			}
		},
	}.run(t)
}

func TestDeletion(t *testing.T) {
	patches := []clientgotesting.PatchActionImpl{released}
	exists := func(k *kafkatest.Cluster, name string) []func(*testing.T, *rtesting.TableRow) {
		return []func(*testing.T, *rtesting.TableRow){func(t *testing.T, _ *rtesting.TableRow) { k.DeleteTopic(t, name) }} // fails when there is none
	}
	absent := func(k *kafkatest.Cluster, name string) []func(*testing.T, *rtesting.TableRow) {
		return []func(*testing.T, *rtesting.TableRow){func(t *testing.T, _ *rtesting.TableRow) { k.CreateTopic(t, name, 1) }} // fails when there is one
	}
	withdrawn := func(b *eventingv1.Broker) { b.Status.Address, b.Status.Addresses = nil, nil }
	cases{
		"the contract still holds it (KC-15, ST-07)": func(k *kafkatest.Cluster) rtesting.TableRow {
			k.CreateTopic(t, topic, 2)
			return rtesting.TableRow{
				Objects: objects{waits(k, served, deleted), config(k), pod}, OtherTestData: map[string]any{inContract: "", inContract + "/of": waits(k)},
				WantStatusUpdates: updated(waits(k, served, deleted, withdrawn, tried(`{"release":{"last":"2026-01-02T03:04:05Z"}}`),
					condition(conditions.Addressable, corev1.ConditionUnknown, "Deleting", "it is still in the contract knative-eventing/kafka-broker-brokers-triggers"))),
				WantErr: true, PostConditions: exists(k, topic),
			}
		},
		"its topic goes (KC-11)": func(k *kafkatest.Cluster) rtesting.TableRow {
			k.CreateTopic(t, topic, 2)
			return rtesting.TableRow{Objects: objects{waits(k, deleted), config(k)}, WantPatches: patches, WantEvents: []string{removed}, PostConditions: absent(k, topic)}
		},
		"its topic goes, though its ConfigMap is gone (KC-16)": func(k *kafkatest.Cluster) rtesting.TableRow {
			k.CreateTopic(t, topic, 2)
			return rtesting.TableRow{Objects: objects{waits(k, deleted)}, WantPatches: patches, WantEvents: []string{removed}, PostConditions: absent(k, topic)}
		},
		"an external topic stays (BR-11)": func(k *kafkatest.Cluster) rtesting.TableRow {
			k.CreateTopic(t, topic, 2)
			return rtesting.TableRow{
				Objects:     objects{waits(k, deleted, annotated(annotation.ExternalTopic, topic)), config(k)},
				WantPatches: patches, WantEvents: []string{removed}, PostConditions: exists(k, topic),
			}
		},
		"an adopted topic stays (KC-12)": func(k *kafkatest.Cluster) rtesting.TableRow {
			k.CreateTopic(t, topic, 2)
			return rtesting.TableRow{
				Objects:     objects{waits(k, deleted, recorded(topics.OriginStatusAnnotation, "adopted "+topic)), config(k)},
				WantPatches: patches, WantEvents: []string{left("topic " + topic + ": kept because it existed before the object"), removed}, PostConditions: exists(k, topic),
			}
		},
		"its topic stays on request (KC-22)": func(k *kafkatest.Cluster) rtesting.TableRow {
			k.CreateTopic(t, topic, 2)
			return rtesting.TableRow{
				Objects:     objects{waits(k, deleted, annotated(annotation.Deletion, "keep")), config(k)},
				WantPatches: patches, WantEvents: []string{left("topic " + topic + ": kept because of annotation " + annotation.Deletion), removed},
				PostConditions: exists(k, topic),
			}
		},
		"its Secret is let go after its topic (BR-13)": func(k *kafkatest.Cluster) rtesting.TableRow {
			k.CreateTopic(t, topic, 2)
			return rtesting.TableRow{
				Objects:        objects{waits(k, deleted, recorded(translate.SecretNameKey, "s")), aSecret("kafka.eventing/b-uid"), config(k, translate.SecretNameKey, "s")},
				WantPatches:    []clientgotesting.PatchActionImpl{released, patch("s", `{"metadata":{"finalizers":[],"resourceVersion":"7"}}`)},
				WantEvents:     []string{removed},
				PostConditions: absent(k, topic),
			}
		},
		"its Secret is missing: tried again (KC-17)": func(k *kafkatest.Cluster) rtesting.TableRow {
			return rtesting.TableRow{
				Objects: objects{waits(k, deleted), config(k, translate.SecretNameKey, "s")}, WantErr: true,
				WantStatusUpdates: updated(waits(k, deleted,
					tried(`{"connection":{"count":1,"last":"2026-01-02T03:04:05Z","error":"get Secret ns/s: secret \"s\" not found"}}`))),
			}
		},
		"its Secret is missing for good: without authentication (KC-17)": func(k *kafkatest.Cluster) rtesting.TableRow {
			k.CreateTopic(t, topic, 2)
			return rtesting.TableRow{
				Objects:     objects{waits(k, deleted, tried(`{"connection":{"count":5,"last":"2026-01-02T03:00:00Z","error":"e"}}`)), config(k, translate.SecretNameKey, "s")},
				WantPatches: patches, WantEvents: []string{removed}, PostConditions: absent(k, topic),
			}
		},
		"Kafka is away for good: the topic stays (KC-17)": func(k *kafkatest.Cluster) rtesting.TableRow {
			return rtesting.TableRow{
				Objects:       objects{waits(k, deleted, tried(`{"connection":{"count":4,"last":"2026-01-02T03:00:00Z","error":"e"}}`)), config(k)},
				OtherTestData: map[string]any{kafkaAway: true},
				WantPatches:   patches, WantEvents: []string{left("topic " + topic + ": the pool of Kafka admin clients is closed"), removed},
			}
		},
		"one that never came to a topic": func(k *kafkatest.Cluster) rtesting.TableRow {
			return rtesting.TableRow{Objects: objects{newBroker(deleted)}, WantPatches: patches, WantEvents: []string{removed}}
		},
	}.run(t)
}
