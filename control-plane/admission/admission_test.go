package admission

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"
	admissionv1 "k8s.io/api/admission/v1"
	authv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/injection"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/webhook"
	"sigs.k8s.io/yaml"
)

// The valid object of each kind that the tables change.
var valid = map[string]string{
	"channel": `{apiVersion: messaging.knative.dev/v1beta1, kind: KafkaChannel, metadata: {namespace: ns, name: c},
		spec: {numPartitions: 1, replicationFactor: 1, retentionDuration: PT168H}}`,
	"channel v1": `{apiVersion: messaging.knative.dev/v1, kind: KafkaChannel, metadata: {namespace: ns, name: c},
		spec: {numPartitions: 1, replicationFactor: 1, retentionDuration: PT168H}}`,
	"source": `{apiVersion: sources.knative.dev/v1beta1, kind: KafkaSource, metadata: {namespace: ns, name: s},
		spec: {bootstrapServers: [kafka:9092], topics: [t], consumerGroup: g, initialOffset: latest, sink: {uri: http://sink}}}`,
	"source v1": `{apiVersion: sources.knative.dev/v1, kind: KafkaSource, metadata: {namespace: ns, name: s},
		spec: {bootstrapServers: [kafka:9092], topics: [t], consumerGroup: g, initialOffset: latest, sink: {uri: http://sink}}}`,
	"sink": `{apiVersion: eventing.knative.dev/v1alpha1, kind: KafkaSink, metadata: {namespace: ns, name: k},
		spec: {topic: t, bootstrapServers: [kafka:9092], contentMode: binary}}`,
	"reset": `{apiVersion: kafka.eventing.knative.dev/v1alpha1, kind: ResetOffset, metadata: {namespace: ns, name: r},
		spec: {offset: {time: earliest}, ref: {apiVersion: messaging.knative.dev/v1, kind: Subscription, namespace: ns, name: s}}}`,
	"broker": `{apiVersion: eventing.knative.dev/v1, kind: Broker,
		metadata: {namespace: ns, name: b, annotations: {eventing.knative.dev/broker.class: Kafka}}}`,
}

// object returns a valid object of a kind with changes, which are merged into it; a null removes.
func object(t *testing.T, kind string, changes ...string) map[string]any {
	t.Helper()
	out := map[string]any{}
	for _, text := range append([]string{valid[kind]}, changes...) {
		layer := map[string]any{}
		if err := yaml.Unmarshal([]byte(strings.ReplaceAll(text, "\t", " ")), &layer); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		merge(out, layer)
	}
	return out
}

func merge(into, layer map[string]any) {
	for key, value := range layer {
		below, isMap := value.(map[string]any)
		if at, ok := into[key].(map[string]any); ok && isMap {
			merge(at, below)
		} else if value == nil {
			delete(into, key)
		} else {
			into[key] = value
		}
	}
}

// request is what the API server asks about an object, and about the one before it.
func request(t *testing.T, now, old map[string]any) *admissionv1.AdmissionRequest {
	t.Helper()
	u := unstructured.Unstructured{Object: now}
	kind := u.GroupVersionKind()
	r := &admissionv1.AdmissionRequest{UID: "u", Operation: admissionv1.Create, Namespace: u.GetNamespace(), Name: u.GetName(),
		Kind:     metav1.GroupVersionKind{Group: kind.Group, Version: kind.Version, Kind: kind.Kind},
		Resource: metav1.GroupVersionResource{Group: kind.Group, Version: kind.Version},
		UserInfo: authv1.UserInfo{Username: "me"}, Object: raw(t, now)}
	if old != nil {
		r.Operation, r.OldObject = admissionv1.Update, raw(t, old)
	}
	return r
}

func raw(t *testing.T, object map[string]any) runtime.RawExtension {
	t.Helper()
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return runtime.RawExtension{Raw: text}
}

// start returns a controller as the program makes it, without an API server. Flags are those of both ConfigMaps.
func start(t *testing.T, construct injection.ControllerConstructor, flags map[string]string) webhook.AdmissionController {
	t.Helper()
	t.Setenv("SYSTEM_NAMESPACE", "mine")
	ctx := logging.WithLogger(t.Context(), zap.NewNop().Sugar())
	ctx = webhook.WithOptions(ctx, webhook.Options{ServiceName: "kafka-webhook-eventing", SecretName: "certs"})
	ctx, _ = injection.Default.SetupInformers(ctx, &rest.Config{})
	return quiet{construct(ctx, watcher(flags)).Reconciler.(webhook.AdmissionController), ctx}
}

// quiet leaves out what a controller logs of what it refuses.
type quiet struct {
	webhook.AdmissionController
	ctx context.Context
}

func (q quiet) Admit(_ context.Context, r *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	return q.AdmissionController.Admit(q.ctx, r)
}

func watcher(flags map[string]string) configmap.Watcher {
	return configmap.NewStaticWatcher(
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "config-features"}, Data: flags},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: FeaturesConfigMap}, Data: flags})
}

// check holds an answer against the whole message that a user must read, "" for an object that is taken.
func check(t *testing.T, response *admissionv1.AdmissionResponse, want string) {
	t.Helper()
	got := ""
	if !response.Allowed {
		got = cmp.Or(response.Result.Message, "refused without a message")
	}
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestEveryKindIsAskedFor(t *testing.T) {
	var names []string
	for kind := range validated() {
		names = append(names, kind.String())
	}
	slices.Sort(names)
	want := []string{
		"eventing.knative.dev/v1, Kind=Broker", "eventing.knative.dev/v1alpha1, Kind=KafkaSink",
		"kafka.eventing.knative.dev/v1alpha1, Kind=ResetOffset",
		"messaging.knative.dev/v1, Kind=KafkaChannel", "messaging.knative.dev/v1beta1, Kind=KafkaChannel",
		"sources.knative.dev/v1, Kind=KafkaSource", "sources.knative.dev/v1beta1, Kind=KafkaSource",
	}
	if !slices.Equal(names, want) {
		t.Errorf("validated are %q (WH-05)", names)
	}
	for kind, c := range converted() {
		versions := slices.Sorted(maps.Keys(c.Zygotes))
		if c.HubVersion != "v1beta1" || !slices.Equal(versions, []string{"v1", "v1beta1"}) {
			t.Errorf("%s: hub %s of %v (CH-05, SRC-02)", kind, c.HubVersion, versions)
		}
	}
}

func TestADeletionAsksNobody(t *testing.T) {
	for kind, object := range validated() {
		if verbs := object.(changes).SupportedVerbs(); len(verbs) != 2 || verbs[0] != "CREATE" || verbs[1] != "UPDATE" {
			t.Errorf("%s: asked for at %v (WH-06)", kind, verbs)
		}
	}
}

// panicking is an admission that fails as some of core's rules do.
type panicking struct{ admitter }

func (panicking) Admit(context.Context, *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	panic("index out of range")
}

func TestAPanicBecomesAnAnswer(t *testing.T) {
	impl := guarded(&controller.Impl{Reconciler: panicking{}})
	ctx := logging.WithLogger(t.Context(), zap.NewNop().Sugar())
	got := impl.Reconciler.(webhook.AdmissionController).Admit(ctx, request(t, object(t, "sink"), nil))
	check(t, got, "KafkaSink ns/k cannot be checked: index out of range")
}
