package dp

import (
	"math"
	"testing"

	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

// At least 95 % of the noise is within HalfWidth, and at σ 32 no more than 96 %:
// the binomial's Clopper-Pearson bounds at alpha.
func TestHalfWidthCovers(t *testing.T) {
	for _, test := range []struct {
		want        budget.Rho
		least, most float64
	}{
		{5e8, 0.95, 0.96},
		{5e11, 0.95, 1},
	} {
		noisy, sigma := sample(t, draws(20_000), 1, 1, test.want)
		h, inside := HalfWidth(sigma), 0
		for _, y := range noisy {
			if math.Abs(float64(y)) <= h {
				inside++
			}
		}
		if n := len(noisy); upper(inside, n) < test.least || lower(inside, n) > test.most {
			t.Errorf("σ %g: %d of %d within ±%g, want %g to %g of them", sigma, inside, n, h, test.least, test.most)
		}
	}
	for _, bad := range []float64{-1, math.NaN()} {
		if got := HalfWidth(bad); !math.IsInf(got, 1) {
			t.Errorf("σ %g: got %g, want +Inf", bad, got)
		}
	}
}

// The laws themselves say the same: of both exact mechanisms at least 95 % is within
// HalfWidthOf, of the Laplace with no smaller integer, of the Gaussian at a large σ with
// hardly a smaller number.
func TestHalfWidthOfTheLaws(t *testing.T) {
	inside := func(l law, h float64) float64 {
		k := int64(math.Floor(h))
		return l.cdf(k) - l.cdf(-k-1)
	}
	for _, sigma := range append(sigmas, 2, 5, 10, 50) {
		d := ledger.Draw{Mechanism: DiscreteGaussian, Sigma: sigma}
		h := HalfWidthOf(d)
		if p := inside(gaussianOf(sigma), h); p < 0.95 || sigma > 100 && p > 0.9501+0.1/sigma {
			t.Errorf("σ %g: %.6f within %g", sigma, p, h)
		}
		if p := inside(gaussianOf(sigma), 0.9*h-1); p >= 0.95 {
			t.Errorf("σ %g: %.6f within %g already", sigma, p, 0.9*h-1)
		}
	}
	for _, scale := range append(scales, 2, 5, 10, 50) {
		h, l := HalfWidthOf(ledger.Draw{Mechanism: DiscreteLaplace, Sigma: scale}), laplaceOf(scale)
		if p := inside(l, h); p < 0.95 {
			t.Errorf("b %g: %.6f within %g", scale, p, h)
		}
		if less := h - max(1, h*1e-11); less >= 0 && inside(l, less) >= 0.95 { // above 1e11 the arithmetic has room for steps
			t.Errorf("b %g: %.6f within %g already", scale, inside(l, less), less)
		}
	}
	for _, bad := range []ledger.Draw{{}, {Mechanism: "laplace", Sigma: 1}, {Mechanism: DiscreteLaplace, Sigma: -1}, {Mechanism: DiscreteLaplace, Sigma: math.NaN()}} {
		if got := HalfWidthOf(bad); !math.IsInf(got, 1) {
			t.Errorf("%+v: got %g, want +Inf", bad, got)
		}
	}
}

// Ratio's interval holds the exact ratio in at least 95 % of releases, also where
// the count is barely known; where it is defined for all draws it wastes little.
func TestRatioCovers(t *testing.T) {
	n := draws(20_000)
	sums, sigmaSum := sample(t, n, 1, 400, 5e8)
	counts, sigmaCount := sample(t, n, 1, 1, 5e8)
	for _, test := range []struct {
		name       string
		count, sum float64
		most       float64
	}{
		{"a count of 30 σ", 30, 7000, 0.99},
		{"a count of 8 σ", 8, 1000, 1},
		{"a count of 4 σ", 4, 900, 1},
	} {
		den, num := test.count*sigmaCount, test.sum*sigmaCount
		inside, defined := 0, 0
		for k := range n {
			r, half, ok := Ratio(num+float64(sums[k]), den+float64(counts[k]), sigmaSum, sigmaCount)
			if !ok {
				continue
			}
			defined++
			if math.Abs(r-num/den) <= half {
				inside++
			}
		}
		// Undefined claims nothing and is not wrong.
		if right := inside + n - defined; upper(right, n) < 0.95 || lower(right, n) > test.most {
			t.Errorf("%s: %d of %d hold, %d of them undefined", test.name, right, n, n-defined)
		}
	}
}

func TestRatio(t *testing.T) {
	// An exact denominator: half is z·σ/den.
	value, half, ok := Ratio(500, 10, 2, 0)
	if !ok || value != 50 || math.Abs(half-z95*0.2) > 1e-12 {
		t.Errorf("exact denominator: got %g ± %g, %v; want 50 ± %g", value, half, ok, z95*0.2)
	}
	// Both ends satisfy Fieller's equation or lie inside ±half.
	value, half, ok = Ratio(500, 100, 20, 10)
	end := value + half
	if fieller := math.Pow(500-end*100, 2) - z95*z95*(400+end*end*100); !ok || math.Abs(fieller) > 1e-6 {
		t.Errorf("%g ± %g, %v: the far end is off Fieller's by %g", value, half, ok, fieller)
	}
	for name, in := range map[string][4]float64{
		"denominator 0":         {1, 0, 1, 1},
		"not away from 0":       {1, 1.95, 1, 1},
		"negative denominator":  {1, -100, 1, 1},
		"NaN":                   {math.NaN(), 100, 1, 1},
		"NaN denominator":       {1, math.NaN(), 1, 1},
		"infinite σ":            {1, 100, math.Inf(1), 1},
		"infinite denominator":  {1, math.Inf(1), 1, 1},
		"negative σ":            {1, 100, -1, 1},
		"NaN σ":                 {1, 100, 1, math.NaN()},
		"infinite numerator":    {math.Inf(1), 100, 1, 1},
		"result beyond float64": {math.MaxFloat64, 1e-300, 1, 0},
	} {
		if value, half, ok := Ratio(in[0], in[1], in[2], in[3]); ok || value != 0 || half != 0 {
			t.Errorf("%s: got %g ± %g, %v; want undefined", name, value, half, ok)
		}
	}
}
