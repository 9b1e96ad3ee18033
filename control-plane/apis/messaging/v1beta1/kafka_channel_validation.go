package v1beta1

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	coreeventing "knative.dev/eventing/pkg/apis/eventing"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/kmp"
	"knative.dev/pkg/system"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/control-plane/apis/delivery"
	"knative.dev/eventing-kafka-go/control-plane/apis/iso8601"
	"knative.dev/eventing-kafka-go/control-plane/apis/ratchet"
)

// Validate implements apis.Validatable. On an update the context carries the old object (apis.WithinUpdate) and the
// user (apis.WithUserInfo).
func (c *KafkaChannel) Validate(ctx context.Context) *apis.FieldError {
	errs := c.validate(ctx)
	if old, ok := apis.GetBaseline(ctx).(*KafkaChannel); ok && old != nil && apis.IsInUpdate(ctx) {
		errs = ratchet.New(errs, old.validate(ctx)).Also(c.Spec.ValidateUpdate(ctx, &old.Spec))
	}
	return errs
}

func (c *KafkaChannel) validate(ctx context.Context) *apis.FieldError {
	return ValidateAnnotations(c.Annotations).Also(c.Spec.Validate(ctx).ViaField("spec"))
}

// ValidateAnnotations checks the annotations that a channel may have.
func ValidateAnnotations(annotations map[string]string) (errs *apis.FieldError) {
	scope, ok := annotations[coreeventing.ScopeAnnotationKey]
	if ok && scope != coreeventing.ScopeCluster && scope != coreeventing.ScopeNamespace {
		errs = apis.ErrInvalidValue(scope, annotation.Path(coreeventing.ScopeAnnotationKey),
			"expected either 'cluster' or 'namespace'")
	}
	keys := append(annotation.TuningKeys(), annotation.StrictReplies,
		annotation.DeliveryOrderScope, annotation.KeyFallback, annotation.InvalidRecords)
	return errs.Also(annotation.Validate(annotations, keys...))
}

// Validate checks everything that needs no earlier version of the object. The context carries the feature flags.
// Destinations may be in other namespaces: it names none as the object's (apis.WithinParent).
func (s *KafkaChannelSpec) Validate(ctx context.Context) (errs *apis.FieldError) {
	if s.NumPartitions <= 0 {
		errs = errs.Also(apis.ErrInvalidValue(s.NumPartitions, "numPartitions"))
	}
	if s.ReplicationFactor <= 0 {
		errs = errs.Also(apis.ErrInvalidValue(s.ReplicationFactor, "replicationFactor"))
	}
	if _, err := s.ParseRetentionDuration(); err != nil {
		errs = errs.Also(apis.ErrInvalidValue(s.RetentionDuration, "retentionDuration", err.Error()))
	}
	for i := range s.Subscribers {
		errs = errs.Also(validateSubscriber(&s.Subscribers[i]).ViaFieldIndex("subscriber", i).ViaField("subscribable"))
	}
	return errs.Also(delivery.Validate(ctx, s.Delivery).ViaField("delivery"))
}

// ParseRetentionDuration returns how long events are kept: never negative. An object from before the field existed
// has none and gets the default.
func (s *KafkaChannelSpec) ParseRetentionDuration() (time.Duration, error) {
	text := s.RetentionDuration
	if text == "" {
		text = DefaultRetentionDuration
	}
	d, err := iso8601.Parse(text)
	if err == nil && d < 0 {
		err = fmt.Errorf("expected a duration that is not negative: %s", text)
	}
	return d, err
}

func validateSubscriber(s *eventingduck.SubscriberSpec) *apis.FieldError {
	if s.SubscriberURI != nil || s.ReplyURI != nil {
		return nil
	}
	err := apis.ErrMissingField("replyURI", "subscriberURI")
	err.Details = "expected at least one of, got none"
	return err
}

// ValidateUpdate checks what may not change, and what only core's Subscription controller may change.
func (s *KafkaChannelSpec) ValidateUpdate(ctx context.Context, old *KafkaChannelSpec) *apis.FieldError {
	return s.validateImmutable(old).Also(s.validateSubscribersChange(ctx, old))
}

func (s *KafkaChannelSpec) validateImmutable(old *KafkaChannelSpec) *apis.FieldError {
	ignored := []string{"ChannelableSpec"}
	if old.RetentionDuration == "" { // the object is older than the field
		ignored = append(ignored, "RetentionDuration")
	}
	return changed("Immutable fields changed (-old +new)", "spec", *old, *s, cmpopts.IgnoreFields(KafkaChannelSpec{}, ignored...))
}

func (s *KafkaChannelSpec) validateSubscribersChange(ctx context.Context, old *KafkaChannelSpec) *apis.FieldError {
	user, allowed := "", subscriptionController()
	if info := apis.GetUserInfo(ctx); info != nil {
		user = info.Username
	}
	if user == allowed {
		return nil
	}
	message := fmt.Sprintf("Channel.Spec.Subscribers changed by user %s which was not the %s service account", user, allowed)
	return changed(message, "spec.subscribers", old.Subscribers, s.Subscribers)
}

// changed returns an error with the difference, if there is one.
func changed(message, path string, old, now any, opts ...cmp.Option) *apis.FieldError {
	diff, err := kmp.ShortDiff(old, now, opts...)
	if err != nil {
		return &apis.FieldError{Message: "Failed to compare with the old object", Paths: []string{path}, Details: err.Error()}
	}
	if diff == "" {
		return nil
	}
	return &apis.FieldError{Message: message, Paths: []string{path}, Details: diff}
}

// subscriptionController is the user that writes spec.subscribers: core runs in the same namespace as we do.
func subscriptionController() string {
	namespace := os.Getenv(system.NamespaceEnvKey)
	if namespace == "" {
		namespace = "knative-eventing"
	}
	return "system:serviceaccount:" + namespace + ":eventing-controller"
}
