package dp

import (
	"math"

	"lethe/privacy/ledger"
)

// z95 is the 97.5 % quantile of the normal distribution: ±z95·σ holds 95 %.
const z95 = 1.959963984540054

// HalfWidth returns h such that a value released by Noise with either Gaussian of
// that σ is within h of the exact value with a probability of at least 95 %: z·σ + 1/2.
// The half is for the integers; at σ 10 it makes 95 % 95.5 %. h is in the unit of the
// integers, as σ is: the caller multiplies by the measure's step. It is +Inf for a σ
// that is negative or not a number.
//
// Of the rounded Gaussian, |round(Z)| <= |Z| + 1/2. Of the discrete one, for an integer
// k > zσ + ½, P(Y >= k) = Σ exp(−y²/2σ²) over y >= k, divided by the same over all y. The
// first sum is at most ∫ exp(−x²/2σ²) dx from k−½, because the integrand is convex above
// σ, and the second is at least √(2π)σ, the first term of the Poisson sum, all of whose
// terms are positive. So P(Y >= k) <= P(Z >= k−½) <= 2.5 %.
func HalfWidth(sigma float64) float64 {
	if !(sigma >= 0) {
		return math.Inf(1)
	}
	return z95*sigma + 0.5
}

// HalfWidthOf is [HalfWidth] for a draw of any mechanism; it is +Inf for one that this
// package does not know.
//
// Of the discrete Laplace it is an integer, the least: with q = exp(−1/b),
// P(|Y| > h) = 2·q^(h+1)/(1+q), which is at most 1/20 from h+1 = b·ln(40/(1+q)) on.
func HalfWidthOf(d ledger.Draw) float64 {
	switch d.Mechanism {
	case Gaussian, DiscreteGaussian:
		return HalfWidth(d.Sigma)
	case DiscreteLaplace:
		if d.Sigma > 0 {
			least := d.Sigma * math.Log(40/(1+math.Exp(-1/d.Sigma)))
			return max(0, math.Ceil(least*(1+1e-12))-1) // the factor is for this arithmetic
		}
	}
	return math.Inf(1)
}

// Ratio returns num/den, for example a mean as noisy sum over noisy count, and
// how far the exact ratio may be from it: with a probability of 95 % it is within
// ±half, where num and den are independent Gaussians around the exact values
// with the given standard deviations. All four are in the released unit.
// Rounding to integers adds 1/12 to a variance, which the caller adds where σ is
// below some 3 of the grid's steps.
//
// The interval is Fieller's ("Some Problems in Interval Estimation", JRSS B 16,
// 1954): all R with (num − R·den)² <= z²(σnum² + R²σden²). With r = num/den and
// g = z²σden²/den² it is
//
//	[ r ± z/|den| · √((1−g)·σnum² + r²·σden²) ] / (1−g)
//
// It is not centred on r, so half is the distance from r to the farther end:
// (|r|·g + z/|den|·√…) / (1−g).
//
// ok is false, "undefined", where den is not significantly away from 0 (g >= 1:
// the set of such R is then no interval), is not above 0 though it be a count,
// or where an argument is not finite. value and half are then 0.
func Ratio(num, den, sigmaNum, sigmaDen float64) (value, half float64, ok bool) {
	if !(den > 0) || math.IsInf(den, 1) || !(sigmaNum >= 0) || !(sigmaDen >= 0) {
		return 0, 0, false
	}
	g := z95 * z95 * (sigmaDen / den) * (sigmaDen / den)
	if !(g < 1) {
		return 0, 0, false
	}
	r := num / den
	root := math.Hypot(math.Sqrt(1-g)*sigmaNum, r*sigmaDen)
	half = (math.Abs(r)*g + z95/den*root) / (1 - g)
	if math.IsInf(half, 0) || math.IsNaN(half) {
		return 0, 0, false
	}
	return r, half, true
}
