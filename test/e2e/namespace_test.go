//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/e2e/world"
)

// A namespace goes with all that is in it, in whatever order its objects go.
func TestANamespaceThatIsDeletedEnds(t *testing.T) {
	w := world.Start(t)
	s := w.Space(t, "ending")
	t.Parallel()
	topic := w.Kafka.Topic(t, "ending", 1, nil)
	s.Make(t, broker("b", "Kafka")+trigger("t", "b", s.To("t"), "")+kafkaChannel("c", "")+
		subscription("s", kindKafkaChannel, "c", s.To("s"), "")+sinkAndSource("k", topic, s.To("k")))
	for kind, name := range map[string]string{kindTrigger: "t", kindSubscription: "s", kindSource: "k", kindSink: "k"} {
		s.Ready(t, kind, name)
	}
	topics := []string{
		text(s.Ready(t, kindBroker, "b"), "status", "annotations", "default.topic"),
		text(s.Ready(t, kindKafkaChannel, "c"), "status", "annotations", "default.topic"),
	}
	group := text(s.Ready(t, kindTrigger, "t"), "status", "annotations", "group.id")
	began := time.Now()
	if err := w.Kube.CoreV1().Namespaces().Delete(t.Context(), s.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	env.Until(t, world.Patience, func() string {
		n, err := w.Kube.CoreV1().Namespaces().Get(t.Context(), s.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return ""
		}
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("the namespace is there: %v", n.Status.Conditions)
	})
	world.Since(t, "a namespace with one of each kind, deleted to gone", began)
	for _, topic := range topics {
		if w.Kafka.HasTopic(t, topic) {
			t.Errorf("topic %s is there", topic)
		}
	}
	if w.Kafka.HasGroup(t, group) {
		t.Errorf("group %s is there", group)
	}
	if !w.Kafka.HasTopic(t, topic) {
		t.Errorf("topic %s, which was there before, is gone", topic)
	}
}
