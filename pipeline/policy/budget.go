package policy

import (
	"math/big"

	"go.yaml.in/yaml/v4"

	"lethe/privacy/budget"
)

func (r *reader) floors(n *yaml.Node) Floors {
	f := r.fields(n, "floors", "k", "l", "model", "suppressed", "unusable_over", "format")
	v := Floors{
		K:     r.int(f.need("k"), "k", 2, 100_000),
		L:     r.int(f.need("l"), "l", 1, 1000),
		Model: r.choice(f.need("model"), "model", "distinct", "entropy", "recursive"),
	}
	v.Suppressed, _ = r.share(f.need("suppressed"), "suppressed")
	v.UnusableOver, _ = r.share(f.need("unusable_over"), "unusable_over")
	v.Format, _ = parseNumber("0.01")
	if n := f.get("format"); n != nil {
		v.Format, _ = r.share(n, "format")
	}
	return v
}

// What a budget may be at most: a typing mistake must not become a promise.
const (
	mostEpsilon = "1000"
	mostDelta   = "0.0001"
	mostRho     = "1000"
)

func (r *reader) budget(n *yaml.Node) Budget {
	if n == nil {
		return Budget{}
	}
	f := r.fields(n, "budget", "lifetime", "per_year", "delta_split", "retries", "demo")
	life := r.fields(f.need("lifetime"), "lifetime", "epsilon", "delta")
	year := r.fields(f.need("per_year"), "per_year", "epsilon")
	b := Budget{
		Pos:             r.pos(n),
		LifetimeEpsilon: r.epsilon(life.need("epsilon")),
		LifetimeDelta:   r.delta(life.need("delta")),
		YearEpsilon:     r.epsilon(year.need("epsilon")),
		Split:           r.split(f.need("delta_split")),
		Retries:         1,
	}
	if n := f.get("retries"); n != nil {
		b.Retries = r.int(n, "retries", 0, 3)
	}
	if n := f.get("demo"); n != nil {
		b.Demo = r.flag(n, "demo")
	}
	if b.YearEpsilon > b.LifetimeEpsilon && b.LifetimeEpsilon > 0 {
		r.fail(year.get("epsilon"), "lower it, or raise the lifetime", "a year's epsilon %s is above the lifetime's %s",
			b.YearEpsilon, b.LifetimeEpsilon)
	}
	return b
}

// Caps round down, charges up, so that an amount between two units is never
// spent twice.

func (r *reader) epsilon(n *yaml.Node) budget.Epsilon {
	v, ok := r.numberIn(n, "epsilon", "0", mostEpsilon, false)
	if !ok {
		return 0
	}
	e, err := budget.ParseEpsilon(v.Text, budget.Down)
	r.amount(n, "epsilon", uint64(e), err)
	return e
}

func (r *reader) delta(n *yaml.Node) budget.Delta {
	v, ok := r.numberIn(n, "delta", "0", mostDelta, false)
	if !ok {
		return 0
	}
	d, err := budget.ParseDelta(v.Text, budget.Down)
	r.amount(n, "delta", uint64(d), err)
	return d
}

func (r *reader) rho(n *yaml.Node) budget.Rho {
	v, ok := r.numberIn(n, "rho", "0", mostRho, false)
	if !ok {
		return 0
	}
	rho, err := budget.ParseRho(v.Text, budget.Up)
	r.amount(n, "rho", uint64(rho), err)
	return rho
}

func (r *reader) amount(n *yaml.Node, what string, units uint64, err error) {
	switch {
	case err != nil:
		r.fail(n, "", "%s: %v", what, err)
	case units == 0:
		r.fail(n, "", "%s is under the smallest amount that is counted", what)
	}
}

func (r *reader) split(n *yaml.Node) Split {
	f := r.fields(n, "delta_split", "conversion", "selection", "sampler")
	var s Split
	sum, all := new(big.Rat), true
	for _, part := range []struct {
		key string
		to  *Number
	}{{"conversion", &s.Conversion}, {"selection", &s.Selection}, {"sampler", &s.Sampler}} {
		v, ok := r.share(f.need(part.key), part.key)
		if all = all && ok; ok {
			*part.to = v
			sum.Add(sum, v.Rat)
		}
	}
	if all && sum.Cmp(exact("1")) != 0 {
		whole, _ := canonical(sum.Mul(sum, exact("100")))
		r.fail(n, "", "delta_split sums to %s%%, must be 100%%", whole.Text)
	}
	return s
}
