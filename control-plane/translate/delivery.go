package translate

import (
	"net/url"
	"time"

	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/control-plane/apis/iso8601"
	"knative.dev/eventing-kafka-go/proto/contract"
)

const (
	// ResourceBackoffDelay is the wait unit of a resource-level delivery that retries and does not say.
	ResourceBackoffDelay = time.Second
	// EgressBackoffDelay is the wait unit of a Trigger, Subscription or KafkaSource that retries and does not say.
	EgressBackoffDelay = 200 * time.Millisecond
)

// egressConfig translates a DeliverySpec. deadLetter is its resolved dead letter sink; without one the sink must be an
// absolute URI. Fields of errors are relative to the DeliverySpec. The result is nil when spec says nothing that would
// change a delivery.
func egressConfig(spec *eventingduck.DeliverySpec, deadLetter *Target, defaultDelay time.Duration) (*contract.EgressConfig, error) {
	if spec == nil || (spec.DeadLetterSink == nil && spec.Retry == nil && spec.Timeout == nil && spec.Format == nil) {
		return nil, nil
	}
	config := &contract.EgressConfig{}
	if spec.Format != nil {
		config.Format = string(*spec.Format)
	}
	var err error
	if spec.DeadLetterSink != nil {
		if deadLetter, err = resolved(spec.DeadLetterSink, deadLetter); err != nil {
			return nil, at("deadLetterSink", err)
		}
		config.DeadLetter, config.DeadLetterCACerts, config.DeadLetterAudience =
			deadLetter.URI, deadLetter.CACerts, deadLetter.Audience
	}
	if config.Timeout, err = milliseconds("timeout", spec.Timeout, 0); err != nil {
		return nil, err
	}
	if spec.Retry == nil {
		return config, nil
	}
	return config, retries(config, spec, defaultDelay)
}

// retries sets what counts only when retry is set.
func retries(config *contract.EgressConfig, spec *eventingduck.DeliverySpec, defaultDelay time.Duration) (err error) {
	if *spec.Retry < 0 {
		return wrong("retry", "%d is negative", *spec.Retry)
	}
	config.Retry = uint32(*spec.Retry)
	if spec.BackoffPolicy != nil && *spec.BackoffPolicy == eventingduck.BackoffPolicyLinear {
		config.BackoffPolicy = contract.BackoffPolicy_Linear
	}
	if config.BackoffDelay, err = milliseconds("backoffDelay", spec.BackoffDelay, defaultDelay); err != nil {
		return err
	}
	if spec.RetryAfterMax != nil {
		limit, err := milliseconds("retryAfterMax", spec.RetryAfterMax, 0)
		if err != nil {
			return err
		}
		config.RetryAfterMax = &limit
	}
	return nil
}

// milliseconds is the absolute length of an ISO-8601 duration.
func milliseconds(field string, text *string, absent time.Duration) (uint64, error) {
	d := absent
	if text != nil {
		var err error
		if d, err = iso8601.ParseAbsolute(*text); err != nil {
			return 0, wrong(field, "%w", err)
		}
	}
	return uint64(d.Milliseconds()), nil
}

// resolved returns where a destination is: target when somebody has resolved it, else its own absolute URI.
func resolved(dest *duckv1.Destination, target *Target) (*Target, error) {
	switch {
	case target != nil:
	case dest.Ref != nil:
		return nil, wrong("ref", "%s %q in namespace %q is not resolved", dest.Ref.Kind, dest.Ref.Name, dest.Ref.Namespace)
	case dest.URI == nil:
		return nil, wrong("", "expected ref or uri, got neither")
	default:
		target = &Target{URI: dest.URI.String(), CACerts: value(dest.CACerts), Audience: value(dest.Audience)}
	}
	return target, at("uri", checkURL(target.URI))
}

// checkURL reports what cannot be posted to.
func checkURL(s string) error {
	if s == "" {
		return wrong("", "not resolved")
	}
	u, err := url.Parse(s)
	if err != nil {
		return wrong("", "%w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return wrong("", "%q is not an absolute http or https URL", s)
	}
	return nil
}

// value is what p points to, "" for nil.
func value(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// deliveryOrder sets order and scope of an egress. The scope counts only with an order.
func deliveryOrder(e *contract.Egress, ordered bool, scopes ...map[string]string) error {
	scope, err := annotation.DeliveryOrderScopeOf(scopes...)
	if err != nil {
		return at(annotation.Path(annotation.DeliveryOrderScope), err)
	}
	if !ordered {
		return nil
	}
	e.DeliveryOrder = contract.DeliveryOrder_ORDERED
	if scope == annotation.KeyScope {
		e.OrderScope = contract.OrderScope_KEY_SCOPE
	}
	return nil
}

// keyFallback is the attribute that stands in for a missing partitionkey.
func keyFallback(annotations map[string]string) (contract.KeyFallback, error) {
	fallback, err := annotation.KeyFallbackOf(annotations)
	if err != nil {
		return 0, at(annotation.Path(annotation.KeyFallback), err)
	}
	if fallback == annotation.SubjectFallback {
		return contract.KeyFallback_SUBJECT, nil
	}
	return contract.KeyFallback_NO_KEY_FALLBACK, nil
}

// tuning sets how fast an egress delivers and what counts as a reply. What its object does not say, the inherited
// annotations do; ofInherited wraps an error that is theirs.
func tuning(e *contract.Egress, own, inherited map[string]string, ofInherited func(error) error) error {
	said := map[string]string{}
	for _, key := range append(annotation.TuningKeys(), annotation.StrictReplies) {
		if value, ok := own[key]; ok {
			said[key] = value
		} else if value, ok := inherited[key]; ok {
			said[key] = value
		}
	}
	t, key, err := annotation.TuningOf(said)
	if err != nil {
		err = at(annotation.Path(key), err)
		if _, ok := own[key]; !ok {
			err = ofInherited(err)
		}
		return err
	}
	e.StrictReplies = t.StrictReplies
	t.StrictReplies = false
	if t != (annotation.Tuning{}) {
		e.Pace = &contract.Pace{
			MinConcurrency: t.MinConcurrency, MaxConcurrency: t.MaxConcurrency, RateLimit: t.RateLimit,
			RefusalGrace: uint64(t.RefusalGrace.Milliseconds()), Breaker: t.Breaker,
		}
	}
	return nil
}

// invalidRecords is what becomes of records that are no events.
func invalidRecords(annotations map[string]string) (contract.InvalidRecords, error) {
	invalid, err := annotation.InvalidRecordsOf(annotations)
	if err != nil {
		return 0, at(annotation.Path(annotation.InvalidRecords), err)
	}
	switch invalid {
	case annotation.WrapInvalid:
		return contract.InvalidRecords_WRAP, nil
	case annotation.ParkInvalid:
		return contract.InvalidRecords_PARK, nil
	case annotation.DiscardInvalid:
	}
	return contract.InvalidRecords_DISCARD, nil
}
