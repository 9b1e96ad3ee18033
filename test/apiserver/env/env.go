// Package env is a Kubernetes API for one test process: etcd and kube-apiserver on the loopback, the CRDs of Knative
// Eventing and of this project, the objects of config/control-plane, and programs of this project that run against it as
// the ServiceAccounts that they have in a cluster.
//
// What a cluster has beyond that is missing: nothing collects garbage, namespaces never end, no ServiceAccount has a
// token, no pod runs (package kubelet runs what a pod would). An Env is safe for concurrent use; its methods that take a
// testing.TB end that test when something fails.
package env

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	// SystemNamespace is where the control plane runs.
	SystemNamespace = "knative-eventing"
	// Patience is how long to wait for what must happen; nothing waits for it when it happens. It is generous because
	// machines are shared.
	Patience = 2 * time.Minute
	// variable, set to anything, says that the programs of an API server may be used and built here.
	variable = "APISERVER"
)

// Env is the API of one test process.
type Env struct {
	// Config is that of an administrator, without a limit of requests. Copy it to impersonate.
	Config *rest.Config
	// Kubeconfig is the file of the same administrator.
	Kubeconfig string
	// Kube, CRDs and Dynamic are clients of the administrator.
	Kube    kubernetes.Interface
	CRDs    apiextensions.Interface
	Dynamic dynamic.Interface

	root  string // of the repository
	dir   string // for programs and kubeconfigs, gone with the test
	built *built // programs
}

// Start runs an API server with everything installed, until the test ends. A test process needs one: take it in the test
// that has the others as subtests. It skips the test where hack/apiserver-test.sh did not start it.
func Start(tb testing.TB) *Env {
	tb.Helper()
	if os.Getenv(variable) == "" {
		tb.Skip("no API server: hack/apiserver-test.sh (make apiserver-test) builds one and runs this test")
	}
	e := newEnv(tb)
	e.connect(tb, e.up(tb))
	e.install(tb)
	return e
}

// Connect returns the API of a cluster that runs already, which is left as it is.
func Connect(tb testing.TB, kubeconfig string) *Env {
	tb.Helper()
	e := newEnv(tb)
	e.connect(tb, kubeconfig)
	return e
}

func newEnv(tb testing.TB) *Env {
	tb.Helper()
	return &Env{root: repository(tb), dir: tb.TempDir(), built: &built{files: map[string]string{}}}
}

func (e *Env) connect(tb testing.TB, kubeconfig string) {
	tb.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		tb.Fatal(err)
	}
	config.QPS = -1
	e.Kubeconfig, e.Config = kubeconfig, config
	e.Kube, e.CRDs, e.Dynamic = kubernetes.NewForConfigOrDie(config), apiextensions.NewForConfigOrDie(config), dynamic.NewForConfigOrDie(config)
}

// repository is the folder with go.mod, found from this file, which is a path of the module when it was built with
// -trimpath: then the folder of the test is what is known.
func repository(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		dir, err = filepath.Dir(file), nil
	}
	if err != nil {
		tb.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			tb.Fatal("no go.mod above the folder of the test")
		}
	}
}

// up runs hack/cluster.sh and returns the kubeconfig of the administrator.
func (e *Env) up(tb testing.TB) string {
	tb.Helper()
	state := filepath.Join(e.dir, "apiserver")
	script := func(ctx context.Context, command string) (string, error) {
		cmd := exec.CommandContext(ctx, filepath.Join(e.root, "hack", "cluster.sh"), "apiserver", command)
		cmd.Env = append(os.Environ(), "APISERVER_DIR="+state)
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			tb.Logf("hack/cluster.sh apiserver %s: %s", command, said.String())
		}
		return strings.TrimSpace(string(out)), err
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Patience) // the test's has ended
		defer cancel()
		if _, err := script(ctx, "down"); err != nil {
			tb.Errorf("stop the API server: %v", err)
		}
	})
	began := time.Now()
	kubeconfig, err := script(tb.Context(), "up")
	if err != nil {
		tb.Fatalf("start the API server: %v", err)
	}
	tb.Logf("the API server was ready after %v", time.Since(began).Round(time.Millisecond))
	return kubeconfig
}
