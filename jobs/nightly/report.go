package main

import (
	"time"

	"lethe/jobs/door"
	"lethe/pipeline"
	"lethe/pipeline/plan"
	"lethe/pipeline/release"
	"lethe/privacy/budget"
)

// A runReport is the JSON of a run. Amounts are exact decimals, as text.
type runReport struct {
	Policy     string          `json:"policy"`
	Population string          `json:"population"`
	Date       string          `json:"date"`
	Demo       bool            `json:"demo_budget"`
	Datasets   []datasetReport `json:"datasets"`
	Budget     *budgetReport   `json:"budget,omitempty"`
}

type datasetReport struct {
	Dataset  string      `json:"dataset"`
	Status   string      `json:"status"`
	Note     string      `json:"note,omitempty"`
	Error    string      `json:"error,omitempty"`
	Code     int         `json:"exit_code"`
	Release  string      `json:"release,omitempty"`
	Attempt  int         `json:"attempt,omitempty"`
	Folder   string      `json:"folder,omitempty"`
	Window   string      `json:"window,omitempty"` // first day / day after the last
	Groups   int         `json:"groups,omitempty"`
	Numbers  int         `json:"numbers,omitempty"`
	Unusable int         `json:"unusable,omitempty"`
	Error95  float64     `json:"median_relative_error95,omitempty"`
	Cost     *costReport `json:"cost,omitempty"` // absent where this run charged nothing
}

type budgetReport struct {
	At       string      `json:"epsilon_at_delta"`
	Year     scopeReport `json:"this_year"`
	Lifetime scopeReport `json:"lifetime"`
}

type scopeReport struct {
	Spent   costReport `json:"spent"`
	Cap     costReport `json:"cap"`
	Left    costReport `json:"left"`
	RunsOut string     `json:"runs_out"`
}

type costReport struct {
	Rho     string `json:"rho"`
	Delta   string `json:"delta"`
	Epsilon string `json:"epsilon"`
}

func report(sum *pipeline.Summary, o pipeline.Options) runReport {
	cost := func(c budget.Cost) costReport { return amounts(o, c) }
	r := runReport{Policy: sum.Policy, Population: sum.Population, Date: o.Date.Format(time.DateOnly), Demo: sum.Demo, Datasets: []datasetReport{}}
	for _, out := range sum.Outcomes {
		d := datasetReport{Dataset: out.Dataset, Status: status(out), Note: out.Note, Release: out.Release, Attempt: out.Attempt,
			Window: out.Window, Groups: out.Rows, Numbers: out.Cells, Unusable: out.Unusable, Error95: out.Median, Code: door.Code(out.Err)}
		if out.Err != nil {
			d.Error = door.Visible(out.Err.Error())
		} else if out.Release != "" {
			d.Folder = release.Folder(o.Workspace, out.Dataset, out.Release)
		}
		if charged(out) {
			c := cost(out.Cost)
			d.Cost = &c
		}
		r.Datasets = append(r.Datasets, d)
	}
	if sum.Schedule != nil {
		scope := func(spent, limit budget.Cost, yearly bool) scopeReport {
			left := limit.Left(spent)
			return scopeReport{cost(spent), cost(limit), cost(left), runsOut(sum.Schedule, left, o.Date, yearly)}
		}
		r.Budget = &budgetReport{plan.ConversionDelta(o.Policy.Budget).String(),
			scope(sum.Year, sum.Caps.Year, true), scope(sum.Lifetime, sum.Caps.Lifetime, false)}
	}
	return r
}
