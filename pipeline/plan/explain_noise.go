package plan

import (
	"fmt"
	"math"
	"strconv"
	"text/tabwriter"

	"lethe/privacy/budget"
	"lethe/privacy/dp"
)

// noise says how far the published numbers may be off. A mean's error depends
// on how many people it is of, which is not known before the rows are read: it
// is shown for a few numbers of people, at a value half-way between the middle
// and an end of its bounds. Those of other functions are shown for people whose
// values lie so in the middle, a sixth of the range around it, evenly for quantiles.
func (e *explainer) noise() error {
	e.title("NOISE AND EXPECTED ERROR (95 % of the numbers are this near to the exact ones)")
	w := tabwriter.NewWriter(&e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  COLUMN\tOVER\tIN A GROUP OF 100\tOF 1,000\tOF 10,000\tUSABLE FROM ABOUT\tρ")
	for _, it := range e.plan.Items {
		half := e.half(it)
		var rho budget.Rho
		for _, v := range it.Vectors {
			rho += v.Draw.Cost.Rho
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\t%s\t%v\n", title(it), e.over(it), e.within(it, half(100)), e.within(it, half(1000)), e.within(it, half(10000)),
			e.usable(it, half), up3(rho))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("explain noise: %w", err)
	}
	e.line("  The noise is a discrete Gaussian, in whole steps and exact, of one width for all groups, whoever is in them.")
	return nil
}

func (e *explainer) over(it Item) string {
	if len(it.Keys) == len(e.plan.Keys) {
		return "each group"
	}
	return "groups " + e.by(it.Keys)
}

// half is the expected 95 % half-width for a group of n people, +Inf where it
// is undefined, in the released unit.
func (e *explainer) half(it Item) func(n float64) float64 {
	m := e.plan.Measure(it.Of)
	switch it.Func {
	case "count", "histogram":
		return func(float64) float64 { return dp.HalfWidth(it.Vectors[0].Draw.Sigma) }
	case "variance", "stddev", "proportion", "quantiles":
		return e.typical(it)
	case "sum":
		return func(float64) float64 { return dp.HalfWidth(it.Vectors[0].Draw.Sigma) * stepOf(m) }
	}
	number, sum := it.Vectors[0].Draw.Sigma, it.Vectors[1].Draw.Sigma
	return func(n float64) float64 {
		_, half, ok := dp.Ratio(n*float64(m.Width)/4, n, withRounding(sum), withRounding(number))
		if !ok {
			return math.Inf(1)
		}
		return half * stepOf(m)
	}
}

// title names an item in a line.
func title(it Item) string {
	if n := len(it.Columns()); n > 1 {
		return fmt.Sprintf("%s (%d)", it.Column(), n)
	}
	return it.Columns()[0]
}

// typical is the widest half-width of an item's figures at a typical group of n
// people: for a variance of a sixth of the range as standard deviation, with the
// mean a quarter of the range from the middle; for a proportion of 3/4; for
// quantiles of values that lie evenly over the inner half of the range.
func (e *explainer) typical(it Item) func(n float64) float64 {
	m, est := e.plan.Measure(it.Of), e.plan.Estimator(it)
	return func(n float64) float64 {
		var parts [][]float64
		switch it.Func {
		case "proportion":
			parts = [][]float64{{n * 3 / 4, n / 4}}
		case "quantiles":
			parts = it.Tree.evenly(n)
		default:
			c, d := float64(m.Width)/4, float64(m.Divide)
			parts = [][]float64{{n}, {n * c}, {n * (c*c + float64(m.Width)*float64(m.Width)/36) / (d * d)}}
		}
		half := 0.0
		for _, f := range est.of(parts) {
			if math.IsNaN(f.Half) {
				return math.Inf(1)
			}
			half = max(half, f.Half)
		}
		return half
	}
}

// evenly are the counts of a tree of n people that lie evenly over the inner half
// of its leaves.
func (t Tree) evenly(n float64) [][]float64 {
	counts := make([][]float64, len(t.Each))
	from, to := t.Leaves/4, t.Leaves-t.Leaves/4
	for l := range counts {
		counts[l] = make([]float64, t.nodes(l))
		for leaf := from; leaf < to; leaf++ {
			counts[l][leaf/t.Each[l]] += n / float64(to-from)
		}
	}
	return counts
}

// withRounding adds the 1/12 that rounding to integers adds to a variance.
func withRounding(sigma float64) float64 { return math.Sqrt(sigma*sigma + 1.0/12) }

func (e *explainer) within(it Item, half float64) string {
	if math.IsInf(half, 1) {
		return "unusable"
	}
	unit := "people"
	if m := e.plan.Measure(it.Of); m != nil && it.Func != "histogram" {
		unit = m.Unit
		if it.Func != "sum" && half > e.widest(it) {
			return "unusable"
		}
	}
	switch it.Func {
	case "proportion":
		return "± " + figure(half)
	case "variance":
		return "± " + figure(half) + " (" + unit + ")²"
	}
	return "± " + figure(half) + " " + unit
}

// widest is the half-width over which a figure is left out: a share of the
// largest possible value, or of the range; of a variance and its root no more than
// the value that typical takes.
func (e *explainer) widest(it Item) float64 {
	share, _ := strconv.ParseFloat(e.plan.Unusable, 64)
	if it.Func == "proportion" {
		return share
	}
	m := e.plan.Measure(it.Of)
	span := float64(m.Width) * stepOf(m)
	switch it.Func {
	case "variance":
		return min(share*span*span/4, span*span/36)
	case "stddev":
		return min(share*span/2, span/6)
	}
	return share * span
}

// usable is how many people a group needs for its number to be published.
func (e *explainer) usable(it Item, half func(float64) float64) string {
	m := e.plan.Measure(it.Of)
	switch it.Func {
	case "count", "histogram":
		return figure(math.Ceil(half(1))) + " people"
	case "sum":
		return figure(half(1)) + " " + m.Unit
	}
	for n := 1.0; n < 1e9; n = math.Ceil(n * 1.05) {
		if half(n) <= e.widest(it) {
			return figure(n) + " people"
		}
	}
	return "never"
}

func stepOf(m *Measure) float64 {
	step, _ := strconv.ParseFloat(m.Step.Text, 64)
	return step
}

// figure is a number to three digits, as people write it.
func figure(x float64) string {
	if x == 0 || math.IsInf(x, 0) || math.IsNaN(x) {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	unit := math.Pow(10, math.Floor(math.Log10(math.Abs(x)))-2)
	rounded := math.Round(x/unit) * unit
	text := strconv.FormatFloat(rounded, 'f', max(0, 2-int(math.Floor(math.Log10(math.Abs(x))))), 64)
	return thousands(trimZeros(text))
}

func trimZeros(s string) string {
	for i := range s {
		if s[i] == '.' {
			for s[len(s)-1] == '0' {
				s = s[:len(s)-1]
			}
			if s[len(s)-1] == '.' {
				s = s[:len(s)-1]
			}
			return s
		}
	}
	return s
}

func thousands(s string) string {
	end := len(s)
	for i := range s {
		if s[i] == '.' {
			end = i
			break
		}
	}
	for i := end - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// up3 is an amount to three digits, never less than it is.
func up3[T budget.Rho | budget.Epsilon | budget.Delta](amount T) T {
	unit := T(1)
	for amount/unit >= 1000 {
		unit *= 10
	}
	out := amount / unit * unit
	if out < amount && out <= math.MaxUint64-unit {
		out += unit
	}
	return out
}
