package following

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

func TestOnlyWhoUsesSomethingIsReconciledWhenItChanges(t *testing.T) {
	var got []string
	x := New(func(id types.NamespacedName) { got = append(got, id.String()) })
	a, b := types.NamespacedName{Namespace: "ns", Name: "a"}, types.NamespacedName{Namespace: "ns", Name: "b"}
	x.Follow(a, Secret, "ns", "kafka.auth")
	x.Follow(a, Secret, "ns", "kafka.auth")
	x.Follow(b, Secret, "ns", "kafka.auth")
	x.Follow(a, Secret, "ns", "")
	x.Follow(b, ConfigMap, "ns", "cm")
	for _, tc := range []struct {
		name   string
		change reference
		forget types.NamespacedName
		want   []string
	}{
		{"a Secret that both use", reference{Secret, types.NamespacedName{Namespace: "ns", Name: "kafka.auth"}}, types.NamespacedName{}, []string{"ns/a", "ns/b"}},
		{"a ConfigMap of that name", reference{ConfigMap, types.NamespacedName{Namespace: "ns", Name: "kafka.auth"}}, types.NamespacedName{}, nil},
		{"one of another namespace", reference{Secret, types.NamespacedName{Namespace: "other", Name: "kafka.auth"}}, types.NamespacedName{}, nil},
		{"no name", reference{Secret, types.NamespacedName{Namespace: "ns"}}, types.NamespacedName{}, nil},
		{"after one is gone", reference{Secret, types.NamespacedName{Namespace: "ns", Name: "kafka.auth"}}, a, []string{"ns/b"}},
	} {
		got = nil
		x.Forget(tc.forget)
		x.changed(tc.change)
		slices.Sort(got)
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}
