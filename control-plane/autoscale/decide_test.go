package autoscale

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
)

// TestMembersFollowWhatWaits looks at a group every ten seconds: each number in a row's lag is a look, the one at the same
// place in members what is decided.
func TestMembersFollowWhatWaits(t *testing.T) {
	policy := func(change func(*annotation.Autoscaling)) annotation.Autoscaling {
		p := annotation.DefaultAutoscaling()
		p.Max, p.LagThreshold = 5, 10
		if change != nil {
			change(&p)
		}
		return p
	}
	atLeast := func(n int32) func(*annotation.Autoscaling) {
		return func(p *annotation.Autoscaling) { p.Min = n }
	}
	for _, tc := range []struct {
		name       string
		change     func(*annotation.Autoscaling)
		begin      int32
		partitions int32
		lag        []int64
		members    []int32
	}{
		{"one member for each threshold, at once", nil, 1, 10, []int64{1, 10, 11, 35}, []int32{1, 1, 2, 4}},
		{"never more than the maximum", nil, 1, 10, []int64{1 << 40}, []int32{5}},
		{"never more than partitions", nil, 1, 3, []int64{1000}, []int32{3}},
		{"the maximum counts where partitions are not known", nil, 1, 0, []int64{1000}, []int32{5}},
		{"never fewer than the minimum", atLeast(2), 1, 10, []int64{0, 0, 0, 0, 0}, []int32{2, 2, 2, 2, 2}},
		{"fewer after the cooldown", atLeast(1), 4, 10, []int64{5, 5, 5, 5}, []int32{4, 4, 4, 1}},
		{"as many fewer as would have done all the time", atLeast(1), 4, 10, []int64{5, 25, 5, 5, 5, 5, 5}, []int32{4, 4, 4, 3, 3, 3, 3}},
		{"what comes meanwhile begins the cooldown anew", atLeast(1), 4, 10, []int64{5, 5, 40, 5, 5, 5, 5}, []int32{4, 4, 4, 4, 4, 4, 1}},
		{"none when nothing waits, and some when something does", nil, 1, 10, []int64{0, 0, 0, 0, 0, 1, 0}, []int32{1, 1, 1, 0, 0, 1, 1}},
		{"what may wait for nobody wakes nobody (ST-12)", func(p *annotation.Autoscaling) { p.Activation = 5 }, 1, 10,
			[]int64{5, 5, 5, 5, 5, 6}, []int32{1, 1, 1, 0, 0, 1}},
		{"what may wait for nobody is nobody's while others are there", func(p *annotation.Autoscaling) { p.Activation, p.Min = 30, 1 }, 1, 10,
			[]int64{30, 31}, []int32{1, 4}},
		{"without a cooldown fewer at once", func(p *annotation.Autoscaling) { p.Cooldown = 0 }, 4, 10, []int64{5, 0}, []int32{1, 0}},
		{"what it begins with is bounded", nil, 9, 10, []int64{1000}, []int32{5}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, now := policy(tc.change), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			s := Begin(p, now, tc.begin, tc.partitions)
			var got []int32
			for _, lag := range tc.lag {
				s = s.Next(p, now, lag, tc.partitions)
				got = append(got, s.Members)
				now = now.Add(p.Polling)
			}
			if fmt.Sprint(got) != fmt.Sprint(tc.members) {
				t.Errorf("%v, want %v", got, tc.members)
			}
		})
	}
}

func TestBoundsThatChangeApplyAtOnce(t *testing.T) {
	p, now := annotation.DefaultAutoscaling(), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := Begin(p, now, 8, 10)
	p.Max = 3
	if got := s.Within(p, now, 10).Members; got != 3 {
		t.Errorf("%d members of at most 3", got)
	}
	p.Min, p.Max = 9, 9
	if got := s.Within(p, now, 10).Members; got != 9 {
		t.Errorf("%d members of at least 9", got)
	}
}

// TestAGroupThatSleepsKeepsItsOffsets is about a week without a record: its members are there for a moment every now and
// then.
func TestAGroupThatSleepsKeepsItsOffsets(t *testing.T) {
	p, now := annotation.DefaultAutoscaling(), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := Begin(p, now, 0, 10)
	var awake []string
	for end := now.Add(26 * time.Hour); now.Before(end); now = now.Add(p.Polling) {
		before := s.Members
		if s = s.Next(p, now, 0, 10); s.Members != before {
			awake = append(awake, fmt.Sprintf("%d at %s", s.Members, now.Format("15:04:05")))
		}
	}
	if got, want := strings.Join(awake, ", "), "1 at 15:04:05, 0 at 15:04:45, 1 at 03:04:45, 0 at 03:05:25"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
