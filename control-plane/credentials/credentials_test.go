package credentials

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	bindingsv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/bindings/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/proto/contract"
)

const password = "never-to-be-told"

// secrets are found by their name in the namespace ns.
func secrets(all map[string]map[string]string) Get {
	return func(namespace, name string) (*corev1.Secret, error) {
		data, ok := all[name]
		if namespace != "ns" || !ok {
			return nil, errors.New("get Secret " + namespace + "/" + name + ": not found")
		}
		s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: "u", ResourceVersion: "7"}, Data: map[string][]byte{}}
		for key, value := range data {
			s.Data[key] = []byte(value)
		}
		return s, nil
	}
}

func TestConnections(t *testing.T) {
	get := secrets(map[string]map[string]string{
		"plain":   {"protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-512", "user": "u", "password": password},
		"wrong":   {"protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-512", "password": password},
		"older":   {"sasl": "true", "user": "u", "password": password, "saslType": "PLAIN"},
		"strange": {"protocol": password},
	})
	for name, row := range map[string]struct {
		secret, namespace string
		authenticated     bool
		problem           string
	}{
		"no Secret":                        {"", "ns", false, ""},
		"a Secret with protocol":           {"plain", "ns", true, ""},
		"a Secret of the older format":     {"older", "ns", true, ""},
		"a Secret that is missing":         {"none", "ns", false, "get Secret ns/none: not found"},
		"a Secret of another namespace":    {"plain", "other", false, "get Secret other/plain: not found"},
		"a Secret without a user":          {"wrong", "ns", false, "ns/wrong"},
		"a Secret with a strange protocol": {"strange", "ns", false, "ns/strange"},
	} {
		c, err := Connection(get, []string{"kafka:9092"}, row.namespace, row.secret)
		if err == nil {
			k, kafkaErr := Kafka(get, c)
			if err = kafkaErr; err == nil && (k.Security != (kafka.Security{})) != row.authenticated {
				t.Errorf("%s: authenticated as it should not be", name)
			}
		}
		checkProblem(t, name, err, row.problem)
	}
	c, err := Connection(get, []string{"kafka:9092"}, "ns", "plain")
	if ref := c.AuthSecret; err != nil || ref.GetVersion() != "7" || ref.GetName() != "plain" || ref.GetNamespace() != "ns" { // CT-26
		t.Errorf("%v, %v", ref, err)
	}
	if _, err := Kafka(get, translate.Connection{}); err == nil {
		t.Error("a connection to nowhere")
	}
}

func checkProblem(t *testing.T, name string, err error, want string) {
	t.Helper()
	if (err != nil) != (want != "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), password)) {
		t.Errorf("%s: %v, not %q", name, err, want)
	}
}

func selector(secret, key string) *corev1.SecretKeySelector {
	return &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: key}
}

func TestNet(t *testing.T) { // SEC-22 to SEC-27
	get := secrets(map[string]map[string]string{"a": {"user": "u", "type": "PLAIN", "empty": ""}, "b": {"password": password, "ca": "pem"}})
	for name, row := range map[string]struct {
		change  func(*bindingsv1beta1.KafkaNetSpec)
		want    contract.Protocol
		secrets int
		problem string
	}{
		"nothing is enabled, whatever is named": {func(n *bindingsv1beta1.KafkaNetSpec) {
			n.SASL.Enable = false
			n.TLS.CACert.SecretKeyRef = selector("none", "ca")
		}, contract.Protocol_PLAINTEXT, 0, ""},
		"user and password of two Secrets": {func(*bindingsv1beta1.KafkaNetSpec) {}, contract.Protocol_SASL_PLAINTEXT, 2, ""},
		"encrypted too": {func(n *bindingsv1beta1.KafkaNetSpec) {
			n.TLS.Enable, n.TLS.CACert.SecretKeyRef = true, selector("b", "ca")
		}, contract.Protocol_SASL_SSL, 2, ""},
		"encrypted with the roots of the system": {func(n *bindingsv1beta1.KafkaNetSpec) { n.SASL.Enable, n.TLS.Enable = false, true }, contract.Protocol_SSL, 0, ""},
		"a Secret that is missing":               {func(n *bindingsv1beta1.KafkaNetSpec) { n.SASL.Type.SecretKeyRef = selector("none", "type") }, 0, 0, "get Secret ns/none: not found"},
		"a key that is missing":                  {func(n *bindingsv1beta1.KafkaNetSpec) { n.SASL.Type.SecretKeyRef = selector("a", "no") }, 0, 0, "missing secret key or empty secret value (ns/a.no)"},
		"a key that is empty":                    {func(n *bindingsv1beta1.KafkaNetSpec) { n.SASL.Type.SecretKeyRef = selector("a", "empty") }, 0, 0, "missing secret key or empty secret value (ns/a.empty)"},
	} {
		n := &bindingsv1beta1.KafkaNetSpec{}
		n.SASL.Enable, n.SASL.User.SecretKeyRef, n.SASL.Password.SecretKeyRef = true, selector("a", "user"), selector("b", "password")
		row.change(n)
		multi, err := NetOf(get, "ns", n)
		checkProblem(t, name, err, row.problem)
		if err == nil && (multi.GetProtocol() != row.want || len(multi.GetReferences()) != row.secrets) {
			t.Errorf("%s: %v", name, multi)
		}
	}
}
