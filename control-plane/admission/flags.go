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
)

const (
	// FeaturesConfigMap is the ConfigMap with the flags of this project. It may be missing.
	FeaturesConfigMap = "config-kafka-features"
	// CrossNamespaceResetOffset is the flag that lets a ResetOffset refer to an object of another namespace. Off, as
	// whoever may create one would move the consumers of namespaces that they have no other right in.
	CrossNamespaceResetOffset = "resetoffset-cross-namespace"
)

// flags are the flags of core and of this project, as the ConfigMaps have them at the moment.
type flags struct {
	core           *feature.Store
	crossNamespace atomic.Bool
}

// watchFlags returns flags that follow their ConfigMaps.
func watchFlags(ctx context.Context, watcher configmap.Watcher) *flags {
	f := &flags{core: feature.NewStore(logging.FromContext(ctx).Named("flags"))}
	f.core.WatchConfigs(watcher)
	if w, ok := watcher.(configmap.DefaultingWatcher); ok {
		missing := corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: FeaturesConfigMap}}
		w.WatchWithDefault(missing, f.update)
	} else {
		watcher.Watch(FeaturesConfigMap, f.update)
	}
	return f
}

func (f *flags) update(config *corev1.ConfigMap) {
	f.crossNamespace.Store(strings.EqualFold(config.Data[CrossNamespaceResetOffset], string(feature.Enabled)))
}

// toContext returns a context in which the flags hold.
func (f *flags) toContext(ctx context.Context) context.Context {
	ctx = f.core.ToContext(ctx)
	if f.crossNamespace.Load() {
		ctx = apis.AllowDifferentNamespace(ctx)
	}
	return ctx
}
