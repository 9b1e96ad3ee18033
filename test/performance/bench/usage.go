package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	"knative.dev/eventing-kafka-go/test/performance/report"
	"knative.dev/eventing-kafka-go/test/performance/stage"
)

// usage is the processor time that a deployment's roles and the broker use from a moment on.
type usage struct {
	bench  *bench
	d      *stage.Deployment
	roles  []stage.Role
	began  time.Time
	before []time.Duration
	broker time.Duration
}

func (b *bench) startUsage(d *stage.Deployment, roles ...stage.Role) (*usage, error) {
	u := &usage{bench: b, d: d, roles: roles}
	for _, role := range roles {
		used, err := d.CPU(role)
		if err != nil {
			return nil, err
		}
		u.before = append(u.before, used)
	}
	u.broker, _ = b.Broker.CPU()
	u.began = time.Now()
	return u, nil
}

// since returns what each role and the broker have used; the broker's is NaN when it cannot be told.
func (u *usage) since() (roles []float64, broker, wall float64, err error) {
	for i, role := range u.roles {
		used, err := u.d.CPU(role)
		if err != nil {
			return nil, 0, 0, err
		}
		roles = append(roles, (used - u.before[i]).Seconds())
	}
	broker = math.NaN()
	if used, ok := u.bench.Broker.CPU(); ok {
		broker = (used - u.broker).Seconds()
	}
	return roles, broker, time.Since(u.began).Seconds(), nil
}

// perEvent are figures of processor time for each of n events.
func (u *usage) perEvent(n uint64) ([]report.Figure, error) {
	roles, broker, _, err := u.since()
	if err != nil {
		return nil, err
	}
	var figures []report.Figure
	for i, used := range roles {
		name := "CPU per event"
		if len(roles) > 1 {
			name = string(u.roles[i]) + " CPU per event"
		}
		figures = append(figures, report.Figure{Name: name, Unit: "µs", Value: used / float64(n) * 1e6})
	}
	return append(figures, report.Figure{Name: "broker's CPU per event", Unit: "µs", Value: broker / float64(n) * 1e6}), nil
}

// ofACore are figures of processor time as a share of a core.
func (u *usage) ofACore() ([]report.Figure, error) {
	roles, broker, wall, err := u.since()
	if err != nil {
		return nil, err
	}
	var sum float64
	for _, used := range roles {
		sum += used
	}
	return []report.Figure{
		{Name: "CPU", Unit: "% of a core", Value: sum / wall * 100},
		{Name: "broker's CPU", Unit: "% of a core", Value: broker / wall * 100},
	}, nil
}

// count names a number of things.
func count(n int, thing string) string {
	switch {
	case n == 1:
		return "1 " + thing
	case strings.HasSuffix(thing, "s"):
		thing += "e"
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }
