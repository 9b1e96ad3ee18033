package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// document is how agents of pods and machines write keys.
type document struct {
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	Token           string
	Expiration      time.Time
}

// container asks the agent of a pod (EKS Pod Identity) or of a task.
func (s *Source) container(ctx context.Context, address string) (Keys, error) {
	if err := agentAddress(address); err != nil {
		return Keys{}, err
	}
	authorization := s.config.Env("AWS_CONTAINER_AUTHORIZATION_TOKEN")
	if file := s.config.Env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); file != "" {
		token, err := os.ReadFile(file) // each time: the kubelet renews it
		if err != nil {
			return Keys{}, fmt.Errorf("AWS: read the token for the agent of the pod: %w", err)
		}
		authorization = strings.TrimSpace(string(token))
	}
	keys, err := s.document(ctx, address, "Authorization", authorization)
	if err != nil {
		return Keys{}, fmt.Errorf("AWS: the agent of the pod: %w", err)
	}
	return keys, nil
}

// agents are the addresses of AWS's agents, to which requests go without TLS.
var agents = []string{"169.254.170.2", "169.254.170.23", "fd00:ec2::23"}

// agentAddress refuses to send the token of the pod to anybody else in clear.
func agentAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return errors.New("AWS: AWS_CONTAINER_CREDENTIALS_FULL_URI is no URL")
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "https" || u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() || slices.Contains(agents, u.Hostname()) {
		return nil
	}
	return errors.New("AWS: AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor the address of an agent of this machine")
}

// machine asks the metadata service of the machine, in its version 2.
func (s *Source) machine(ctx context.Context, endpoint string) (Keys, error) {
	ctx, cancel := context.WithTimeout(ctx, machineTimeout)
	defer cancel()
	base := strings.TrimSuffix(endpoint, "/") + "/latest/"
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, base+"api/token", nil)
	if err != nil {
		return Keys{}, err
	}
	request.Header.Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60")
	token, err := ok(do(s.direct, request))
	if err != nil {
		return Keys{}, err
	}
	const header, roles = "X-Aws-Ec2-Metadata-Token", "meta-data/iam/security-credentials/"
	role, err := s.get(ctx, base+roles, header, string(token))
	if err != nil {
		return Keys{}, err
	}
	name, _, _ := strings.Cut(strings.TrimSpace(string(role)), "\n")
	return s.document(ctx, base+roles+url.PathEscape(name), header, string(token))
}

// document reads keys from an address.
func (s *Source) document(ctx context.Context, address, header, token string) (Keys, error) {
	content, err := s.get(ctx, address, header, token)
	if err != nil {
		return Keys{}, err
	}
	var d document
	if err := json.Unmarshal(content, &d); err != nil {
		return Keys{}, errors.New("the answer is not the JSON of credentials")
	}
	return Keys{AccessKey: d.AccessKeyID, SecretKey: d.SecretAccessKey, SessionToken: d.Token, Expires: d.Expiration}, nil
}

func (s *Source) get(ctx context.Context, address, header, token string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("the address is no URL")
	}
	if token != "" {
		request.Header.Set(header, token)
	}
	return ok(do(s.direct, request))
}

// do sends a request and reads the answer.
func do(client *http.Client, request *http.Request) (content []byte, status int, err error) {
	response, err := client.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	content, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return content, response.StatusCode, err
}

// ok lets nothing but success through.
func ok(content []byte, status int, err error) ([]byte, error) {
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("answered %d", status)
	}
	return content, err
}
