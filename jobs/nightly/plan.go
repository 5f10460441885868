package main

import (
	"context"
	"errors"
	"fmt"

	"lethe/jobs/door"
	"lethe/pipeline"
	"lethe/pipeline/plan"
	"lethe/privacy/budget"
)

// explain prints the plans of the datasets.
func explain(ctx context.Context, s *settings) error {
	o, err := s.options()
	if err != nil {
		return err
	}
	view, err := pipeline.Look(ctx, o)
	if err != nil {
		return err
	}
	if s.json {
		err = s.door.JSON(planReports(view, o))
		return errors.Join(refusals(view), err)
	}
	for i, p := range view.Plans {
		if i > 0 {
			fmt.Fprintln(s.door.Out)
		}
		if err := plan.Explain(s.door.Out, p, o.Policy); err != nil {
			return err
		}
		fmt.Fprintf(s.door.Out, "\nPLAN %s\n", p.Hash())
	}
	s.notBuilt(view)
	return errors.Join(refusals(view), door.With(door.Policy, view.Schedule.Outruns()))
}

func refusals(view *pipeline.View) error {
	var all []error
	for _, out := range view.Refused {
		all = append(all, out.Err)
	}
	return errors.Join(all...)
}

func (s *settings) notBuilt(view *pipeline.View) {
	for _, out := range view.Refused {
		if out.Err == nil {
			fmt.Fprintf(s.door.Out, "\n%s: %s: %s\n", out.Dataset, out.Status, out.Note)
		}
	}
}

// A planReport is the JSON of one plan.
type planReport struct {
	Dataset string       `json:"dataset"`
	Status  string       `json:"status"` // planned, not built yet, failed
	Note    string       `json:"note,omitempty"`
	Error   string       `json:"error,omitempty"`
	Plan    string       `json:"plan,omitempty"`   // hash
	Window  string       `json:"window,omitempty"` // first day / day after the last
	Closed  string       `json:"closed,omitempty"`
	Groups  int64        `json:"groups,omitempty"`
	Columns []string     `json:"columns,omitempty"`
	Cost    *costReport  `json:"cost,omitempty"`
	Draws   []drawReport `json:"draws,omitempty"`
}

type drawReport struct {
	Name  string  `json:"name"`
	Cells int64   `json:"cells"`
	L0    int64   `json:"l0"`
	LInf  int64   `json:"linf"`
	Sigma float64 `json:"sigma"`
	Rho   string  `json:"rho"`
}

func planReports(view *pipeline.View, o pipeline.Options) []planReport {
	out := []planReport{}
	for _, p := range view.Plans {
		c, _ := p.Cost() // added up by the schedule already
		cost := amounts(o, c)
		r := planReport{Dataset: p.Dataset, Status: "planned", Plan: p.Hash(), Window: p.Window.String(), Closed: p.Window.Closed,
			Groups: p.Groups, Columns: p.Columns(), Cost: &cost}
		for _, d := range p.Draws() {
			r.Draws = append(r.Draws, drawReport{d.Name, d.Cells, d.L0, d.LInf, d.Sigma, d.Cost.Rho.String()})
		}
		out = append(out, r)
	}
	for _, refused := range view.Refused {
		r := planReport{Dataset: refused.Dataset, Status: string(refused.Status), Note: refused.Note}
		if refused.Err != nil {
			r.Error = door.Visible(refused.Err.Error())
		}
		out = append(out, r)
	}
	return out
}

func amounts(o pipeline.Options, c budget.Cost) costReport {
	return costReport{c.Rho.String(), c.Delta.String(), plan.Epsilon(o.Policy.Budget, c).String()}
}
