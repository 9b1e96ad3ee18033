package contractfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/filewatch"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
)

// mounted are the credentials in use.
type mounted struct {
	secrets  kafka.Credentials // nil: there were none yet
	versions map[string]string
}

// readCredentials takes what is mounted when the process starts. Failures are reported by watchCredentials.
func (s *Source) readCredentials() {
	if s.o.CredentialsDir == "" {
		return
	}
	if content, err := os.ReadFile(s.credentialsPath()); err == nil && len(content) <= credentials.MaxDecodedBytes {
		s.onCredentials(content)
	}
}

func (s *Source) credentialsPath() string { return filepath.Join(s.o.CredentialsDir, credentials.File) }

func (s *Source) watchCredentials(ctx context.Context) error {
	err := filewatch.Watch(ctx, s.credentialsPath(), filewatch.Options{
		Interval: s.o.Interval, MaxBytes: credentials.MaxDecodedBytes, OnError: s.onCredentialsRead, Log: s.o.Log,
	}, s.onCredentials)
	if err != nil {
		return fmt.Errorf("read credentials: %w", err)
	}
	return nil
}

// onCredentialsRead hears that the file cannot be read, or can again. A file that was never there is nothing unusual:
// not every data plane needs credentials.
func (s *Source) onCredentialsRead(err error) {
	s.work.Lock()
	defer s.work.Unlock()
	if errors.Is(err, fs.ErrNotExist) && s.mounted.secrets == nil {
		err = nil
	}
	s.credentialsFailed(err)
}

// onCredentials takes what was read from the file, and runs the contract with it.
func (s *Source) onCredentials(content []byte) {
	s.work.Lock()
	defer s.work.Unlock()
	bundle, err := credentials.Decode(content)
	s.credentialsFailed(err)
	if err != nil {
		return
	}
	next := mounted{bundle.ByName(), bundle.Versions()}
	if s.mounted.secrets.Equal(next.secrets) && maps.Equal(s.mounted.versions, next.versions) {
		return
	}
	s.mounted = next
	s.o.Log.Info("Credentials loaded", "path", s.credentialsPath(), "secrets", len(next.secrets))
	current := s.State().Current
	if current != nil {
		renewed := *current // a Snapshot that was handed out stays as it is
		renewed.Credentials, renewed.CredentialVersions = next.secrets, next.versions
		s.apply(renewed)
		current = &renewed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Current = current
	s.state.CredentialLoads++
}

// credentialsFailed notes why the mounted credentials are not in use; nil says that they are.
func (s *Source) credentialsFailed(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	s.mu.Lock()
	news := text != s.state.CredentialsError
	s.state.CredentialsError = text
	if news && err != nil {
		s.state.LastError, s.state.LastErrorAt = "mounted credentials: "+text, time.Now()
	}
	s.mu.Unlock()
	if news && err != nil {
		s.o.Log.Warn("Cannot use the mounted credentials, those before stay in use", "path", s.credentialsPath(), "error", err)
	}
}
