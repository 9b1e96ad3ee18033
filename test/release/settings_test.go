package release

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/configmap"
	"sigs.k8s.io/yaml"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/features"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/properties"
)

var update = flag.Bool("update", false, "write the checksums of examples into the manifests")

func yamlOf(value any) (string, error) {
	text, err := yaml.Marshal(value)
	return string(text), err
}

// environment returns what the variables of a pod say.
func environment(p pod) func(string) string {
	return func(name string) string {
		i := slices.IndexFunc(p.container.Env, func(v corev1.EnvVar) bool { return v.Name == name })
		switch {
		case i < 0:
			return ""
		case p.container.Env[i].ValueFrom != nil:
			return "from " + p.container.Env[i].ValueFrom.FieldRef.FieldPath
		}
		return p.container.Env[i].Value
	}
}

// known returns which of the variables a program reads: those that its source names, or that of a package it is made of.
func known(t *testing.T, folders ...string) func(string) bool {
	t.Helper()
	var text strings.Builder
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no sources in %s: %v", folder, err)
		}
		for _, f := range files {
			content, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(f, "_test.go") {
				text.Write(content)
			}
		}
	}
	return func(name string) bool { return strings.Contains(text.String(), `"`+name+`"`) }
}

func TestEveryVariableIsRead(t *testing.T) { // CFG-56 to CFG-61, CFG-64, CFG-67 to CFG-70
	ofPlane := known(t, "data-plane/cmd/kafka-data-plane")
	asked := map[string]bool{}
	if _, err := dataplane.FromEnvironment(func(name string) string { asked[name] = true; return "" }, namespace); err != nil {
		t.Fatal(err)
	}
	ofControl := known(t, "control-plane/cmd/controller", "control-plane/cmd/webhook", "control-plane/installation",
		"control-plane/environment", "vendor/knative.dev/pkg/system", "vendor/knative.dev/pkg/logging", "vendor/knative.dev/pkg/leaderelection",
		"vendor/knative.dev/pkg/observability/configmap", "vendor/knative.dev/pkg/webhook", "vendor/knative.dev/pkg/controller",
		"vendor/knative.dev/pkg/environment", "vendor/knative.dev/pkg/injection")
	for _, p := range pods(t, all, bundle) {
		kind, delivers := p.plane()
		for _, v := range p.container.Env {
			if v.Name == "GOMEMLIMIT" || kind != "" && ofPlane(v.Name) || kind == "" && (asked[v.Name] || ofControl(v.Name)) {
				continue
			}
			t.Errorf("%s: nothing reads %s", p.name, v.Name)
		}
		env := environment(p)
		if env("POD_NAME") != "from metadata.name" {
			t.Errorf("%s does not know its name", p.name)
		}
		if kind == "" {
			if env("SYSTEM_NAMESPACE") != "from metadata.namespace" || env("CONFIG_LEADERELECTION_NAME") != "config-kafka-leader-election" {
				t.Errorf("%s: %+v", p.name, p.container.Env)
			}
			continue
		}
		want := map[string]string{
			"SERVICE_NAME": p.name, "SERVICE_NAMESPACE": "from metadata.namespace", "CONFIG_OBSERVABILITY_PATH": "/etc/observability",
			"CREDENTIALS_DIR_PATH":      "/etc/kafka-credentials",
			"PRODUCER_CONFIG_FILE_PATH": "/etc/config/config-kafka-" + string(kind) + "-producer.properties",
		}
		if delivers {
			want["CONSUMER_CONFIG_FILE_PATH"] = "/etc/config/config-kafka-" + string(kind) + "-consumer.properties"
			want["WEBCLIENT_CONFIG_FILE_PATH"] = "/etc/config/config-kafka-" + string(kind) + "-webclient.properties"
		} else {
			want["HTTPSERVER_CONFIG_FILE_PATH"] = "/etc/config/config-kafka-" + string(kind) + "-httpserver.properties"
			want["INGRESS_PORT"], want["INGRESS_TLS_PORT"], want["CONFIG_FEATURES_PATH"] = "8080", "8443", "/etc/features"
		}
		for name, value := range want {
			if env(name) != value {
				t.Errorf("%s: %s is %q, want %q", p.name, name, env(name), value)
			}
		}
	}
}

func TestConfigMapsAreThere(t *testing.T) { // CFG-01, CFG-08, CFG-12, CFG-13, CFG-36, CFG-41, CFG-43, CFG-44
	for name, want := range map[string]map[string]string{
		"kafka-broker-config": {
			"default.topic.partitions": "10", "default.topic.replication.factor": "3", "bootstrap.servers": "my-cluster-kafka-bootstrap.kafka:9092",
		},
		"kafka-channel-config": {"bootstrap.servers": "my-cluster-kafka-bootstrap.kafka:9092"},
		"config-kafka-autoscaler": {
			"class": "keda.autoscaling.knative.dev", "min-scale": "0", "max-scale": "50", "polling-interval": "10", "cooldown-period": "30", "lag-threshold": "100",
		},
		"config-namespaced-broker-resources": {"resources": "[]"},
	} {
		got := maps.Clone(named[*corev1.ConfigMap](t, controller, name).Data)
		for key, value := range got {
			got[key] = strings.TrimSpace(value)
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, name := range []string{"config-kafka-features", "config-kafka-source-defaults"} { // what users set is never overwritten
		if got := named[*corev1.ConfigMap](t, controller, name).Data; len(got) != 1 || got[configmap.ExampleKey] == "" {
			t.Errorf("%s sets %v", name, got)
		}
	}
	named[*corev1.ConfigMap](t, controller, "kafka-config-logging")
}

func TestShippedSettingsAreTheDefaults(t *testing.T) { // CFG-14, CFG-19, CFG-21 to CFG-28
	for kind, file := range map[dataplane.Kind]string{dataplane.Broker: broker, dataplane.Channel: channel, dataplane.Sink: sink, dataplane.Source: source} {
		prefix := "config-kafka-" + string(kind) + "-"
		data := named[*corev1.ConfigMap](t, file, prefix+"data-plane").Data
		keys := []string{configmap.ExampleKey, prefix + "producer.properties"}
		if kind.HasEgress() {
			keys = append(keys, prefix+"consumer.properties", prefix+"webclient.properties")
		}
		if kind.HasIngress() {
			keys = append(keys, prefix+"httpserver.properties")
		}
		slices.Sort(keys)
		if got := slices.Sorted(maps.Keys(data)); !slices.Equal(got, keys) {
			t.Errorf("%s has the keys %v", file, got)
		}
		producer, warnings, err := properties.Producer(kafka.DefaultProducerConfig(), "f", []byte(data[prefix+"producer.properties"]))
		if err != nil || len(warnings) != 0 || !reflect.DeepEqual(producer, kafka.DefaultProducerConfig()) {
			t.Errorf("%s: producers are not as by default: %v %v\n%+v\n%+v", file, err, warnings, producer, kafka.DefaultProducerConfig())
		}
		if kind.HasEgress() {
			consumerSettings(t, kind, data[prefix+"consumer.properties"])
		}
	}
}

func consumerSettings(t *testing.T, kind dataplane.Kind, text string) {
	t.Helper()
	values, err := properties.Effective([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got, warnings, err := properties.Consumer(properties.ConsumerSettings{ConsumerConfig: kafka.DefaultConsumerConfig()}, "f", []byte(text))
	if err != nil || len(warnings) > 1 { // topics are not made by consuming them, which is said once
		t.Errorf("%s: %v %v", kind, err, warnings)
	}
	want := kafka.DefaultConsumerConfig()
	want.IsolationLevel = got.IsolationLevel
	if !reflect.DeepEqual(got.ConsumerConfig, want) {
		t.Errorf("%s: consumers are not as by default:\n%+v\n%+v", kind, got.ConsumerConfig, want)
	}
	for key, want := range map[string]map[dataplane.Kind]string{
		"auto.offset.reset":                      {dataplane.Broker: "latest", dataplane.Source: "earliest"},
		"isolation.level":                        {dataplane.Broker: "read_uncommitted", dataplane.Channel: "read_uncommitted", dataplane.Source: "read_committed"},
		"cloudevent.invalid.transformer.enabled": {dataplane.Source: "true"},
		"cloudevent.invalid.kind.plural":         {dataplane.Source: "kafkasources"},
		// Left out, older members of a group are understood, and partitions that do not move do not pause.
		"partition.assignment.strategy": {},
	} {
		if values[key] != want[kind] {
			t.Errorf("%s: %s is %q", kind, key, values[key])
		}
	}
}

func TestTheExampleOfFeaturesIsTheDefault(t *testing.T) { // CFG-31, CFG-32
	cm := named[*corev1.ConfigMap](t, controller, "config-kafka-features")
	data := map[string]string{}
	if err := yaml.UnmarshalStrict([]byte(cm.Data[configmap.ExampleKey]), &data); err != nil {
		t.Fatal(err)
	}
	c, err := features.Parse(&corev1.ConfigMap{Data: data})
	if err != nil || len(c.Warnings) != 0 {
		t.Fatal(err, c)
	}
	if d := features.Defaults(); c.KEDA != d.KEDA || c.RateLimiter != d.RateLimiter || c.OrderedExecutorMetrics != d.OrderedExecutorMetrics || len(data) != 6 {
		t.Errorf("%+v from %v", c, data)
	}
	for key, want := range map[string]string{
		"triggers-consumergroup-template": "knative-trigger-{{ .Namespace }}-{{ .Name }}", "brokers-topic-template": "knative-broker-{{ .Namespace }}-{{ .Name }}",
		"channels-topic-template": "knative-messaging-kafka.{{ .Namespace }}.{{ .Name }}",
	} {
		if data[key] != want {
			t.Errorf("%s: %q", key, data[key])
		}
	}
}

var checksum = regexp.MustCompile(`(?m)^    ` + regexp.QuoteMeta(configmap.ExampleChecksumAnnotation) + `: "[0-9a-f]*"$`)

// Examples are changed together with their checksums, by which it is noticed that somebody edited the example instead of
// the configuration. With -update the checksums are written.
func TestChecksumsOfExamples(t *testing.T) { // REL-05, CFG-14
	files, err := filepath.Glob(filepath.Join(root, "config/*/*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var cm corev1.ConfigMap
		if !strings.Contains(string(text), "\n  "+configmap.ExampleKey+": |\n") {
			continue
		}
		if err := yaml.UnmarshalStrict(text, &cm); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		found++
		want := configmap.Checksum(cm.Data[configmap.ExampleKey])
		if cm.Annotations[configmap.ExampleChecksumAnnotation] == want {
			continue
		}
		if !*update {
			t.Errorf("%s: the checksum of the example is %s: hack/update-checksums.sh writes it", name, want)
			continue
		}
		fresh := checksum.ReplaceAll(text, []byte(`    `+configmap.ExampleChecksumAnnotation+`: "`+want+`"`))
		if err := os.WriteFile(name, fresh, 0o644); err != nil { //nolint:gosec // everybody may read the sources
			t.Fatal(err)
		}
	}
	if found != 6 {
		t.Errorf("%d examples", found)
	}
}

func TestCertificates(t *testing.T) { // REL-29 to REL-31
	found := of[*custom](t, networking)
	if len(found) != 3 {
		t.Fatalf("%d certificates", len(found))
	}
	for _, c := range found {
		ingress := strings.TrimSuffix(c.Name, "-server-tls")
		want := map[string]any{
			"secretName": c.Name,
			"secretTemplate": map[string]any{"labels": map[string]any{
				"app.kubernetes.io/component": strings.TrimSuffix(ingress, "-ingress") + "-receiver", "app.kubernetes.io/name": namespace,
			}},
			"duration": "2160h0m0s", "renewBefore": "360h0m0s", "subject": map[string]any{"organizations": []any{"local"}},
			"privateKey": map[string]any{"algorithm": "RSA", "encoding": "PKCS1", "size": float64(2048), "rotationPolicy": "Always"},
			"dnsNames":   []any{ingress + "." + namespace + ".svc.cluster.local", ingress + "." + namespace + ".svc"},
			"issuerRef":  map[string]any{"group": "cert-manager.io", "kind": "ClusterIssuer", "name": "knative-eventing-ca-issuer"},
		}
		if c.APIVersion != "cert-manager.io/v1" || c.Namespace != namespace || !reflect.DeepEqual(c.Spec, want) {
			t.Errorf("%s: %v, want %v", c.Name, c.Spec, want)
		}
	}
}

func TestJobsAfterAnInstallation(t *testing.T) { // REL-25, REL-26
	for name, row := range map[string]struct {
		env  map[string]string
		args []string
	}{
		"kafka-controller-post-install": {
			env: map[string]string{"SYSTEM_NAMESPACE": "from metadata.namespace", "CHANNEL_GENERAL_CONFIG_MAP_NAME": "kafka-channel-config"},
		},
		"knative-kafka-storage-version-migrator": {
			env:  map[string]string{"IGNORE_NOT_FOUND": "true"},
			args: []string{"kafkasources.sources.knative.dev", "kafkachannels.messaging.knative.dev", "kafkasinks.eventing.knative.dev"},
		},
	} {
		j := named[*batchv1.Job](t, postInstall, name)
		if *j.Spec.TTLSecondsAfterFinished != 600 || *j.Spec.BackoffLimit != 10 || j.Spec.Template.Spec.RestartPolicy != corev1.RestartPolicyOnFailure {
			t.Errorf("%s: %+v", name, j.Spec)
		}
		const istio = "sidecar.istio.io/inject"
		if j.Spec.Template.Annotations[istio] != "false" || j.Spec.Template.Labels[istio] != "false" {
			t.Errorf("%s gets a sidecar, which never ends", name)
		}
		i := slices.IndexFunc(pods(t, postInstall), func(p pod) bool { return p.name == name })
		p := pods(t, postInstall)[i]
		for variable, want := range row.env {
			if got := environment(p)(variable); got != want {
				t.Errorf("%s: %s is %q", name, variable, got)
			}
		}
		if !slices.Equal(p.container.Args, row.args) {
			t.Errorf("%s: %v", name, p.container.Args)
		}
	}
}

func TestTheBundleForSourcesStandsAlone(t *testing.T) { // REL-02, REL-14
	for _, name := range []string{"kafka-source-controller", "kafka-webhook-eventing", "kafka-source-dispatcher"} {
		if !slices.ContainsFunc(pods(t, bundle), func(p pod) bool { return p.name == name && p.labels["app"] == name }) {
			t.Errorf("it has no %s", name)
		}
	}
	want := names(objects(t, controller))
	want = append(want, names(objects(t, source))...)
	got := names(objects(t, bundle))
	for i, name := range want {
		want[i] = strings.Replace(name, "Deployment knative-eventing/kafka-controller", "Deployment knative-eventing/kafka-source-controller", 1)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("it has\n%v\nnot\n%v", got, want)
	}
}
