package identity

import (
	"errors"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kubefake "k8s.io/client-go/kubernetes/fake"
	corev1listers "k8s.io/client-go/listers/core/v1"
	k8stesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/apis/feature"
)

const name = "t1-oidc-eventing.knative.dev-trigger"

func trigger() *eventingv1.Trigger {
	return &eventingv1.Trigger{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "t1", UID: "uid"}}
}

func TestNames(t *testing.T) {
	if got := Name(schema.GroupKind{Group: "eventing.knative.dev", Kind: "Trigger"}, "t1"); got != name {
		t.Errorf("%s (ST-18)", got)
	}
	long := Name(schema.GroupKind{Group: "sources.knative.dev", Kind: "KafkaSource"}, strings.Repeat("x", 100))
	if len(long) > 63 || long != strings.ToLower(long) {
		t.Errorf("%d: %s", len(long), long)
	}
}

func TestAnObjectHasAServiceAccountWithTheFlagAndNoneWithout(t *testing.T) {
	ours, foreign, unlabelled := account(trigger()), account(trigger()), account(trigger())
	foreign.OwnerReferences[0].UID = "another"
	unlabelled.Labels = nil
	for _, tt := range []struct {
		name string
		on   bool
		have *corev1.ServiceAccount
		fail string // a verb that the API server refuses
		auth bool
		did  string
		err  string
	}{
		{"it is made", true, nil, "", true, "create", ""},
		{"it is there", true, ours, "", true, "", ""},
		{"its label is put right", true, unlabelled, "", true, "update", ""},
		{"it is somebody else's", true, foreign, "", true, "", "ServiceAccount ns/" + name + " is not owned by Trigger t1"},
		{"it cannot be made", true, nil, "create", true, "create", "create ServiceAccount ns/" + name + ": refused"},
		{"it cannot be put right", true, unlabelled, "update", true, "update", "update ServiceAccount ns/" + name + ": refused"},
		{"there is none, and none is needed", false, nil, "", false, "", ""},
		{"it is not needed any more", false, ours, "", false, "delete", ""},
		{"it cannot be removed", false, ours, "delete", false, "delete", "delete ServiceAccount ns/" + name + ": refused"},
		{"somebody else's is left alone", false, foreign, "", false, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			indexer := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
			kube := kubefake.NewSimpleClientset()
			if tt.have != nil {
				if err := errors.Join(indexer.Add(tt.have), kube.Tracker().Add(tt.have.DeepCopy())); err != nil {
					t.Fatal(err)
				}
			}
			if tt.fail != "" {
				kube.PrependReactor(tt.fail, "serviceaccounts", func(k8stesting.Action) (bool, runtime.Object, error) {
					return true, nil, errors.New("refused")
				})
			}
			flags := feature.Flags{}
			if tt.on {
				flags[feature.OIDCAuthentication] = feature.Enabled
			}
			auth, err := Accounts{kube, corev1listers.NewServiceAccountLister(indexer)}.Ensure(t.Context(), flags, trigger())
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || err.Error() != tt.err) {
				t.Errorf("%v, want %q", err, tt.err)
			}
			if (auth != nil) != tt.auth || auth != nil && *auth.ServiceAccountName != name {
				t.Errorf("status.auth: %+v", auth)
			}
			var did []string
			for _, a := range kube.Actions() {
				did = append(did, a.GetVerb())
			}
			if got := strings.Join(did, " "); got != tt.did {
				t.Errorf("%q, want %q", got, tt.did)
			}
			checkMade(t, kube, tt.did)
		})
	}
}

// checkMade looks at a ServiceAccount that was created.
func checkMade(t *testing.T, kube *kubefake.Clientset, did string) {
	t.Helper()
	for _, a := range kube.Actions() {
		create, ok := a.(k8stesting.CreateAction)
		if !ok || did != "create" {
			continue
		}
		made := create.GetObject().(*corev1.ServiceAccount)
		owned := slices.ContainsFunc(made.OwnerReferences, func(o metav1.OwnerReference) bool {
			return o.Kind == "Trigger" && o.Name == "t1" && *o.Controller && !*o.BlockOwnerDeletion
		})
		if !owned || made.Labels[Label] != "enabled" {
			t.Errorf("%+v (ST-18)", made)
		}
	}
}
