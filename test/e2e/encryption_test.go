//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/e2e/witness"
	"knative.dev/eventing-kafka-go/test/e2e/world"
)

// certificates does what cert-manager does with the Certificates that a release has for receivers: a Secret for each, of this
// authority. They are removed when the test ends.
func certificates(t *testing.T, w *world.World, a *world.Authority) {
	t.Helper()
	manifests, err := os.ReadFile(world.File("eventing-kafka-tls-networking.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range env.Parse(t, string(manifests)) {
		names, _, _ := unstructured.NestedStringSlice(c.Object, "spec", "dnsNames")
		labels, _, _ := unstructured.NestedStringMap(c.Object, "spec", "secretTemplate", "labels")
		identity := a.Issue(t, names...)
		secret := &corev1.Secret{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
			ObjectMeta: metav1.ObjectMeta{Namespace: c.GetNamespace(), Name: text(c, "spec", "secretName"), Labels: labels},
			Type:       corev1.SecretTypeTLS,
			StringData: map[string]string{"tls.crt": identity.Certificate, "tls.key": identity.Key, "ca.crt": a.CA},
		}
		secrets := w.Kube.CoreV1().Secrets(secret.Namespace)
		if _, err := secrets.Create(t.Context(), secret, metav1.CreateOptions{}); err == nil {
			t.Cleanup(func() { w.Kubectl(t, "-n", secret.Namespace, "delete", "secret", secret.Name) })
			continue
		}
		if _, err := secrets.Update(t.Context(), secret, metav1.UpdateOptions{}); err != nil {
			t.Fatalf("Secret %s: %v", secret.Name, err)
		}
	}
}

// published are the addresses of an object: the schemes of all of them in their order, and the one of HTTPS.
func published(o *env.Object) (schemes, url, ca string) {
	all, _, _ := unstructured.NestedSlice(o.Object, "status", "addresses")
	var names []string
	for _, a := range all {
		address, _ := a.(map[string]any)
		names = append(names, fmt.Sprint(address["name"]))
		if address["name"] == "https" {
			url, ca = fmt.Sprint(address["url"]), fmt.Sprint(address["CACerts"])
		}
	}
	return strings.Join(names, ","), url, ca
}

// encrypted waits until an object is Ready with these addresses.
func encrypted(t *testing.T, s *world.Space, kind, name, schemes, ca string) (url string) {
	t.Helper()
	env.Until(t, world.Patience, func() string {
		o := s.Ready(t, kind, name)
		have, at, with := published(o)
		if url = at; have != schemes || with != ca {
			return fmt.Sprintf("%s %s has addresses %s: %v", kind, name, have, o.Object["status"])
		}
		return ""
	})
	return url
}

func secureTrigger(name, broker, uri, ca, more string) string {
	if ca != "" {
		ca = fmt.Sprintf(", CACerts: %q", ca)
	}
	return fmt.Sprintf(`
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: %s}
spec: {broker: %s, subscriber: {uri: %q%s}%s}`, name, broker, uri, ca, more)
}

// With certificates for receivers and the flag, events enter and leave encrypted. A subscriber with a certificate of its own
// authority is trusted by what its Trigger says, or by a bundle that the installation trusts.
func TestTransportEncryption(t *testing.T) {
	const patient = ", delivery: {retry: 1000, backoffPolicy: linear, backoffDelay: PT0.1S}"
	w := world.Start(t)
	s := w.Space(t, "tls")
	issuer, private := world.NewAuthority(t, "issuer"), world.NewAuthority(t, "private")
	certificates(t, w, issuer)
	s.Identify(t, private)
	change(t, w, "config-features", "transport-encryption", "strict")
	topic := w.Kafka.Topic(t, "tls", 1, nil)
	s.Make(t, broker("b", "Kafka")+kafkaChannel("c", "")+fmt.Sprintf(`
---
apiVersion: eventing.knative.dev/v1alpha1
kind: KafkaSink
metadata: {name: k}
spec: {topic: %[1]s, bootstrapServers: ["%[2]s"]}
---
apiVersion: sources.knative.dev/v1
kind: KafkaSource
metadata: {name: k}
spec: {bootstrapServers: ["%[2]s"], topics: [%[1]s], sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: b}}}`,
		topic, world.Servers)+
		secureTrigger("trusted", "b", s.ToSecure("trusted"), private.CA, "")+
		secureTrigger("bundle", "b", s.ToSecure("bundle"), "", patient)+
		secureTrigger("refused", "b", s.ToSecure("refused"), issuer.CA, ", delivery: {retry: 0, deadLetterSink: {uri: \""+s.To("dead")+"\"}}")+
		subscription("s", kindKafkaChannel, "c", s.ToSecure("s"), patient)+`
---
apiVersion: messaging.knative.dev/v1
kind: Subscription
metadata: {name: trusting}
spec:
  channel: {apiVersion: messaging.knative.dev/v1beta1, kind: KafkaChannel, name: c}
  subscriber: {uri: "`+s.ToSecure("trusting")+`", CACerts: `+fmt.Sprintf("%q", private.CA)+`}`)
	began := time.Now()
	trust := witness.Credentials{CA: issuer.CA}
	for kind, name := range map[string]string{kindBroker: "b", kindKafkaChannel: "c", kindSink: "k"} {
		url := encrypted(t, s, kind, name, "https", issuer.CA)
		if !strings.HasPrefix(url, "https://kafka-"+map[string]string{kindBroker: "broker", kindKafkaChannel: "channel", kindSink: "sink"}[kind]+"-ingress.knative-eventing.svc.") {
			t.Errorf("%s: address %s", kind, url)
		}
	}
	world.Since(t, "strict encryption: Secrets and flag to all with https addresses", began)
	for kind, name := range map[string]string{kindTrigger: "trusted", kindSource: "k", kindSubscription: "trusting"} {
		s.Ready(t, kind, name)
	}
	s.Ready(t, kindTrigger, "refused")
	s.Ready(t, kindTrigger, "bundle")

	s.SendWith(t, encrypted(t, s, kindBroker, "b", "https", issuer.CA), trust, events("x", "1")...)
	s.SendWith(t, encrypted(t, s, kindKafkaChannel, "c", "https", issuer.CA), trust, events("x", "2")...)
	wantIDs(t, "who trusts the subscriber's authority", s.Await(t, "trusted", 1), "1")
	wantIDs(t, "the Subscription that does", s.Await(t, "trusting", 1), "2")
	wantIDs(t, "the dead letter sink of who trusts another one", s.Await(t, "dead", 1), "1")
	if a := s.Try(t, witness.Order{URL: encrypted(t, s, kindBroker, "b", "https", issuer.CA), Events: events("x", "no"), Credentials: witness.Credentials{CA: private.CA}})[0]; a.Code != 0 {
		t.Errorf("a sender who trusts another authority was answered %d", a.Code)
	}
	if n := len(s.Seen(t, "bundle")) + len(s.Seen(t, "refused")) + len(s.Seen(t, "s")); n > 0 {
		t.Errorf("%d events were delivered to somebody who is not trusted", n)
	}
	bundle(t, s, private, map[string][]string{"bundle": {"1"}, "s": {"2"}})

	// Record → KafkaSource → Broker, by its https address → Trigger.
	s.SendWith(t, encrypted(t, s, kindSink, "k", "https", issuer.CA), trust, events("x", "3")...)
	wantIDs(t, "who trusts the subscriber's authority", s.Await(t, "trusted", 2), "1", "3")
	if d := s.Seen(t, "trusted")[1]; d.Headers[":scheme"] != "https" {
		t.Errorf("delivered as %v", d.Headers)
	}
	permissive(t, s, issuer)
}

// bundle has the installation trust an authority, as trust-manager would, and waits for what was held back until then.
func bundle(t *testing.T, s *world.Space, a *world.Authority, waiting map[string][]string) {
	t.Helper()
	began := time.Now()
	name := "bundle-" + s.Name
	s.Make(t, fmt.Sprintf(`
apiVersion: v1
kind: ConfigMap
metadata: {name: %s, namespace: knative-eventing, labels: {networking.knative.dev/trust-bundle: "true"}}
data: {ca.crt: %q}`, name, a.CA))
	t.Cleanup(func() { s.Kubectl(t, "-n", world.System, "delete", "configmap", name) })
	for who, want := range waiting {
		wantIDs(t, "who is trusted by the bundle", s.Await(t, who, len(want)), want...)
	}
	world.Since(t, "trust bundle made to delivery of what waited for it", began)
}

// permissive publishes both addresses, and goes on when certificates are those of another authority: nobody notices who
// trusts both.
func permissive(t *testing.T, s *world.Space, issuer *world.Authority) {
	t.Helper()
	change(t, s.World, "config-features", "transport-encryption", "permissive")
	url := encrypted(t, s, kindBroker, "b", "http,https", issuer.CA)
	encrypted(t, s, kindKafkaChannel, "c", "https,http", issuer.CA)
	b := s.Ready(t, kindBroker, "b")
	if main := text(b, "status", "address", "url"); !strings.HasPrefix(main, "http://") {
		t.Errorf("the address of a Broker is %s (ST-04)", main)
	}
	s.Send(t, text(b, "status", "address", "url"), events("x", "4")...)
	s.SendWith(t, url, witness.Credentials{CA: issuer.CA}, events("x", "5")...)

	next := world.NewAuthority(t, "next")
	s.Make(t, trigger("t", "b", s.To("t"), ", filters: [{exact: {type: load}}]"))
	s.Ready(t, kindTrigger, "t")
	l := load{address: url, to: "t", began: time.Now()}
	s.Begin(t, "l", witness.Load{URL: url, Senders: 2, Interval: 50 * time.Millisecond, Credentials: witness.Credentials{CA: issuer.CA + next.CA}})
	s.Await(t, "t", 10)
	began := time.Now()
	certificates(t, s.World, next)
	encrypted(t, s, kindBroker, "b", "http,https", next.CA)
	world.Since(t, "certificates of another authority: Secret to status", began)
	env.Until(t, world.Patience, func() string {
		a := s.Try(t, witness.Order{URL: url, Events: events("x", "6"), Credentials: witness.Credentials{CA: next.CA}})[0]
		return a.Reason
	})
	world.Since(t, "certificates of another authority: Secret to served", began)
	l.account(t, s)
}
