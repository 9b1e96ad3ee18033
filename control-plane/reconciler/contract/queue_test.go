package contract

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/controller"

	kafkav1alpha1 "knative.dev/eventing-kafka-go/control-plane/apis/kafka/v1alpha1"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
)

// counting notes when keys are reconciled, and that each was written then.
type counting struct {
	mu      sync.Mutex
	holdOff *holdOff
	at      map[string][]time.Duration
	start   time.Time
}

func (c *counting) Reconcile(_ context.Context, key string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at[key] = append(c.at[key], time.Since(c.start))
	c.holdOff.written(key, time.Now())
	return nil
}

func (c *counting) of(d dataplane.DataPlane) []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at[d.Key()]
}

// running runs a queue in virtual time until the test ends it.
func running(t *testing.T, w *world) (*queue, *counting) {
	t.Helper()
	c := &counting{holdOff: &w.Reconciler.holdOff, at: map[string][]time.Duration{}, start: time.Now()}
	ctx, cancel := context.WithCancel(t.Context())
	impl := controller.NewContext(ctx, c, controller.ControllerOptions{WorkQueueName: workQueue, Logger: zap.NewNop().Sugar()})
	var ended sync.WaitGroup
	ended.Go(func() { _ = impl.RunContext(ctx, 1) }) // it ends with ctx
	t.Cleanup(func() {
		cancel()
		ended.Wait()
	})
	return &queue{impl: impl, source: &w.source, holdOff: c.holdOff, now: time.Now}, c
}

func TestABurstOfChangesIsWrittenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		q, c := running(t, w)
		d := w.plane(dataplane.Broker)
		for i := range 1000 {
			q.ofBroker(aTrigger("ns", numbered("t", i), "b1"))
		}
		time.Sleep(gather)
		synctest.Wait()
		if got := c.of(d); len(got) != 1 || got[0] != gather {
			t.Fatalf("written at %v", got)
		}
	})
}

func TestChangesThatGoOnAreWrittenNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		q, c := running(t, w)
		d := w.plane(dataplane.Broker)
		for i := range 1000 { // ten seconds of them
			q.ofBroker(aTrigger("ns", numbered("t", i), "b1"))
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(gatherMore)
		synctest.Wait()
		got := c.of(d)
		if len(got) < 10 || len(got) > 16 || got[0] != gather {
			t.Errorf("%d writes, at %v", len(got), got)
		}
		for i := 1; i < len(got); i++ {
			if wait := got[i] - got[i-1]; wait > gatherMore+10*time.Millisecond {
				t.Errorf("a change has waited %v", wait)
			}
		}
		time.Sleep(2 * burst)
		before := time.Since(c.start)
		q.ofBroker(aTrigger("ns", "late", "b1"))
		time.Sleep(gather)
		synctest.Wait()
		if all := c.of(d); len(all) != len(got)+1 || all[len(got)] != before+gather {
			t.Errorf("a single change afterwards, at %v: %v", before, all)
		}
	})
}

func TestAnEventIsAboutTheContractsThatItMayChange(t *testing.T) {
	namespaced := aBroker("own", "b9")
	namespaced.Annotations["eventing.knative.dev/broker.class"] = "KafkaNamespaced"
	reset := func(kind, namespace string) *kafkav1alpha1.ResetOffset {
		return &kafkav1alpha1.ResetOffset{ObjectMeta: meta("ns", "r"), Spec: kafkav1alpha1.ResetOffsetSpec{
			Ref: duckv1.KReference{Kind: kind, Namespace: namespace, Name: "x"}}}
	}
	used := &corev1.ConfigMap{ObjectMeta: meta(system, "kafka-broker-config")}
	bundle := &corev1.ConfigMap{ObjectMeta: meta(system, "bundle")}
	bundle.Labels = map[string]string{trustBundleLabel: "true"}
	foreign := bundle.DeepCopy()
	foreign.Namespace = "ns"
	const all = "broker channel own sink source"
	for name, row := range map[string]struct {
		tell func(*queue)
		want string
	}{
		"a Trigger":                            {func(q *queue) { q.ofBroker(aTrigger("ns", "t", "b")) }, "broker"},
		"a Trigger that was not seen to go":    {func(q *queue) { q.ofBroker(cache.DeletedFinalStateUnknown{Obj: aTrigger("ns", "t", "b")}) }, "broker"},
		"a Broker of a namespace with its own": {func(q *queue) { q.ofBroker(namespaced) }, "broker own"},
		"a channel":                            {func(q *queue) { q.of(dataplane.Channel)(nil) }, "channel"},
		"a ResetOffset of a Trigger":           {func(q *queue) { q.ofResetOffset(reset("Trigger", "")) }, "broker"},
		"a ResetOffset of a Trigger elsewhere": {func(q *queue) { q.ofResetOffset(reset("Trigger", "own")) }, "broker own"},
		"a ResetOffset of a Subscription":      {func(q *queue) { q.ofResetOffset(cache.DeletedFinalStateUnknown{Obj: reset("Subscription", "")}) }, "channel"},
		"a ResetOffset of a KafkaSource":       {func(q *queue) { q.ofResetOffset(reset("KafkaSource", "")) }, "source"},
		"a ConfigMap that was used":            {func(q *queue) { q.ofConfigMap(used) }, all},
		"a ConfigMap that means nothing":       {func(q *queue) { q.ofConfigMap(&corev1.ConfigMap{ObjectMeta: meta("ns", "kafka-broker-config")}) }, ""},
		"a trust bundle":                       {func(q *queue) { q.ofConfigMap(bundle) }, all},
		"a trust bundle of somebody else":      {func(q *queue) { q.ofConfigMap(foreign) }, ""},
		"a contract that somebody has changed": {func(q *queue) { q.ofConfigMap(&corev1.ConfigMap{ObjectMeta: meta(system, "kafka-sink-sinks")}) }, "sink"},
		"the contract of a namespace": {func(q *queue) {
			q.ofConfigMap(&corev1.ConfigMap{ObjectMeta: meta("own", "kafka-broker-brokers-triggers")})
		}, "own"},
		"a Secret that was used":            {func(q *queue) { q.ofSecret(&corev1.Secret{ObjectMeta: meta("ns", "used")}) }, all},
		"a certificate of receivers":        {func(q *queue) { q.ofSecret(&corev1.Secret{ObjectMeta: meta(system, "kafka-sink-ingress-server-tls")}) }, "sink"},
		"a Secret that means nothing":       {func(q *queue) { q.ofSecret(&corev1.Secret{ObjectMeta: meta("ns", "other")}) }, ""},
		"credentials that somebody changed": {func(q *queue) { q.ofSecret(&corev1.Secret{ObjectMeta: meta(system, "kafka-source-credentials")}) }, "source"},
		"a pod":                             {func(q *queue) { q.ofPod(&corev1.Pod{ObjectMeta: meta("own", "p")}) }, "own"},
		"a pod that was not seen to go":     {func(q *queue) { q.ofPod(cache.DeletedFinalStateUnknown{Key: "own/p"}) }, all},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.put("broker", aBroker("ns", "b1"), namespaced)
				w.secret("ns", "used", "1", map[string]string{"user": "u", "password": "p"})
				w.put("source", aSource("ns", "s1", "used"))
				w.reconcile(w.plane(dataplane.Source))
				w.reconcile(w.plane(dataplane.Broker))
				q, c := running(t, w)
				row.tell(q)
				time.Sleep(burst)
				synctest.Wait()
				got := ""
				for _, kind := range []string{"broker", "channel", "own", "sink", "source"} {
					d := w.plane(dataplane.Kind(kind))
					if kind == "own" {
						d = w.plane(dataplane.Broker).In("own")
					}
					if len(c.of(d)) > 0 {
						got += " " + kind
					}
				}
				if want := row.want; got != " "+want && (want != "" || got != "") {
					t.Errorf("got%s", got)
				}
			})
		})
	}
}
