package dp

import (
	"math"
	"testing"

	"lethe/privacy/budget"
)

// Cheapest is no wider than any mechanism, and at the same width charges no δ.
func TestCheapest(t *testing.T) {
	chosen := map[string]int{}
	for _, l0 := range []int64{1, 2, 4, 100} {
		for _, lInf := range []int64{1, 2, 30, 40_000} {
			for _, want := range []budget.Rho{5e8, 2e10, 5e11, 1e12, 19e11, 4e12, 32e12} {
				got, err := Cheapest("d", 100, l0, lInf, want)
				if err != nil {
					t.Fatal(err)
				}
				chosen[got.Mechanism]++
				for _, mechanism := range mechanisms {
					d, err := CalibrateAs(mechanism, "d", 100, l0, lInf, want)
					if err != nil {
						continue
					}
					if math.Floor(HalfWidthOf(d)) < math.Floor(HalfWidthOf(got)) || got.Cost.Rho > want {
						t.Errorf("l0 %d, lInf %d, ρ %v: got %s within %g for %v, %s is within %g", l0, lInf, want,
							got.Mechanism, HalfWidthOf(got), got.Cost, mechanism, HalfWidthOf(d))
					}
				}
				if got.Mechanism == Gaussian || got.Mechanism == DiscreteLaplace && got.Sigma > 1 {
					t.Errorf("l0 %d, lInf %d, ρ %v: got %s %g", l0, lInf, want, got.Mechanism, got.Sigma)
				}
			}
		}
	}
	t.Logf("chosen: %v", chosen)
	if chosen[DiscreteGaussian] < 60 || chosen[DiscreteLaplace] < 3 {
		t.Errorf("chosen: %v", chosen)
	}
}
