package token

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/proto/tokens"
)

// pokedAnnotation, on a pod, changes when there are tokens that it waits for: its kubelet then looks at what is mounted.
const pokedAnnotation = "kafka.eventing.knative.dev/tokens-at"

// writeShard writes one Secret, if it holds something else.
func (r *Reconciler) writeShard(ctx context.Context, d dataplane.DataPlane, n int, before shard, all []tokens.Token) error {
	if before.secret == nil && len(all) == 0 {
		return nil
	}
	content, err := tokens.Encode(all)
	if err != nil {
		return fmt.Errorf("tokens of data plane %s: %w", d.Key(), err)
	}
	data := map[string][]byte{tokens.File(n): content}
	client := r.kube.CoreV1().Secrets(d.Namespace)
	id := types.NamespacedName{Namespace: d.Namespace, Name: d.TokensName(n)}
	if before.secret == nil {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: id.Namespace, Name: id.Name}, Data: data}
		made, err := client.Create(ctx, secret, metav1.CreateOptions{})
		r.remember(id, made, err)
		if err != nil {
			return fmt.Errorf("create Secret %s: %w", id, err)
		}
		return nil
	}
	if len(before.secret.Data) == 1 && bytes.Equal(before.secret.Data[tokens.File(n)], content) {
		return nil
	}
	secret := before.secret.DeepCopy()
	secret.Data = data
	made, err := client.Update(ctx, secret, metav1.UpdateOptions{})
	r.remember(id, made, err)
	if err != nil {
		return fmt.Errorf("update Secret %s: %w", id, err)
	}
	return nil
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
