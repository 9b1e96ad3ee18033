package plane

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
)

// metricsPort serves the metrics where the configuration says, which may change (OBS-17).
type metricsPort struct {
	metrics   http.Handler
	address   string // where, unless the configuration has another port
	cert, key string // "": without TLS
	log       *slog.Logger
	path      atomic.Pointer[string]

	mu      sync.Mutex
	current *listener
	at      string // address of current
}

// newMetricsPort opens the port of the process. The path is /metrics.
func newMetricsPort(metrics http.Handler, c Config) (*metricsPort, error) {
	m := &metricsPort{metrics: metrics, address: c.MetricsAddress, log: c.Log}
	if c.MetricsCertFile != "" && c.MetricsKeyFile != "" {
		m.cert, m.key = c.MetricsCertFile, c.MetricsKeyFile
		if _, err := tls.LoadX509KeyPair(m.cert, m.key); err != nil {
			m.log.Warn("Metrics cannot be scraped until their certificate can be used", "error", err)
		}
	}
	// Nothing is open yet that would have to be closed in time.
	return m, m.configure(context.Background(), 0, "")
}

// configure moves the metrics to another port or path; 0 and "" mean those of the process. The new port is open before the
// old one closes, and if it cannot be opened nothing changes. ctx bounds the wait for scrapes under way.
func (m *metricsPort) configure(ctx context.Context, port int, path string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	path = cmp.Or(path, "/metrics")
	m.path.Store(&path)
	address := m.address
	if port != 0 {
		host, _, err := net.SplitHostPort(m.address)
		if err != nil {
			return fmt.Errorf("metrics address %q: %w", m.address, err)
		}
		address = net.JoinHostPort(host, strconv.Itoa(port))
	}
	if m.at == address {
		return nil
	}
	next, err := listen(address, m, m.secure())
	if err != nil {
		return fmt.Errorf("listen for metrics: %w", err)
	}
	if m.current != nil {
		m.current.close(ctx)
	}
	m.current, m.at = next, address
	return nil
}

// secure reads the certificate at each handshake: scrapes are rare, and one that was exchanged counts at once.
func (m *metricsPort) secure() *tls.Config {
	if m.cert == "" {
		return nil
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(m.cert, m.key)
			if err != nil {
				m.log.Warn("Certificate for metrics not used", "error", err)
			}
			return &pair, err
		},
	}
}

// ServeHTTP answers at the path of the metrics.
func (m *metricsPort) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != *m.path.Load() {
		http.NotFound(w, r)
		return
	}
	m.metrics.ServeHTTP(w, r)
}

// addr is where metrics are served now.
func (m *metricsPort) addr() net.Addr {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current.addr()
}

func (m *metricsPort) close(ctx context.Context) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current != nil {
		m.current.close(ctx)
	}
}
