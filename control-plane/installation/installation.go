// Package installation puts together what all reconcilers of a process share: the data planes, the caches that entries are
// made from, the pods' acknowledgements, the connections to Kafka.
//
// It owns nothing of its own; what it hands out may be used by any goroutine. There is one Installation in a process,
// made when the first constructor of a reconciler asks for it.
package installation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	eventingv1alpha1 "knative.dev/eventing/pkg/apis/eventing/v1alpha1"
	messagingv1 "knative.dev/eventing/pkg/apis/messaging/v1"
	"knative.dev/eventing/pkg/client/injection/informers/eventing/v1alpha1/eventpolicy"
	"knative.dev/eventing/pkg/client/injection/informers/messaging/v1/subscription"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/configmap"
	podinformer "knative.dev/pkg/client/injection/kube/informers/core/v1/pod/filtered"
	"knative.dev/pkg/client/injection/kube/informers/core/v1/secret"
	serviceaccount "knative.dev/pkg/client/injection/kube/informers/core/v1/serviceaccount/filtered"
	filteredfactory "knative.dev/pkg/client/injection/kube/informers/factory/filtered"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/network"

	"knative.dev/eventing-kafka-go/control-plane/autoscale"
	"knative.dev/eventing-kafka-go/control-plane/contractmap"
	"knative.dev/eventing-kafka-go/control-plane/credentials"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/entries"
	"knative.dev/eventing-kafka-go/control-plane/environment"
	"knative.dev/eventing-kafka-go/control-plane/identity"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/control-plane/serving"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

// PodSelector selects the pods of data planes, so that nobody caches all pods of a cluster.
const PodSelector = "kafka.eventing.knative.dev/data-plane"

// Installation is what reconcilers share.
type Installation struct {
	SystemNamespace string
	DataPlanes      map[dataplane.Kind]dataplane.DataPlane
	Entries         *entries.Builder
	Contracts       *contractmap.Reader
	Rollout         *rollout.Tracker
	Admins          *kafkaadmin.Pool
	// Scaler decides how many members consumer groups have.
	Scaler *autoscale.Scaler
	// Accounts gives objects that send events an identity.
	Accounts identity.Accounts
	// Tokens knows what keeps those identities from having tokens.
	Tokens identity.Tokens
	// Secret returns a Secret from the cache, or from the API server when it is not there yet (SEC-29).
	Secret credentials.Get
	// ParkingTopic takes the events that nothing else takes, in each cluster; "" is none.
	ParkingTopic string
	// Pods returns the pods of a data plane by the value of the label app.
	Pods func(namespace, app string) ([]*corev1.Pod, error)
	Log  *slog.Logger
}

// Admin returns the admin of the Kafka that a connection leads to. The error names the Secret and the key.
func (in *Installation) Admin(c translate.Connection) (*kafkaadmin.Admin, error) {
	connection, err := credentials.Kafka(in.Secret, c)
	if err != nil {
		return nil, err
	}
	return in.Admins.Admin(connection)
}

// Checker says how far entries have come.
func (in *Installation) Checker() serving.Checker {
	return serving.Checker{Contracts: in.Contracts, Rollout: in.Rollout}
}

// HasPods says whether a pod with a label app is ready: whether a data plane has somebody who serves.
func (in *Installation) HasPods(namespace, app string) bool {
	pods, err := in.Pods(namespace, app)
	return err == nil && slices.ContainsFunc(pods, rollout.IsReady)
}

type key struct{}

type holder struct {
	once sync.Once
	made *Installation
	err  error
}

// WithInstallation prepares a context for Get, and selects the pods and ServiceAccounts that are cached.
func WithInstallation(ctx context.Context) context.Context {
	return context.WithValue(filteredfactory.WithSelectors(ctx, PodSelector, identity.Label), key{}, &holder{})
}

// Get returns the Installation of the process. The context comes from WithInstallation and has informers.
func Get(ctx context.Context) *Installation {
	h, ok := ctx.Value(key{}).(*holder)
	if !ok {
		logging.FromContext(ctx).Fatal("the context was not made by installation.WithInstallation")
	}
	h.once.Do(func() { h.made, h.err = build(ctx, os.Getenv) })
	if h.err != nil {
		logging.FromContext(ctx).Fatal(h.err)
	}
	return h.made
}

func build(ctx context.Context, getenv func(string) string) (*Installation, error) {
	namespace := getenv("SYSTEM_NAMESPACE")
	if namespace == "" {
		return nil, errors.New("SYSTEM_NAMESPACE is not set: it names the namespace of the installation")
	}
	planes, err := dataplane.FromEnvironment(getenv, namespace)
	if err != nil {
		return nil, err
	}
	log := slog.New(logr.ToSlogHandler(zapr.NewLogger(logging.FromContext(ctx).Desugar())))
	if names := environment.Meaningless(getenv); len(names) > 0 {
		log.Warn("these variables have no meaning here and are ignored", "variables", names)
	}
	in := &Installation{SystemNamespace: namespace, DataPlanes: planes, Admins: kafkaadmin.NewPool(log), Log: log}
	configMaps := configmap.Get(ctx).Lister()
	in.Contracts = &contractmap.Reader{ConfigMaps: configMaps}
	cached := credentials.From(secret.Get(ctx).Lister())
	in.Secret = withLive(ctx, cached)
	in.Pods = pods(ctx)
	in.Accounts = identity.Accounts{Kube: kubeclient.Get(ctx), Lister: serviceaccount.Get(ctx, identity.Label).Lister()}
	in.Tokens = identity.Tokens{Secret: cached}
	in.Rollout = rollout.New(ctx, rollout.Options{Pods: in.Pods, Log: log})
	in.Scaler = autoscale.New(ctx, autoscale.Options{Log: log})
	in.ParkingTopic = parkingTopic(getenv)
	in.Entries = &entries.Builder{
		ConfigMap: func(namespace, name string) (*corev1.ConfigMap, error) {
			return configMaps.ConfigMaps(namespace).Get(name)
		},
		Secret: cached,
		Policy: func(namespace, name string) (*eventingv1alpha1.EventPolicy, error) {
			return eventpolicy.Get(ctx).Lister().EventPolicies(namespace).Get(name)
		},
		Subscription:      subscriptions(ctx),
		Paused:            func(types.UID) bool { return false },
		DataPlanes:        planes,
		SystemNamespace:   namespace,
		ClusterDomain:     network.GetClusterDomainName(),
		ChannelConfigName: cmp.Or(getenv("CHANNEL_GENERAL_CONFIG_MAP_NAME"), "kafka-channel-config"),
		MergeDelivery:     getenv("TRIGGER_DELIVERY_MERGE") == "true",
	}
	return in, nil
}

// subscriptions finds the one that a subscriber of a channel was made from, nil while it is not known: its own event comes.
// With core's cross-namespace-event-links it may be in another namespace than the channel.
func subscriptions(ctx context.Context) func(namespace, name string, uid types.UID) *messagingv1.Subscription {
	lister := subscription.Get(ctx).Lister()
	return func(namespace, name string, uid types.UID) *messagingv1.Subscription {
		if s, err := lister.Subscriptions(namespace).Get(name); err == nil && s.UID == uid {
			return s
		}
		all, err := lister.List(labels.Everything())
		if err != nil {
			return nil // a cache does not fail
		}
		if i := slices.IndexFunc(all, func(s *messagingv1.Subscription) bool { return s.UID == uid }); i >= 0 {
			return all[i]
		}
		return nil
	}
}

// noParking as the name of the parking topic is none.
const noParking = "disabled"

func parkingTopic(getenv func(string) string) string {
	topic := cmp.Or(getenv("KAFKA_PARKING_TOPIC"), translate.DefaultParkingTopic)
	if topic == noParking {
		return ""
	}
	return topic
}

// withLive asks the API server for a Secret that is not cached: it may be newer than the cache.
func withLive(ctx context.Context, cached credentials.Get) credentials.Get {
	return func(namespace, name string) (*corev1.Secret, error) {
		s, err := cached(namespace, name)
		if !apierrors.IsNotFound(err) {
			return s, err
		}
		if s, err = kubeclient.Get(ctx).CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{}); err != nil {
			return nil, fmt.Errorf("get Secret %s/%s: %w", namespace, name, err)
		}
		return s, nil
	}
}

func pods(ctx context.Context) func(namespace, app string) ([]*corev1.Pod, error) {
	lister := podinformer.Get(ctx, PodSelector).Lister()
	return func(namespace, app string) ([]*corev1.Pod, error) {
		return lister.Pods(namespace).List(labels.SelectorFromSet(labels.Set{"app": app}))
	}
}
