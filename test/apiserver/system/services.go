package system

import (
	"fmt"
	"net/http/httptest"
	"net/http/httputil"
	"sync"
	"testing"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
)

// services leads to pods who asks at the name of a Service, as DNS and kube-proxy do in a cluster: as a proxy on the loopback
// that programs are told of by HTTP_PROXY.
type services struct {
	url string

	mu   sync.Mutex
	pods map[string]string // HOST:PORT of the pod that was started last, by the host name of the Service
}

func startServices(tb testing.TB) *services {
	s := &services{pods: map[string]string{}}
	server := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Host = s.pod(r.In.URL.Hostname()) // none: there is nobody at that address
		r.Out.Host = r.In.Host
	}})
	tb.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *services) pod(host string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pods[host]
}

// lead has the Service of a data plane's ingress lead to a pod.
func (s *services) lead(d dataplane.DataPlane, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pods[fmt.Sprintf("%s.%s.svc.cluster.local", d.Ingress, d.Namespace)] = address
}
