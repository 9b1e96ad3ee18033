package token

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	k8stesting "k8s.io/client-go/testing"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/reconciler"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/identity"
	bench "knative.dev/eventing-kafka-go/control-plane/reconcilertest"
	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/proto/tokens"
)

// scene is a data plane whose contract asks for tokens, and an API server that issues them.
type scene struct {
	*bench.Bench
	*Reconciler
	t   *testing.T
	err error

	mu     sync.Mutex
	issued []string // identities, in the order of their names, since the last look
	refuse string   // the ServiceAccount that gets none
	number int
}

var brokers = types.NamespacedName{Namespace: bench.SystemNamespace, Name: "kafka-broker-brokers-triggers"}

func newScene(t *testing.T) *scene {
	s := &scene{Bench: bench.NewBench(t), t: t}
	s.Kube.PrependReactor("create", "serviceaccounts", func(a k8stesting.Action) (bool, runtime.Object, error) {
		if a.GetSubresource() != "token" {
			return false, nil, nil
		}
		return s.issue(a)
	})
	s.SetPods(bench.BenchPod{Name: "out", App: "kafka-broker-dispatcher"})
	s.Reconciler = &Reconciler{
		kube: s.Kube, contracts: s.In.Contracts, pods: s.In.Pods, now: func() time.Time { return s.Now },
		secret: func(namespace, name string) (*corev1.Secret, error) { // a cache that is never behind
			return s.Kube.CoreV1().Secrets(namespace).Get(context.WithoutCancel(s.Ctx), name, metav1.GetOptions{})
		},
		plane: func(id types.NamespacedName) (dataplane.DataPlane, bool) {
			for _, d := range s.In.DataPlanes {
				if d.Key() == id.String() {
					return d, true
				}
			}
			return dataplane.DataPlane{}, false
		},
	}
	if err := s.Promote(reconciler.UniversalBucket(), nil); err != nil {
		t.Fatal(err)
	}
	return s
}

// issue makes a token that is good for as long as was asked for.
func (s *scene) issue(a k8stesting.Action) (bool, runtime.Object, error) {
	create := a.(k8stesting.CreateActionImpl)
	request := create.GetObject().(*authenticationv1.TokenRequest).DeepCopy()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued = append(s.issued, fmt.Sprintf("%s/%s %s", a.GetNamespace(), create.Name, request.Spec.Audiences[0]))
	if create.Name == s.refuse {
		return true, nil, errors.New("serviceaccounts \"" + create.Name + "\" not found")
	}
	s.number++
	payload := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"iat":%d,"n":%d}`, s.Now.Unix(), s.number))
	request.Status.Token = "header." + payload + ".signature"
	request.Status.ExpirationTimestamp = metav1.NewTime(s.Now.Add(time.Duration(*request.Spec.ExpirationSeconds) * time.Second))
	return true, request, nil
}

// contract asks for tokens of Triggers, by name to audience.
func (s *scene) contract(triggers map[string]string) {
	s.t.Helper()
	r := &contract.Resource{Uid: "b", Topics: []string{"t"}, BootstrapServers: "kafka:9092",
		Reference:    &contract.Reference{Uuid: "b", Namespace: "ns", Name: "b", Kind: "Broker"},
		EgressConfig: &contract.EgressConfig{DeadLetter: "https://d", DeadLetterAudience: "dead"}}
	for name, audience := range triggers {
		e := &contract.Egress{Uid: name, ConsumerGroup: name, Destination: "https://s", DestinationAudience: audience, OidcServiceAccountName: name,
			Reference: &contract.Reference{Uuid: name, Namespace: "ns", Name: name, Kind: "Trigger"}}
		if audience != "with dead letter" {
			e.EgressConfig = &contract.EgressConfig{Retry: 1}
		}
		r.Egresses = append(r.Egresses, e)
	}
	s.WriteContract(dataplane.Broker, nil, r)
}

// step reconciles and returns when to come again, and what was issued.
func (s *scene) step() (after time.Duration, issued []string) {
	s.t.Helper()
	s.err = s.Reconcile(s.Ctx, brokers.String())
	if again, wait := controller.IsRequeueKey(s.err); again {
		s.err, after = nil, wait
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	issued, s.issued = s.issued, nil
	slices.Sort(issued)
	return after, issued
}

// held are the tokens that are mounted, by identity.
func (s *scene) held() map[string]tokens.Token {
	s.t.Helper()
	all := map[string]tokens.Token{}
	for n := range tokens.Shards {
		secret, err := s.Kube.CoreV1().Secrets(bench.SystemNamespace).Get(s.Ctx, s.In.DataPlanes[dataplane.Broker].TokensName(n), metav1.GetOptions{})
		if err != nil {
			continue
		}
		content, err := tokens.Decode(secret.Data[tokens.File(n)])
		if err != nil || len(secret.Data) != 1 {
			s.t.Errorf("Secret %s: %v, %d keys", secret.Name, err, len(secret.Data))
		}
		for _, t := range content {
			if t.Shard() != n {
				s.t.Errorf("%s is in %s", t.Identity, secret.Name)
			}
			all[t.Namespace+"/"+t.ServiceAccount+" "+t.Audience] = t
		}
	}
	return all
}

// wrote counts requests that write something.
func (s *scene) wrote(verb, resource string) (n int) {
	for _, a := range s.Kube.Actions() {
		if a.GetVerb() == verb && a.GetResource().Resource == resource && a.GetSubresource() == "" {
			n++
		}
	}
	return n
}

func TestTokensAreIssuedRenewedAtHalfLifeAndRemoved(t *testing.T) {
	s := newScene(t)
	s.contract(map[string]string{"t1": "a", "t2": "with dead letter"})
	want := []string{"ns/t1 a", "ns/t2 dead", "ns/t2 with dead letter"}
	after, issued := s.step()
	if s.err != nil || after != 30*time.Minute || !slices.Equal(issued, want) || len(s.held()) != 3 {
		t.Fatalf("%v, again after %v, issued %q, held %v", s.err, after, issued, s.held())
	}
	if n := s.wrote("patch", "pods"); n != 1 {
		t.Errorf("the pod was told %d times", n)
	}
	before := s.held()
	s.Kube.ClearActions()
	if after, issued = s.step(); len(issued) > 0 || after != 30*time.Minute || s.wrote("update", "secrets")+s.wrote("patch", "pods") > 0 {
		t.Errorf("with nothing to do: issued %q, again after %v", issued, after)
	}

	s.Now = s.Now.Add(10 * time.Minute)
	s.contract(map[string]string{"t1": "a", "t2": "with dead letter", "t3": "a"})
	if after, issued = s.step(); !slices.Equal(issued, []string{"ns/t3 a"}) || after != 20*time.Minute {
		t.Errorf("a new Trigger: issued %q, again after %v", issued, after)
	}
	s.Now = s.Now.Add(20*time.Minute - time.Second)
	if _, issued = s.step(); len(issued) > 0 {
		t.Errorf("before half life: issued %q", issued)
	}
	s.Now = s.Now.Add(time.Second)
	if _, issued = s.step(); !slices.Equal(issued, want) {
		t.Errorf("at half life: issued %q", issued)
	}
	if held := s.held(); held["ns/t1 a"].Value == before["ns/t1 a"].Value || !held["ns/t1 a"].Expires.Equal(s.Now.Add(time.Hour)) {
		t.Errorf("%+v", held["ns/t1 a"])
	}

	s.contract(map[string]string{"t3": "a"})
	if _, issued = s.step(); len(issued) > 0 || len(s.held()) != 1 {
		t.Errorf("Triggers that are gone: issued %q, held %v", issued, s.held())
	}
	s.contract(nil)
	if after, issued = s.step(); len(issued) > 0 || after != 0 || len(s.held()) != 0 {
		t.Errorf("no Triggers: issued %q, held %v, again after %v", issued, s.held(), after)
	}
}

func TestTokensThatAreDueSoonAreRenewedTogether(t *testing.T) {
	s := newScene(t)
	s.contract(map[string]string{"t1": "a"})
	s.step()
	s.Now = s.Now.Add(time.Minute)
	s.contract(map[string]string{"t1": "a", "t2": "a"})
	s.step()
	s.Now = s.Now.Add(29 * time.Minute)
	if _, issued := s.step(); !slices.Equal(issued, []string{"ns/t1 a", "ns/t2 a"}) {
		t.Errorf("issued %q", issued)
	}
}

func TestATokenThatCannotBeRenewedIsKeptWhileItIsGoodAndOthersGoOn(t *testing.T) {
	s := newScene(t)
	s.contract(map[string]string{"t1": "a", "t2": "a"})
	s.step()
	before := s.held()["ns/t1 a"].Value
	s.refuse = "t1"
	s.Now = s.Now.Add(40 * time.Minute)
	after, issued := s.step()
	if held := s.held(); held["ns/t1 a"].Value != before || len(held) != 2 || after != again || len(issued) != 2 {
		t.Errorf("%v, issued %q, again after %v", held, issued, after)
	}
	if _, issued = s.step(); len(issued) > 0 {
		t.Errorf("tried again at once: %q", issued)
	}
	s.Now = s.Now.Add(again)
	if after, issued = s.step(); !slices.Equal(issued, []string{"ns/t1 a"}) || after != 2*again {
		t.Errorf("issued %q, again after %v", issued, after)
	}
	s.Now = s.Now.Add(time.Hour)
	if s.step(); s.held()["ns/t1 a"].Value != "" {
		t.Error("a token that is over is mounted")
	}
	s.refuse = ""
	s.Now = s.Now.Add(seldom)
	if s.step(); len(s.held()) != 2 {
		t.Errorf("%v", s.held())
	}
}

func TestAnotherLeaderGoesOnWithWhatThereIs(t *testing.T) {
	s := newScene(t)
	s.contract(map[string]string{"t1": "a"})
	s.step()
	s.forget() // all that a process holds
	if _, issued := s.step(); len(issued) > 0 {
		t.Errorf("issued %q", issued)
	}
	s.Demote(reconciler.UniversalBucket())
	if s.step(); !controller.IsSkipKey(s.err) {
		t.Errorf("who does not lead: %v", s.err)
	}
}

func TestWhoIsRefusedATokenIsTold(t *testing.T) { // SEC-41
	s := newScene(t)
	s.contract(map[string]string{"t1": "a", "t2": "a"})
	s.refuse = "t1"
	s.step()
	d, all := s.In.DataPlanes[dataplane.Broker], identity.Tokens{Secret: s.secret}
	if why := all.Refused(d, "ns", "t1"); !strings.Contains(why, `token of ServiceAccount ns/t1 for audience "a": serviceaccounts "t1" not found`) {
		t.Errorf("it is told %q", why)
	}
	if why := all.Refused(d, "ns", "t2"); why != "" {
		t.Errorf("who has a token is told %q", why)
	}
	s.refuse = ""
	s.Now = s.Now.Add(seldom)
	if s.step(); all.Refused(d, "ns", "t1") != "" {
		t.Errorf("it still says %q", all.Refused(d, "ns", "t1"))
	}
}

func TestTokensWithoutRoomAreRefusedAndTheOthersStay(t *testing.T) {
	identities := make([]tokens.Identity, 200)
	before := make([]tokens.Token, 0, len(identities))
	p := &part{}
	for i := range identities {
		token := tokens.Token{Identity: tokens.Identity{Namespace: "ns", ServiceAccount: fmt.Sprintf("a%03d", i), Audience: "a"}, Value: strings.Repeat("x", 10<<10)}
		if p.tokens = append(p.tokens, token); i >= 150 {
			before = append(before, token)
		}
	}
	content, err := p.encode("s", before)
	if err != nil {
		t.Fatal(err)
	}
	held, err := tokens.Decode(content)
	if err != nil || len(held) < 80 || len(held)+len(p.refused) != 200 {
		t.Fatalf("%d tokens are held, %d refused, %v", len(held), len(p.refused), err)
	}
	for _, b := range before {
		if !slices.Contains(held, b) {
			t.Fatalf("that of %s went", b.Identity)
		}
	}
	if why := p.refused["ns/a149"]; why != `token of ServiceAccount ns/a149 for audience "a": no room is left in Secret s` {
		t.Errorf("it says %q", why)
	}
}

func TestWhatWasWrittenCountsUntilSomebodyElseWrites(t *testing.T) {
	s := newScene(t)
	id := types.NamespacedName{Namespace: bench.SystemNamespace, Name: "x"}
	version := func(v string) *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: id.Namespace, Name: id.Name, ResourceVersion: v, UID: "u"}}
	}
	for seen, counts := range map[string]bool{"9": true, "10": true, "11": false} {
		s.remember(id, version("10"), nil)
		s.changed(version(seen))
		if _, ok := s.written[id]; ok != counts {
			t.Errorf("after version %s was seen it counts: %v", seen, ok)
		}
	}
}

func TestASecretThatSomebodyElseWroteIsPutRight(t *testing.T) {
	s := newScene(t)
	s.contract(map[string]string{"t1": "a"})
	name := s.In.DataPlanes[dataplane.Broker].TokensName(tokens.Identity{Namespace: "ns", ServiceAccount: "t1", Audience: "a"}.Shard())
	_, err := s.Kube.CoreV1().Secrets(bench.SystemNamespace).Create(s.Ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: bench.SystemNamespace, Name: name}, Data: map[string][]byte{"other": []byte("x")},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if s.step(); s.err != nil || len(s.held()) != 1 {
		t.Errorf("%v, %v", s.held(), s.err)
	}
}

func TestACacheThatIsBehindHasNothingIssuedAgain(t *testing.T) {
	s := newScene(t)
	s.secret = s.In.Secret // which sees nothing of what is written
	s.contract(map[string]string{"t1": "a"})
	s.step()
	if _, issued := s.step(); len(issued) > 0 || s.err != nil {
		t.Errorf("issued %q, %v", issued, s.err)
	}
}

func TestManyTokensAreWrittenInParts(t *testing.T) {
	s := newScene(t)
	many := map[string]string{}
	for i := range most + 10 {
		many[fmt.Sprintf("t%03d", i)] = "a"
	}
	s.contract(many)
	after, issued := s.step()
	if len(issued) != most || len(s.held()) != most || after > time.Second {
		t.Errorf("issued %d, held %d, again after %v", len(issued), len(s.held()), after)
	}
	if _, issued = s.step(); len(issued) != 10 || len(s.held()) != most+10 {
		t.Errorf("issued %d, held %d", len(issued), len(s.held()))
	}
}

func TestAKafkaThatOnlyTakesEventsInNeedsNoTokens(t *testing.T) {
	s := newScene(t)
	d := s.In.DataPlanes[dataplane.Sink]
	if err := s.Reconcile(s.Ctx, d.Key()); err != nil {
		t.Error(err)
	}
	if err := s.Reconcile(s.Ctx, "ns/another"); err != nil {
		t.Error(err)
	}
}

func TestHalfLife(t *testing.T) {
	end := time.Unix(10_000, 0)
	jwt := func(payload string) string {
		return "h." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".s"
	}
	for value, want := range map[string]time.Time{
		jwt(`{"iat":6000}`): time.Unix(8000, 0), jwt(`{"iat":10001}`): end.Add(-life / 2), jwt(`{}`): end.Add(-life / 2),
		jwt(`no`): end.Add(-life / 2), "h.!.s": end.Add(-life / 2), "opaque": end.Add(-life / 2),
	} {
		if got := halfLife(tokens.Token{Value: value, Expires: end}); !got.Equal(want) {
			t.Errorf("%s: %v, want %v", strings.ReplaceAll(value, "\n", ""), got, want)
		}
	}
}
