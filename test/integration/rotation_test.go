package integration

import (
	"bufio"
	"cmp"
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/test/integration/cluster"
	"knative.dev/eventing-kafka-go/test/integration/poll"
	"knative.dev/eventing-kafka-go/test/integration/process"
	"knative.dev/eventing-kafka-go/test/integration/traffic"
)

// Client certificate, the brokers' certificate and both authorities are exchanged under load, in the order in which people
// do it: nobody notices, and when the old ones are not admitted any more nobody uses them (SEC-31).
func TestSecurityOfARealKafkaByRotationOfCertificates(t *testing.T) {
	k := findSecured(t)
	admin, c, next := k.admin(t), cluster.Start(t), newAuthority(t)
	topic, uid := c.Topic(t, "rotation", 4, nil), cluster.Name("rotation")
	before, after := cluster.Name("before"), cluster.Name("after") // the two users
	for _, user := range []string{before, after} {
		allow(t, admin, "User:CN="+user, kadm.NewACLs().Topics(topic).Operations(kadm.OpWrite, kadm.OpRead))
		allow(t, admin, "User:CN="+user, kadm.NewACLs().Groups("group-"+uid).Operations(kadm.OpRead))
	}
	oldCert, oldKey := k.authority.client(t, before)
	newCert, newKey := next.client(t, after)
	old := map[string]string{"protocol": "SSL", "ca.crt": k.authority.ca, "user.crt": oldCert, "user.key": oldKey}
	both := other(old, "ca.crt", k.authority.ca+next.ca, "user.crt", newCert, "user.key", newKey)
	last := other(both, "ca.crt", next.ca)

	subscriber := traffic.NewSubscriber(t, nil)
	secured := resource(c, "rotation", topic, egress(uid, subscriber.URL, contract.DeliveryOrder_ORDERED))
	secured.BootstrapServers, secured.Auth = k.ssl, authOf("kafka")
	mounted := mountSecrets(t, map[string]map[string]string{"kafka": old})
	p := process.New(t, "all", process.NewMount(t, contractOf(1, secured)), 10*time.Second, "CREDENTIALS_DIR_PATH="+mounted.dir)
	p.Start(t)
	awaitAssigned(t, p, uid)
	first := traffic.Text("first", "first") // rights reach brokers a moment after they were given
	poll.Until(t, patience, func() string {
		code, reason, err := traffic.NewClient(t, 1).Send(t.Context(), at(p, "rotation")(), first)
		if err == nil && code == 202 {
			return ""
		}
		return fmt.Sprintf("an event is taken: %d %s %v", code, reason, err)
	})
	stalls := poll.WatchStalls(t)
	load := traffic.NewLoad(t, "e", 8, 20*time.Millisecond, at(p, "rotation"))
	more := func(what string) {
		accepted, delivered := load.Accepted(), subscriber.Distinct()
		poll.Until(t, patience, func() string {
			if load.Accepted() < accepted+50 || subscriber.Distinct() < delivered+50 {
				return fmt.Sprintf("%s: events go through; refused %v", what, load.Refused())
			}
			return ""
		})
	}
	rotate := func(data map[string]string) time.Duration { // until nothing from before is open any more
		open, began := connectionsTo(t, k.ssl), time.Now()
		mounted.swap(t, map[string]map[string]string{"kafka": data})
		poll.Until(t, patience, func() string {
			if version := p.Report(t).Contract.CredentialVersions["ns/kafka"]; version != mounted.version() {
				return fmt.Sprintf("credentials %s are loaded, they are %s", mounted.version(), version)
			}
			now := connectionsTo(t, k.ssl)
			if left := slices.DeleteFunc(slices.Clone(open), func(port int) bool { return !slices.Contains(now, port) }); len(left) > 0 {
				return fmt.Sprintf("%d of %d connections of the old credentials are closed", len(open)-len(left), len(open))
			}
			return ""
		})
		return time.Since(began)
	}
	more("before")
	broker := k.listener(t, admin)
	broker.set("truststore", k.authority.ca+next.ca)
	broker.await(both, true)
	tookClient := rotate(both)
	more("with the new client certificate")

	if disallow(t, admin, "User:CN="+before) == 0 {
		t.Error("the rights of the old certificate were not found")
	}
	broker.set("truststore", next.ca)
	broker.await(old, false)
	more("while the old client certificate is not admitted")

	server, key := next.issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.ParseIP("127.0.0.1")}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	broker.set("keystore", key+server+next.ca)
	broker.await(last, true)
	tookAuthority := rotate(last)
	more("with the new authority alone")
	load.Stop()
	if refused := load.Refused(); len(refused) > 0 {
		t.Errorf("events were refused: %v", refused)
	}
	assertNothingLost(t, c, topic, load.Ledger(), subscriber)
	if err := reaches(t, secretOf(t, k.ssl, other(last, "ca.crt", k.authority.ca))); err == nil {
		t.Error("the broker still has its old certificate")
	}
	t.Logf("%d events, 0 refused, the longest answer after %v, %d delivered again; old connections closed %v and %v after the new Secrets; "+
		"the machine stood still for %v at most", load.Accepted(), load.Longest().Round(time.Millisecond), subscriber.Repeated(),
		tookClient.Round(time.Millisecond), tookAuthority.Round(time.Millisecond), stalls.Longest().Round(time.Millisecond))
}

// allow gives rights for the rest of the test.
func allow(t *testing.T, admin *kadm.Client, principal string, rights *kadm.ACLBuilder) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), securityWait)
	defer cancel()
	results, err := admin.CreateACLs(ctx, rights.Allow(principal).AllowHosts().ResourcePatternType(kadm.ACLPatternLiteral))
	for _, r := range results {
		err = cmp.Or(err, r.Err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = disallow(t, admin, principal) })
}

// disallow takes all rights away and returns how many there were.
func disallow(t *testing.T, admin *kadm.Client, principal string) (taken int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), securityWait)
	defer cancel()
	results, err := admin.DeleteACLs(ctx, kadm.NewACLs().Allow(principal).AllowHosts().AnyResource().Operations().ResourcePatternType(kadm.ACLPatternAny))
	for _, r := range results {
		err = cmp.Or(err, r.Err)
		taken += len(r.Deleted)
	}
	if err != nil {
		t.Errorf("take the rights of %s away: %v", principal, err)
	}
	return taken
}

// sslListener is what a broker shows and trusts where it demands client certificates.
type sslListener struct {
	t     *testing.T
	k     *securedKafka
	admin *kadm.Client
	n     int
}

// listener gives back the settings of the broker when the test ends.
func (k *securedKafka) listener(t *testing.T, admin *kadm.Client) *sslListener {
	t.Helper()
	l := &sslListener{t: t, k: k, admin: admin}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		for _, store := range []string{"truststore", "keystore"} {
			l.alter(ctx, kadm.AlterConfig{Op: kadm.DeleteConfig, Name: l.location(store)})
		}
		cert, key := k.authority.client(t, "restored")
		l.await(map[string]string{"protocol": "SSL", "ca.crt": k.authority.ca, "user.crt": cert, "user.key": key}, true)
	})
	return l
}

func (l *sslListener) location(store string) string {
	return "listener.name.ssl.ssl." + store + ".location"
}

// set exchanges a store for another one in PEM. What is connected stays so.
func (l *sslListener) set(store, content string) {
	l.t.Helper()
	l.n++
	path := filepath.Join(l.t.TempDir(), fmt.Sprintf("%s-%d.pem", store, l.n))
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		l.t.Fatal(err)
	}
	l.alter(l.t.Context(), kadm.AlterConfig{Op: kadm.SetConfig, Name: l.location(store), Value: &path})
}

func (l *sslListener) alter(ctx context.Context, change kadm.AlterConfig) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, securityWait)
	defer cancel()
	responses, err := l.admin.AlterBrokerConfigs(ctx, []kadm.AlterConfig{change}, 0)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, r := range responses {
		if r.Err != nil {
			l.t.Fatalf("%s: %v: %s", change.Name, r.Err, r.ErrMessage)
		}
	}
}

// await waits until the broker admits a Secret, or does not any more: it takes up its settings after it has answered, and
// each of its threads by itself.
func (l *sslListener) await(data map[string]string, admitted bool) {
	l.t.Helper()
	connection := secretOf(l.t, l.k.ssl, data)
	poll.Until(l.t, patience, func() string {
		for range 6 {
			if err := reaches(l.t, connection); (err == nil) != admitted {
				return fmt.Sprintf("the broker admits a certificate: %v is %v, %v", admitted, err == nil, err)
			}
		}
		return ""
	})
}

// connectionsTo are the local ports of connections to an address; none where the system does not tell.
func connectionsTo(t *testing.T, address string) (ports []int) {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	remote, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open("/proc/self/net/tcp")
	if err != nil {
		return nil
	}
	defer file.Close()
	const established = "01"
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || fields[3] != established || !strings.HasSuffix(fields[2], fmt.Sprintf(":%04X", remote)) {
			continue
		}
		if port, err := strconv.ParseInt(fields[1][strings.IndexByte(fields[1], ':')+1:], 16, 32); err == nil {
			ports = append(ports, int(port))
		}
	}
	return ports
}

// secretMount is a folder with credentials for a data plane, of Secrets in the namespace ns.
type secretMount struct {
	dir     string
	written int
}

func mountSecrets(t *testing.T, secrets map[string]map[string]string) *secretMount {
	t.Helper()
	m := &secretMount{dir: t.TempDir()}
	m.swap(t, secrets)
	return m
}

// version is that of all Secrets that are mounted.
func (m *secretMount) version() string { return strconv.Itoa(m.written) }

// swap exchanges all Secrets in one step.
func (m *secretMount) swap(t *testing.T, secrets map[string]map[string]string) {
	t.Helper()
	m.written++
	var bundle credentials.Bundle
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		data := map[string][]byte{}
		for key, value := range secrets[name] {
			data[key] = []byte(value)
		}
		bundle.Secrets = append(bundle.Secrets, credentials.Secret{Namespace: "ns", Name: name, Version: m.version(), Data: data})
	}
	content, err := credentials.Encode(bundle)
	if err == nil {
		err = os.WriteFile(filepath.Join(m.dir, "new"), content, 0o600)
	}
	if err == nil {
		err = os.Rename(filepath.Join(m.dir, "new"), filepath.Join(m.dir, credentials.File))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func authOf(name string) *contract.Resource_AuthSecret {
	return &contract.Resource_AuthSecret{AuthSecret: &contract.Reference{Namespace: "ns", Name: name}}
}
