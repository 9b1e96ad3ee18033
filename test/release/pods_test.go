package release

import (
	"maps"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/installation"
	"knative.dev/eventing-kafka-go/proto/tokens"
)

// pod is what a workload makes pods of; there is one container in each.
type pod struct {
	file, name string
	labels     map[string]string
	spec       corev1.PodSpec
	container  corev1.Container
	job        bool
}

// plane returns the data plane that the pod belongs to, and whether it delivers; "" for pods of the control plane.
func (p pod) plane() (kind dataplane.Kind, delivers bool) {
	return dataplane.Kind(p.labels[installation.PodSelector]), strings.HasSuffix(p.name, "-dispatcher")
}

func pods(t *testing.T, files ...string) []pod {
	t.Helper()
	var all []pod
	add := func(file, name string, template corev1.PodTemplateSpec, job bool) {
		if len(template.Spec.Containers) != 1 || len(template.Spec.InitContainers) != 0 {
			t.Fatalf("%s: %s has not one container", file, name)
		}
		all = append(all, pod{file, name, template.Labels, template.Spec, template.Spec.Containers[0], job})
	}
	for _, f := range files {
		for _, d := range of[*appsv1.Deployment](t, f) {
			add(f, d.Name, d.Spec.Template, false)
		}
		for _, j := range of[*batchv1.Job](t, f) {
			add(f, j.Name, j.Spec.Template, true)
		}
	}
	return all
}

func TestWorkloads(t *testing.T) { // REL-14, REL-15, REL-17
	var found []string
	for _, d := range of[*appsv1.Deployment](t, all) {
		found = append(found, d.Name)
		if d.Spec.Replicas != nil {
			t.Errorf("%s says how many pods there are", d.Name)
		}
		// Selectors of Deployments are immutable: with another one an installation of eventing-kafka-broker could not be
		// replaced.
		if !maps.Equal(d.Spec.Selector.MatchLabels, map[string]string{"app": d.Name}) || len(d.Spec.Selector.MatchExpressions) != 0 {
			t.Errorf("%s selects %v", d.Name, d.Spec.Selector)
		}
		for _, l := range []map[string]string{d.Labels, d.Spec.Template.Labels} {
			if l["app"] != d.Name || l["app.kubernetes.io/component"] != d.Name || l["app.kubernetes.io/name"] != namespace ||
				l["app.kubernetes.io/version"] != version {
				t.Errorf("%s has the labels %v", d.Name, l)
			}
			if strings.HasSuffix(d.Name, "-dispatcher") != (l["app.kubernetes.io/kind"] == "kafka-dispatcher") {
				t.Errorf("%s has the labels %v", d.Name, l)
			}
		}
	}
	want := []string{"kafka-controller", "kafka-webhook-eventing", "kafka-source-dispatcher", "kafka-broker-dispatcher",
		"kafka-broker-receiver", "kafka-sink-receiver", "kafka-channel-dispatcher", "kafka-channel-receiver"}
	if !slices.Equal(found, want) {
		t.Errorf("workloads %v", found)
	}
}

// What the controller looks for is what is installed: pods, contracts, credentials, settings, Services, certificates.
func TestDataPlanesAreThoseOfTheController(t *testing.T) { // REL-16, CT-04, CFG-12, CFG-56, CFG-68, CFG-73, CFG-74
	planes, err := dataplane.FromEnvironment(environment(pods(t, controller)[0]), namespace)
	if err != nil {
		t.Fatal(err)
	}
	folders := map[dataplane.Kind]string{
		dataplane.Broker: "/etc/brokers-triggers", dataplane.Channel: "/etc/channels-subscriptions",
		dataplane.Sink: "/etc/sinks", dataplane.Source: "/etc/sources",
	}
	seen := map[string]bool{}
	for _, p := range pods(t, broker, channel, sink, source) {
		kind, delivers := p.plane()
		d, ok := planes[kind]
		if want := map[bool]string{true: d.Dispatcher, false: d.Receiver}[delivers]; !ok || p.name != want || p.file != "eventing-kafka-"+string(kind)+".yaml" {
			t.Fatalf("%s: %s is the data plane of %q", p.file, p.name, kind)
		}
		seen[p.name] = true
		mounted := mounts(t, p)
		want := map[string]string{
			"/etc/config": "ConfigMap " + d.SettingsName, folders[kind]: "ConfigMap " + d.ContractName,
			"/etc/kafka-credentials": "Secret " + d.CredentialsName, "/etc/logging": "ConfigMap kafka-config-logging",
			"/etc/observability": "ConfigMap config-observability", "/tmp": "emptyDir",
		}
		if delivers {
			var shards []string
			for i := range tokens.Shards {
				shards = append(shards, "Secret "+d.CredentialsName+"-"+tokens.File(i))
			}
			want["/etc/tokens"] = strings.Join(shards, ", ")
		} else {
			want["/etc/features"], want["/etc/receiver-tls-secret"] = "ConfigMap config-features", "Secret "+d.TLSSecretName
			service(t, p, d)
		}
		if !maps.Equal(mounted, want) {
			t.Errorf("%s mounts\n%v\nnot\n%v", p.name, mounted, want)
		}
		if env := environment(p); env("DATA_PLANE_CONFIG_FILE_PATH") != folders[kind]+"/data" ||
			!slices.Equal(p.container.Args, []string{map[bool]string{true: "egress", false: "ingress"}[delivers]}) {
			t.Errorf("%s: %v runs %s", p.name, p.container.Args, env("DATA_PLANE_CONFIG_FILE_PATH"))
		}
	}
	if len(seen) != 6 {
		t.Errorf("data planes %v", slices.Sorted(maps.Keys(seen)))
	}
}

// service checks the Service that events enter at.
func service(t *testing.T, p pod, d dataplane.DataPlane) {
	t.Helper()
	s := named[*corev1.Service](t, p.file, d.Ingress)
	want := map[string][2]int32{
		"http": {80, 8080}, "https": {443, 8443}, "http-container": {8080, 8080}, "https-container": {8443, 8443}, "http-metrics": {9090, 9090},
	}
	got := map[string][2]int32{}
	for _, port := range s.Spec.Ports {
		got[port.Name] = [2]int32{port.Port, port.TargetPort.IntVal}
		if !slices.ContainsFunc(p.container.Ports, func(c corev1.ContainerPort) bool { return c.ContainerPort == port.TargetPort.IntVal }) {
			t.Errorf("%s leads to a port %v that %s does not have", s.Name, port.TargetPort, p.name)
		}
	}
	if !maps.Equal(got, want) || !maps.Equal(s.Spec.Selector, map[string]string{"app": p.name}) {
		t.Errorf("%s has the ports %v and selects %v", s.Name, got, s.Spec.Selector)
	}
}

// mounts returns what is mounted where. Everything that is not in the same file or that of the controller is optional.
func mounts(t *testing.T, p pod) map[string]string {
	t.Helper()
	there := names(objects(t, p.file))
	has := func(kind, name string, optional *bool) string {
		if what := kind + " " + namespace + "/" + name; (optional == nil || !*optional) && !slices.Contains(there, what) {
			t.Errorf("%s: %s mounts %s, which may not be there", p.file, p.name, what)
		}
		return kind + " " + name
	}
	volumes := map[string]string{}
	for _, v := range p.spec.Volumes {
		switch {
		case v.ConfigMap != nil:
			volumes[v.Name] = has("ConfigMap", v.ConfigMap.Name, v.ConfigMap.Optional)
		case v.Secret != nil:
			volumes[v.Name] = has("Secret", v.Secret.SecretName, v.Secret.Optional)
		case v.EmptyDir != nil:
			volumes[v.Name] = "emptyDir"
		case v.Projected != nil:
			var parts []string
			for _, s := range v.Projected.Sources {
				if s.Secret == nil {
					t.Fatalf("%s: %s projects what is no Secret", p.name, v.Name)
				}
				parts = append(parts, has("Secret", s.Secret.Name, s.Secret.Optional))
			}
			volumes[v.Name] = strings.Join(parts, ", ")
		default:
			t.Errorf("%s: volume %s", p.name, v.Name)
		}
	}
	mounted := map[string]string{}
	for _, m := range p.container.VolumeMounts {
		if m.ReadOnly == (volumes[m.Name] == "emptyDir") || m.SubPath != "" { // what is mounted by a sub path never changes
			t.Errorf("%s: %s is mounted as %+v", p.name, m.Name, m)
		}
		mounted[m.MountPath] = volumes[m.Name]
		delete(volumes, m.Name)
	}
	if len(volumes) != 0 {
		t.Errorf("%s does not mount %v", p.name, volumes)
	}
	return mounted
}

func TestPodsMayDoNothingThatTheyNeedNot(t *testing.T) { // SEC-40, SEC-50, SEC-51
	for _, p := range pods(t, all, bundle, postInstall) {
		kind, _ := p.plane()
		own, of := p.container.SecurityContext, p.spec.SecurityContext
		switch {
		case of == nil || of.RunAsNonRoot == nil || !*of.RunAsNonRoot || of.RunAsUser != nil:
			t.Errorf("%s may run as root, or as one user alone", p.name)
		case of.SeccompProfile == nil || of.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault:
			t.Errorf("%s may use every system call", p.name)
		case own == nil || own.AllowPrivilegeEscalation == nil || *own.AllowPrivilegeEscalation || own.ReadOnlyRootFilesystem == nil || !*own.ReadOnlyRootFilesystem:
			t.Errorf("%s may become more, or change itself", p.name)
		case own.Capabilities == nil || !slices.Equal(own.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(own.Capabilities.Add) != 0:
			t.Errorf("%s has capabilities", p.name)
		case p.spec.EnableServiceLinks == nil || *p.spec.EnableServiceLinks:
			t.Errorf("%s has its variables changed by Services", p.name)
		case kind != "" && (p.spec.AutomountServiceAccountToken == nil || *p.spec.AutomountServiceAccountToken):
			t.Errorf("%s has a token for the API server", p.name)
		}
		mounts(t, p)
	}
}

func TestPodsCanBeReplaced(t *testing.T) { // REL-19 to REL-21, REL-23, OBS-20, OBS-40, OBS-41
	budgets := map[string]*policyv1.PodDisruptionBudget{}
	for _, b := range of[*policyv1.PodDisruptionBudget](t, all) {
		budgets[b.Name] = b
	}
	for _, p := range pods(t, all) {
		kind, delivers := p.plane()
		if p.container.LivenessProbe == nil || p.container.ReadinessProbe == nil {
			t.Errorf("%s is not asked how it is", p.name)
			continue
		}
		for _, probe := range []*corev1.Probe{p.container.LivenessProbe, p.container.ReadinessProbe} {
			if port(p, probe.HTTPGet.Port) == 0 {
				t.Errorf("%s is asked at %v, which is none of its ports", p.name, probe.HTTPGet.Port)
			}
		}
		if s := p.spec.TopologySpreadConstraints; len(s) != 1 || s[0].MaxSkew != 2 || s[0].WhenUnsatisfiable != corev1.ScheduleAnyway ||
			s[0].TopologyKey != corev1.LabelTopologyZone || !selects(t, s[0].LabelSelector, p.labels) {
			t.Errorf("%s is spread by %+v", p.name, s)
		}
		if a := p.spec.Affinity.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution; len(a) != 1 ||
			a[0].PodAffinityTerm.TopologyKey != corev1.LabelHostname || !selects(t, a[0].PodAffinityTerm.LabelSelector, p.labels) {
			t.Errorf("%s is kept apart by %+v", p.name, a)
		}
		// One at a time, also when there is only one: a drain is never blocked.
		if b := budgets[p.name]; p.name != "kafka-controller" && (b == nil || b.Spec.MaxUnavailable == nil || b.Spec.MaxUnavailable.IntVal != 1 ||
			!selects(t, b.Spec.Selector, p.labels)) {
			t.Errorf("%s has the budget %+v", p.name, b)
		}
		if kind == "" {
			continue
		}
		for name, number := range map[string]int32{"http-metrics": 9090, "status": 8081} {
			if port(p, intstr.FromString(name)) != number {
				t.Errorf("%s has no port %s %d", p.name, name, number)
			}
		}
		// Requests are sent to a receiver for a moment after its end was decided; a dispatcher leaves its groups at once.
		grace, stop := *p.spec.TerminationGracePeriodSeconds, int64(0)
		if l := p.container.Lifecycle; l != nil {
			stop = l.PreStop.Sleep.Seconds
		}
		if const25sAndClosing := int64(25 + 3); grace <= stop+const25sAndClosing || (stop > 0) == delivers {
			t.Errorf("%s has %d s to end, of which %d s pass before it knows", p.name, grace, stop)
		}
	}
}

func port(p pod, named intstr.IntOrString) int32 {
	for _, c := range p.container.Ports {
		if c.Name == named.StrVal || c.ContainerPort == named.IntVal {
			return c.ContainerPort
		}
	}
	return 0
}

func selects(t *testing.T, s *metav1.LabelSelector, l map[string]string) bool {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		t.Fatal(err)
	}
	return !selector.Empty() && selector.Matches(labels.Set(l))
}

func TestReceiversMayScale(t *testing.T) { // REL-21
	scaled := map[string]bool{}
	for _, h := range of[*autoscalingv2.HorizontalPodAutoscaler](t, autoscaling) {
		scaled[h.Spec.ScaleTargetRef.Name] = true
		named[*appsv1.Deployment](t, all, h.Spec.ScaleTargetRef.Name)
		if *h.Spec.MinReplicas < 2 {
			t.Errorf("%s may go down to %d", h.Name, *h.Spec.MinReplicas)
		}
	}
	for _, p := range pods(t, broker, channel, sink) {
		if _, delivers := p.plane(); !delivers && !scaled[p.name] {
			t.Errorf("%s does not scale", p.name)
		}
	}
}

func TestMonitorsFindPorts(t *testing.T) { // OBS-20, OBS-21, REL-03
	found := map[string]bool{}
	for _, kind := range []string{"controller", "source", "broker", "sink", "channel"} {
		for _, m := range of[*custom](t, "eventing-kafka-"+kind+"-prometheus-operator.yaml") {
			found[m.Kind+" "+m.Name] = true
			spec, err := yamlOf(m.Spec)
			if err != nil {
				t.Fatal(err)
			}
			p := podNamed(t, m.Name)
			if !strings.Contains(spec, "app: "+m.Name+"\n") || !strings.Contains(spec, "- "+namespace+"\n") || !strings.Contains(spec, "path: /metrics\n") {
				t.Errorf("%s %s: %s", m.Kind, m.Name, spec)
			}
			name := "http-metrics"
			if m.Name == "kafka-controller" {
				name = "metrics" // that of its container
			}
			if !strings.Contains(spec, "port: "+name+"\n") {
				t.Errorf("%s %s: %s", m.Kind, m.Name, spec)
			}
			switch m.Kind {
			case "PodMonitor":
				if port(p, intstr.FromString(name)) != 9090 {
					t.Errorf("%s has no port %s", p.name, name)
				}
			case "ServiceMonitor":
				ok := slices.ContainsFunc(of[*corev1.Service](t, all), func(s *corev1.Service) bool {
					return s.Labels["app"] == m.Name && slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return p.Name == name })
				})
				if !ok {
					t.Errorf("%s finds no Service", m.Name)
				}
			}
		}
	}
	for _, want := range []string{
		"ServiceMonitor kafka-broker-receiver", "ServiceMonitor kafka-channel-receiver", "ServiceMonitor kafka-sink-receiver",
		"ServiceMonitor kafka-webhook-eventing", "PodMonitor kafka-broker-dispatcher", "PodMonitor kafka-channel-dispatcher",
		"PodMonitor kafka-source-dispatcher", "PodMonitor kafka-controller",
	} {
		if !found[want] {
			t.Errorf("there is no %s", want)
		}
	}
}

func podNamed(t *testing.T, name string) pod {
	t.Helper()
	found := pods(t, all)
	i := slices.IndexFunc(found, func(p pod) bool { return p.name == name })
	if i < 0 {
		t.Fatalf("there is no workload %s", name)
	}
	return found[i]
}
