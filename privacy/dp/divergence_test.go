package dp

import (
	"math"
	"testing"

	"lethe/privacy/budget"
)

// The charged ρ against the Rényi divergence itself, by summation. D_α(P‖Q) of the law
// and its shift by d is log Σ P^α·Q^(1−α) / (α−1), and ρ-zCDP says that it is at most ρα
// for every α > 1. Control: a ρ of 2 % less is exceeded by the Gaussian at every integer α,
// where α·d is an integer and the discrete law has exactly ρα; one of 10 % less is exceeded
// by the Laplace somewhere.
func TestChargedRhoBoundsTheDivergence(t *testing.T) {
	orders := []float64{1.001, 1.01, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 5, 6.3, 8, 11.7, 16, 32, 64.5, 128, 200}
	for _, mechanism := range []string{DiscreteGaussian, DiscreteLaplace} {
		checked, tight := 0, 0.0
		for _, lInf := range []int64{1, 2, 5} {
			for _, want := range []budget.Rho{1e9, 2e10, 125e9, 5e11, 1e12, 19e11} {
				d := calibratedAs(t, mechanism, "d", 1, 1, lInf, want)
				exponent := func(y float64) float64 { return -y * y / (2 * d.Sigma * d.Sigma) }
				if mechanism == DiscreteLaplace {
					exponent = func(y float64) float64 { return -math.Abs(y) / d.Sigma }
				}
				rho := float64(d.Cost.Rho) / 1e12
				for _, alpha := range orders {
					for shift := int64(1); shift <= lInf; shift++ {
						got := renyi(exponent, d.Sigma, float64(shift), alpha)
						if checked++; got > rho*alpha*(1+1e-9) {
							t.Errorf("%s %v, shift %d: D at order %g is %g, charged %g", mechanism, d.Sigma, shift, alpha, got, rho*alpha)
						}
						tight = max(tight, got/(rho*alpha))
						if exact := mechanism == DiscreteGaussian && shift == lInf && alpha == math.Trunc(alpha); exact && got <= 0.98*rho*alpha {
							t.Errorf("σ %v, shift %d: D at order %g is %g, within 0.98 of what is charged", d.Sigma, shift, alpha, got)
						}
					}
				}
			}
		}
		t.Logf("%s: %d divergences, at most %.6f of what is charged", mechanism, checked, tight)
		if tight < 0.9 {
			t.Errorf("%s: the largest is %.3f of what is charged: the test is dead, or noise is wasted", mechanism, tight)
		}
	}
}

// renyi sums where the terms are not negligible: around 0, the shift, and the centre
// (1−α)·shift that P^α·Q^(1−α) has for a Gaussian.
func renyi(exponent func(y float64) float64, sigma, shift, alpha float64) float64 {
	low := math.Floor((1-alpha)*shift - 60*sigma - 60)
	high := math.Ceil(alpha*shift + 60*sigma + 60)
	// All in logs, with the largest taken out.
	norm, top, terms := 0.0, math.Inf(-1), []float64{}
	for y := low; y <= high; y++ {
		norm += math.Exp(exponent(y))
		term := alpha*exponent(y) + (1-alpha)*exponent(y-shift)
		terms = append(terms, term)
		top = max(top, term)
	}
	sum := 0.0
	for _, term := range terms {
		sum += math.Exp(term - top)
	}
	return (top + math.Log(sum) - math.Log(norm)) / (alpha - 1)
}

// A pure ε bounds the ratio of every value's probabilities, which the least and the
// largest value reach.
func TestChargedEpsilonBoundsTheRatio(t *testing.T) {
	for _, lInf := range []int64{1, 3, 1000} {
		for _, want := range []budget.Epsilon{1e6, 1e8, 1e9, 4e9, 16e9} {
			d, err := CalibratePure("d", 1, 1, lInf, want)
			if err != nil {
				t.Fatal(err)
			}
			l, largest := laplaceOf(d.Sigma), 0.0
			mass := func(y int64) float64 { return l.cdf(-max(y, -y)) - l.cdf(-max(y, -y)-1) }
			for y := -3 * lInf; y <= 3*lInf; y++ {
				if p, q := mass(y), mass(y-lInf); p > 1e-280 && q > 1e-280 {
					largest = max(largest, math.Abs(math.Log(p/q)))
				}
			}
			epsilon := float64(d.Cost.Epsilon) / 1e9
			if largest > epsilon*(1+1e-6) || largest < epsilon*(1-1e-4) {
				t.Errorf("b %v, shift %d: the ratio reaches e^%g, charged %g", d.Sigma, lInf, largest, epsilon)
			}
			if rho, err := budget.PureRho(d.Cost.Epsilon); err != nil || d.Cost.Rho != rho || d.Cost.Delta != 0 || d.Cost.Epsilon > want {
				t.Errorf("b %v costs %v of ε %v wanted", d.Sigma, d.Cost, want)
			}
		}
	}
}
