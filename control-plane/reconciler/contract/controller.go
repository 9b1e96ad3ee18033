package contract

import (
	"context"
	"maps"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	corev1listers "k8s.io/client-go/listers/core/v1"
	"knative.dev/eventing/pkg/apis/feature"
	"knative.dev/eventing/pkg/client/injection/informers/eventing/v1/broker"
	"knative.dev/eventing/pkg/client/injection/informers/eventing/v1/trigger"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/configmap"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/secret"
	kconfigmap "knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"
	knativesystem "knative.dev/pkg/system"

	"knative.dev/eventing-kafka-go/control-plane/client/injection/informers/eventing/v1alpha1/kafkasink"
	"knative.dev/eventing-kafka-go/control-plane/client/injection/informers/messaging/v1beta1/kafkachannel"
	"knative.dev/eventing-kafka-go/control-plane/client/injection/informers/sources/v1beta1/kafkasource"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/control-plane/installation"
	"knative.dev/eventing-kafka-go/control-plane/issuers"
)

const workQueue = "contracts"

// NewController makes the reconciler of contracts.
func NewController(ctx context.Context, cmw kconfigmap.Watcher) *controller.Impl {
	in := installation.Get(ctx)
	used := newUsage()
	r := &Reconciler{
		kube: kubeclient.Get(ctx), systemNamespace: knativesystem.Namespace(),
		source: source{
			builder:    used.following(in.Entries),
			used:       used,
			brokers:    broker.Get(ctx).Lister(),
			triggers:   trigger.Get(ctx).Lister(),
			channels:   kafkachannel.Get(ctx).Lister(),
			sinks:      kafkasink.Get(ctx).Lister(),
			sources:    kafkasource.Get(ctx).Lister(),
			configMaps: configmap.Get(ctx).Lister(),
		},
		pods: in.Pods, loaded: in.Rollout.Loaded, now: time.Now, certificate: certificates(secret.Get(ctx).Lister()),
	}
	logger := logging.FromContext(ctx)
	var err error
	if r.size, err = sizes(); err != nil {
		logger.Fatalw("Sizes of contracts cannot be measured", "error", err)
	}
	impl := controller.NewContext(ctx, r, controller.ControllerOptions{WorkQueueName: workQueue, Logger: logger, Concurrency: len(in.DataPlanes)})
	q := &queue{impl: impl, source: &r.source, holdOff: &r.holdOff, now: time.Now}
	r.PromoteFunc = func(b reconciler.Bucket, enqueue func(reconciler.Bucket, types.NamespacedName)) error {
		for _, id := range q.all() {
			enqueue(b, id)
		}
		return nil
	}
	r.DemoteFunc = func(reconciler.Bucket) { r.last.forget() }
	var core *feature.Store
	follower := issuers.New(issuers.Options{
		Flags: func() feature.Flags { return core.Load() }, APIServer: apiServer(r.kube), Changed: func() { q.everything(nil) }, Log: in.Log,
	})
	r.issuers = follower.Known
	core = feature.NewStore(logger.Named("config-features"), r.coreChanged(), func(string, any) {
		follower.FlagsChanged()
		q.everything(nil)
	})
	kafka := features.NewStore(logger.Named("config-kafka-features"), func(string, any) { q.everything(nil) })
	features.Watch(cmw, core.UntypedStore, kafka.UntypedStore)
	r.source.flags = func() entries.Flags { return entries.Flags{Core: core.Load(), Kafka: kafka.Load()} }
	q.watch(ctx)
	go follower.Run(ctx)
	return impl
}

// apiServer returns a function that reads a path of the API server.
func apiServer(kube kubernetes.Interface) func(context.Context, string) ([]byte, error) {
	return func(ctx context.Context, path string) ([]byte, error) {
		return kube.Discovery().RESTClient().Get().AbsPath(path).Do(ctx).Raw()
	}
}

// coreChanged notes when flags of core become others than they were, which pods mount too.
func (r *Reconciler) coreChanged() func(string, any) {
	var mu sync.Mutex
	var before feature.Flags
	return func(_ string, value any) {
		mu.Lock()
		defer mu.Unlock()
		now, ok := value.(feature.Flags)
		if ok && before != nil && !maps.Equal(before, now) {
			r.flags.set(r.now())
		}
		before = now
	}
}

// sizes returns a gauge of the sizes of contracts, beside which stands what fits: contract.MaxBytes.
func sizes() (func(context.Context, dataplane.DataPlane, int), error) {
	gauge, err := otel.Meter("knative.dev/eventing-kafka-go/control-plane").Int64Gauge("kn.kafka.contract.size",
		metric.WithDescription("Size of the encoded contract of a data plane"), metric.WithUnit("By"))
	return func(ctx context.Context, d dataplane.DataPlane, bytes int) {
		gauge.Record(ctx, int64(bytes), metric.WithAttributes(
			attribute.String("namespace", d.Namespace), attribute.String("name", d.ContractName)))
	}, err
}

// certificates finds the versions of the Secrets that receivers serve HTTPS with.
func certificates(secrets corev1listers.SecretLister) func(dataplane.DataPlane) string {
	return func(d dataplane.DataPlane) string {
		if s, err := secrets.Secrets(d.Namespace).Get(d.TLSSecretName); err == nil {
			return s.ResourceVersion
		}
		return "" // there is none; a cache does not fail
	}
}
