package token

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/identity"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/proto/tokens"
)

// pokedAnnotation, on a pod, changes when there are tokens that it waits for: its kubelet then looks at what is mounted.
const pokedAnnotation = "kafka.eventing.knative.dev/tokens-at"

// part is what a Secret shall hold.
type part struct {
	tokens  []tokens.Token
	refused map[string]string // by ServiceAccount, why a token is missing
}

const (
	// mostRefused ServiceAccounts are named in a Secret, each with a text of mostText bytes, so that they fit into its
	// annotations whatever else there is.
	mostRefused, mostText = 300, 300
)

// refuse notes why a token is missing.
func (p *part) refuse(id tokens.Identity, why string) {
	if p.refused == nil {
		p.refused = map[string]string{}
	}
	if len(p.refused) < mostRefused {
		p.refused[id.Namespace+"/"+id.ServiceAccount] = why[:min(len(why), mostText)]
	}
}

// encode returns the content of the Secret. Where not all tokens fit, those go in first that are there already.
func (p *part) encode(name string, before []tokens.Token) ([]byte, error) {
	content, err := tokens.Encode(p.tokens)
	var large *tokens.TooLargeError
	if !errors.As(err, &large) {
		return content, err
	}
	known := make(map[tokens.Identity]bool, len(before))
	for _, t := range before {
		known[t.Identity] = true
	}
	slices.SortStableFunc(p.tokens, func(a, b tokens.Token) int {
		switch {
		case known[a.Identity] == known[b.Identity]:
			return 0
		case known[a.Identity]:
			return -1
		}
		return 1
	})
	fit, size := 0, largeFrame
	for _, t := range p.tokens {
		one, err := json.Marshal(t)
		if err != nil {
			return nil, err
		}
		if size += len(one) + 1; size > large.Limit {
			break
		}
		fit++
	}
	for _, t := range p.tokens[fit:] {
		p.refuse(t.Identity, fmt.Sprintf("token of %s: no room is left in Secret %s", t.Identity, name))
	}
	return tokens.Encode(p.tokens[:fit])
}

// largeFrame is more than a bundle takes beside its tokens.
const largeFrame = 100

// writeShard writes one Secret, if it holds something else.
func (r *Reconciler) writeShard(ctx context.Context, d dataplane.DataPlane, n int, before shard, want *part) error {
	if before.secret == nil && len(want.tokens) == 0 && len(want.refused) == 0 {
		return nil
	}
	content, err := want.encode(d.TokensName(n), before.content)
	if err != nil {
		return fmt.Errorf("tokens of data plane %s: %w", d.Key(), err)
	}
	refused := ""
	if len(want.refused) > 0 {
		text, err := json.Marshal(want.refused)
		if err != nil {
			return fmt.Errorf("tokens of data plane %s: %w", d.Key(), err)
		}
		refused = string(text)
	}
	data := map[string][]byte{tokens.File(n): content}
	client := r.kube.CoreV1().Secrets(d.Namespace)
	id := types.NamespacedName{Namespace: d.Namespace, Name: d.TokensName(n)}
	if before.secret == nil {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: id.Namespace, Name: id.Name}, Data: data}
		annotate(secret, refused)
		made, err := client.Create(ctx, secret, metav1.CreateOptions{})
		r.remember(id, made, err)
		if err != nil {
			return fmt.Errorf("create Secret %s: %w", id, err)
		}
		return nil
	}
	same := len(before.secret.Data) == 1 && bytes.Equal(before.secret.Data[tokens.File(n)], content)
	if same && before.secret.Annotations[identity.RefusedAnnotation] == refused {
		return nil
	}
	secret := before.secret.DeepCopy()
	secret.Data = data
	annotate(secret, refused)
	made, err := client.Update(ctx, secret, metav1.UpdateOptions{})
	r.remember(id, made, err)
	if err != nil {
		return fmt.Errorf("update Secret %s: %w", id, err)
	}
	return nil
}

func annotate(secret *corev1.Secret, refused string) {
	if refused == "" {
		delete(secret.Annotations, identity.RefusedAnnotation)
		return
	}
	if secret.Annotations == nil {
		secret.Annotations = map[string]string{}
	}
	secret.Annotations[identity.RefusedAnnotation] = refused
}

// poke makes the kubelets of a data plane look at what is mounted.
func (r *Reconciler) poke(ctx context.Context, d dataplane.DataPlane) error {
	pods, err := r.pods(d.Namespace, d.Dispatcher)
	if err != nil {
		return err
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"annotations": map[string]string{pokedAnnotation: r.now().UTC().Format(time.RFC3339Nano)}}})
	if err != nil {
		return err
	}
	var failed []error
	for _, pod := range pods {
		if !rollout.IsReady(pod) {
			continue // it mounts what is there when it starts
		}
		_, err := r.kube.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			failed = append(failed, fmt.Errorf("annotate pod %s/%s: %w", pod.Namespace, pod.Name, err))
		}
	}
	return errors.Join(failed...)
}

// halfLife is when a token is to be renewed. When it was issued it says itself, in the claim iat; one that does not say so
// is taken for one that lives as long as was asked for.
func halfLife(t tokens.Token) time.Time {
	issued := t.Expires.Add(-life)
	if at, ok := issuedAt(t.Value); ok && at.Before(t.Expires) {
		issued = at
	}
	return issued.Add(t.Expires.Sub(issued) / 2)
}

// issuedAt reads a JWT without verifying it: the API server has just given it to us.
func issuedAt(jwt string) (time.Time, bool) {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return time.Time{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return time.Time{}, false
	}
	var claims struct {
		IssuedAt int64 `json:"iat"`
	}
	if json.Unmarshal(payload, &claims) != nil || claims.IssuedAt <= 0 {
		return time.Time{}, false
	}
	return time.Unix(claims.IssuedAt, 0), true
}
