package namespacedbroker

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// probeLimit is how long a Service may take to answer. What is not there answers nothing, or no at once.
const probeLimit = 2 * time.Second

// prober is what asks. Every time it is another connection: one that is kept would say nothing of the Service. A proxy of the
// environment counts, as for most senders.
func prober() *http.Client {
	transport := &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment}
	return &http.Client{Timeout: probeLimit, Transport: transport}
}

// probe asks at an address whether events are taken there, as it is asked of every ingress of Knative (ST-21).
func probe(client *http.Client) func(ctx context.Context, url string) error {
	return func(ctx context.Context, url string) error {
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		q.Header.Set("K-Network-Probe", "probe")
		q.Header.Set("K-Network-Hash", "probe")
		answer, err := client.Do(q)
		if err != nil {
			return err
		}
		defer answer.Body.Close() //nolint:errcheck // nothing was asked for
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("GET %s: %s", url, answer.Status)
		}
		return nil
	}
}
