package plan

import (
	"slices"

	"lethe/pipeline/policy"
	"lethe/transforms"
)

// keys resolves the dataset's keys and filters to codes, and counts the groups.
func (c *compiler) keys() {
	p := c.plan
	p.Groups, p.Touched = 1, 1
	for _, k := range c.dataset.By {
		labels := c.policy.Domain(k)
		cell, row := c.cellKey(k, labels)
		if row && labels != nil {
			labels = labels[:len(labels)-1] // a row of the window has a time: it is never unknown
			cell.Codes = len(labels)
		}
		cell.Index = c.index(k, labels)
		var shown []string
		for _, i := range cell.Index {
			shown = append(shown, labels[i])
		}
		p.Cells.Keys = append(p.Cells.Keys, cell)
		p.Keys = append(p.Keys, Key{Name: k.Name, Level: k.Level, Labels: shown, Row: row, Category: c.category(k.Name), Done: c.keyDone(k)})
		p.Groups *= int64(max(1, len(shown)))
		if row {
			p.Touched *= int64(max(1, len(shown)))
		}
		if p.Groups > 1<<24 {
			c.problem("more than 2^24 groups: take coarser levels or fewer keys")
			return
		}
	}
	for _, f := range c.dataset.Filter {
		if slices.ContainsFunc(c.dataset.By, func(k policy.Key) bool { return k.Name == f.Key.Name && k.Level == f.Key.Level }) {
			continue // its key publishes only the labels asked for
		}
		labels := c.policy.Domain(f.Key)
		cell, row := c.cellKey(f.Key, labels)
		if row {
			c.notBuilt("a filter on %s, a key of the row that is not under by", f.Key.Name)
			continue
		}
		cell.Index = c.index(f.Key, labels)
		p.Cells.Filters = append(p.Cells.Filters, cell)
	}
	if want := int64(c.dataset.Contribute.Groups); want < p.Touched {
		c.notBuilt("contribute groups %d where one unit is in up to %d: sampled bounding; write groups: %d", want, p.Touched, p.Touched)
	}
}

// cellKey finds where a key's code comes from.
func (c *compiler) cellKey(k policy.Key, labels []string) (cell transforms.CellKey, row bool) {
	cell = transforms.CellKey{Name: k.Name, Codes: len(labels)}
	if len(labels) == 0 {
		c.problem("key %s@%s has no finite list of labels: take a level that has", k.Name, k.Level)
		return cell, false
	}
	if v := c.policy.Variable(k.Name); v != nil {
		switch {
		case v.Per == "window":
			cell.Banded = c.bandChain(v)
			cell.None = len(labels) - 1
			return cell, false
		case v.Func == "weekday" || v.Func == "hour" || v.Func == "season":
			return cell, true
		}
		c.notBuilt("key %s: a banded measure of the row", k.Name)
		return cell, false
	}
	col := c.policy.ColumnAs(k.Name)
	if t := c.policy.Table(col.Ref.Table); t.Many {
		c.notBuilt("key %s: a column of table %s, which has many rows an account", k.Name, t.Name)
		return cell, false
	}
	cell.Person = true
	cell.Name = c.personKey(col, k)
	return cell, false
}

// index lists the codes that are published: all, or those of a filter.
func (c *compiler) index(k policy.Key, labels []string) []int {
	var wanted []string
	for _, f := range c.dataset.Filter {
		if f.Key.Name == k.Name && f.Key.Level == k.Level {
			wanted = f.Labels
		}
	}
	var out []int
	for i, l := range labels {
		if wanted == nil || slices.Contains(wanted, l) {
			out = append(out, i)
		}
	}
	return out
}

func (c *compiler) category(name string) string {
	if col := c.policy.ColumnAs(name); col != nil {
		return col.Category
	}
	if v := c.policy.Variable(name); v != nil {
		return v.Category
	}
	return ""
}

// cells adds up the unit rows.
func (c *compiler) cells() {
	p := c.plan
	for _, m := range p.Measures {
		p.Cells.Values = append(p.Cells.Values, transforms.CellValue{Name: m.Name, Centre: m.Centre, Lo: m.Lo, Divide: m.Divide})
	}
	if steps := p.Rows.Steps; len(steps) > 0 {
		if unit, ok := steps[len(steps)-1].Step.(transforms.Unit); ok {
			p.Cells.Sums = append([]string{"rows"}, unit.Sums...)
		}
	}
}

// measures resolves what the release items speak of.
func (c *compiler) measures() {
	for _, it := range c.dataset.Release {
		if it.Func == "count" {
			continue
		}
		if m := c.plan.Measure(it.Of); m != nil {
			m.square(it.Func)
			continue
		}
		m := c.policy.Measure(it.Of)
		g, ok := c.grid(it.Of, m)
		if !ok {
			continue
		}
		out := Measure{Name: it.Of, Lo: g.lo, Width: g.hi - g.lo, Centre: (g.hi - g.lo) / 2, Step: *m.Step, Bounds: *m.Bounds,
			Unit: m.Unit, Code: m.Code, Category: c.category(it.Of), Agg: c.dataset.Contribute.Value}
		if col := c.policy.ColumnAs(it.Of); col != nil && !c.policy.Table(col.Ref.Table).Many {
			if c.dataset.From[0] != col.Ref.Table {
				c.problem("measure %s is a column of table %s, not of %s", it.Of, col.Ref.Table, c.dataset.From[0])
			}
			c.personMeasure(col)
			out.Agg = ""
		}
		out.square(it.Func)
		out.Done = c.measureDone(m, out)
		c.plan.Measures = append(c.plan.Measures, out)
	}
}
