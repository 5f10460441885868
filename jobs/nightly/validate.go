package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lethe/jobs/door"
	"lethe/pipeline"
	"lethe/pipeline/plan"
)

// validate says whether a policy and a source go together, and for how long
// the budget lasts.
func validate(ctx context.Context, s *settings) error {
	o, err := s.options()
	if err != nil {
		return err
	}
	view, err := pipeline.Look(ctx, o)
	if err != nil {
		return err
	}
	problems := errors.Join(refusals(view), door.With(door.Policy, view.Schedule.Outruns()))
	if s.json {
		return errors.Join(problems, s.door.JSON(validation(view, o)))
	}
	w, p := s.door.Out, o.Policy
	fmt.Fprintf(w, "Policy %s version %d is well formed: %s, %s.\n", p.Name, p.Version,
		door.Count(len(p.Tables), "table"), door.Count(len(p.Datasets), "dataset"))
	fmt.Fprintf(w, "Source %s has every table and column that it needs, and none that it does not list.\n", s.source)
	rows := [][]string{{"DATASET", "EVERY", "WINDOW", "CLOSED FROM", "A YEAR", "ρ EACH", "ε EACH", "OF THE YEAR'S CAP"}}
	for _, line := range view.Schedule.Lines {
		d := p.Dataset(line.Dataset)
		w := plan.LastClosed(d, o.Date)
		rows = append(rows, []string{line.Dataset, d.Every, window(w.String()), w.Closed, fmt.Sprint(line.PerYear),
			door.Rho(line.Each.Rho), door.Epsilon(plan.Epsilon(p.Budget, line.Each)),
			door.Percent(float64(line.PerYear) * plan.Share(line.Each, view.Schedule.Caps.Year))})
	}
	fmt.Fprintf(w, "\nSchedule, for windows closed on %s\n\n", o.Date.Format(time.DateOnly))
	shown := s.door.Table(rows)
	s.lasts(view, o)
	s.notBuilt(view)
	if p.Budget.Demo {
		s.demo()
	}
	return errors.Join(problems, shown)
}

// lasts says when the caps run out if every dataset runs whenever it may.
func (s *settings) lasts(view *pipeline.View, o pipeline.Options) {
	sched, b, w := view.Schedule, o.Policy.Budget, s.door.Out
	fmt.Fprintf(w, "\nAll of them take ρ %s a year, which is ε %s at δ %v.\n", door.Rho(sched.Year.Rho), door.Epsilon(plan.Epsilon(b, sched.Year)), plan.ConversionDelta(b))
	from := o.Date.Format(time.DateOnly)
	if n, ok := sched.Lasts(sched.Caps.Year); ok && n < 366 {
		fmt.Fprintf(w, "  yearly cap   ε %v: runs out on day %d of a year\n", b.YearEpsilon, n)
	} else {
		fmt.Fprintf(w, "  yearly cap   ε %v: holds for a whole year, %s of it is used\n", b.YearEpsilon, door.Percent(plan.Share(sched.Year, sched.Caps.Year)))
	}
	if day, ok := sched.RunsOut(sched.Caps.Lifetime, o.Date); ok {
		fmt.Fprintf(w, "  lifetime cap ε %v: runs out on %s, if nothing was spent before %s\n", b.LifetimeEpsilon, day.Format(time.DateOnly), from)
	} else {
		fmt.Fprintf(w, "  lifetime cap ε %v: lasts for more than a century\n", b.LifetimeEpsilon)
	}
}

// A validationReport is the JSON of validate.
type validationReport struct {
	Policy   string       `json:"policy"`
	Version  int          `json:"version"`
	Hash     string       `json:"hash"`
	Demo     bool         `json:"demo_budget"`
	Datasets []planReport `json:"datasets"`
	Year     costReport   `json:"a_year"`
	YearCap  costReport   `json:"yearly_cap"`
	LifeCap  costReport   `json:"lifetime_cap"`
	LifeEnd  string       `json:"lifetime_runs_out"`
}

func validation(view *pipeline.View, o pipeline.Options) validationReport {
	s, p := view.Schedule, o.Policy
	return validationReport{p.Name, p.Version, p.Hash, p.Budget.Demo, planReports(view, o), amounts(o, s.Year),
		amounts(o, s.Caps.Year), amounts(o, s.Caps.Lifetime), runsOut(s, s.Caps.Lifetime, o.Date, false)}
}
