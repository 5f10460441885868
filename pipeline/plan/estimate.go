package plan

import (
	"math"
	"strconv"

	"lethe/privacy/dp"
)

// z95 is the 97.5 % quantile of the normal distribution, z975 the 98.75 %: two
// intervals of ±z975·σ hold together with 95 %.
const (
	z95  = 1.959963984540054
	z975 = 2.241402727604947
)

// A Figure is one released number in its unit, with its 95 % half-width: NaN where
// it is undefined. A figure that is not usable is left out.
type Figure struct {
	Value, Half float64
	Usable      bool
}

// An Estimator makes figures of noisy numbers. It sees nothing else but the plan,
// so what it does costs nothing.
//
// Noise is taken as Gaussian with the σ of its draw; that it was rounded to
// integers adds 1/12 to the variance, which matters where σ is small.
type Estimator struct {
	item      Item
	measure   *Measure
	step      float64
	share     float64 // of the largest possible value over which a half-width is too wide
	tree      ranks
	variances []float64
}

// Estimator is that of one item of the plan.
func (p *Plan) Estimator(it Item) *Estimator {
	e := &Estimator{item: it, measure: p.Measure(it.Of), step: 1}
	e.share, _ = strconv.ParseFloat(p.Unusable, 64)
	if e.measure != nil {
		e.step = stepOf(e.measure)
	}
	if it.Tree != nil {
		for _, v := range it.Vectors {
			e.variances = append(e.variances, v.Draw.Sigma*v.Draw.Sigma+1.0/12)
		}
		e.tree = it.Tree.ranks(e.variances)
	}
	return e
}

// Figures are those of a group, one for each of the item's columns. noisy has
// one slice for each of the item's vectors, of all groups.
func (e *Estimator) Figures(noisy [][]int64, group int64) []Figure {
	parts := make([][]float64, len(noisy))
	for i, all := range noisy {
		n := int64(len(all)) / e.item.Groups
		for _, x := range all[group*n : (group+1)*n] {
			parts[i] = append(parts[i], float64(x))
		}
	}
	return e.of(parts)
}

func (e *Estimator) of(parts [][]float64) []Figure {
	switch e.item.Func {
	case "count", "histogram":
		var out []Figure
		for _, n := range parts[0] {
			half := dp.HalfWidth(e.sigma(0))
			out = append(out, Figure{max(0, n), half, half <= max(0, n)})
		}
		return out
	case "sum":
		v, half := parts[0][0]*e.step, dp.HalfWidth(e.sigma(0))*e.step
		return []Figure{{v, half, half <= math.Abs(v)}}
	case "mean":
		return []Figure{e.mean(parts[0][0], parts[1][0])}
	case "variance", "stddev":
		return []Figure{e.spread(parts[0][0], parts[1][0], parts[2][0])}
	case "proportion":
		return []Figure{e.proportion(parts[0][0], parts[0][1])}
	}
	return e.quantiles(parts)
}

func (e *Estimator) sigma(i int) float64   { return e.item.Vectors[i].Draw.Sigma }
func (e *Estimator) rounded(i int) float64 { return withRounding(e.sigma(i)) }

// mean is centre + Σ(v−centre)/n on the grid.
func (e *Estimator) mean(n, sum float64) Figure {
	m := e.measure
	value, half, ok := dp.Ratio(sum, n, e.rounded(1), e.rounded(0))
	v := (value + float64(m.Centre+m.Lo)) * e.step
	half *= e.step
	if !ok {
		half = math.NaN()
	}
	lo, hi := m.Bounds[0].Float(), m.Bounds[1].Float()
	return Figure{min(max(v, lo), hi), half, ok && half <= e.share*(hi-lo)}
}

// spread is the variance d²·Σq/n − (Σc/n)² over the group's people, or its root.
// Both quotients get an interval of 97.5 % (Fieller's, which scales with σ), so the
// variance is between the ends of the two with 95 %, whatever links them. That q was
// rounded moves its square by at most |x|·d + d²/4 (where d is 1, by nothing). No
// variance is above a quarter of the squared range (Popoviciu).
func (e *Estimator) spread(n, sum, squares float64) Figure {
	m, k := e.measure, z975/z95
	d := float64(m.Divide)
	q, halfQ, okQ := dp.Ratio(squares, n, k*e.rounded(2), k*e.rounded(0))
	c, halfC, okC := dp.Ratio(sum, n, k*e.rounded(1), k*e.rounded(0))
	if !okQ || !okC {
		return Figure{0, math.NaN(), false}
	}
	most := float64(m.Width) * float64(m.Width) / 4
	hold := func(x float64) float64 { return min(max(x, 0), most) }
	near, far := max(0, math.Abs(c)-halfC), math.Abs(c)+halfC
	off := 0.0
	if d > 1 {
		off = d*d*root(q+halfQ) + d*d/4
	}
	v, low, high := hold(d*d*q-c*c), hold(d*d*(q-halfQ)-far*far-off), hold(d*d*(q+halfQ)-near*near+off)
	unit := e.step * e.step
	if e.item.Func == "stddev" {
		v, low, high, most, unit = root(v), root(low), root(high), root(most), e.step
	}
	half := max(v-low, high-v) * unit
	return Figure{v * unit, half, half <= v*unit && half <= e.share*most*unit}
}

// proportion is x/(x+y) of the numbers inside and outside, which have one σ. Their
// sum and difference are then independent, with √2 that σ, and the proportion is
// half of 1 + (x−y)/(x+y).
func (e *Estimator) proportion(x, y float64) Figure {
	sigma := math.Sqrt2 * e.rounded(0)
	value, half, ok := dp.Ratio(x-y, x+y, sigma, sigma)
	if !ok {
		return Figure{0, math.NaN(), false}
	}
	return Figure{min(max((1+value)/2, 0), 1), half / 2, half/2 <= e.share}
}

// quantiles are read off the noisy number of people under each edge. The error is
// the distance to the farther end of where the exact one can be (Tree.within).
func (e *Estimator) quantiles(counts [][]float64) []Figure {
	t, m := e.item.Tree, e.measure
	under := t.under(counts, e.variances)
	all := under[t.Leaves]
	somebody := all > z95*root(e.tree.of(int(t.Leaves), 0))
	even := rising(under)
	var out []Figure
	for _, at := range e.item.At {
		q := at.Float()
		v, ok := t.quantile(even, q, m.Width)
		low, high, known := t.within(under, e.tree, q, m.Width)
		if !ok || !known || !somebody {
			out = append(out, Figure{0, math.NaN(), false})
			continue
		}
		half := float64(max(v-low, high-v)) * e.step
		out = append(out, Figure{float64(v+m.Lo) * e.step, half, half <= e.share*float64(m.Width)*e.step})
	}
	return out
}

func root(x float64) float64 { return math.Sqrt(max(0, x)) }
