package plan

import (
	"fmt"

	"lethe/pipeline/policy"
	"lethe/transforms/ladder"
)

// keyDone says in words what was done to a key.
func (c *compiler) keyDone(k policy.Key) []string {
	if v := c.policy.Variable(k.Name); v != nil {
		if v.Per == "window" {
			return []string{fmt.Sprintf("%s of the window, one class a subject", v.Func)}
		}
		return []string{fmt.Sprintf("%s of the row's civil day", v.Func)}
	}
	col := c.policy.ColumnAs(k.Name)
	if col == nil {
		return nil
	}
	l := c.policy.Ladders[col.Ladder]
	done := fmt.Sprintf("generalised on ladder %s to level %s", col.Ladder, k.Level)
	if l != nil && l.Input == "age" {
		done = fmt.Sprintf("completed years on %s, on ladder %s at level %s", c.plan.Window.Start, col.Ladder, k.Level)
	}
	if k.Level == ladder.Source {
		done = fmt.Sprintf("as collected, by the codes of ladder %s", col.Ladder)
	}
	return []string{done}
}

// measureDone says in words what was done to a measure.
func (c *compiler) measureDone(m *policy.Measure, out Measure) []string {
	var done []string
	if m.Plausible != nil {
		what := "dropped"
		if m.Otherwise == "clamp" {
			what = "clamped"
		}
		done = append(done, fmt.Sprintf("values outside [%s, %s] %s", m.Plausible[0].Text, m.Plausible[1].Text, what))
	}
	if out.Agg != "" {
		done = append(done, fmt.Sprintf("%s of each subject's rows", out.Agg))
	}
	return append(done, fmt.Sprintf("rounded to %s and clamped into [%s, %s]", m.Step.Text, m.Bounds[0].Text, m.Bounds[1].Text))
}

// Done says in words what was done after the measure's own steps for column i.
func (it Item) Done(m *Measure, i int) []string {
	const noise = "discrete Gaussian noise"
	switch it.Func {
	case "count":
		return []string{"number of subjects", noise, "not below 0"}
	case "variance", "stddev":
		what := "variance over subjects (divided by their number), from sums of squares of differences to the middle of the bounds"
		if it.Func == "stddev" {
			what = "square root of the " + what
		}
		if m.Divide > 1 {
			what += fmt.Sprintf(", each rounded to %d steps", m.Divide)
		}
		return []string{what, noise, "not below 0"}
	case "proportion":
		return []string{"share of subjects with a value " + it.bin(m, 0), noise, "clamped into [0, 1]"}
	case "histogram":
		return []string{"number of subjects with a value " + it.bin(m, i), noise, "not below 0"}
	case "quantiles":
		what := fmt.Sprintf("%s-quantile over subjects, from numbers of subjects in bins", it.At[i].Text)
		if it.Tree.Leaf > 1 {
			what += fmt.Sprintf(" of %d steps", it.Tree.Leaf)
		}
		return []string{what, noise, "within the bounds, and no quantile of a group below a smaller one"}
	}
	return []string{it.Func + " over subjects", noise}
}

// bin says which values are in bin i of a histogram or proportion.
func (it Item) bin(m *Measure, i int) string {
	low, high := it.Edges[i], it.Edges[i+1]
	if high.Rat.Cmp(m.Bounds[1].Rat) == 0 {
		return fmt.Sprintf("from %s to %s, or clamped there", low.Text, high.Text)
	}
	return fmt.Sprintf("from %s to under %s", low.Text, high.Text)
}
