package pipeline

import (
	"math"
	"strconv"
	"strings"

	"lethe/pipeline/plan"
	"lethe/pipeline/release"
	"lethe/privacy/dp"
	"lethe/privacy/ledger"
)

// PostProcessing is what is done to noisy values. It looks at nothing else, so
// it costs nothing.
var PostProcessing = []string{
	"a count is not below 0",
	"a mean is the noisy sum over the noisy number of subjects, clamped into the measure's bounds",
	"a value whose 95 % half-width is too wide is left out and flagged unusable: for a count or a sum, wider than the value; " +
		"for a mean, wider than the policy's share of the measure's range, or undefined (Fieller)",
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
		t.Columns = append(t.Columns, itemColumns(p, p.Items[i:i+tables], n, t.Rows)...)
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

// itemColumns are one aggregate's value, error and flag over all tables.
func itemColumns(p *plan.Plan, items []plan.Item, n noisy, rows int) []release.Column {
	a := newAggregate(p, items[0])
	for _, it := range items {
		for g := range it.Groups {
			a.add(it, n, g)
		}
	}
	return []release.Column{a.value, a.half, a.flag}
}

// aggregate gathers one aggregate's three columns.
type aggregate struct {
	measure           *plan.Measure
	step, lo, hi      float64
	widest            float64 // half-width over which a mean is unusable
	value, half, flag release.Column
}

func newAggregate(p *plan.Plan, it plan.Item) *aggregate {
	name := it.Column()
	a := &aggregate{measure: p.Measure(it.Of), step: 1}
	a.value = release.Column{Name: name, Kind: release.Decimal, Error: name + "_error95", Valid: []bool{}}
	a.half = release.Column{Name: name + "_error95", Kind: release.Decimal, Decimals: 1, Valid: []bool{},
		Done: []string{"95 % half-width of " + name + ", from the noise alone"}}
	a.flag = release.Column{Name: name + "_unusable", Kind: release.Bool, Done: []string{"whether " + name + " is too uncertain to be published"}}
	noise := "discrete Gaussian noise"
	if a.measure == nil {
		a.value.Kind, a.value.Unit = release.Int, "{subjects}"
		a.value.Done = []string{"number of subjects", noise, "not below 0"}
		a.half.Unit = a.value.Unit
		return a
	}
	m := a.measure
	a.step, _ = strconv.ParseFloat(m.Step.Text, 64)
	a.lo, a.hi = m.Bounds[0].Float(), m.Bounds[1].Float()
	share, _ := strconv.ParseFloat(p.Unusable, 64)
	a.widest = share * (a.hi - a.lo)
	a.value.Unit, a.value.Code, a.value.Category = m.Unit, m.Code, m.Category
	a.value.Done = append(append([]string{}, m.Done...), it.Func+" over subjects", noise)
	a.value.Decimals = decimals(m.Step.Text)
	if it.Func == "mean" {
		a.value.Decimals = min(a.value.Decimals+2, 15)
	}
	a.half.Decimals, a.half.Unit = a.value.Decimals, m.Unit
	return a
}

// decimals is how many digits a decimal has after the point.
func decimals(text string) int {
	_, after, _ := strings.Cut(text, ".")
	return len(after)
}

// add appends group g of one table.
func (a *aggregate) add(it plan.Item, n noisy, g int64) {
	switch it.Func {
	case "count":
		d := it.Vectors[0].Draw
		v, half := max(0, n[d.Name][g]), dp.HalfWidth(d.Sigma)
		a.put(float64(v), half, half <= float64(v))
	case "sum":
		d := it.Vectors[0].Draw
		v, half := float64(n[d.Name][g])*a.step, dp.HalfWidth(d.Sigma)*a.step
		a.put(v, half, half <= math.Abs(v))
	case "mean":
		a.mean(it.Vectors[0].Draw, it.Vectors[1].Draw, n, g)
	}
}

// mean is centre + Σ(v−centre)/n on the grid. Rounding the noise to integers
// adds 1/12 to a variance.
func (a *aggregate) mean(number, sum ledger.Draw, n noisy, g int64) {
	value, half, ok := dp.Ratio(float64(n[sum.Name][g]), float64(n[number.Name][g]), rounded(sum.Sigma), rounded(number.Sigma))
	v := (value + float64(a.measure.Centre+a.measure.Lo)) * a.step
	half *= a.step
	if !ok {
		half = math.NaN()
	}
	a.put(min(max(v, a.lo), a.hi), half, ok && half <= a.widest)
}

func rounded(sigma float64) float64 { return math.Sqrt(sigma*sigma + 1.0/12) }

func (a *aggregate) put(v, half float64, usable bool) {
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
