package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const (
	appLabel = "app"
	// statusPort is the name of the container port with the status page, defaultStatusPort its number where no container
	// names it.
	statusPort        = "status"
	defaultStatusPort = 8081
	// fetchLimit bounds a round: a pod that takes longer counts as one that does not answer.
	fetchLimit = 2 * time.Second
	// maxReport bounds what a pod may answer.
	maxReport = 64 << 20
)

// IsReady says whether a pod counts: it is ready and not being deleted.
func IsReady(pod *corev1.Pod) bool {
	if pod.DeletionTimestamp != nil || pod.Status.PodIP == "" {
		return false
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// address is where a pod answers.
func address(pod *corev1.Pod) string {
	port := int32(defaultStatusPort)
	for _, container := range pod.Spec.Containers {
		for _, p := range container.Ports {
			if p.Name == statusPort {
				port = p.ContainerPort
			}
		}
	}
	return net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(int(port)))
}

// fetcher asks over HTTP, with connections of its own.
func fetcher() func(context.Context, string) (Report, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute}}
	return func(ctx context.Context, address string) (r Report, err error) {
		err = get(ctx, client, "http://"+address+"/entries", &r)
		return r, err
	}
}

// EventTypes are the types of events that the routes and groups of a pod have seen, by UID, where EventTypes are made of
// them.
type EventTypes map[string][]EventType

// EventType is one of them.
type EventType struct {
	Type   string `json:"type"`
	Source string `json:"source"`
	Schema string `json:"schema"`
}

// AskEventTypes asks a pod for them.
func AskEventTypes(ctx context.Context, client *http.Client, pod *corev1.Pod) (types EventTypes, err error) {
	err = get(ctx, client, "http://"+address(pod)+"/eventtypes", &types)
	return types, err
}

// get reads an answer in JSON.
func get(ctx context.Context, client *http.Client, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxReport)).Decode(into); err != nil {
		return fmt.Errorf("GET %s: %w", url, err)
	}
	return nil
}
