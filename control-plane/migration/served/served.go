// Package served says whether this installation serves what an older one is to be removed from: its controller leads, its
// pods run the routes and groups of the contract, and answer.
//
// It reads and asks, and must not change anything. What it cannot find out is an error or something to wait for, never a
// yes. A Checker may be used by any goroutine.
package served

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"knative.dev/eventing-kafka-go/control-plane/contractmap"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/installation"
	"knative.dev/eventing-kafka-go/control-plane/migration/kube"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
)

const (
	// lease is who leads the reconciler of contracts, which no earlier controller has.
	lease = "kafka-broker-controller.contracts.00-of-01"
	// controllerApp is the label of pods of the controller, ours and earlier ones.
	controllerApp = "kafka-controller"
	// ingressPort is the name of the container port where events enter, defaultIngressPort its number where none has it.
	ingressPort        = "http"
	defaultIngressPort = 8080
	probeLimit         = 3 * time.Second
)

// Checker looks at an installation.
type Checker struct {
	Kube kube.Client
	// Namespace of the installation.
	Namespace string
	Planes    map[dataplane.Kind]dataplane.DataPlane
	// Rollout asks pods what they run.
	Rollout *rollout.Tracker
	// Probe asks an ingress pod, HOST:PORT, whether it serves a host.
	Probe func(ctx context.Context, address, host string) error
	Now   func() time.Time
}

// New makes a Checker of the installation in a namespace, which asks pods until ctx ends.
func New(ctx context.Context, client kube.Client, namespace string, log *slog.Logger) (*Checker, error) {
	planes, err := dataplane.FromEnvironment(os.Getenv, namespace)
	if err != nil {
		return nil, err
	}
	c := &Checker{Kube: client, Namespace: namespace, Planes: planes, Probe: probe, Now: time.Now}
	c.Rollout = rollout.New(ctx, rollout.Options{Log: log, Pods: c.Pods(ctx)})
	return c, nil
}

// Pods lists our pods of a data plane by the value of the label app, until ctx ends.
func (c *Checker) Pods(ctx context.Context) func(namespace, app string) ([]*corev1.Pod, error) {
	return func(namespace, app string) ([]*corev1.Pod, error) { return c.pods(ctx, namespace, app) }
}

// pods returns our pods of a data plane, by the value of the label app. Earlier ones have that label too.
func (c *Checker) pods(ctx context.Context, namespace, app string) ([]*corev1.Pod, error) {
	objects, err := c.Kube.List(ctx, kube.Pods, kube.Select{Namespace: namespace, Labels: "app=" + app + "," + installation.PodSelector})
	if err != nil {
		return nil, err
	}
	pods := make([]*corev1.Pod, 0, len(objects))
	for _, o := range objects {
		pod, err := kube.Pod(o)
		if err != nil {
			return nil, err
		}
		pods = append(pods, pod)
	}
	return pods, nil
}

// EarlierPods waits until no pod of an earlier installation is left that has a label app.
func (c *Checker) EarlierPods(namespace, app string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		pods, err := c.Kube.List(ctx, kube.Pods, kube.Select{Namespace: namespace, Labels: "app=" + app + ",!" + installation.PodSelector})
		if err != nil || len(pods) == 0 {
			return "", err
		}
		return fmt.Sprintf("the end of pod %s/%s of the earlier installation", namespace, pods[0].GetName()), nil
	}
}

// Controller waits until our controller leads and no earlier one runs (MIG-41): the Lease of contracts, which is ours
// alone, is renewed by a pod, and all pods of the controller run what their Deployment says.
func (c *Checker) Controller(ctx context.Context) (waiting string, err error) {
	held, err := c.Kube.Get(ctx, kube.Leases, c.Namespace, lease)
	if err != nil {
		return "", err
	}
	if held == nil {
		return "our controller, which has not made the Lease " + lease + " yet", nil
	}
	holder := c.holder(held)
	if holder == "" {
		return "our controller, which does not renew the Lease " + lease, nil
	}
	return c.controllerPods(ctx, holder)
}

// holder is the pod that holds a Lease, "" when nobody has renewed it for a minute.
func (c *Checker) holder(held *kube.Object) string {
	identity, _, _ := unstructured.NestedString(held.Object, "spec", "holderIdentity")
	renewed, _, _ := unstructured.NestedString(held.Object, "spec", "renewTime")
	seconds, _, _ := unstructured.NestedInt64(held.Object, "spec", "leaseDurationSeconds")
	at, err := time.Parse(time.RFC3339, renewed)
	if err != nil || c.Now().After(at.Add(max(time.Duration(seconds)*time.Second, time.Minute))) {
		return "" // one without a time is not renewed
	}
	pod, _, _ := strings.Cut(identity, "_")
	return pod
}

// Leads says whether a pod of a Deployment holds a Lease and renews it.
func (c *Checker) Leads(ctx context.Context, deployment, lease string) (bool, error) {
	held, err := c.Kube.Get(ctx, kube.Leases, c.Namespace, lease)
	if held == nil || err != nil {
		return false, err
	}
	return strings.HasPrefix(c.holder(held), deployment+"-"), nil
}

func (c *Checker) controllerPods(ctx context.Context, holder string) (waiting string, err error) {
	deployment, err := c.Kube.Get(ctx, kube.Deployments, c.Namespace, controllerApp)
	if err != nil {
		return "", err
	}
	if deployment == nil {
		return "Deployment " + controllerApp + ", which is not installed", nil
	}
	wanted := images(deployment.Object, "spec", "template", "spec", "containers")
	pods, err := c.Kube.List(ctx, kube.Pods, kube.Select{Namespace: c.Namespace, Labels: "app=" + controllerApp})
	if err != nil {
		return "", err
	}
	leads := false
	for _, p := range pods {
		if have := images(p.Object, "spec", "containers"); slices.ContainsFunc(wanted, func(i string) bool { return !slices.Contains(have, i) }) {
			return fmt.Sprintf("the end of pod %s, which runs an earlier controller", p.GetName()), nil
		}
		leads = leads || holder == p.GetName()
	}
	if !leads {
		return fmt.Sprintf("a pod of Deployment %s to hold the Lease %s, which %s holds", controllerApp, lease, holder), nil
	}
	return "", nil
}

func images(o map[string]any, path ...string) []string {
	containers, _, _ := unstructured.NestedSlice(o, path...)
	var all []string
	for _, c := range containers {
		container, _ := c.(map[string]any)
		image, _ := container["image"].(string)
		all = append(all, image)
	}
	return all
}

// Available waits until a Deployment is there and its pods are those it asks for.
func (c *Checker) Available(namespace, name string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		d, err := c.Kube.Get(ctx, kube.Deployments, namespace, name)
		if err != nil {
			return "", err
		}
		if d == nil {
			return "Deployment " + name + ", which is not installed", nil
		}
		number := func(field string) int64 {
			n, _, _ := unstructured.NestedInt64(d.Object, "status", field)
			return n
		}
		if number("observedGeneration") < d.GetGeneration() || number("availableReplicas") < 1 ||
			number("updatedReplicas") < number("replicas") || number("unavailableReplicas") > 0 {
			return "Deployment " + name + ", whose pods are not all ready and up to date", nil
		}
		return "", nil
	}
}

// WebhookServes waits until our webhook has given its configurations rules and its authority (MIG-28).
func (c *Checker) WebhookServes(ctx context.Context) (waiting string, err error) {
	for r, name := range map[kube.Resource]string{
		kube.MutatingWebhooks: "defaulting.webhook.kafka.eventing.knative.dev", kube.ValidatingWebhooks: "validation.webhook.kafka.eventing.knative.dev",
	} {
		o, err := c.Kube.Get(ctx, r, "", name)
		if err != nil {
			return "", err
		}
		if o == nil {
			return name + ", which is not installed", nil
		}
		hooks, _, _ := unstructured.NestedSlice(o.Object, "webhooks")
		if len(hooks) == 0 || slices.ContainsFunc(hooks, asksNobody) {
			return "the webhook to give " + name + " its rules", nil
		}
	}
	return "", nil
}

func asksNobody(item any) bool {
	hook, _ := item.(map[string]any)
	rules, _, _ := unstructured.NestedSlice(hook, "rules")
	ca, _, _ := unstructured.NestedString(hook, "clientConfig", "caBundle")
	return len(rules) == 0 || ca == ""
}

// Ended waits until a Deployment has no pods: none is asked for, and none of those that its selector names is left, as
// those that are about to end are not counted in its status and go on with their work.
func (c *Checker) Ended(namespace, name string) func(context.Context) (string, error) {
	waiting := fmt.Sprintf("the end of the pods of Deployment %s/%s", namespace, name)
	return func(ctx context.Context) (string, error) {
		d, err := c.Kube.Get(ctx, kube.Deployments, namespace, name)
		if d == nil || err != nil {
			return "", err
		}
		asked, found, _ := unstructured.NestedInt64(d.Object, "spec", "replicas")
		have, _, _ := unstructured.NestedInt64(d.Object, "status", "replicas")
		observed, _, _ := unstructured.NestedInt64(d.Object, "status", "observedGeneration")
		if !found || asked > 0 || have > 0 || observed < d.GetGeneration() {
			return waiting, nil
		}
		selector, _, _ := unstructured.NestedStringMap(d.Object, "spec", "selector", "matchLabels")
		if len(selector) == 0 {
			return "", nil
		}
		pods, err := c.Kube.List(ctx, kube.Pods, kube.Select{Namespace: namespace, Labels: labels.FormatLabels(selector)})
		if err != nil || len(pods) == 0 {
			return "", err
		}
		return waiting, nil
	}
}

// Installed says whether a Deployment is there.
func (c *Checker) Installed(ctx context.Context, namespace, name string) (bool, error) {
	d, err := c.Kube.Get(ctx, kube.Deployments, namespace, name)
	return d != nil, err
}

// Contract returns what our controller has written for a data plane, nil for nothing.
func (c *Checker) Contract(ctx context.Context, d dataplane.DataPlane) (*contractmap.Snapshot, error) {
	o, err := c.Kube.Get(ctx, kube.ConfigMaps, d.Namespace, d.ContractName)
	if o == nil || err != nil {
		return nil, err
	}
	cm, err := kube.ConfigMap(o)
	if err != nil {
		return nil, err
	}
	return contractmap.Parse(cm)
}

// Route waits until every ingress pod serves the route of an object.
func (c *Checker) Route(d dataplane.DataPlane, s *contractmap.Snapshot, uid string) (waiting string) {
	if s == nil {
		return "the contract in ConfigMap " + d.Key()
	}
	hash, ok := s.Route(uid)
	if !ok {
		return "its entry in the contract " + d.Key() + s.Refused[uid]
	}
	return state(c.Rollout.Route(d, asker(uid), uid, hash))
}

// Group waits until our pods run the group of an object, and one is a member of it.
func (c *Checker) Group(d dataplane.DataPlane, s *contractmap.Snapshot, uid string) (waiting string) {
	if s == nil {
		return "the contract in ConfigMap " + d.Key()
	}
	hash, ok := s.Group(uid)
	if !ok {
		return "its entry in the contract " + d.Key() + s.Refused[uid]
	}
	return state(c.Rollout.Group(d, asker(uid), uid, hash))
}

// Everything waits until all that the contract of a data plane has is served.
func (c *Checker) Everything(d dataplane.DataPlane) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		s, err := c.Contract(ctx, d)
		if err != nil {
			return "", err
		}
		if s == nil {
			return "the contract in ConfigMap " + d.Key(), nil
		}
		for _, r := range s.Contract.GetResources() {
			ref := r.GetReference()
			if r.GetIngress() != nil {
				if why := c.Route(d, s, r.GetUid()); why != "" {
					return fmt.Sprintf("%s %s/%s: %s", ref.GetKind(), ref.GetNamespace(), ref.GetName(), why), nil
				}
			}
			for _, e := range r.GetEgresses() {
				if why := c.Group(d, s, e.GetUid()); why != "" {
					return fmt.Sprintf("consumer group %s: %s", e.GetConsumerGroup(), why), nil
				}
			}
		}
		return "", nil
	}
}

// Answers waits until every ready ingress pod answers a probe for a host.
func (c *Checker) Answers(ctx context.Context, d dataplane.DataPlane, host string) (waiting string, err error) {
	pods, err := c.pods(ctx, d.Namespace, d.Receiver)
	if err != nil {
		return "", err
	}
	asked := 0
	for _, pod := range pods {
		if !rollout.IsReady(pod) {
			continue
		}
		asked++
		if err := c.Probe(ctx, address(pod), host); err != nil {
			return fmt.Sprintf("pod %s to answer for host %s: %v", pod.Name, host, err), nil //nolint:nilerr // it is waited for
		}
	}
	if asked == 0 {
		return fmt.Sprintf("a ready pod with label app=%s", d.Receiver), nil
	}
	return "", nil
}

func state(s rollout.State) string {
	if s.Done {
		return ""
	}
	return s.Message
}

func asker(uid string) rollout.Object {
	return rollout.Object{Kind: "migration", NamespacedName: types.NamespacedName{Name: uid}}
}

func address(pod *corev1.Pod) string {
	port := int32(defaultIngressPort)
	for _, container := range pod.Spec.Containers {
		for _, p := range container.Ports {
			if p.Name == ingressPort {
				port = p.ContainerPort
			}
		}
	}
	return net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(int(port)))
}

// probe asks as controllers of Knative do (ST-21).
func probe(ctx context.Context, address, host string) error {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return err
	}
	req.Host = host
	req.Header.Set("K-Network-Probe", "probe")
	req.Header.Set("K-Network-Hash", "probe")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, resp.Body) // for the connection's sake
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}
