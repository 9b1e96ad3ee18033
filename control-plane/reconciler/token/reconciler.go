// Package token asks the API server for the OIDC tokens that data planes show to subscribers, and writes them into the
// Secrets that their pods mount: pods have no access to the API server.
//
// Which tokens a data plane needs is read from its contract. They are asked for anew at half of their life; one that cannot
// be renewed is kept as long as it is good. What was issued is kept nowhere but in those Secrets, so another leader goes on
// with it. A key is a data plane, reconciled by one goroutine at a time; nothing of a token is ever logged.
package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"knative.dev/pkg/controller"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/reconciler"

	"knative.dev/eventing-kafka-go/control-plane/contractmap"
	"knative.dev/eventing-kafka-go/control-plane/credentials"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/proto/tokens"
)

const (
	// life is how long a token is asked for; the API server decides.
	life = time.Hour
	// together is how much earlier than needed a token is renewed, so that those of one Secret are written at once.
	together = 3 * time.Minute
	// again is when to try again what failed, twice as long after each time up to seldom.
	again, seldom = 10 * time.Second, 5 * time.Minute
	// trust is how long what was written counts for more than what a cache says.
	trust = 30 * time.Second
	// atOnce is how many tokens are asked for at the same time.
	atOnce = 8
	// most is how many tokens are asked for before what there is is written.
	most = 500
)

// Reconciler writes the tokens of data planes.
type Reconciler struct {
	reconciler.LeaderAwareFuncs

	kube      kubernetes.Interface
	secret    credentials.Get
	contracts *contractmap.Reader
	plane     func(types.NamespacedName) (dataplane.DataPlane, bool)
	pods      func(namespace, app string) ([]*corev1.Pod, error)
	now       func() time.Time

	mu       sync.Mutex
	failures map[tokens.Identity]failure
	written  map[types.NamespacedName]written
}

// failure is a token that could not be had.
type failure struct {
	text string
	wait time.Duration
	next time.Time
}

// written is a Secret as it was written last: a cache may be behind.
type written struct {
	*corev1.Secret
	at time.Time
}

var (
	_ controller.Reconciler  = (*Reconciler)(nil)
	_ reconciler.LeaderAware = (*Reconciler)(nil)
)

// Reconcile brings the tokens of the data plane that key names to what its contract asks for.
func (r *Reconciler) Reconcile(ctx context.Context, key string) error {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return controller.NewPermanentError(err)
	}
	id := types.NamespacedName{Namespace: namespace, Name: name}
	if !r.IsLeaderFor(id) {
		return controller.NewSkipKey(key)
	}
	d, ok := r.plane(id)
	if !ok || d.Dispatcher == "" {
		return nil
	}
	snapshot, err := r.contracts.Get(d)
	if err != nil {
		return err
	}
	held, err := r.held(d)
	if err != nil {
		return err
	}
	have := newStock(held)
	wanted := tokens.Wanted(snapshot.Contract)
	renewed, news, next := r.renew(ctx, wanted, have)
	if err := r.write(ctx, d, held, wanted, renewed); err != nil {
		return err
	}
	if news {
		if err := r.poke(ctx, d); err != nil {
			return err
		}
	}
	if next > 0 {
		return controller.NewRequeueAfter(next)
	}
	return nil
}

// shard is a Secret of a data plane with tokens.
type shard struct {
	secret  *corev1.Secret // nil: there is none
	content []tokens.Token // nil: none, or it holds something else
}

// held reads the Secrets of a data plane.
func (r *Reconciler) held(d dataplane.DataPlane) (shards [tokens.Shards]shard, err error) {
	for n := range shards {
		secret, err := r.read(types.NamespacedName{Namespace: d.Namespace, Name: d.TokensName(n)})
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return shards, err
		}
		shards[n].secret = secret
		content, err := tokens.Decode(secret.Data[tokens.File(n)])
		if err == nil { // else somebody else wrote it; it is about to be put right
			shards[n].content = content
		}
	}
	return shards, nil
}

func (r *Reconciler) read(id types.NamespacedName) (*corev1.Secret, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w, ok := r.written[id]; ok && r.now().Sub(w.at) < trust {
		return w.Secret, nil
	}
	return r.secret(id.Namespace, id.Name)
}

// remember notes what was written; after a failure the cache decides again.
func (r *Reconciler) remember(id types.NamespacedName, secret *corev1.Secret, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		delete(r.written, id)
		return
	}
	if r.written == nil {
		r.written = map[types.NamespacedName]written{}
	}
	r.written[id] = written{secret, r.now()}
}

// changed is told of every Secret with tokens that a cache sees. What was written by us last counts no more when it is a
// newer one, or gone.
func (r *Reconciler) changed(seen metav1.Object) {
	id := types.NamespacedName{Namespace: seen.GetNamespace(), Name: seen.GetName()}
	r.mu.Lock()
	defer r.mu.Unlock()
	w, ok := r.written[id]
	if !ok || w.ResourceVersion == seen.GetResourceVersion() {
		return
	}
	ours, err := strconv.ParseUint(w.ResourceVersion, 10, 64)
	theirs, otherErr := strconv.ParseUint(seen.GetResourceVersion(), 10, 64)
	if errors.Join(err, otherErr) == nil && theirs > ours || seen.GetUID() != w.UID {
		delete(r.written, id)
	}
}

// forget is for who leads no more.
func (r *Reconciler) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.written, r.failures = nil, nil
}

// stock are the tokens that there are.
type stock map[tokens.Identity]tokens.Token

func newStock(shards [tokens.Shards]shard) stock {
	s := stock{}
	for _, part := range shards {
		for _, t := range part.content {
			s[t.Identity] = t
		}
	}
	return s
}

// renew returns the tokens for identities, those that are due or missing newly issued; whether one is of an identity that
// had none; and when to come again, 0 for never.
func (r *Reconciler) renew(ctx context.Context, wanted []tokens.Identity, have stock) (all stock, news bool, next time.Duration) {
	var mu sync.Mutex
	all = stock{}
	now := r.now()
	due, waiting := r.possible(dueOf(wanted, have, now), now)
	next = waiting
	var asking errgroup.Group
	asking.SetLimit(atOnce)
	for _, id := range due[:min(len(due), most)] {
		asking.Go(func() error {
			t, err := r.ask(ctx, id)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				next = sooner(next, r.fail(ctx, id, err))
				return nil
			}
			_, known := have[id]
			all[id], news = t, news || !known
			return nil
		})
	}
	_ = asking.Wait() // errors were told
	if len(due) > most {
		next = time.Millisecond
	}
	for _, id := range wanted {
		if _, ok := all[id]; ok {
			continue
		}
		if t, ok := have[id]; ok && t.Expires.After(now) {
			all[id] = t
		}
	}
	for _, t := range all {
		if left := halfLife(t).Sub(now); left > 0 { // one that is due was not to be had, which is counted already
			next = sooner(next, max(left, again))
		}
	}
	return all, news, next
}

// dueOf are the identities without a token, or with one that is to be renewed: when one is, those that soon will be too.
func dueOf(wanted []tokens.Identity, have stock, now time.Time) (due []tokens.Identity) {
	margin := time.Duration(0)
	for _, id := range wanted {
		if t, ok := have[id]; !ok || !halfLife(t).After(now) {
			margin = together
		}
	}
	for _, id := range wanted {
		if t, ok := have[id]; !ok || !halfLife(t).After(now.Add(margin)) {
			due = append(due, id)
		}
	}
	// Those without one first: somebody waits for them.
	slices.SortStableFunc(due, func(a, b tokens.Identity) int {
		_, knownA := have[a]
		_, knownB := have[b]
		switch {
		case knownA == knownB:
			return 0
		case knownA:
			return 1
		}
		return -1
	})
	return due
}

func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// ask has a token issued.
func (r *Reconciler) ask(ctx context.Context, id tokens.Identity) (tokens.Token, error) {
	seconds := int64(life / time.Second)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{id.Audience}, ExpirationSeconds: &seconds}}
	issued, err := r.kube.CoreV1().ServiceAccounts(id.Namespace).CreateToken(ctx, id.ServiceAccount, request, metav1.CreateOptions{})
	if err != nil {
		return tokens.Token{}, fmt.Errorf("token of %s: %w", id, err)
	}
	if issued.Status.Token == "" {
		return tokens.Token{}, fmt.Errorf("token of %s: the API server gave none", id)
	}
	r.mu.Lock()
	delete(r.failures, id)
	r.mu.Unlock()
	return tokens.Token{Identity: id, Value: issued.Status.Token, Expires: issued.Status.ExpirationTimestamp.UTC()}, nil
}

// fail notes a failure, which is logged once as long as it is the same, and returns when to try again.
func (r *Reconciler) fail(ctx context.Context, id tokens.Identity, err error) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failures == nil {
		r.failures = map[tokens.Identity]failure{}
	}
	f := r.failures[id]
	if f.text != err.Error() {
		logging.FromContext(ctx).Warnw("Token not issued, it is tried again", "error", err)
	}
	f.text, f.wait = err.Error(), min(max(2*f.wait, again), seldom)
	f.next = r.now().Add(f.wait)
	r.failures[id] = f
	return f.wait
}

// possible leaves out what failed a moment ago, and returns when to try the first of that again.
func (r *Reconciler) possible(due []tokens.Identity, now time.Time) (left []tokens.Identity, waiting time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range due {
		if wait := r.failures[id].next.Sub(now); wait > 0 {
			waiting = sooner(waiting, wait)
			continue
		}
		left = append(left, id)
	}
	return left, waiting
}

// write writes the Secrets whose tokens are others than before, and into each which are missing there and why. One that
// cannot be written keeps the others from nothing.
func (r *Reconciler) write(ctx context.Context, d dataplane.DataPlane, held [tokens.Shards]shard, wanted []tokens.Identity, all stock) error {
	var parts [tokens.Shards]part
	for _, id := range wanted {
		p := &parts[id.Shard()]
		if t, ok := all[id]; ok {
			p.tokens = append(p.tokens, t)
			continue
		}
		if why := r.whyNot(id); why != "" { // else it comes in a moment
			p.refuse(id, why)
		}
	}
	var failed []error
	for n := range parts {
		failed = append(failed, r.writeShard(ctx, d, n, held[n], &parts[n]))
	}
	return errors.Join(failed...)
}

// whyNot is what the API server said when a token was asked for last, "" when it gave one.
func (r *Reconciler) whyNot(id tokens.Identity) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failures[id].text
}
