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
