package delivery

import (
	"reflect"
	"testing"

	"k8s.io/utils/ptr"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

func everything(host string, n int32) *eventingduck.DeliverySpec {
	return &eventingduck.DeliverySpec{
		DeadLetterSink: &duckv1.Destination{URI: apis.HTTP(host), CACerts: ptr.To("CA of " + host), Audience: ptr.To("audience of " + host)},
		Retry:          ptr.To(n),
		Timeout:        ptr.To("PT1S of " + host),
		BackoffPolicy:  ptr.To(eventingduck.BackoffPolicyType(host)),
		BackoffDelay:   ptr.To("delay of " + host),
		RetryAfterMax:  ptr.To("max of " + host),
		Format:         ptr.To(eventingduck.FormatType(host)),
	}
}

// Every field of a DeliverySpec, also one that a later version of core adds, is merged by itself.
func TestMergeOfEachField(t *testing.T) {
	fields := reflect.TypeFor[eventingduck.DeliverySpec]()
	for i := range fields.NumField() {
		t.Run(fields.Field(i).Name, func(t *testing.T) {
			all, fallback := everything("own", 1), everything("fallback", 2)
			own := &eventingduck.DeliverySpec{}
			reflect.ValueOf(own).Elem().Field(i).Set(reflect.ValueOf(all).Elem().Field(i))
			want := fallback.DeepCopy()
			reflect.ValueOf(want).Elem().Field(i).Set(reflect.ValueOf(all.DeepCopy()).Elem().Field(i))
			if got := Merge(own, fallback); !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v (EG-33)", got)
			}
			if got := Merge(&eventingduck.DeliverySpec{}, fallback); !reflect.DeepEqual(got, fallback) {
				t.Errorf("the fallback lost a field: %+v (EG-33, TR-06)", got)
			}
		})
	}
}

func TestMergeSharesNothing(t *testing.T) {
	own, fallback := everything("own", 1), everything("fallback", 2)
	for name, got := range map[string]*eventingduck.DeliverySpec{
		"own": Merge(own, nil), "fallback": Merge(nil, fallback), "both": Merge(&eventingduck.DeliverySpec{Retry: own.Retry}, fallback),
	} {
		*got.Retry, got.DeadLetterSink.URI.Host = 99, "changed"
		if *own.Retry != 1 || *fallback.Retry != 2 || own.DeadLetterSink.URI.Host != "own" || fallback.DeadLetterSink.URI.Host != "fallback" {
			t.Errorf("%s: the argument was changed", name)
		}
	}
	if Merge(nil, nil) != nil {
		t.Error("nothing became something")
	}
}

func TestValidateNothing(t *testing.T) {
	if err := Validate(t.Context(), nil); err != nil {
		t.Errorf("got %v", err)
	}
}
