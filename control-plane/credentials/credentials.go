// Package credentials is how the control plane gets from objects that name Secrets to what the contract says about them
// and to connections of its own.
//
// It owns no state: Secrets come from a function, mostly a lister's. It never writes a value into an error. Everything
// may be used by any goroutine.
package credentials

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	kafkacredentials "knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// Get returns a Secret. An error says which one and why not.
type Get func(namespace, name string) (*corev1.Secret, error)

// Lister is what a lister of Secrets has.
type Lister[N interface {
	Get(name string) (*corev1.Secret, error)
}] interface {
	Secrets(namespace string) N
}

// From makes a Get of a lister.
func From[N interface {
	Get(name string) (*corev1.Secret, error)
}](lister Lister[N]) Get {
	return func(namespace, name string) (*corev1.Secret, error) {
		secret, err := lister.Secrets(namespace).Get(name)
		if err != nil {
			return nil, fmt.Errorf("get Secret %s/%s: %w", namespace, name, err)
		}
		return secret, nil
	}
}

// Connection returns the connection to servers with the Secret that an object names; an empty name is none.
func Connection(get Get, servers []string, namespace, name string) (translate.Connection, error) {
	c := translate.Connection{BootstrapServers: servers}
	if name == "" {
		return c, nil
	}
	secret, err := get(namespace, name)
	if err != nil {
		return c, err
	}
	c.AuthSecret, c.MultiAuth = kafkacredentials.Auth(Reference(secret), secret.Data)
	return c, nil
}

// Reference is how the contract refers to a Secret.
func Reference(secret *corev1.Secret) *contract.Reference {
	return &contract.Reference{
		Uuid: string(secret.UID), Namespace: secret.Namespace, Name: secret.Name,
		Kind: "Secret", GroupVersion: "v1", Version: secret.ResourceVersion,
	}
}

// Kafka returns the connection for a client of the control plane. The error names the Secret and the key.
func Kafka(get Get, c translate.Connection) (kafka.Connection, error) {
	r, err := translate.Connected(c)
	if err != nil {
		return kafka.Connection{}, err
	}
	secrets := kafkacredentials.Secrets{}
	for _, ref := range kafkacredentials.References(r) {
		secret, err := get(ref.GetNamespace(), ref.GetName())
		if err != nil {
			return kafka.Connection{}, err
		}
		secrets[kafkacredentials.Name(ref)] = secret.Data
	}
	return kafka.ConnectionOf(r, secrets)
}
