package budget

import (
	"math"
	"testing"
)

// selectionOutcomes are the outcomes of the pair that dominates (eps, delta).
func selectionOutcomes(eps Epsilon, delta Delta) [][2]float64 {
	e, rest := math.Exp(float64(eps)/1e9), 1-float64(delta)/1e18
	return [][2]float64{
		{float64(delta) / 1e18, 0}, {rest * e / (1 + e), rest / (1 + e)}, {rest / (1 + e), rest * e / (1 + e)},
		{0, float64(delta) / 1e18},
	}
}

// exactSelections is δ(ε) of n selections (Kairouz, Oh and Viswanath 2015, Theorem 3.3): with k of them at −ε0, the loss is
// (n−2k)·ε0, and P has mass (1−δ0)^n·C(n,k)·e^((n−k)·ε0)/(1+e^ε0)^n there.
func exactSelections(eps0 Epsilon, delta0 Delta, n int) func(float64) float64 {
	e, d := float64(eps0)/1e9, float64(delta0)/1e18
	lgamma := func(k int) float64 { l, _ := math.Lgamma(float64(k) + 1); return l }
	return func(eps float64) float64 {
		sum := 0.0
		for k := range n + 1 {
			log := lgamma(n) - lgamma(k) - lgamma(n-k) + float64(n-k)*e - float64(n)*math.Log1p(math.Exp(e))
			sum += math.Exp(log) * max(0, -math.Expm1(eps-float64(n-2*k)*e))
		}
		none := float64(n) * math.Log1p(-d)
		return sum*math.Exp(none) - math.Expm1(none)
	}
}

func selections(t *testing.T, interval float64, eps Epsilon, delta Delta, n int) *PLD {
	t.Helper()
	one, err := SelectionPLD(interval, eps, delta)
	if err != nil {
		t.Fatal(err)
	}
	p, err := one.Compose(n)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSelectionPLDIsNotBelowTheExactCurve(t *testing.T) {
	for _, tt := range []struct {
		interval float64
		eps      Epsilon
		delta    Delta
		n        int
	}{
		{1e-4, 1e9, 0, 1}, {1e-4, 123456789, 1e5, 1}, {1e-4, 1e8, 0, 50}, {1e-3, 1e9, 1e3, 20}, {1e-4, 12345678, 1e2, 500},
		{1e-3, 3e9, 0, 5}, {1e-4, 0, 1e4, 3}, {1e-3, 2e8, 1e9, 400},
	} {
		p := selections(t, tt.interval, tt.eps, tt.delta, tt.n)
		for _, delta := range deltas {
			if float64(delta) <= float64(tt.n)*float64(tt.delta) {
				if got, err := p.EpsilonAt(delta); err != nil || got != math.MaxUint64 {
					t.Errorf("%v: δ %v: got ε %v, %v, want the largest", tt, delta, got, err)
				}
				continue
			}
			if err := sandwich(p, exactSelections(tt.eps, tt.delta, tt.n), delta, atSum(p, tt.n, delta)); err != nil {
				t.Errorf("%v: %v", tt, err)
			}
		}
	}
}

func TestMixedPLDIsNotBelowTheSumOverAllOutcomes(t *testing.T) {
	const interval = 1e-3
	var parts []Part
	var outcomes [][][2]float64
	for i, eps := range []Epsilon{123456789, 700000001, 20000000, 1500000000, 333333333, 910000000} {
		p := selections(t, interval, eps, Delta(i), 1)
		parts, outcomes = append(parts, Part{p, 1}), append(outcomes, selectionOutcomes(eps, Delta(i)))
	}
	g, err := DiscreteGaussianPLD(interval, 2.5, 1)
	if err != nil {
		t.Fatal(err)
	}
	l, err := DiscreteLaplacePLD(interval, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	a := math.Exp(-1.0 / 3)
	outcomes = append(outcomes,
		moved(func(y float64) float64 { return math.Exp(-y * y / 12.5) }, 1, 25),
		[][2]float64{{tail(a, 0, 2), tail(a, 2, 2)}, {tail(a, 1, 2), tail(a, 1, 2)}, {tail(a, 2, 2), tail(a, 0, 2)}})
	p, err := Compose(append(parts, Part{g, 1}, Part{l, 1})...)
	if err != nil {
		t.Fatal(err)
	}
	exact := sums(outcomes)
	for _, delta := range []Delta{1e14, 1e9, 1e6} {
		if err := sandwich(p, exact, delta, atSum(p, len(outcomes), delta)); err != nil {
			t.Error(err)
		}
	}
}

func TestPurePLDIsNotAboveBasicComposition(t *testing.T) {
	for _, n := range []int{1, 7, 365} {
		for _, eps := range []Epsilon{1, 100000000, 123456789} {
			p := selections(t, 1e-3, eps, 0, n)
			for _, delta := range append(deltas, 0) {
				got, err := p.EpsilonAt(delta)
				// Rounding up may add a unit, and another with the product.
				if sum := Epsilon(n) * eps; err != nil || got > sum+2 || delta == 0 && got < sum {
					t.Errorf("%d of ε %v, δ %v: got ε %v, %v, want %v", n, eps, delta, got, err, sum)
				}
			}
			if got, err := p.DeltaAt(Epsilon(n)*eps + 2); err != nil || got != 0 {
				t.Errorf("%d of ε %v at their sum: got δ %v, %v, want 0", n, eps, got, err)
			}
		}
	}
}

func TestPLDRefuses(t *testing.T) {
	good := selections(t, 1e-3, 1e9, 0, 1)
	other := selections(t, 1e-4, 1e9, 0, 1)
	wide, err := GaussianPLD(1e-3, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	many, err := wide.Compose(1e6)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func() (*PLD, error){
		"multiplier 0":        func() (*PLD, error) { return GaussianPLD(1e-4, 0) },
		"multiplier NaN":      func() (*PLD, error) { return GaussianPLD(1e-4, math.NaN()) },
		"multiplier infinite": func() (*PLD, error) { return GaussianPLD(1e-4, math.Inf(1)) },
		"loss far from 0":     func() (*PLD, error) { return GaussianPLD(1, 1e-4) },
		"too much loss":       func() (*PLD, error) { return GaussianPLD(1e-6, 1e-3) },
		"interval 0":          func() (*PLD, error) { return GaussianPLD(0, 1) },
		"interval NaN":        func() (*PLD, error) { return LaplacePLD(math.NaN(), 1) },
		"interval 2":          func() (*PLD, error) { return SelectionPLD(2, 1, 0) },
		"Laplace 0":           func() (*PLD, error) { return LaplacePLD(1e-4, 0) },
		"Laplace 1e-9":        func() (*PLD, error) { return LaplacePLD(1e-4, 1e-9) },
		"scale -1":            func() (*PLD, error) { return DiscreteLaplacePLD(1e-4, -1, 1) },
		"sensitivity 0":       func() (*PLD, error) { return DiscreteLaplacePLD(1e-4, 1, 0) },
		"σ 1e6":               func() (*PLD, error) { return DiscreteGaussianPLD(1e-4, 1e6, 1) },
		"σ NaN":               func() (*PLD, error) { return DiscreteGaussianPLD(1e-4, math.NaN(), 1) },
		"sensitivity -1":      func() (*PLD, error) { return DiscreteGaussianPLD(1e-4, 1, -1) },
		"δ 1":                 func() (*PLD, error) { return SelectionPLD(1e-4, 1, 1e18) },
		"ε largest":           func() (*PLD, error) { return SelectionPLD(1e-4, math.MaxUint64, 0) },
		"nothing":             func() (*PLD, error) { return Compose() },
		"nil":                 func() (*PLD, error) { return Compose(Part{nil, 1}) },
		"0 times":             func() (*PLD, error) { return good.Compose(0) },
		"2e9 times":           func() (*PLD, error) { return good.Compose(2e9) },
		"2e9 times in all":    func() (*PLD, error) { return Compose(Part{good, 1e9}, Part{good, 1e9}) },
		"two intervals":       func() (*PLD, error) { return Compose(Part{good, 1}, Part{other, 1}) },
	} {
		if _, err := f(); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	if got, err := many.EpsilonAt(1e9); err == nil {
		t.Errorf("a window beyond all bounds: got ε %v, want an error", got)
	}
	if got, err := many.DeltaAt(1e9); err == nil {
		t.Errorf("a window beyond all bounds: got δ %v, want an error", got)
	}
	if got, err := good.EpsilonAt(1e18); err != nil || got != 0 {
		t.Errorf("δ 1: got ε %v, %v, want 0", got, err)
	}
	if got, err := wide.EpsilonAt(0); err != nil || got != math.MaxUint64 {
		t.Errorf("δ 0 of a Gaussian: got ε %v, %v, want the largest", got, err)
	}
}
