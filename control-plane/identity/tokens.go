package identity

import (
	"encoding/json"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"knative.dev/eventing-kafka-go/control-plane/credentials"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/proto/tokens"
)

const (
	// RefusedAnnotation of a Secret with tokens says which ServiceAccounts have none there that they need, and why: JSON, by
	// namespace and name.
	RefusedAnnotation = "kafka.eventing.knative.dev/tokens-refused"
	// ReasonNoToken is the reason of OIDCIdentityCreated when no token can be shown to a subscriber (SEC-41).
	ReasonNoToken = "TokenNotIssued"
)

// Tokens knows what keeps ServiceAccounts from having tokens.
type Tokens struct {
	// Secret reads a cache.
	Secret credentials.Get
}

// Refused says why a data plane lacks a token of a ServiceAccount, "" when it lacks none that could not be had.
func (t Tokens) Refused(d dataplane.DataPlane, namespace, account string) string {
	for n := range tokens.Shards {
		secret, err := t.Secret(d.Namespace, d.TokensName(n))
		if err != nil {
			continue // it is not there, as nobody needs it
		}
		if why := refusedIn(secret)[types.NamespacedName{Namespace: namespace, Name: account}.String()]; why != "" {
			return why
		}
	}
	return ""
}

// refusedIn is what the annotation of a Secret says.
func refusedIn(secret *corev1.Secret) map[string]string {
	text := secret.Annotations[RefusedAnnotation]
	if text == "" {
		return nil
	}
	var all map[string]string
	if json.Unmarshal([]byte(text), &all) != nil {
		return nil // somebody else wrote it; it is about to be put right
	}
	return all
}

// News has told called with every ServiceAccount of ours that was refused a token and is no more, or the other way round,
// when a Secret changes.
func (a Accounts) News(told func(*corev1.ServiceAccount)) cache.ResourceEventHandler {
	of := func(object any) map[string]string {
		if secret, ok := object.(*corev1.Secret); ok {
			return refusedIn(secret)
		}
		return nil
	}
	tell := func(before, after map[string]string) {
		both := maps.Clone(before)
		if both == nil {
			both = map[string]string{}
		}
		maps.Copy(both, after)
		for account := range both {
			if before[account] != after[account] {
				namespace, name, _ := cache.SplitMetaNamespaceKey(account) // one that is none is not found
				if found, err := a.Lister.ServiceAccounts(namespace).Get(name); err == nil {
					told(found)
				}
			}
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { tell(nil, of(object)) },
		UpdateFunc: func(before, after any) { tell(of(before), of(after)) },
		DeleteFunc: func(object any) {
			if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = gone.Obj
			}
			tell(of(object), nil)
		},
	}
}
