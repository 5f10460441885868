package pipeline

import (
	"math"
	"slices"
	"strings"

	"lethe/pipeline/plan"
	"lethe/pipeline/release"
)

// PostProcessing is what is done to noisy values. It looks at nothing else, so
// it costs nothing.
var PostProcessing = []string{
	"a count is not below 0",
	"a mean is the noisy sum over the noisy number of subjects, clamped into the measure's bounds",
	"a value whose 95 % half-width is too wide is left out and flagged unusable: for a count or a sum, wider than the value; " +
		"for a mean, wider than the policy's share of the measure's range, or undefined (Fieller)",
}

// postProcessing adds what is done for the functions that the plan has.
func postProcessing(p *plan.Plan) []string {
	out := PostProcessing
	has := func(text string, funcs ...string) {
		if slices.ContainsFunc(p.Items, func(it plan.Item) bool { return slices.Contains(funcs, it.Func) }) {
			out = append(out[:len(out):len(out)], text)
		}
	}
	has("a variance is the noisy mean square less the square of the noisy mean, from the middle of the bounds, not below 0 nor above a quarter of the "+
		"squared range; its half-width joins a 97.5 % interval of each (Fieller); it is unusable where that is wider than the value, or than the policy's "+
		"share of the largest possible value; a standard deviation is its root", "variance", "stddev")
	has("a number of a histogram is treated as a count", "histogram")
	has("a proportion is the noisy number inside over that inside and outside, clamped into [0, 1]; unusable where its half-width is wider than the "+
		"policy's share, or undefined (Fieller)", "proportion")
	has("quantiles are read off noisy numbers of subjects under each of a ladder of values, by least squares over two sizes of bins, made non-decreasing; "+
		"the half-width reaches to the farther end of the values that cannot be ruled out at 95 %; unusable as a mean is", "quantiles")
	return out
}

// statistics makes the table that leaves of noisy values: every group of the
// public domain, in its order.
func statistics(p *plan.Plan, n noisy) *release.Table {
	t := &release.Table{}
	for _, keys := range p.Tables() {
		t.Rows += int(p.GroupsOf(keys))
	}
	for k := range p.Keys {
		t.Columns = append(t.Columns, keyColumn(p, k, t.Rows))
	}
	tables := len(p.Tables())
	for i := 0; i < len(p.Items); i += tables {
		t.Columns = append(t.Columns, itemColumns(p, p.Items[i:i+tables], n)...)
	}
	return t
}

func keyColumn(p *plan.Plan, k, rows int) release.Column {
	key := p.Keys[k]
	c := release.Column{Name: key.Name, Kind: release.Category, Labels: append([]string{plan.All}, key.Labels...),
		Category: key.Category, Done: key.Done}
	codes := map[string]int32{}
	for i, l := range c.Labels {
		codes[l] = int32(i)
	}
	for _, keys := range p.Tables() {
		for g := range p.GroupsOf(keys) {
			c.Codes = append(c.Codes, codes[p.Label(keys, k, g)])
		}
	}
	return c
}

// itemColumns are one aggregate's values, errors and flags over all tables.
func itemColumns(p *plan.Plan, items []plan.Item, n noisy) []release.Column {
	var all []*aggregate
	for i := range items[0].Columns() {
		all = append(all, newAggregate(p, items[0], i))
	}
	for _, it := range items {
		e := p.Estimator(it)
		drawn := make([][]int64, len(it.Vectors))
		for i, v := range it.Vectors {
			drawn[i] = n[v.Draw.Name]
		}
		for g := range it.Groups {
			for i, f := range e.Figures(drawn, g) {
				all[i].put(f)
			}
		}
	}
	var out []release.Column
	for _, a := range all {
		out = append(out, a.value, a.half, a.flag)
	}
	return out
}

// aggregate gathers the three columns of one released number.
type aggregate struct{ value, half, flag release.Column }

// newAggregate is that of column i of an item.
func newAggregate(p *plan.Plan, it plan.Item, i int) *aggregate {
	name, m := it.Columns()[i], p.Measure(it.Of)
	a := &aggregate{}
	a.value = release.Column{Name: name, Kind: release.Decimal, Error: name + "_error95", Valid: []bool{}}
	a.half = release.Column{Name: name + "_error95", Kind: release.Decimal, Decimals: 1, Valid: []bool{},
		Done: []string{"95 % half-width of " + name + ", from the noise alone"}}
	a.flag = release.Column{Name: name + "_unusable", Kind: release.Bool, Done: []string{"whether " + name + " is too uncertain to be published"}}
	if m != nil {
		a.value.Category, a.value.Done = m.Category, append([]string{}, m.Done...)
	}
	a.value.Done = append(a.value.Done, it.Done(m, i)...)
	switch it.Func {
	case "count", "histogram":
		a.value.Kind, a.value.Unit = release.Int, "{subjects}"
	case "proportion":
		a.value.Unit, a.value.Decimals = "1", 4
	case "variance":
		a.value.Unit, a.value.Decimals = squared(m.Unit), min(2*decimals(m.Step.Text)+2, 15)
	default:
		a.value.Unit, a.value.Code = m.Unit, m.Code
		a.value.Decimals = decimals(m.Step.Text)
		if it.Func == "mean" || it.Func == "stddev" {
			a.value.Decimals = min(a.value.Decimals+2, 15)
		}
	}
	a.half.Unit = a.value.Unit
	if a.value.Kind == release.Decimal {
		a.half.Decimals = a.value.Decimals
	}
	return a
}

// squared is the UCUM unit of a square: a unit that begins with a slash goes on.
func squared(unit string) string {
	switch {
	case unit == "":
		return ""
	case strings.HasPrefix(unit, "/"):
		return unit + unit
	}
	return unit + "." + unit
}

// decimals is how many digits a decimal has after the point.
func decimals(text string) int {
	_, after, _ := strings.Cut(text, ".")
	return len(after)
}

// put appends a figure.
func (a *aggregate) put(f plan.Figure) {
	v, half, usable := f.Value, f.Half, f.Usable
	if !usable {
		v = 0
	}
	if a.value.Kind == release.Int {
		a.value.Ints = append(a.value.Ints, int64(v))
	} else {
		a.value.Floats = append(a.value.Floats, release.Round(v, a.value.Decimals))
	}
	a.value.Valid = append(a.value.Valid, usable)
	known := !math.IsNaN(half) && !math.IsInf(half, 0)
	if !known {
		half = 0
	}
	a.half.Floats = append(a.half.Floats, release.Round(half, a.half.Decimals))
	a.half.Valid = append(a.half.Valid, known)
	a.flag.Bools = append(a.flag.Bools, !usable)
}
