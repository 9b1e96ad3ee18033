package annotation

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"knative.dev/eventing-kafka-go/control-plane/apis/iso8601"
)

// How fast an egress delivers, on a Trigger, KafkaSource or Subscription, or on a KafkaChannel for all of its
// Subscriptions. Absent values are for the data plane to decide.
const (
	// MinConcurrency is how many deliveries may always run, however the subscriber answers.
	MinConcurrency = "kafka.eventing.knative.dev/concurrency.min"
	// MaxConcurrency is how many may run at the most in one process.
	MaxConcurrency = "kafka.eventing.knative.dev/concurrency.max"
	// RateLimit is the most requests to the subscriber in a second in one process, retries included.
	RateLimit = "kafka.eventing.knative.dev/rate.limit"
	// RefusalGrace is an ISO-8601 duration since the first attempt of an event, in which a refused connection, a 429 or
	// a 503 uses up no retry.
	RefusalGrace = "kafka.eventing.knative.dev/refusal.grace"
	// Breaker, "true" or "false", stops deliveries while the subscriber is down, instead of using up attempts.
	Breaker = "kafka.eventing.knative.dev/breaker"
)

const (
	// StrictReplies, on a Trigger, Subscription or KafkaChannel: "true" makes an answer with a body that is no event a
	// failure.
	StrictReplies = "kafka.eventing.knative.dev/strict.replies"
	// InvalidRecords, on a Broker or KafkaChannel: what becomes of records that are no events; absent is discard.
	InvalidRecords = "kafka.eventing.knative.dev/invalid.records"
)

// Invalid is what becomes of a record that is no CloudEvent.
type Invalid string

const (
	// DiscardInvalid counts it and goes on.
	DiscardInvalid Invalid = "discard"
	// WrapInvalid makes an event of it.
	WrapInvalid Invalid = "wrap"
	// ParkInvalid keeps it in the parking topic.
	ParkInvalid Invalid = "park"
)

// Tuning is what the annotations of an egress ask for; zero values say nothing.
type Tuning struct {
	MinConcurrency, MaxConcurrency, RateLimit uint32
	RefusalGrace                              time.Duration
	Breaker                                   bool
	StrictReplies                             bool
}

// TuningKeys are the annotations that make a Tuning, but StrictReplies, which a KafkaSource does not have.
func TuningKeys() []string {
	return []string{MinConcurrency, MaxConcurrency, RateLimit, RefusalGrace, Breaker}
}

// TuningOf returns what the annotations ask for. For an error, key is the annotation that it is about.
func TuningOf(annotations map[string]string) (t Tuning, key string, err error) {
	for _, field := range []struct {
		key  string
		read func(value string) error
	}{
		{MinConcurrency, number(&t.MinConcurrency)}, {MaxConcurrency, number(&t.MaxConcurrency)},
		{RateLimit, number(&t.RateLimit)}, {RefusalGrace, duration(&t.RefusalGrace)},
		{Breaker, boolean(&t.Breaker)}, {StrictReplies, boolean(&t.StrictReplies)},
	} {
		if value, ok := annotations[field.key]; ok {
			if err := field.read(value); err != nil {
				return Tuning{}, field.key, err
			}
		}
	}
	if t.MaxConcurrency > 0 && t.MinConcurrency > t.MaxConcurrency {
		return Tuning{}, MinConcurrency, fmt.Errorf("expected at most the %d of %s, got %d", t.MaxConcurrency, MaxConcurrency, t.MinConcurrency)
	}
	return t, "", nil
}

// checkTuning returns what is wrong with the value under one key, given that another may bound it.
func checkTuning(annotations map[string]string, key string) error {
	alone := map[string]string{key: annotations[key]}
	if limit, ok := annotations[MaxConcurrency]; ok && key == MinConcurrency {
		if _, _, err := TuningOf(map[string]string{MaxConcurrency: limit}); err == nil { // else that is the mistake
			alone[MaxConcurrency] = limit
		}
	}
	_, _, err := TuningOf(alone)
	return err
}

// InvalidRecordsOf returns what is asked for, DiscardInvalid when nothing is said.
func InvalidRecordsOf(annotations map[string]string) (Invalid, error) {
	return one(annotations, InvalidRecords, DiscardInvalid, DiscardInvalid, WrapInvalid, ParkInvalid)
}

// largest bounds numbers: more deliveries at a time, or in a second, are a mistake.
const largest = 1_000_000

func number(into *uint32) func(string) error {
	return func(value string) error {
		n, err := strconv.ParseUint(value, 10, 32)
		if err != nil || n == 0 || n > largest {
			return fmt.Errorf("expected a number from 1 to %d, got %q", largest, value)
		}
		*into = uint32(n)
		return nil
	}
}

func duration(into *time.Duration) func(string) error {
	return func(value string) error {
		d, err := iso8601.Parse(value)
		if err == nil && d < 0 {
			err = errors.New("it is negative")
		}
		if err != nil {
			return fmt.Errorf("expected an ISO-8601 duration, got %q: %w", value, err)
		}
		*into = d
		return nil
	}
}

func boolean(into *bool) func(string) error {
	return func(value string) error {
		switch {
		case strings.EqualFold(value, "true"):
			*into = true
		case !strings.EqualFold(value, "false"):
			return fmt.Errorf("expected \"true\" or \"false\", got %q", value)
		}
		return nil
	}
}
