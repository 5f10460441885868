package plan

import (
	"math/big"
	"slices"
	"strconv"

	"lethe/pipeline/policy"
	"lethe/privacy/budget"
	"lethe/transforms"
)

const (
	maxCells = 1 << 24 // numbers of one vector, and bins of one total
	maxBins  = 64      // columns of one histogram
)

// maxSquare keeps a total of squares of two thousand million people below 2^53.
const maxSquare = 1 << 22

// square prepares a measure for sums of squares, if fn is of them: squares are of
// (v-Centre)/Divide, with the least Divide at which none is above maxSquare. It
// gives the largest square, by which one person changes a sum.
func (m *Measure) square(fn string) int64 {
	if fn != "variance" && fn != "stddev" {
		return 0
	}
	for m.Divide = 1; ; m.Divide++ {
		if r := (2*m.reach() + m.Divide) / (2 * m.Divide); r*r <= maxSquare {
			return r * r
		}
	}
}

// reach is the largest distance of a value from the centre.
func (m *Measure) reach() int64 { return max(m.Centre, m.Width-m.Centre) }

// bins adds to the cells what is counted by the place of a value.
func (c *compiler) bins() {
	seen := map[string]bool{}
	for _, it := range c.dataset.Release {
		column := (Item{Func: it.Func, Of: it.Of, At: it.At, Edges: it.Bins}).Columns()[0]
		if it.Func == "histogram" || it.Func == "quantiles" {
			column = it.Func + " " + it.Of
		}
		if seen[column] {
			c.problem("release has %s of %s twice: write one item", it.Func, it.Of)
		}
		seen[column] = true
		m := c.plan.Measure(it.Of)
		if m == nil {
			continue
		}
		b := transforms.CellBins{Name: binTotal(it), Of: m.Name}
		switch it.Func {
		case "quantiles":
			t := newTree(m.Width)
			b.Bins, b.Width = t.Leaves, t.Leaf
		case "histogram", "proportion":
			edges, ok := c.edges(it, m)
			if !ok {
				continue
			}
			b.Edges, b.Bins, b.Rest = edges, int64(len(edges)-1), it.Func == "proportion"
			if b.Rest {
				b.Bins++
			}
		default:
			continue
		}
		c.plan.Cells.Bins = append(c.plan.Cells.Bins, b)
	}
}

// binTotal is the name of an item's exact answer.
func binTotal(it policy.Item) string {
	name := it.Func + ":" + it.Of
	if it.Func == "proportion" {
		name += ":" + it.Bins[0].Text + ":" + it.Bins[1].Text
	}
	return name
}

// edges are an item's edges in steps from the lower bound. A bin holds its lower
// edge and not its upper one, so that bins which meet share nobody; but a bin that
// ends at the measure's upper bound holds that too, where all larger values are.
func (c *compiler) edges(it policy.Item, m *Measure) ([]int64, bool) {
	var out []int64
	for _, e := range it.Bins {
		v, ok := units(e.Rat, m.Step.Rat)
		if !ok {
			c.problem("%s of %s: edge %s is no multiple of the step %s", it.Func, it.Of, e.Text, m.Step.Text)
			return nil, false
		}
		out = append(out, v-m.Lo)
	}
	if len(out)-1 > maxBins {
		c.problem("%s of %s: %d bins are more than %d: take wider ones", it.Func, it.Of, len(out)-1, maxBins)
		return nil, false
	}
	if last := len(out) - 1; out[last] == m.Width {
		out[last]++
	}
	return out, true
}

// binned prices an item that counts people by the place of their value. A person
// is in one bin of a group at most, so a vector of all bins costs what one count
// costs. A proportion is of two bins, inside and outside: both for the price of
// one, where a number inside over a number of all would have to share it.
func (c *compiler) binned(item *Item, it policy.Item, name string, rho budget.Rho) {
	total := binTotal(it)
	if !slices.ContainsFunc(c.plan.Cells.Bins, func(b transforms.CellBins) bool { return b.Name == total }) {
		return // reported with the bins
	}
	if it.Func != "quantiles" {
		c.vector(item, Vector{Total: total}, name, 1, rho)
		return
	}
	t := newTree(c.plan.Measure(it.Of).Width)
	item.Tree = &t
	even := make([]*big.Rat, len(t.Each))
	for i := range even {
		even[i] = big.NewRat(1, 1)
	}
	for i, part := range c.split(rho, even) {
		c.vector(item, Vector{Total: total, Of: t.Each[i]}, name+"/level "+strconv.Itoa(i+1), 1, part)
	}
}

// nodes is how many numbers a vector has in each group.
func (p *Plan) nodes(v Vector) int64 {
	for _, b := range p.Cells.Bins {
		if b.Name == v.Total {
			each := max(v.Of, 1)
			return (b.Bins + each - 1) / each
		}
	}
	return 1
}
