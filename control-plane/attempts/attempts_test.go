package attempts

import (
	"errors"
	"testing"
	"time"

	duckv1 "knative.dev/pkg/apis/duck/v1"
)

func TestSomethingIsTriedFiveTimesWithPauses(t *testing.T) {
	status := &duckv1.Status{}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	away := errors.New("away")
	tries := 0
	try := func() error {
		return Of(status, now).Try("topic t", func() error { tries++; return away }) // read from the status each time, as by another leader
	}
	var wait *WaitError
	var givenUp *GivenUpError
	for i := 1; i < Max; i++ {
		if err := try(); !errors.As(err, &wait) || !errors.Is(err, away) || wait.After != Pause || tries != i {
			t.Fatalf("attempt %d: %v after %d tries", i, err, tries)
		}
		now = now.Add(Pause / 5)
		if err := try(); !errors.As(err, &wait) || wait.After != Pause*4/5 || tries != i {
			t.Fatalf("too soon: %v after %d tries", err, tries)
		}
		now = now.Add(Pause)
	}
	for range 2 {
		if err := try(); !errors.As(err, &givenUp) || tries != Max {
			t.Fatalf("%v after %d tries", err, tries)
		}
	}
	if err := Of(status, now).Try("group g", func() error { return nil }); err != nil {
		t.Error(err)
	}
}

func TestWhatSucceedsLeavesNoTrace(t *testing.T) {
	status := &duckv1.Status{}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	_ = Of(status, now).Try("topic t", func() error { return errors.New("away") })
	if err := Of(status, now.Add(Pause)).Try("topic t", func() error { return nil }); err != nil || len(status.Annotations) != 0 {
		t.Errorf("%v %v", err, status.Annotations)
	}
}

func TestWaitingEnds(t *testing.T) {
	status := &duckv1.Status{}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tc := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {59 * time.Second, true}, {time.Minute, false}} {
		if got := Of(status, now.Add(tc.after)).Waiting("release", time.Minute); got != tc.want {
			t.Errorf("after %v: %v", tc.after, got)
		}
	}
}
