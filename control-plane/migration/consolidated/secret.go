package consolidated

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"knative.dev/eventing-kafka-go/control-plane/credentials"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/migration/kube"
	kafkacredentials "knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
)

// explicitSecret is the Secret that says what follows from a user's Secret together with config-kafka, or from a try.
const explicitSecret = "kafka-channel-migrated-auth"

// target is how channels connect to Kafka after the takeover.
type target struct {
	settings
	// secret is to be made; nil where the user's is enough (MIG-19).
	secret *corev1.Secret
	notes  []string
	admin  *kafkaadmin.Admin
}

// wrongError is something that somebody has to put right before anything is changed.
type wrongError struct{ what string }

func (e *wrongError) Error() string { return e.what }

func wrong(format string, args ...any) error { return &wrongError{fmt.Sprintf(format, args...)} }

// connect decides how to connect, and proves it: a decision that was made before stays.
func (t *Takeover) connect(ctx context.Context, s settings) (target, error) {
	to := target{settings: s}
	if len(s.servers) == 0 {
		return to, wrong("ConfigMap %s names no brokers", configName)
	}
	if made, err := t.getSecret(ctx, t.Namespace, explicitSecret); err != nil {
		return to, err
	} else if made != nil {
		to.secret = made
		return to, t.try(ctx, &to)
	}
	user, inferred, err := t.userSecret(ctx, s)
	if err != nil {
		return to, err
	}
	var first error
	for _, c := range t.candidates(to, user, inferred) {
		err := c.err
		if err == nil {
			err = t.try(ctx, &c.target)
		}
		var w *wrongError
		if err == nil || !errors.As(err, &w) { // what cannot be asked is no answer
			return c.target, err
		}
		first = cmp.Or(first, err)
	}
	return to, first
}

// candidate is a way to connect that may be the right one.
type candidate struct {
	target
	err error
}

// candidates are the ways to connect, what was most probably meant first. What config-kafka says about encryption may be
// the default that nobody looked at, and an authority that everybody trusts leaves no trace in a Secret (SEC-20).
func (t *Takeover) candidates(to target, user map[string][]byte, inferred kafkacredentials.Settings) (all []candidate) {
	s := to.settings
	explicit := func(tls, sasl bool, why string) {
		c := candidate{target: to}
		c.secret, c.err = t.explicit(s, user, inferred, tls, sasl)
		c.notes = []string{fmt.Sprintf("Secret %s/%s is made: %s", t.Namespace, explicitSecret, why)}
		all = append(all, c)
	}
	says := len(user["protocol"]) > 0 // by itself what it is
	tls, sasl := s.tls || inferred.Encrypted(), s.sasl || inferred.Authenticated()
	more := !says && (tls != inferred.Encrypted() || sasl != inferred.Authenticated() || s.roots != "")
	if more {
		explicit(tls, sasl, "what "+configName+" says about encryption and authentication has no place in kafka-channel-config")
	}
	switch {
	case !more:
		all = append(all, candidate{target: to})
	case s.protocol == "" && s.roots == "" && !inferred.Authenticated(): // no password is shown to anybody
		c := candidate{target: to}
		c.notes = []string{fmt.Sprintf("ConfigMap %s asks for TLS or SASL, which the Kafka at %s does not speak", configName, strings.Join(s.servers, ","))}
		all = append(all, c)
	}
	if !says && !tls {
		explicit(true, inferred.Authenticated(), fmt.Sprintf("the brokers speak TLS, which does not follow from the keys of Secret %q", s.secretName))
	}
	return all
}

// userSecret returns the data of the Secret that config-kafka names, and what follows from it; neither where it names none.
func (t *Takeover) userSecret(ctx context.Context, s settings) (map[string][]byte, kafkacredentials.Settings, error) {
	if s.secretName == "" {
		return nil, kafkacredentials.Settings{}, nil
	}
	namespace := t.secretNamespace(s)
	secret, err := t.getSecret(ctx, namespace, s.secretName)
	if err != nil {
		return nil, kafkacredentials.Settings{}, err
	}
	if secret == nil {
		return nil, kafkacredentials.Settings{}, wrong("Secret %s/%s, which ConfigMap %s names, is not there", namespace, s.secretName, configName)
	}
	inferred, err := kafkacredentials.FromSecret(namespace+"/"+s.secretName, secret.Data)
	if err != nil {
		return nil, inferred, wrong("%v", err)
	}
	return secret.Data, inferred, nil
}

func (t *Takeover) secretNamespace(s settings) string {
	if s.secretNamespace == "" {
		return t.Namespace
	}
	return s.secretNamespace
}

// explicit makes a Secret that says all of it. The user's stays as it is.
func (t *Takeover) explicit(s settings, user map[string][]byte, have kafkacredentials.Settings, tls, sasl bool) (*corev1.Secret, error) {
	data := map[string][]byte{}
	var protocol []string
	if sasl {
		name, password := have.User, have.Password
		if name == "" {
			name = string(user["user"]) + string(user["username"])
		}
		if password == "" {
			password = string(user["password"])
		}
		if name == "" || password == "" {
			return nil, wrong("ConfigMap %s asks for SASL, and Secret %q has no user and password", configName, s.secretName)
		}
		mechanism := string(have.Mechanism)
		if mechanism == "" || have.Mechanism == kafkacredentials.Mechanism("PLAIN") && s.mechanism != "" {
			mechanism = s.mechanism
		}
		if mechanism == "" {
			mechanism = "PLAIN"
		}
		data["user"], data["password"], data["sasl.mechanism"] = []byte(name), []byte(password), []byte(mechanism)
		protocol = append(protocol, "SASL")
	}
	if tls {
		ca := strings.TrimSpace(string(user["ca.crt"]) + "\n" + s.roots)
		if ca != "" {
			data["ca.crt"] = []byte(ca + "\n")
		}
		if len(user["user.crt"]) > 0 && len(user["user.key"]) > 0 {
			data["user.crt"], data["user.key"] = user["user.crt"], user["user.key"]
		} else if !sasl {
			data["user.skip"] = []byte("true")
		}
		protocol = append(protocol, "SSL")
	} else {
		protocol = append(protocol, "PLAINTEXT")
	}
	data["protocol"] = []byte(strings.Join(protocol, "_"))
	secret := &corev1.Secret{Data: data}
	secret.Namespace, secret.Name = t.Namespace, explicitSecret
	return secret, nil
}

// try connects, and keeps the connection.
func (t *Takeover) try(ctx context.Context, to *target) error {
	get := func(namespace, name string) (*corev1.Secret, error) {
		if to.secret != nil && namespace == to.secret.Namespace && name == to.secret.Name {
			return to.secret, nil
		}
		secret, err := t.getSecret(ctx, namespace, name)
		if err == nil && secret == nil {
			err = wrong("Secret %s/%s is not there", namespace, name)
		}
		return secret, err
	}
	namespace, name := t.secretNamespace(to.settings), to.secretName
	if to.secret != nil {
		namespace, name = to.secret.Namespace, to.secret.Name
	}
	c, err := credentials.Connection(get, to.servers, namespace, name)
	if err != nil {
		return err
	}
	connection, err := credentials.Kafka(get, c)
	if err != nil {
		return wrong("%v", err)
	}
	admin, err := t.Admins.Admin(connection)
	if err != nil {
		return wrong("%v", err)
	}
	if err := admin.Ping(ctx); err != nil {
		return wrong("Kafka at %s cannot be spoken with: %v", strings.Join(to.servers, ","), err)
	}
	to.admin = admin
	return nil
}

func (t *Takeover) getSecret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	o, err := t.Kube.Get(ctx, kube.Secrets, namespace, name)
	if o == nil || err != nil {
		return nil, err
	}
	return kube.Secret(o)
}

// object is a Secret as an object.
func secretObject(s *corev1.Secret) *kube.Object {
	data := map[string]any{}
	for key, value := range s.Data {
		data[key] = base64.StdEncoding.EncodeToString(value)
	}
	return &kube.Object{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": data,
		"metadata": map[string]any{"namespace": s.Namespace, "name": s.Name},
	}}
}
