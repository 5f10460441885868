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

// The empirical ε. Neighbouring vectors differ by LInf in L0 cells; a trial is one
// group of L0 cells; the event is "the sum of the group is above c", the best
// there is against a Gaussian, with c where the likelihood ratio is e^ε. Every
// (ε, δ(ε)) of the claimed ρ must hold in both directions:
//
//	P(event) − e^ε·Q(event) <= δ(ε) = Φ(t/2 − ε/t) − e^ε·Φ(−t/2 − ε/t),  t = √(2ρ)
//
// (Balle and Wang 2018, Theorem 8). With Clopper-Pearson bounds, each wrong with
// probability alpha/2, a right mechanism exceeds it with probability at most
// alpha. Planted fault: neighbours twice as far apart, which is half the noise, has
// to exceed it. And the right mechanism has to come close, or the test is dead: the
// limit for that is at least 4.9 standard errors under δ(ε), and says something at
// ρ 0.5 and 0.125.
func TestEmpiricalEpsilonIsUnderTheClaim(t *testing.T) {
	for _, test := range []struct {
		name     string
		l0, lInf int64
		want     budget.Rho
		epsilon  float64
		trials   int
	}{
		{"a count, ρ 0.5", 1, 1, 5e11, 1, 20_000},
		{"a count, ρ 0.02", 1, 1, 2e10, 0.2, 20_000},
		{"a sum over four cells, ρ 0.125", 4, 30, 125e9, 0.5, 6_000},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := draws(test.trials)
			d := calibrated(t, "d", int64(n)*test.l0, test.l0, test.lInf, test.want)
			shift := math.Sqrt(2 * float64(d.Cost.Rho) / 1e12)
			delta := profile(shift, test.epsilon)
			// log(P/Q) at a sum s above that of Q is t·z − t²/2, z = s/(σ√L0).
			cut := d.Sigma * math.Sqrt(float64(test.l0)) * (test.epsilon/shift + shift/2)
			sums := func(each int64) []float64 {
				exact := make([]int64, int64(n)*test.l0)
				for k := range exact {
					exact[k] = each
				}
				noisy, err := Noise(charged(t, d), "d", exact)
				if err != nil {
					t.Fatal(err)
				}
				return grouped(noisy, int(test.l0))
			}
			here, there, far := sums(0), sums(test.lInf), sums(2*test.lInf)
			apart := float64(test.l0 * test.lInf)
			e := math.Exp(test.epsilon)
			for direction, k := range map[string][2]int{
				"added":   {above(there, cut), above(here, cut)},
				"removed": {below(here, apart-cut), below(there, apart-cut)},
			} {
				p, q := k[0], k[1]
				if got := lower(p, n) - e*upper(q, n); got > delta {
					t.Errorf("%s: δ(%g) is at least %.4f, claimed %.4f", direction, test.epsilon, got, delta)
				}
				if got := (float64(p) - e*float64(q)) / float64(n); got < 0.6*delta-0.02 {
					t.Errorf("%s: δ(%g) looks like %.4f, claimed %.4f: the test is dead, or noise is wasted", direction, test.epsilon, got, delta)
				}
			}
			faultP, faultQ := above(far, cut), above(here, cut)
			if got := lower(faultP, n) - e*upper(faultQ, n); got <= delta {
				t.Errorf("half the noise: δ(%g) at least %.4f is under the claimed %.4f and not noticed", test.epsilon, got, delta)
			}
		})
	}
}

func profile(shift, epsilon float64) float64 {
	phi := distuv.UnitNormal.CDF
	return phi(shift/2-epsilon/shift) - math.Exp(epsilon)*phi(-shift/2-epsilon/shift)
}

// grouped sums each group of cells.
func grouped(noisy []int64, group int) []float64 {
	sums := make([]float64, len(noisy)/group)
	for n, y := range noisy {
		sums[n/group] += float64(y)
	}
	return sums
}

func above(sums []float64, cut float64) (count int) {
	for _, s := range sums {
		if s > cut {
			count++
		}
	}
	return count
}

func below(sums []float64, cut float64) (count int) {
	for _, s := range sums {
		if s < cut {
			count++
		}
	}
	return count
}
