package plan

import (
	"fmt"
	"math"
	"math/big"
	"strings"

	"lethe/pipeline/policy"
	"lethe/privacy/budget"
	"lethe/privacy/dp"
)

// A mean is a sum of centred values over a number of subjects. At a relative
// variance of A for the sum and B for the number, A/ρ₁ + B/ρ₂ is least at
// ρ₁:ρ₂ = √A:√B. The centred value is at most half the range and typically
// half of that away from the centre, so √A:√B is 2:1.
var meanShares = []*big.Rat{big.NewRat(1, 3), big.NewRat(2, 3)}

// A variance is Q/n − (C/n)², of sums of squares Q and of centred values C. In
// halves of the range one person changes each of n, C and Q by 1 at most, and to
// first order the error is that of Q, 2|C/n| times that of C, and |2(C/n)² − Q/n|
// times that of n, all over n. With the mean half of a half from the centre and a
// standard deviation of a sixth of the range, 2|C/n| = 1 and Q/n = 1/4 + 1/9, so the
// last is 1/2 − 13/36, about 1/7; but n is also what must be away from 0. √A:√B:√C for
// n, C and Q is taken as 1:3:3.
var squareShares = []*big.Rat{big.NewRat(1, 7), big.NewRat(3, 7), big.NewRat(3, 7)}

// items prices the release: ρ is split over items by weight, then evenly over
// an item's tables, then over the vectors of a mean.
func (c *compiler) items() {
	d := c.dataset
	weights := make([]*big.Rat, len(d.Release))
	for i := range weights {
		weights[i] = big.NewRat(1, 1)
		if len(d.Weights) > 0 {
			weights[i] = d.Weights[i].Rat
		}
	}
	shares, err := budget.Split(d.Spend.Rho, weights)
	if err != nil {
		c.problem("%v", err)
		return
	}
	tables := c.tables()
	for i, it := range d.Release {
		even := make([]*big.Rat, len(tables))
		for j := range even {
			even[j] = big.NewRat(1, 1)
		}
		parts, err := budget.Split(shares[i], even)
		if err != nil {
			c.problem("%v", err)
			return
		}
		for j, keys := range tables {
			c.item(it, keys, parts[j])
		}
	}
}

// tables are the sets of keys that are published: all keys, then the margins.
func (c *compiler) tables() [][]int {
	full := []int{}
	for i := range c.plan.Keys {
		full = append(full, i)
	}
	out := [][]int{full}
	for _, m := range c.dataset.Margins {
		keys := []int{}
		for i, k := range c.plan.Keys {
			named := false
			for _, name := range m {
				named = named || name == k.Name
			}
			if named {
				keys = append(keys, i)
			} else if k.Row {
				c.notBuilt("a margin without %s, a key of the row", k.Name)
			}
		}
		out = append(out, keys)
	}
	return out
}

func (c *compiler) item(it policy.Item, keys []int, rho budget.Rho) {
	item := Item{Func: it.Func, Of: it.Of, Keys: keys, Groups: 1, At: it.At, Edges: it.Bins}
	for _, k := range keys {
		item.Groups *= int64(max(1, len(c.plan.Keys[k].Labels)))
	}
	name := drawName(it, keys, c.plan)
	switch m := c.plan.Measure(it.Of); {
	case it.Func == "count":
		c.vector(&item, Vector{Total: "subjects"}, name, 1, rho)
	case m == nil:
		return // reported with the measure
	case it.Func == "sum":
		c.vector(&item, Vector{Total: "t:" + m.Name}, name, max(abs(m.Lo), abs(m.Lo+m.Width)), rho)
	case it.Func == "mean":
		if parts := c.split(rho, meanShares); parts != nil {
			c.vector(&item, Vector{Total: "n:" + m.Name}, name+"/n", 1, parts[0])
			c.vector(&item, Vector{Total: "c:" + m.Name}, name+"/sum", m.reach(), parts[1])
		}
	case it.Func == "variance" || it.Func == "stddev":
		if parts := c.split(rho, squareShares); parts != nil {
			c.vector(&item, Vector{Total: "n:" + m.Name}, name+"/n", 1, parts[0])
			c.vector(&item, Vector{Total: "c:" + m.Name}, name+"/sum", m.reach(), parts[1])
			c.vector(&item, Vector{Total: "q:" + m.Name}, name+"/squares", m.square(it.Func), parts[2])
		}
	default:
		c.binned(&item, it, name, rho)
	}
	c.plan.Items = append(c.plan.Items, item)
}

// split shares out ρ; nil, with the problem on record, if it cannot be.
func (c *compiler) split(rho budget.Rho, shares []*big.Rat) []budget.Rho {
	parts, err := budget.Split(rho, shares)
	if err != nil {
		c.problem("%v", err)
		return nil
	}
	return parts
}

// vector calibrates one draw: the charge is at the σ that will really be used.
func (c *compiler) vector(item *Item, v Vector, name string, lInf int64, rho budget.Rho) {
	cells := item.Groups * c.plan.nodes(v)
	if cells > maxCells {
		c.problem("release %s: %d groups with %d numbers each are more than 2^24: take coarser levels, fewer keys or fewer bins", name, item.Groups, c.plan.nodes(v))
		return
	}
	draw, err := dp.Calibrate(name, cells, c.plan.Touched, lInf, rho)
	if err != nil {
		c.problem("price %s: %v", name, err)
		return
	}
	v.Draw = draw
	item.Vectors = append(item.Vectors, v)
}

func drawName(it policy.Item, keys []int, p *Plan) string {
	name := it.Func + " " + it.Of
	if it.Func == "proportion" { // a measure may have several
		name += " " + it.Bins[0].Text + " " + it.Bins[1].Text
	}
	if len(keys) == len(p.Keys) {
		return name
	}
	var by []string
	for _, k := range keys {
		by = append(by, p.Keys[k].Name)
	}
	return name + " by " + strings.Join(by, ", ")
}

func abs(x int64) int64 {
	if x < 0 {
		return -x
	}
	return x
}

// Caps are the policy's budget as what the ledger holds: the largest ρ whose ε
// at the conversion's share of δ is within the policy's ε, and the rest of δ.
func Caps(b policy.Budget) (budget.Caps, error) {
	parts, err := budget.Split(b.LifetimeDelta, []*big.Rat{b.Split.Conversion.Rat, new(big.Rat).Add(b.Split.Selection.Rat, b.Split.Sampler.Rat)})
	if err != nil {
		return budget.Caps{}, fmt.Errorf("split the lifetime delta: %w", err)
	}
	return budget.Caps{
		Lifetime: budget.Cost{Rho: budget.RhoFor(b.LifetimeEpsilon, parts[0]), Delta: parts[1], Epsilon: b.LifetimeEpsilon},
		Year:     budget.Cost{Rho: budget.RhoFor(b.YearEpsilon, parts[0]), Delta: parts[1], Epsilon: b.YearEpsilon},
	}, nil
}

// ConversionDelta is the δ at which the policy reads ρ as ε.
func ConversionDelta(b policy.Budget) budget.Delta {
	parts, err := budget.Split(b.LifetimeDelta, []*big.Rat{b.Split.Conversion.Rat, new(big.Rat).Add(b.Split.Selection.Rat, b.Split.Sampler.Rat)})
	if err != nil {
		return 0
	}
	return parts[0]
}

// A Schedule is what the policy's datasets take together when each runs
// whenever it may.
type Schedule struct {
	Lines    []ScheduleLine
	Year     budget.Cost // taken by one year of releases
	Caps     budget.Caps
	YearDays int // days after which the yearly cap is used up; 366 or more: never
	LifeDays int // days after which the lifetime cap is used up
}

// ScheduleLine is one dataset's share.
type ScheduleLine struct {
	Dataset string
	PerYear int64
	Each    budget.Cost
}

// NewSchedule adds up the plans of a policy's datasets.
func NewSchedule(p *policy.Policy, plans []*Plan) (*Schedule, error) {
	caps, err := Caps(p.Budget)
	if err != nil {
		return nil, err
	}
	s := &Schedule{Caps: caps}
	for _, pl := range plans {
		each, err := pl.Cost()
		if err != nil {
			return nil, err
		}
		n := PerYear(p.Dataset(pl.Dataset).Every)
		s.Lines = append(s.Lines, ScheduleLine{pl.Dataset, n, each})
		for range n {
			if s.Year, err = s.Year.Add(each); err != nil {
				return nil, err
			}
		}
	}
	s.YearDays = min(days(s.Caps.Year.Rho, s.Year.Rho), days(s.Caps.Year.Delta, s.Year.Delta))
	s.LifeDays = min(days(s.Caps.Lifetime.Rho, s.Year.Rho), days(s.Caps.Lifetime.Delta, s.Year.Delta))
	return s, nil
}

// days is how many days cap lasts at perYear.
func days[T budget.Rho | budget.Delta](limit, perYear T) int {
	if perYear == 0 {
		return math.MaxInt32
	}
	return int(math.Min(float64(limit)/float64(perYear)*366, math.MaxInt32))
}

// Outruns says whether a year of releases takes more than a year's cap, or
// more than the lifetime's.
func (s *Schedule) Outruns() error {
	if s.Year.Within(s.Caps.Year) && s.Year.Within(s.Caps.Lifetime) {
		return nil
	}
	return fmt.Errorf("the schedule outruns its budget on day %d of a year: it takes %v, the yearly cap is %v and the lifetime cap %v; "+
		"spend less on a dataset, run one less often, or have the caps raised", min(s.YearDays, s.LifeDays), s.Year, s.Caps.Year, s.Caps.Lifetime)
}

// Epsilon reads a cost as ε at the policy's δ for conversion.
func Epsilon(b policy.Budget, c budget.Cost) budget.Epsilon {
	return budget.EpsilonOf(c.Rho, ConversionDelta(b))
}
