package dp

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"lethe/privacy/budget"
)

// Pearson's χ² of drawn noise against the exact law of a Gaussian rounded to
// integers, P(k) = Φ((k+½)/σ) − Φ((k−½)/σ), in cells of at least 1/64 of the
// sample each: fails with probability alpha when the noise is right. The same
// sample against σ·1.1 has to fail: there χ² is about 25,000·2·0.1²·0.85 = 430 above
// its mean with a deviation of 43, and the limit is 70 above it.
func TestNoiseHasTheLawOfARoundedGaussian(t *testing.T) {
	for _, test := range []struct {
		lInf int64
		want budget.Rho
	}{
		{1, 5e11},       // σ about 1
		{1, 5e8},        // σ about 32
		{40_000, 1e9},   // σ about 9e5
		{1 << 35, 2e11}, // σ about 5e10: the grid is coarser than 2^-19
	} {
		noisy, sigma := sample(t, draws(25_000), 1, test.lInf, test.want)
		if statistic, limit := chiSquared(noisy, sigma); statistic > limit {
			t.Errorf("σ %g: χ² %.1f, limit %.1f", sigma, statistic, limit)
		}
		if statistic, limit := chiSquared(noisy, 1.1*sigma); statistic < limit {
			t.Errorf("σ %g: χ² against 1.1 σ is %.1f, under the limit %.1f: the test sees nothing", sigma, statistic, limit)
		}
		moments(t, noisy, sigma)
	}
}

// chiSquared bins k by the quantiles of the law, so that bins are whole integers
// and no bin is smaller than one integer.
func chiSquared(noisy []int64, sigma float64) (statistic, limit float64) {
	const bins = 64
	law := distuv.Normal{Sigma: sigma}
	var edges []float64 // half-integers
	for n := 1; n < bins; n++ {
		e := math.Round(law.Quantile(float64(n)/bins)-0.5) + 0.5
		if len(edges) == 0 || e > edges[len(edges)-1] {
			edges = append(edges, e)
		}
	}
	counts := make([]float64, len(edges)+1)
	for _, y := range noisy {
		n := 0
		for n < len(edges) && float64(y) > edges[n] {
			n++
		}
		counts[n]++
	}
	before := 0.0
	for n, count := range counts {
		after := 1.0
		if n < len(edges) {
			after = law.CDF(edges[n])
		}
		expected := (after - before) * float64(len(noisy))
		statistic += (count - expected) * (count - expected) / expected
		before = after
	}
	return statistic, distuv.ChiSquared{K: float64(len(edges))}.Quantile(1 - alpha)
}

// moments checks the mean and the variance, σ² + 1/12 by Sheppard's correction
// (exact to 1e-8 at σ >= 1): the mean of n draws is normal with variance var/n, the
// mean square has variance 2·var²/n, and ±4.9 standard errors hold all but 1e-6.
func moments(t *testing.T, noisy []int64, sigma float64) {
	n := float64(len(noisy))
	var sum, squares float64
	for _, y := range noisy {
		sum += float64(y)
		squares += float64(y) * float64(y)
	}
	variance := sigma*sigma + 1.0/12
	if z := sum / math.Sqrt(n*variance); math.Abs(z) > 4.9 {
		t.Errorf("σ %g: the mean is %.1f standard errors from 0", sigma, z)
	}
	if z := (squares/n - variance) / (variance * math.Sqrt(2/n)); math.Abs(z) > 4.9 {
		t.Errorf("σ %g: the variance is %.1f standard errors from its own", sigma, z)
	}
}
