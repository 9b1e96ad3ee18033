package migration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const (
	// defaultPatience is how long a run waits for what a step waits for, defaultInterval how often it looks.
	defaultPatience = 10 * time.Minute
	defaultInterval = 2 * time.Second
	// reportLimit is how long the report may take.
	reportLimit = 20 * time.Second
	// conflicts is how often a step begins anew because somebody else changed what it changes, and how often a change is
	// made that is then still to be made.
	conflicts = 5
)

// Runner runs takeovers.
type Runner struct {
	// Report keeps what was found and done. nil: nothing does.
	Report *Report
	Log    *slog.Logger
	// Patience is how long each step may wait; 0 is ten minutes. Interval is how often it is looked; 0 is 2 s.
	Patience, Interval time.Duration
	// Now is what Patience is measured with; nil is time.Now.
	Now func() time.Time
}

func (r *Runner) now() time.Time {
	if r.Now == nil {
		return time.Now()
	}
	return r.Now()
}

// Run runs all takeovers. The error joins those of all that did not come to their end.
func (r *Runner) Run(ctx context.Context, all ...Takeover) error {
	var failed []error
	for _, t := range all {
		log := r.Log.With("takeover", t.Name())
		err := r.run(ctx, t, log)
		if err != nil {
			err = fmt.Errorf("%s: %w", t.Name(), err)
			failed = append(failed, err)
		}
		if reportErr := r.end(ctx, t, err); reportErr != nil {
			failed = append(failed, reportErr)
		}
	}
	return errors.Join(failed...)
}

// end reports how a takeover has ended, also when it ended because this program is to end.
func (r *Runner) end(ctx context.Context, t Takeover, result error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reportLimit)
	defer cancel()
	return r.Report.end(ctx, t, result)
}

func (r *Runner) run(ctx context.Context, t Takeover, log *slog.Logger) error {
	survey, err := t.Survey(ctx)
	switch {
	case err != nil:
		return err
	case survey.Skip != "":
		log.Info("nothing to do", "reason", survey.Skip)
		r.Report.found(t, survey)
		return nil
	}
	for _, note := range survey.Notes {
		log.Warn(note)
	}
	r.Report.found(t, survey)
	if len(survey.Blockers) > 0 {
		return &BlockedError{survey.Blockers}
	}
	for _, s := range t.Steps() {
		if err := r.step(ctx, t, s, log.With("step", s.Name)); err != nil {
			return err
		}
		if err := r.Report.reached(ctx, t, s.Name); err != nil {
			return err
		}
	}
	return nil
}

// step makes the changes of a step, as what they wait for becomes so.
func (r *Runner) step(ctx context.Context, t Takeover, s Step, log *slog.Logger) error {
	deadline := r.now().Add(orDefault(r.Patience, defaultPatience))
	tries, said, before := 0, "", map[string]int{}
	for {
		waiting, made, err := r.round(ctx, t, s, before, log)
		switch {
		case apierrors.IsConflict(err) && tries < conflicts:
			tries++
			continue
		case err != nil:
			return fmt.Errorf("%s: %w", s.Name, err)
		case made > 0:
			tries = 0
			deadline = r.now().Add(orDefault(r.Patience, defaultPatience)) // it moves
			continue
		case waiting == "":
			return nil
		case !r.now().Before(deadline):
			return &NotYetError{s.Name, waiting}
		}
		if waiting != said {
			log.Info("waiting", "for", waiting)
			said = waiting
		}
		pause := time.NewTimer(orDefault(r.Interval, defaultInterval))
		select {
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		case <-pause.C:
		}
	}
}

// round makes those changes of a step that wait for nothing, and says what the others wait for. Without changes made and
// without anything to wait for, the step is done. before counts the changes that were made in this step.
func (r *Runner) round(ctx context.Context, t Takeover, s Step, before map[string]int, log *slog.Logger) (waiting string, made int, err error) {
	changes, err := s.Plan(ctx)
	if err != nil || len(changes) == 0 {
		return "", 0, err
	}
	if waiting, err = All(s.Gate)(ctx); err != nil || waiting != "" {
		return waiting, 0, err
	}
	for _, c := range changes {
		why, err := All(c.Gate)(ctx)
		if err != nil {
			return "", made, err
		}
		if why != "" {
			waiting = why
			continue
		}
		if before[c.What]++; before[c.What] > conflicts {
			return "", made, fmt.Errorf("%s: somebody undoes it again and again", c.What)
		}
		if err := c.Do(ctx); err != nil {
			return "", made, err
		}
		made++
		log.Info(c.What)
		r.Report.did(t, s.Name, c.What)
	}
	return waiting, made, nil
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

// DryRun writes what takeovers would do, and what of it would have to wait, and changes nothing (MIG-06). The error joins
// what could not be read and what is in the way.
func DryRun(ctx context.Context, w io.Writer, all ...Takeover) error {
	var failed []error
	for _, t := range all {
		fmt.Fprintf(w, "%s\n", t.Name())
		if err := dryRun(ctx, w, t); err != nil {
			fmt.Fprintf(w, "  ERROR %v\n", err)
			failed = append(failed, fmt.Errorf("%s: %w", t.Name(), err))
		}
	}
	return errors.Join(failed...)
}

func dryRun(ctx context.Context, w io.Writer, t Takeover) error {
	survey, err := t.Survey(ctx)
	if err != nil {
		return err
	}
	if survey.Skip != "" {
		fmt.Fprintf(w, "  nothing to do: %s\n", survey.Skip)
		return nil
	}
	for _, o := range survey.Objects {
		fmt.Fprintf(w, "  %s: %s: %s\n", o.Name, o.Phase, o.Detail)
	}
	for _, note := range survey.Notes {
		fmt.Fprintf(w, "  NOTE %s\n", note)
	}
	for _, blocker := range survey.Blockers {
		fmt.Fprintf(w, "  IN THE WAY %s\n", blocker)
	}
	var failed []error
	for i, s := range t.Steps() {
		if err := printStep(ctx, w, i+1, s); err != nil { // the others can be told of all the same
			fmt.Fprintf(w, "  step %d, %s: cannot be told: %v\n", i+1, s.Name, err)
			failed = append(failed, fmt.Errorf("%s: %w", s.Name, err))
		}
	}
	if len(survey.Blockers) > 0 {
		return &BlockedError{survey.Blockers} // which is why steps cannot be told
	}
	return errors.Join(failed...)
}

// printStep prints a step when all of it could be found out.
func printStep(ctx context.Context, w io.Writer, number int, s Step) error {
	changes, err := s.Plan(ctx)
	if err != nil {
		return err
	}
	if len(changes) == 0 {
		fmt.Fprintf(w, "  step %d, %s: nothing to do\n", number, s.Name)
		return nil
	}
	waiting, err := All(s.Gate)(ctx)
	if err != nil {
		return err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "  step %d, %s%s\n", number, s.Name, waitsFor(waiting))
	for _, c := range changes {
		if waiting, err = All(c.Gate)(ctx); err != nil {
			return err
		}
		fmt.Fprintf(&text, "    %s%s\n", c.What, waitsFor(waiting))
	}
	_, err = io.WriteString(w, text.String())
	return err
}

func waitsFor(waiting string) string {
	if waiting == "" {
		return ""
	}
	return " (waits for: " + waiting + ")"
}
