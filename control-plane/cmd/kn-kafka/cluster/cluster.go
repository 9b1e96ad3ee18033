// Package cluster connects the commands of kn-kafka to a Kubernetes cluster, with the flags that kn and kubectl have, and
// reads what data planes tell of themselves.
//
// It must not know what a command does. A Cluster belongs to one command.
package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	kafkaclient "knative.dev/eventing-kafka-go/control-plane/client/clientset/versioned"
	"knative.dev/eventing-kafka-go/data-plane/status"
)

// Flags say which cluster and which namespace.
type Flags struct{ Kubeconfig, Context, Namespace string }

// Add adds the flags to those of a command.
func (f *Flags) Add(flags *pflag.FlagSet) {
	flags.StringVar(&f.Kubeconfig, "kubeconfig", "", "kubectl configuration file (default: as kubectl finds it)")
	flags.StringVar(&f.Context, "context", "", "name of the kubeconfig context to use")
	flags.StringVarP(&f.Namespace, "namespace", "n", "", "namespace (default: that of the context)")
}

// Cluster is a connection. Its fields are clients of one API server.
type Cluster struct {
	Kube    kubernetes.Interface
	Kafka   kafkaclient.Interface
	Dynamic dynamic.Interface
	// Namespace is the one that was asked for.
	Namespace string
	// Pods reads the status page of a pod.
	Pods func(ctx context.Context, namespace, name string) ([]byte, error)
}

// Connect returns clients for the cluster that the flags say.
func (f *Flags) Connect() (*Cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = f.Kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: f.Context})
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w", err)
	}
	namespace := f.Namespace
	if namespace == "" {
		if namespace, _, err = loader.Namespace(); err != nil {
			return nil, fmt.Errorf("find the namespace: %w", err)
		}
	}
	return connect(config, namespace)
}

func connect(config *rest.Config, namespace string) (*Cluster, error) {
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	kafka, err := kafkaclient.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	c := &Cluster{Kube: kube, Kafka: kafka, Dynamic: objects, Namespace: namespace}
	c.Pods = func(ctx context.Context, namespace, name string) ([]byte, error) {
		return kube.CoreV1().Pods(namespace).ProxyGet("http", name, statusPort, "status", nil).DoRaw(ctx)
	}
	return c, nil
}

// statusPort is where data planes answer people and probes.
const statusPort = "8081"

// ErrUnknownResource is wrapped where a cluster does not serve what was named.
var ErrUnknownResource = errors.New("the cluster has no such resource")

// KindOf returns the kind of a resource of a group version.
func (c *Cluster) KindOf(resource schema.GroupVersionResource) (string, error) {
	list, err := c.Kube.Discovery().ServerResourcesForGroupVersion(resource.GroupVersion().String())
	if err != nil {
		return "", fmt.Errorf("resources of %s: %w", resource.GroupVersion(), err)
	}
	for _, r := range list.APIResources {
		if r.Name == resource.Resource || strings.EqualFold(r.Kind, resource.Resource) || r.SingularName == resource.Resource {
			return r.Kind, nil
		}
	}
	return "", fmt.Errorf("%s %s: %w", resource.GroupVersion(), resource.Resource, ErrUnknownResource)
}

// Report is what a pod of a data plane tells.
type Report struct {
	Namespace, Pod, App string
	Ready               bool
	Restarts            int32
	// Status is nil with Err.
	Status *status.Report
	Err    error
}

// dataPlaneLabel is what the pods of every data plane have (see config/).
const dataPlaneLabel = "kafka.eventing.knative.dev/data-plane"

// Reports asks every pod of every data plane that namespaces may have, in the order of their names. Who may not read pods of
// all namespaces names one.
func (c *Cluster) Reports(ctx context.Context, namespace string) ([]Report, error) {
	pods, err := c.Kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: dataPlaneLabel})
	if err != nil {
		return nil, fmt.Errorf("list the pods of data planes: %w", err)
	}
	reports := make([]Report, 0, len(pods.Items))
	for i := range pods.Items {
		reports = append(reports, c.ask(ctx, &pods.Items[i]))
	}
	slices.SortFunc(reports, func(a, b Report) int {
		return strings.Compare(a.Namespace+"/"+a.Pod, b.Namespace+"/"+b.Pod)
	})
	return reports, nil
}

func (c *Cluster) ask(ctx context.Context, pod *corev1.Pod) Report {
	r := Report{Namespace: pod.Namespace, Pod: pod.Name, App: pod.Labels["app"]}
	r.Ready = slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
	for _, s := range pod.Status.ContainerStatuses {
		r.Restarts += s.RestartCount
	}
	content, err := c.Pods(ctx, pod.Namespace, pod.Name)
	if err != nil {
		r.Err = fmt.Errorf("read its status: %w", err)
		return r
	}
	report := &status.Report{}
	if err := json.Unmarshal(content, report); err != nil {
		r.Err = fmt.Errorf("its status is not understood: %w", err)
		return r
	}
	r.Status = report
	return r
}
