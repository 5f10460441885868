package dp

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/stat/distuv"
)

// A law is what noise should follow, computed in floating point and apart from the
// samplers.
type law struct {
	cdf              func(k int64) float64 // P(Y <= k)
	variance, fourth float64               // E Y², E Y⁴
}

// gaussianOf is the discrete Gaussian. From σ 1000 on, Σ exp(−y²/2σ²) is taken for the
// integral up to k+½, which is right to 1/(24σ²) of a density: 4e-8.
func gaussianOf(sigma float64) law {
	if sigma >= 1000 {
		normal := distuv.Normal{Sigma: sigma}
		return law{
			cdf:      func(k int64) float64 { return normal.CDF(float64(k) + 0.5) },
			variance: sigma * sigma, fourth: 3 * math.Pow(sigma, 4),
		}
	}
	mass := gaussianMass(sigma, 0)
	return lawOf(mass)
}

// gaussianMass is P(y) from −reach to reach, at index y+reach; 12σ where reach is 0.
func gaussianMass(sigma float64, reach int) []float64 {
	if reach == 0 {
		reach = int(12*sigma) + 12
	}
	mass, sum := make([]float64, 2*reach+1), 0.0
	for k := range mass {
		y := float64(k - reach)
		mass[k] = math.Exp(-y * y / (2 * sigma * sigma))
		sum += mass[k]
	}
	for k := range mass {
		mass[k] /= sum
	}
	return mass
}

func lawOf(mass []float64) law {
	reach := len(mass) / 2
	l, below := law{}, make([]float64, len(mass))
	sum := 0.0
	for k, p := range mass {
		sum += p
		below[k] = sum
		y := float64(k - reach)
		l.variance += p * y * y
		l.fourth += p * y * y * y * y
	}
	l.cdf = func(k int64) float64 {
		return below[min(max(k+int64(reach), 0), int64(len(below)-1))]
	}
	return l
}

// laplaceOf is the discrete Laplace: with q = exp(−1/b), P(|Y| > k) = 2·q^(k+1)/(1+q), and
// the moments are those of the geometric.
func laplaceOf(b float64) law {
	q, p := math.Exp(-1/b), -math.Expm1(-1/b)
	return law{
		cdf: func(k int64) float64 {
			if k < 0 {
				return math.Exp(float64(k)/b) / (1 + q)
			}
			return 1 - math.Exp(-float64(k+1)/b)/(1+q)
		},
		variance: 2 * q / (p * p),
		fourth:   2 * q * (1 + 11*q + 11*q*q + q*q*q) / ((1 + q) * math.Pow(p, 4)),
	}
}

// misfit says how a sample differs from a law, "" where it does not: Pearson's χ² in 64
// bins of equal probability, as near as integers allow; mean and mean square; and both
// tails beyond the law's 1/1000. Of a right sample it says something with probability
// 5·alpha.
func misfit(sample []int64, l law) string {
	if chi, limit := pearson(sample, l); chi > limit {
		return fmt.Sprintf("χ² %.1f, limit %.1f", chi, limit)
	}
	n := float64(len(sample))
	var sum, squares float64
	for _, y := range sample {
		sum += float64(y)
		squares += float64(y) * float64(y)
	}
	if z := sum / math.Sqrt(n*l.variance); math.Abs(z) > 4.9 {
		return fmt.Sprintf("the mean is %.1f standard errors from 0", z)
	}
	if z := (squares/n - l.variance) / math.Sqrt((l.fourth-l.variance*l.variance)/n); math.Abs(z) > 4.9 {
		return fmt.Sprintf("the mean square is %.1f standard errors from its own", z)
	}
	edge := -quantile(l, 0.001)
	high, low := 0, 0
	for _, y := range sample {
		if y > edge {
			high++
		}
		if y < -edge {
			low++
		}
	}
	p := l.cdf(-edge - 1)
	for _, k := range []int{high, low} {
		if upper(k, len(sample)) < p || lower(k, len(sample)) > p {
			return fmt.Sprintf("%d of %d beyond %d, want %g of them", k, len(sample), edge, p)
		}
	}
	return ""
}

// quantile returns the least k with P(Y <= k) >= p.
func quantile(l law, p float64) int64 {
	low, high := int64(-1<<60), int64(1<<60)
	for low < high {
		if mid := low + (high-low)/2; l.cdf(mid) >= p {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low
}

func pearson(sample []int64, l law) (statistic, limit float64) {
	const bins = 64
	var edges []int64 // a bin ends with its edge
	for n := 1; n < bins; n++ {
		edges = append(edges, quantile(l, float64(n)/bins))
	}
	edges = slices.Compact(edges)
	if l.cdf(edges[len(edges)-1]) > 1-1e-3 {
		edges = edges[:len(edges)-1] // the rest would be too small a bin
	}
	counts := make([]float64, len(edges)+1)
	for _, y := range sample {
		counts[sort.Search(len(edges), func(n int) bool { return y <= edges[n] })]++
	}
	before := 0.0
	for n, count := range counts {
		after := 1.0
		if n < len(edges) {
			after = l.cdf(edges[n])
		}
		expected := (after - before) * float64(len(sample))
		statistic += (count - expected) * (count - expected) / expected
		before = after
	}
	return statistic, distuv.ChiSquared{K: float64(len(edges))}.Quantile(1 - alpha)
}
