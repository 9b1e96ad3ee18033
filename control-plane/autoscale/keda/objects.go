package keda

import (
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"knative.dev/pkg/kmeta"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/control-plane/apis/sources"
	sourcesv1beta1 "knative.dev/eventing-kafka-go/control-plane/apis/sources/v1beta1"
	"knative.dev/eventing-kafka-go/control-plane/credentials"
)

// resourceLabel marks Secrets and TriggerAuthentications (ST-17).
const resourceLabel = "internal.kafka.eventing.knative.dev/resource"

// Objects are what has KEDA scale one KafkaSource. Without authentication there are only ScaledObjects.
type Objects struct {
	ScaledObject, Authentication *unstructured.Unstructured
	// Secret holds what no Secret of the user says in KEDA's words; it has no password.
	Secret *corev1.Secret
}

// UnsupportedError says that KEDA cannot connect to a Kafka as the source does.
type UnsupportedError struct{ Type string }

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("SASL type value %q is not supported", e.Type)
}

// Name is that of all objects for a source (EG-99).
func Name(s *sourcesv1beta1.KafkaSource) string { return "so-" + string(s.UID) }

// Make returns the objects for a source. The error is an *[UnsupportedError], or about a Secret.
func Make(s *sourcesv1beta1.KafkaSource, p annotation.Autoscaling, get credentials.Get) (Objects, error) {
	o := Objects{}
	if err := o.authenticate(s, get); err != nil {
		return Objects{}, err
	}
	o.ScaledObject = object(s, "ScaledObject", map[string]any{
		"scaleTargetRef": map[string]any{
			"apiVersion": sourcesv1beta1.SchemeGroupVersion.String(), "kind": sources.KafkaSourceKind, "name": s.Name,
		},
		"minReplicaCount": int64(p.Min), "maxReplicaCount": int64(p.Max),
		"pollingInterval": int64(p.Polling.Seconds()), "cooldownPeriod": int64(p.Cooldown.Seconds()),
		"triggers": o.triggers(s, p),
	})
	return o, nil
}

// triggers are one for each topic (EG-101).
func (o *Objects) triggers(s *sourcesv1beta1.KafkaSource, p annotation.Autoscaling) []any {
	all := make([]any, 0, len(s.Spec.Topics))
	for _, topic := range s.Spec.Topics {
		trigger := map[string]any{"type": "kafka", "metadata": map[string]any{
			"bootstrapServers":       strings.Join(s.Spec.BootstrapServers, ","),
			"consumerGroup":          s.Spec.ConsumerGroup,
			"topic":                  topic,
			"lagThreshold":           strconv.FormatInt(p.LagThreshold, 10),
			"activationLagThreshold": strconv.FormatInt(p.Activation, 10),
			"allowIdleConsumers":     strconv.FormatBool(len(s.Status.Placements) > 0),
		}}
		if o.Authentication != nil {
			trigger["authenticationRef"] = map[string]any{"name": Name(s)}
		}
		all = append(all, trigger)
	}
	return all
}

// authenticate makes what KEDA authenticates with (EG-102, EG-103): the keys of the user's Secrets where they are, so that
// no password is copied and a rotation reaches KEDA by itself.
func (o *Objects) authenticate(s *sourcesv1beta1.KafkaSource, get credentials.Get) error {
	net := &s.Spec.Net
	if !net.SASL.Enable && !net.TLS.Enable {
		return nil
	}
	words := map[string]string{}
	var parameters []any
	add := func(enabled bool, parameter string, from *corev1.SecretKeySelector) {
		if enabled && from != nil {
			parameters = append(parameters, map[string]any{"parameter": parameter, "name": from.Name, "key": from.Key})
		}
	}
	if net.SASL.Enable {
		mechanism, err := saslOf(s.Namespace, net.SASL.Type.SecretKeyRef, get)
		if err != nil {
			return err
		}
		words["sasl"] = mechanism
	}
	if net.TLS.Enable {
		words["tls"] = "enable"
	}
	for _, word := range []string{"sasl", "tls"} {
		_, ok := words[word]
		add(ok, word, &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: Name(s)}, Key: word})
	}
	add(net.SASL.Enable, "username", net.SASL.User.SecretKeyRef)
	add(net.SASL.Enable, "password", net.SASL.Password.SecretKeyRef)
	add(net.TLS.Enable, "ca", net.TLS.CACert.SecretKeyRef)
	add(net.TLS.Enable, "cert", net.TLS.Cert.SecretKeyRef)
	add(net.TLS.Enable, "key", net.TLS.Key.SecretKeyRef)
	o.Secret = &corev1.Secret{ObjectMeta: meta(s), Data: map[string][]byte{}}
	for word, value := range words {
		o.Secret.Data[word] = []byte(value)
	}
	o.Authentication = object(s, "TriggerAuthentication", map[string]any{"secretTargetRef": parameters})
	return nil
}

// saslOf is KEDA's word for the mechanism under a key of a Secret; none is PLAIN.
func saslOf(namespace string, from *corev1.SecretKeySelector, get credentials.Get) (string, error) {
	if from == nil {
		return "plaintext", nil
	}
	secret, err := get(namespace, from.Name)
	if err != nil {
		return "", err
	}
	switch mechanism := string(secret.Data[from.Key]); mechanism {
	case "PLAIN":
		return "plaintext", nil
	case "SCRAM-SHA-256":
		return "scram_sha256", nil
	case "SCRAM-SHA-512":
		return "scram_sha512", nil
	default:
		return "", &UnsupportedError{mechanism}
	}
}

// meta is that of all objects for a source; the owner reference has them deleted with it (EG-104).
func meta(s *sourcesv1beta1.KafkaSource) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: s.Namespace, Name: Name(s), Labels: map[string]string{resourceLabel: "true"},
		OwnerReferences: []metav1.OwnerReference{*kmeta.NewControllerRef(s)},
	}
}

func object(s *sourcesv1beta1.KafkaSource, kind string, spec map[string]any) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	u.SetAPIVersion(groupVersion.String())
	u.SetKind(kind)
	m := meta(s)
	u.SetNamespace(m.Namespace)
	u.SetName(m.Name)
	u.SetLabels(m.Labels)
	u.SetOwnerReferences(m.OwnerReferences)
	return u
}
