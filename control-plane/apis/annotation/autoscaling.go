package annotation

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// How many members the consumer group of an object has, by what waits for it, on a Trigger, Subscription or KafkaSource
// (ST-11). Absent values are those of config-kafka-autoscaler.
const (
	autoscaling = "autoscaling.eventing.knative.dev/"

	// AutoscalingClass is AutoscalingKEDA or AutoscalingDisabled.
	AutoscalingClass = autoscaling + "class"
	// MinScale and MaxScale bound the members; a MinScale of 0 leaves a group that has nothing to do without any.
	MinScale = autoscaling + "min-scale"
	MaxScale = autoscaling + "max-scale"
	// PollingInterval is how often it is looked what waits, CooldownPeriod how long fewer members must do before there are
	// fewer, both in seconds.
	PollingInterval = autoscaling + "polling-interval"
	CooldownPeriod  = autoscaling + "cooldown-period"
	// LagThreshold is how many records may wait for each member; ActivationLagThreshold is how many may wait for nobody.
	LagThreshold           = autoscaling + "lag-threshold"
	ActivationLagThreshold = autoscaling + "activation-lag-threshold"
)

// Values of AutoscalingClass.
const (
	AutoscalingKEDA     = "keda.autoscaling.knative.dev"
	AutoscalingDisabled = "disabled"
)

// mostSeconds bounds intervals: a day.
const mostSeconds = 24 * 60 * 60

// Autoscaling says how a consumer group is scaled.
type Autoscaling struct {
	// Class is one of the values of AutoscalingClass.
	Class                    string
	Min, Max                 int32
	Polling, Cooldown        time.Duration
	LagThreshold, Activation int64
}

// Disabled says that nothing is scaled.
func (a Autoscaling) Disabled() bool { return a.Class == AutoscalingDisabled }

// DefaultAutoscaling is what an installation has that says nothing (EG-100).
func DefaultAutoscaling() Autoscaling {
	return Autoscaling{Class: AutoscalingKEDA, Max: 50, Polling: 10 * time.Second, Cooldown: 30 * time.Second, LagThreshold: 100}
}

// AutoscalingKeys are the annotations that make an Autoscaling.
func AutoscalingKeys() []string {
	return []string{AutoscalingClass, MinScale, MaxScale, PollingInterval, CooldownPeriod, LagThreshold, ActivationLagThreshold}
}

// Autoscales says whether an object has one of those annotations.
func Autoscales(annotations map[string]string) bool {
	for _, key := range AutoscalingKeys() {
		if _, ok := annotations[key]; ok {
			return true
		}
	}
	return false
}

// AutoscalingOf returns what the annotations ask for, and what otherwise says about the rest. For an error, key is the
// annotation that it is about.
func AutoscalingOf(annotations map[string]string, otherwise Autoscaling) (a Autoscaling, key string, err error) {
	a, key, err = ReadAutoscaling(otherwise, func(key string) (string, bool) {
		value, ok := annotations[autoscaling+key]
		return value, ok
	})
	if err != nil {
		key = autoscaling + key
	}
	return a, key, err
}

// ReadAutoscaling reads values by the keys of the annotations without their prefix, which are those of
// config-kafka-autoscaler. A bound that is given goes before one that is not.
func ReadAutoscaling(otherwise Autoscaling, value func(key string) (string, bool)) (a Autoscaling, key string, err error) {
	a = otherwise
	if class, ok := value("class"); ok && class != "" {
		if class != AutoscalingKEDA && class != AutoscalingDisabled {
			return otherwise, "class", fmt.Errorf("expected %q or %q, got %q", AutoscalingKEDA, AutoscalingDisabled, class)
		}
		a.Class = class
	}
	if a.Disabled() {
		return a, "", nil // the rest means nothing (CFG-37)
	}
	given := map[string]bool{}
	for _, field := range []struct {
		key         string
		least, most int64
		set         func(int64)
	}{
		{"min-scale", 0, largest, func(n int64) { a.Min = int32(n) }},
		{"max-scale", 1, largest, func(n int64) { a.Max = int32(n) }},
		{"polling-interval", 1, mostSeconds, func(n int64) { a.Polling = time.Duration(n) * time.Second }},
		{"cooldown-period", 0, mostSeconds, func(n int64) { a.Cooldown = time.Duration(n) * time.Second }},
		{"lag-threshold", 1, math.MaxInt32, func(n int64) { a.LagThreshold = n }},
		{"activation-lag-threshold", 0, math.MaxInt32, func(n int64) { a.Activation = n }},
	} {
		text, ok := value(field.key)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < field.least || n > field.most {
			return otherwise, field.key, fmt.Errorf("expected a number from %d to %d, got %q", field.least, field.most, text)
		}
		given[field.key] = true
		field.set(n)
	}
	switch {
	case a.Min <= a.Max:
	case !given["max-scale"]:
		a.Max = a.Min
	case !given["min-scale"]:
		a.Min = a.Max
	default:
		return otherwise, "min-scale", fmt.Errorf("expected at most the %d of max-scale, got %d", a.Max, a.Min)
	}
	return a, "", nil
}

// checkAutoscaling returns what is wrong with the value under one key, given that another may bound it.
func checkAutoscaling(annotations map[string]string, key string) error {
	alone := map[string]string{key: annotations[key]}
	if limit, ok := annotations[MaxScale]; ok && key == MinScale {
		if _, _, err := AutoscalingOf(map[string]string{MaxScale: limit}, DefaultAutoscaling()); err == nil { // else that is the mistake
			alone[MaxScale] = limit
		}
	}
	_, _, err := AutoscalingOf(alone, DefaultAutoscaling())
	return err
}
