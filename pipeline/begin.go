package pipeline

import (
	"errors"
	"fmt"
	"time"

	"lethe/pipeline/plan"
	"lethe/privacy/ledger"
)

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Shards == 0 {
		o.Shards = 1
	}
	if o.Parallel == 0 {
		o.Parallel = 2
	}
	if o.Progress == nil {
		o.Progress = silent{}
	}
	return o
}

type silent struct{}

func (silent) Start(string, int)   {}
func (silent) Step(string, string) {}
func (silent) Done(Outcome)        {}

// compile plans every dataset of the policy, for the schedule covers them all,
// and gives the plans that were asked for. A dataset that cannot be planned is
// an outcome; a schedule that outruns the budget stops the run.
func compile(o Options, source *plan.Source) (*Summary, []*plan.Plan, error) {
	sum := &Summary{Policy: o.Policy.Name, Population: o.Policy.Population, Demo: o.Policy.Budget.Demo}
	// A window is closed by the clock, not by the caller: one that still fills would be charged for half its rows.
	if today := o.Now().In(o.Policy.Zone).Format(time.DateOnly); o.Date.Format(time.DateOnly) > today {
		return sum, nil, inputError(fmt.Errorf("date %s has not come: windows close by %s at the latest", o.Date.Format(time.DateOnly), today))
	}
	for _, name := range o.Datasets {
		if o.Policy.Dataset(name) == nil {
			return sum, nil, policyError(fmt.Errorf("there is no dataset %q in policy %s", name, o.Policy.Name))
		}
	}
	if problems := source.Check(o.Policy); len(problems) > 0 {
		return sum, nil, policyError(errors.Join(problems...))
	}
	view, err := o.look(source)
	if err != nil {
		return sum, nil, err
	}
	for _, out := range view.Refused {
		sum.add(out)
	}
	schedule := view.Schedule
	if err := schedule.Outruns(); err != nil {
		return sum, nil, policyError(err)
	}
	sum.Caps, sum.Schedule = schedule.Caps, schedule
	return sum, view.Plans, nil
}

// charge begins every release. From here on its cost is spent. What cannot be
// begun is an outcome.
func charge(o Options, book *ledger.Ledger, plans []*plan.Plan, sum *Summary) []*job {
	var jobs []*job
	for _, p := range plans {
		if err := stopped(o, p); err != nil {
			sum.add(failed(p, inputError(err)))
			continue
		}
		begun, err := book.Begin(ledger.Request{
			Population: p.Population,
			Dataset:    p.Dataset,
			Window:     p.Window.String(),
			PlanHash:   p.Hash(),
			PolicyHash: p.Policy.Hash,
			Draws:      p.Draws(),
			Retries:    p.Retries,
			Supersede:  o.Supersede,
			Limit:      &sum.Caps,
		})
		if err != nil {
			sum.add(failed(p, beginError(err)))
			continue
		}
		jobs = append(jobs, &job{p, begun})
	}
	return jobs
}

func failed(p *plan.Plan, err error) Outcome {
	out := outcome(p)
	out.Status, out.Err = Failed, err
	return out
}

func closeAll(jobs []*job) {
	for _, j := range jobs {
		if j.begun.Token != nil {
			j.begun.Token.Close()
		}
	}
}

// unfinished are the releases whose staged files a later step needs.
func unfinished(book *ledger.Ledger) []string {
	open := map[string]bool{}
	for r, err := range book.Records() {
		if err != nil {
			break
		}
		switch r.Kind {
		case ledger.Resulted:
			open[r.Release] = true
		case ledger.Published, ledger.Burned:
			delete(open, r.Release)
		}
	}
	var out []string
	for id := range open {
		out = append(out, id)
	}
	return out
}
