// Package aws is the identity of this process at AWS: the access keys that the environment, a web identity, a profile of the
// files that AWS's clients share, the agent of a pod or the machine give it, and those of a role that it assumes with them.
//
// It speaks the documented HTTP endpoints and nothing else of AWS. It keeps keys until shortly before they end and never
// writes one into an error. A [Source] may be used by any goroutine.
package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// SessionName is how a session of ours is called where AWS logs it (SEC-12).
	SessionName = "knative-eventing"

	// renewal is how long before their end keys are replaced, as far as that succeeds.
	renewal = 5 * time.Minute
	// timeout bounds one request.
	timeout = 10 * time.Second
	// machineTimeout bounds one request to the machine, which does not answer where there is no such service.
	machineTimeout = 2 * time.Second
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 256 << 10
)

// Keys are an access key.
type Keys struct {
	AccessKey, SecretKey, SessionToken string
	// Expires is zero for keys that do not end.
	Expires time.Time
}

// Config says whose keys are wanted.
type Config struct {
	// Region is where STS is asked. It must be the name of a region: it becomes part of a host's name.
	Region string
	// Role is the ARN of the role to assume, "" for the process itself.
	Role string
	// Env reads the environment.
	Env func(string) string
}

// Source gives the keys of one identity.
type Source struct {
	config Config
	// direct is for addresses of the machine, which no proxy can reach.
	direct, proxied *http.Client

	mu   sync.Mutex
	keys map[string]Keys // by role, "" is the process
}

// New returns a source. It asks nobody yet.
func New(c Config) *Source {
	return &Source{
		config: c, keys: map[string]Keys{},
		direct:  &http.Client{Timeout: timeout, Transport: &http.Transport{}},
		proxied: &http.Client{Timeout: timeout, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}},
	}
}

// Keys returns keys that are valid for a while, asking for new ones when the last are about to end.
func (s *Source) Keys(ctx context.Context) (Keys, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := func() (Keys, error) { return s.renewed(ctx, "", s.process) }
	if s.config.Role == "" {
		return own()
	}
	return s.renewed(ctx, s.config.Role, func(ctx context.Context) (Keys, error) {
		keys, err := own()
		if err != nil {
			return Keys{}, err
		}
		return s.assume(ctx, keys, map[string]string{"role_arn": s.config.Role})
	})
}

// renewed returns the keys of a role that are kept, or asks for new ones. Those that are kept are used as long as they are
// valid when there are no new ones. mu is held.
func (s *Source) renewed(ctx context.Context, role string, ask func(context.Context) (Keys, error)) (Keys, error) {
	kept, ok := s.keys[role]
	now := time.Now()
	if ok && kept.Expires.Sub(now) > renewal {
		return kept, nil
	}
	keys, err := ask(ctx)
	switch {
	case err == nil && keys.AccessKey != "" && keys.SecretKey != "":
		if !keys.Expires.IsZero() {
			s.keys[role] = keys
		}
		return keys, nil
	case ok && kept.Expires.After(now):
		return kept, nil
	case err == nil:
		return Keys{}, errors.New("AWS: the answer holds no access key")
	}
	return Keys{}, err
}

// process returns the keys of the process itself, by the first of the ways that the environment asks for, in the order of
// AWS's own clients.
func (s *Source) process(ctx context.Context) (Keys, error) {
	env, chosen := s.config.Env, cmp.Or(s.config.Env("AWS_PROFILE"), s.config.Env("AWS_DEFAULT_PROFILE"))
	if chosen == "" {
		if keys := s.environment(); keys.AccessKey != "" {
			return keys, nil
		}
		if env("AWS_WEB_IDENTITY_TOKEN_FILE") != "" && env("AWS_ROLE_ARN") != "" {
			return s.webIdentity(ctx, env("AWS_WEB_IDENTITY_TOKEN_FILE"), env("AWS_ROLE_ARN"), cmp.Or(env("AWS_ROLE_SESSION_NAME"), SessionName))
		}
	}
	all, err := s.profiles()
	if err != nil {
		return Keys{}, err
	}
	switch keys, ok, err := s.profile(ctx, cmp.Or(chosen, "default"), all, 0); {
	case err != nil || ok:
		return keys, err
	case chosen != "":
		return Keys{}, fmt.Errorf("AWS: profile %q, which AWS_PROFILE names, has no keys", chosen)
	case env("AWS_CONTAINER_CREDENTIALS_FULL_URI") != "" || env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != "":
		return s.agent(ctx)
	}
	return s.host(ctx)
}

// environment is the access key of the environment; empty without one.
func (s *Source) environment() Keys {
	env := s.config.Env
	if env("AWS_ACCESS_KEY_ID") == "" || env("AWS_SECRET_ACCESS_KEY") == "" {
		return Keys{}
	}
	return Keys{AccessKey: env("AWS_ACCESS_KEY_ID"), SecretKey: env("AWS_SECRET_ACCESS_KEY"), SessionToken: env("AWS_SESSION_TOKEN")}
}

// agent asks the agent that the environment names.
func (s *Source) agent(ctx context.Context) (Keys, error) {
	env := s.config.Env
	switch {
	case env("AWS_CONTAINER_CREDENTIALS_FULL_URI") != "":
		return s.container(ctx, env("AWS_CONTAINER_CREDENTIALS_FULL_URI"))
	case env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != "":
		return s.container(ctx, "http://169.254.170.2"+env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"))
	}
	return Keys{}, errors.New("AWS: the environment names no agent")
}

// host asks the machine, after everything else.
func (s *Source) host(ctx context.Context) (Keys, error) {
	env := s.config.Env
	const none = "AWS: the environment has no access key, web identity, profile or identity of a pod"
	if strings.EqualFold(env("AWS_EC2_METADATA_DISABLED"), "true") {
		return Keys{}, errors.New(none + ", and that of the machine is disabled")
	}
	keys, err := s.machine(ctx, cmp.Or(env("AWS_EC2_METADATA_SERVICE_ENDPOINT"), "http://169.254.169.254"))
	if err != nil {
		return Keys{}, fmt.Errorf(none+"; that of the machine: %w", err)
	}
	return keys, nil
}

// Domain is that of AWS's hosts in a region.
func Domain(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}
