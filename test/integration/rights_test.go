package integration

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/data-plane/status"
	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/test/integration/cluster"
	"knative.dev/eventing-kafka-go/test/integration/poll"
	"knative.dev/eventing-kafka-go/test/integration/process"
	"knative.dev/eventing-kafka-go/test/integration/traffic"
)

// user makes a user of SASL_SSL who may do nothing, and returns the Secret with which a resource becomes that user.
func (k *securedKafka) user(t *testing.T, admin *kadm.Client, prefix string) (principal string, secret map[string]string) {
	t.Helper()
	name, password := cluster.Name(prefix), "password-of-"+prefix
	setPassword(t, admin, name, password)
	t.Cleanup(func() { removeUser(t, admin, name) })
	return "User:" + name, map[string]string{"protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", "ca.crt": k.authority.ca,
		"user": name, "password": password}
}

// setPassword gives a user of SASL_SSL a password, and makes the user.
func setPassword(t *testing.T, admin *kadm.Client, user, password string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), securityWait)
	defer cancel()
	altered, err := admin.AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{{User: user, Mechanism: kadm.ScramSha512, Iterations: 4096, Password: password}})
	if err == nil {
		err = altered.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// removeUser ends what setPassword made, when the test has ended.
func removeUser(t *testing.T, admin *kadm.Client, user string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), securityWait)
	defer cancel()
	_, _ = admin.AlterUserSCRAMs(ctx, []kadm.DeleteSCRAM{{User: user, Mechanism: kadm.ScramSha512}}, nil)
}

// A data plane needs no more than: Write on the topic where events enter; Read on topic and group where they are delivered
// from; Write on the topic of replies (SEC-33). What is missing is named where users look (SEC-34).
func TestSecurityOfARealKafkaByTheRightsOfADataPlane(t *testing.T) {
	k := findSecured(t)
	admin, c := k.admin(t), cluster.Start(t)
	topic, uid := c.Topic(t, "rights", 2, nil), cluster.Name("rights")
	writer, writersSecret := k.user(t, admin, "writer")
	reader, readersSecret := k.user(t, admin, "reader")

	subscriber := traffic.NewSubscriber(t, nil)
	in := resource(c, "in", topic)
	in.BootstrapServers, in.Auth = k.sasl, authOf("writer")
	out := resource(c, "out", topic, egress(uid, subscriber.URL, contract.DeliveryOrder_ORDERED))
	out.BootstrapServers, out.Auth, out.Ingress = k.sasl, authOf("reader"), nil
	wrongUID := cluster.Name("wrong") // user and password that Kafka refuses concern this resource alone
	wrong := resource(c, "wrong", topic, egress(wrongUID, subscriber.URL, contract.DeliveryOrder_ORDERED))
	wrong.BootstrapServers, wrong.Auth = k.sasl, authOf("wrong")
	mounted := mountSecrets(t, map[string]map[string]string{"writer": writersSecret, "reader": readersSecret,
		"wrong": other(writersSecret, "password", "another-password")})
	p := process.New(t, "all", process.NewMount(t, contractOf(1, in, out, wrong)), 10*time.Second, "CREDENTIALS_DIR_PATH="+mounted.dir)
	p.Start(t)
	client := traffic.NewClient(t, 1)
	answersAt := func(resource, what string, n int, code int, text string) {
		t.Helper()
		poll.Until(t, patience, func() string {
			got, reason, err := client.Send(t.Context(), at(p, resource)(), traffic.Text(fmt.Sprintf("%s-%d", what, n), what))
			if n++; err != nil || got != code || !strings.Contains(reason, text) {
				return fmt.Sprintf("%s: answers %d with %q, not %d %q, %v", what, code, text, got, reason, err)
			}
			return ""
		})
	}
	answers := func(what string, n int, code int, text string) { t.Helper(); answersAt("in", what, n, code, text) }
	group := func(uid, text string) {
		t.Helper()
		poll.Until(t, patience, func() string {
			got := reportOf(t, p, uid).LastError
			if !strings.Contains(got, text) {
				return fmt.Sprintf("the status says %q, not %q", text, got)
			}
			return ""
		})
	}
	answersAt("wrong", "with another password", 0, http.StatusServiceUnavailable, "user and password, or the token of the Secret are probably refused (Secret ns/wrong)")
	group(wrongUID, "user and password, or the token of the Secret are probably refused (Secret ns/wrong)")
	answers("without a right", 0, http.StatusServiceUnavailable, "the user needs the right ")
	allow(t, admin, writer, kadm.NewACLs().Topics(topic).Operations(kadm.OpWrite))
	answers("with the right to write", 0, http.StatusAccepted, "")

	group(uid, "the user needs the right Read on the topic")
	allow(t, admin, reader, kadm.NewACLs().Topics(topic).Operations(kadm.OpRead))
	group(uid, "the user needs the right Read on the consumer group")
	allow(t, admin, reader, kadm.NewACLs().Groups("group-"+uid).Operations(kadm.OpRead))
	poll.Until(t, patience, func() string {
		answers("delivered", 0, http.StatusAccepted, "")
		if subscriber.Distinct() == 0 {
			return fmt.Sprintf("events are delivered: %+v", reportOf(t, p, uid))
		}
		return ""
	})
	poll.Until(t, patience, func() string {
		if lag := reportOf(t, p, uid).LagRecords; lag > 0 {
			return fmt.Sprintf("everything is committed, %d records are not", lag)
		}
		return ""
	})
	if disallow(t, admin, writer) == 0 {
		t.Error("the rights to write were not found")
	}
	answers("without the right to write any more", 0, http.StatusServiceUnavailable, "the user needs the right Write on the topic")
}

// The control plane needs Create and Describe on topics, Read and Delete on groups, Delete on topics that it owns, and
// nothing for a topic and group that exist but to look at them. What is missing is named (SEC-32, SEC-34).
func TestSecurityOfARealKafkaByTheRightsOfAController(t *testing.T) {
	k := findSecured(t)
	admin, c := k.admin(t), cluster.Start(t)
	existing, topic, group := c.Topic(t, "existing", 2, nil), cluster.Name("owned"), cluster.Name("group")
	pool := kafkaadmin.NewPool(slog.New(slog.DiscardHandler))
	t.Cleanup(pool.Close)
	as := func(secret map[string]string) *kafkaadmin.Admin {
		a, err := pool.Admin(secretOf(t, k.sasl, secret))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	owner, ownersSecret := k.user(t, admin, "owner")
	guest, guestsSecret := k.user(t, admin, "guest")
	ours, theirs := as(ownersSecret), as(guestsSecret)
	want := kafkaadmin.TopicConfig{Name: topic, Partitions: 1, ReplicationFactor: 1}
	// Each step is refused with the right named, until the right is given.
	for _, step := range []struct {
		name, needs string
		rights      *kadm.ACLBuilder
		do          func(context.Context) error
	}{
		{"describe a topic", "Describe on the topic", kadm.NewACLs().Topics(topic).Operations(kadm.OpDescribe), func(ctx context.Context) error {
			_, err := ours.Partitions(ctx, topic)
			return err
		}},
		{"create a topic", "Create on the topic", kadm.NewACLs().Topics(topic).Operations(kadm.OpCreate), func(ctx context.Context) error {
			_, err := ours.EnsureTopic(ctx, want)
			return err
		}},
		{"look at a group", "Describe on the consumer group", kadm.NewACLs().Groups(group).Operations(kadm.OpDescribe), func(ctx context.Context) error {
			_, err := ours.Uncommitted(ctx, group, topic)
			return err
		}},
		{"commit the start of a group", "Read on the", kadm.NewACLs().Groups(group).Topics(topic).Operations(kadm.OpRead), func(ctx context.Context) error {
			_, err := ours.EnsureGroupStart(ctx, group, []string{topic}, kafkaadmin.Latest)
			return err
		}},
		{"delete a group", "Delete on the consumer group", kadm.NewACLs().Groups(group).Operations(kadm.OpDelete), func(ctx context.Context) error {
			return ours.DeleteGroup(ctx, group)
		}},
		{"delete a topic", "Delete on the topic", kadm.NewACLs().Topics(topic).Operations(kadm.OpDelete), func(ctx context.Context) error {
			return ours.DeleteTopic(ctx, topic)
		}},
	} {
		steps(t, step.name, step.needs, step.do, func() { allow(t, admin, owner, step.rights) })
	}
	// An external topic and a group that has offsets, looked at by somebody who administrates nothing.
	steps(t, "an external topic", "Describe on the topic", func(ctx context.Context) error {
		_, err := theirs.ValidateTopic(ctx, existing)
		return err
	}, func() { allow(t, admin, guest, kadm.NewACLs().Topics(existing).Operations(kadm.OpDescribe)) })
	plain, err := pool.Admin(secretOf(t, k.plain, map[string]string{"protocol": "PLAINTEXT"}))
	if err == nil {
		_, err = plain.EnsureGroupStart(t.Context(), group, []string{existing}, kafkaadmin.Latest)
	}
	if err != nil {
		t.Fatal(err)
	}
	steps(t, "a group that has its start", "Describe on the consumer group", func(ctx context.Context) error {
		n, err := theirs.EnsureGroupStart(ctx, group, []string{existing}, kafkaadmin.Latest)
		if err == nil && n[existing] != 2 {
			t.Errorf("%v partitions have a start", n)
		}
		return err
	}, func() { allow(t, admin, guest, kadm.NewACLs().Groups(group).Operations(kadm.OpDescribe)) })
}

// reportOf is what a process says about an egress.
func reportOf(t *testing.T, p *process.Plane, uid string) (found status.Group) {
	t.Helper()
	for _, g := range p.Report(t).Groups {
		if g.UID == uid {
			found = g
		}
	}
	return found
}

// steps does something without a right and with it. Brokers know of a right a moment after it was given.
func steps(t *testing.T, name, needs string, do func(context.Context) error, give func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := do(ctx); err == nil || !strings.Contains(err.Error(), "the user needs the right "+needs) {
		t.Errorf("%s without the right: %v", name, err)
	}
	give()
	poll.Until(t, patience, func() string {
		if err := do(ctx); err != nil {
			return fmt.Sprintf("%s: %v", name, err)
		}
		return ""
	})
}
