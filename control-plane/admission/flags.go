package admission

import (
	"context"
	"strings"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/eventing/pkg/apis/feature"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/logging"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
)

const (
	// FeaturesConfigMap is the ConfigMap with the flags of this project. It may be missing.
	FeaturesConfigMap = "config-kafka-features"
	// CrossNamespaceResetOffset is the flag that lets a ResetOffset refer to an object of another namespace. Off, as
	// whoever may create one would move the consumers of namespaces that they have no other right in.
	CrossNamespaceResetOffset = "resetoffset-cross-namespace"
	// SourceDefaultsConfigMap is the ConfigMap that says how KafkaSources are scaled which do not say it. It may be missing.
	SourceDefaultsConfigMap = "config-kafka-source-defaults"
)

// flags are the flags of core and of this project, as the ConfigMaps have them at the moment.
type flags struct {
	core           *feature.Store
	crossNamespace atomic.Bool
	sourceDefaults atomic.Pointer[map[string]string]
	log            configmap.Logger
}

// watchFlags returns flags that follow their ConfigMaps.
func watchFlags(ctx context.Context, watcher configmap.Watcher) *flags {
	log := logging.FromContext(ctx).Named("flags")
	f := &flags{core: feature.NewStore(log), log: log}
	f.core.WatchConfigs(watcher)
	if w, ok := watcher.(configmap.DefaultingWatcher); ok {
		missing := func(name string) corev1.ConfigMap { return corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}} }
		w.WatchWithDefault(missing(FeaturesConfigMap), f.update)
		w.WatchWithDefault(missing(SourceDefaultsConfigMap), f.updateSources)
	} else {
		watcher.Watch(FeaturesConfigMap, f.update)
	}
	return f
}

func (f *flags) update(config *corev1.ConfigMap) {
	f.crossNamespace.Store(strings.EqualFold(config.Data[CrossNamespaceResetOffset], string(feature.Enabled)))
}

// updateSources keeps what was in force when the ConfigMap cannot be used.
func (f *flags) updateSources(config *corev1.ConfigMap) {
	defaults, err := annotation.SourceDefaults(config.Data)
	if err != nil {
		f.log.Errorf("What was in force stays: ConfigMap %s: %v", SourceDefaultsConfigMap, err)
		return
	}
	f.sourceDefaults.Store(&defaults)
}

// sources returns a context in which KafkaSources are scaled as the installation says.
func (f *flags) sources(ctx context.Context) context.Context {
	if defaults := f.sourceDefaults.Load(); defaults != nil {
		return annotation.WithSourceDefaults(ctx, *defaults)
	}
	return ctx
}

// toContext returns a context in which the flags hold.
func (f *flags) toContext(ctx context.Context) context.Context {
	ctx = f.sources(f.core.ToContext(ctx))
	if f.crossNamespace.Load() {
		ctx = apis.AllowDifferentNamespace(ctx)
	}
	return ctx
}
