package dp

import (
	"math"
	"slices"
	"testing"
)

// The library's Gaussian and the exact one at the same large σ are one distribution, by
// Kolmogorov's and Smirnov's test of two samples (asymptotic limit √(ln(2/alpha)/2)). The
// control has 1.2·σ, a distance of 0.044 where the limit is 0.020.
func TestDiscreteGaussianAgreesWithTheLibrary(t *testing.T) {
	n := draws(20_000)
	theirs, sigma := sample(t, n, 1, 40_000, 1e9)
	next := seeded(t)
	ours := drawn(next(), newGaussianLaw(gridStep(sigma, 0)).draw, 10*n)
	other := drawn(next(), newGaussianLaw(gridStep(1.2*sigma, 0)).draw, 10*n)
	limit := math.Sqrt(math.Log(2/alpha) / 2 * (1/float64(n) + 1/float64(10*n)))
	d, control := distance(theirs, ours), distance(theirs, other)
	t.Logf("σ %g: distance %.5f, limit %.5f, to 1.2·σ %.5f", sigma, d, limit, control)
	if d > limit || control <= limit {
		t.Errorf("distance %g, limit %g, the control's %g", d, limit, control)
	}
}

// distance is the largest difference of two empirical distribution functions.
func distance(a, b []int64) (d float64) {
	slices.Sort(a)
	slices.Sort(b)
	for i, j := 0, 0; i < len(a) && j < len(b); {
		x := min(a[i], b[j])
		for i < len(a) && a[i] == x {
			i++
		}
		for j < len(b) && b[j] == x {
			j++
		}
		d = max(d, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return d
}
