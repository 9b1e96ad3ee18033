// Package system is an installation that runs, for tests: replicas of the controller as processes, data planes as the
// processes of pods, each fed by what a kubelet would mount, and Kafka, around a Kubernetes API of package env.
//
// It makes no statement about what is right; tests do. Host names of a cluster lead nowhere here, so events are sent to
// the port of the pod that a Service would lead to, with the host and the path of the address that a status has. A System
// is used by the goroutine of its test.
package system

import (
	"fmt"
	"path/filepath"
	"testing"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/installation"
	"knative.dev/eventing-kafka-go/proto/tokens"
	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/apiserver/kubelet"
	"knative.dev/eventing-kafka-go/test/apiserver/program"
)

// System is an installation that runs.
type System struct {
	*env.Env

	Kafka      *Kafka
	Subscriber *Subscriber
	// Planes are the data planes of the installation.
	Planes map[dataplane.Kind]dataplane.DataPlane

	controller, plane string         // programs
	pods              map[string]Pod // by the label app
	services          *services
}

// Pod is a pod of a data plane.
type Pod struct {
	*kubelet.Pod
	// Events is where it takes events, Status where it says what it does: HOST:PORT.
	Events, Status string
}

// Start makes an installation with a pod for each role of each kind of data plane, without a controller. Pods are ready
// when a controller has given them a contract.
func Start(tb testing.TB, e *env.Env, kinds ...dataplane.Kind) *System {
	tb.Helper()
	planes, err := dataplane.FromEnvironment(func(string) string { return "" }, env.SystemNamespace)
	if err != nil {
		tb.Fatal(err)
	}
	s := &System{
		Env: e, Kafka: startKafka(tb), Subscriber: startSubscriber(tb), Planes: planes, pods: map[string]Pod{}, services: startServices(tb),
		controller: e.Build(tb, "control-plane/cmd/controller"), plane: e.Build(tb, "data-plane/cmd/kafka-data-plane"),
	}
	for _, kind := range kinds {
		d := planes[kind]
		for app, role := range map[string]string{d.Receiver: "ingress", d.Dispatcher: "egress"} {
			if app != "" {
				s.pods[app] = s.StartPod(tb, d, app, app+"-1", role)
			}
		}
	}
	return s
}

// StartPod starts a pod of a data plane, as the one who installs it does. role is that of the program.
func (s *System) StartPod(tb testing.TB, d dataplane.DataPlane, app, name, role string) Pod {
	tb.Helper()
	ports := program.FreePorts(tb, 3)
	p := Pod{Events: fmt.Sprintf("127.0.0.1:%d", ports[0]), Status: fmt.Sprintf("127.0.0.1:%d", ports[1])}
	lastGood := filepath.Join(tb.TempDir(), "last-good")
	p.Pod = kubelet.Run(tb, s.Env, kubelet.Spec{
		Namespace: d.Namespace, Name: name, Labels: map[string]string{"app": app, installation.PodSelector: string(d.Kind)},
		Ports: map[string]int32{"http": int32(ports[0]), "status": int32(ports[1])},
		Mounts: map[string]kubelet.Source{
			"contract": {ConfigMap: d.ContractName}, "credentials": {Secret: d.CredentialsName}, "config": {ConfigMap: d.SettingsName},
			"tokens": {Secrets: tokenSecrets(d)},
		},
		Readiness: "http://" + p.Status + "/readyz", Program: s.plane,
		Command: func(folders map[string]string) (variables, arguments []string) {
			file := func(name string) string {
				return filepath.Join(folders["config"], "config-kafka-"+string(d.Kind)+"-"+name+".properties")
			}
			return []string{
				"POD_NAME=" + name, "DATA_PLANE_CONFIG_FILE_PATH=" + filepath.Join(folders["contract"], "data"),
				"CREDENTIALS_DIR_PATH=" + folders["credentials"], "TOKENS_DIR_PATH=" + folders["tokens"],
				"CONTRACT_LAST_GOOD_FILE_PATH=" + lastGood,
				"PRODUCER_CONFIG_FILE_PATH=" + file("producer"), "CONSUMER_CONFIG_FILE_PATH=" + file("consumer"),
				"INGRESS_HOST=127.0.0.1", fmt.Sprintf("INGRESS_PORT=%d", ports[0]), fmt.Sprintf("INGRESS_TLS_PORT=%d", ports[2]),
				"STATUS_ADDRESS=" + p.Status, "METRICS_ADDRESS=none", "SHUTDOWN_GRACE_SECONDS=5",
			}, []string{role}
		},
	})
	if role == "ingress" {
		s.services.lead(d, p.Events)
	}
	return p
}

// tokenSecrets are those that hold the tokens of a data plane.
func tokenSecrets(d dataplane.DataPlane) (names []string) {
	for n := range tokens.Shards {
		names = append(names, d.TokensName(n))
	}
	return names
}

// Pod returns the pod with a label app that Start has made.
func (s *System) Pod(app string) Pod { return s.pods[app] }

// Replica starts a replica of the controller as the pod of that name.
func (s *System) Replica(tb testing.TB, pod string, variables ...string) *program.Process {
	tb.Helper()
	return s.Run(tb, s.controller, "kafka-controller", pod, append([]string{
		fmt.Sprintf("PROBE_PORT=%d", program.FreePorts(tb, 1)[0]), "CONFIG_LEADERELECTION_NAME=config-kafka-leader-election",
		"HTTP_PROXY=" + s.services.url,
	}, variables...)...)
}
