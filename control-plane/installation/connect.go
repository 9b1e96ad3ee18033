package installation

import (
	"knative.dev/pkg/apis"

	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
	"knative.dev/eventing-kafka-go/control-plane/credentials"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/translate"
)

// Connect returns the admin of the Kafka at servers, with the Secret that an object names, "" for none. It marks
// ConfigParsed, or TopicReady when the settings are right and still no client can be made of them.
func (in *Installation) Connect(m apis.ConditionManager, servers []string, namespace, secret string) (*kafkaadmin.Admin, error) {
	c, err := credentials.Connection(in.Secret, servers, namespace, secret)
	if err != nil {
		conditions.MarkSecretFailed(m, err)
		return nil, err
	}
	connection, err := credentials.Kafka(in.Secret, c)
	if err != nil {
		conditions.MarkSecretFailed(m, err)
		return nil, err
	}
	m.MarkTrue(conditions.ConfigParsed)
	admin, err := in.Admins.Admin(connection)
	if err != nil {
		conditions.MarkAdminFailed(m, err)
		return nil, err
	}
	return admin, nil
}

// AdminFor returns the admin of the Kafka that settings lead to.
func (in *Installation) AdminFor(s translate.Settings) (*kafkaadmin.Admin, error) {
	c, err := credentials.Connection(in.Secret, s.BootstrapServers, s.SecretNamespace, s.SecretName)
	if err != nil {
		return nil, err
	}
	return in.Admin(c)
}

// ConnectForDeletion returns how to connect to a Kafka that settings lead to, and how to do so without authentication when
// the Secret is gone: at the recorded servers when the settings are gone too.
func (in *Installation) ConnectForDeletion(
	settings func() (translate.Settings, error), recorded []string,
) (admin, bare func() (*kafkaadmin.Admin, error)) {
	admin = func() (*kafkaadmin.Admin, error) {
		s, err := settings()
		if err != nil {
			return nil, err
		}
		return in.AdminFor(s)
	}
	bare = func() (*kafkaadmin.Admin, error) {
		s, err := settings()
		switch {
		case err == nil:
			recorded = s.BootstrapServers
		case len(recorded) == 0:
			return nil, err
		}
		return in.Admin(translate.Connection{BootstrapServers: recorded})
	}
	return admin, bare
}
