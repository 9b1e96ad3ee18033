package v1beta1

import corev1 "k8s.io/api/core/v1"

// KafkaAuthSpec is how to reach a Kafka cluster.
type KafkaAuthSpec struct {
	// BootstrapServers are addresses of Kafka brokers, HOST:PORT.
	BootstrapServers []string `json:"bootstrapServers"`

	// Net is how connections are authenticated and encrypted.
	// +optional
	Net KafkaNetSpec `json:"net,omitzero"`
}

// KafkaNetSpec is how connections are authenticated and encrypted.
type KafkaNetSpec struct {
	// SASL is how to authenticate.
	// +optional
	SASL KafkaSASLSpec `json:"sasl,omitzero"`

	// TLS is how to encrypt.
	// +optional
	TLS KafkaTLSSpec `json:"tls,omitzero"`
}

// KafkaSASLSpec is how to authenticate.
type KafkaSASLSpec struct {
	// Enable turns SASL on.
	// +optional
	Enable bool `json:"enable,omitempty"`

	// User is the name of the user.
	// +optional
	User SecretValueFromSource `json:"user,omitzero"`

	// Password is the password of the user.
	// +optional
	Password SecretValueFromSource `json:"password,omitzero"`

	// Type is the SASL mechanism, e.g. PLAIN or SCRAM-SHA-512.
	// +optional
	Type SecretValueFromSource `json:"type,omitzero"`

	// TokenProvider is who makes tokens for the mechanism OAUTHBEARER.
	// +optional
	TokenProvider SecretValueFromSource `json:"tokenProvider,omitzero"`

	// RoleARN is the AWS role of the token provider that asks for one.
	// +optional
	RoleARN SecretValueFromSource `json:"roleARN,omitzero"`
}

// KafkaTLSSpec is how to encrypt.
type KafkaTLSSpec struct {
	// Enable turns TLS on.
	// +optional
	Enable bool `json:"enable,omitempty"`

	// Cert is the client certificate, PEM.
	// +optional
	Cert SecretValueFromSource `json:"cert,omitzero"`

	// Key is the key of the client certificate, PEM.
	// +optional
	Key SecretValueFromSource `json:"key,omitzero"`

	// CACert holds the certificates of the authorities to trust, PEM. Without it the system's are trusted.
	// +optional
	CACert SecretValueFromSource `json:"caCert,omitzero"`
}

// SecretValueFromSource is a value kept in a Secret.
type SecretValueFromSource struct {
	// SecretKeyRef names the key of a Secret.
	// +optional
	SecretKeyRef *corev1.SecretKeySelector `json:"secretKeyRef,omitempty"`
}
