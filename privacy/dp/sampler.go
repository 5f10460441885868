package dp

import (
	"math"
	"math/big"

	"lethe/privacy/budget"
)

// What a draw costs.
//
// Gaussian noise of standard deviation σ on a vector of which a neighbour
// differs by d in Euclidean length is ρ-zCDP with ρ = d²/(2σ²) (Bun and Steinke
// 2016, Proposition 1.6), and so is the discrete Gaussian on a lattice that holds
// both vectors (Canonne, Kamath and Steinke 2020, Theorem 4). Here d² ≤ L0·LInf².
//
// The library (go/v3 v3.0.0, noise/gaussian_noise.go) draws, per cell, an m with
//
//	P(m) ∝ exp(−2m²/n)   for |m| ≤ √n·√(ln(√n)/2),   0 beyond,   2^56 < √n ≤ 2^57
//
// by rejection, and adds round(m·g) with g = 2σ/√n, a power of two below 2^-14
// for every σ that guard lets pass. So m·g is the discrete Gaussian on the
// lattice gℤ, which holds all integers, cut off at K·σ with K = √(2·ln √n) from
// 8.81 to 8.89, and rounded. (The factor of its Lemma 7 is the same for each m
// and falls out. Its bound on the geometric sample, 44 against the 4 within the
// cut, is reached with probability 2^-45 only by proposals that the cut rejects;
// so is no failure.) Three things are short of that.
//
// Cut. The noisy value of a neighbour can be where the other's cannot. With E the
// event that each touched cell is where both can be, 1−P(E) is at most, for each
// touched cell, the mass of the strip, Φ(t−K) − Φ(−K) at t = LInf/σ. On E the
// cut is harmless: at order α the integrand of the Rényi divergence is a Gaussian
// centred at (1−α)t, which has no more mass in the common interval, an interval
// around t/2, than the one centred at 0 that E is normalised with.
//
// Rounding. round(m·g) is rounded as noise and not as noisy value, half away from
// zero, and float64(m) drops up to seven bits first. For x + round(m·g) to be a
// function of x + m·g the cells of the rounding would all have to be alike. Their
// borders are off by the same 2^(j−1)·g for all |m| in [2^(52+j), 2^(53+j)), so a
// cell is wider or narrower than the rest only around 0 (by g) and where j
// changes, at |m·g| ≥ 2^(j−4)·σ, j from 1 to 7, by at most the step of
// 2^(j−1)·g. Mass of that: width times density, and g/σ < 2^-55. Both neighbours'
// distributions are thinned where either's cell is wider or the other's narrower,
// which is an event of at most twice that mass per touched cell.
//
// Floating point. The exponent reaches ln √n = 39.5 and carries at most six
// roundings of 2^-53, the product, the uniform number and the border shifts
// above a few 2^-53 more, so each probability is off by a factor in 1 ± η with
// η < 1e-13. A factor 1 ± ηL0 on both sides raises the divergence of order α from αρ
// to at most αρ + 2ηL0 + 2ηL0·√(2ρ): the privacy loss moves by 2ηL0, and
// the mean of exp((α−1)·loss) moves by at most ηL0 times its mean deviation, which is
// at most min(2, √(exp(2ρ(α−1)²) − 1)) ≤ 2(α−1)√(2ρ) of it. Hence
// ρ + 2ηL0·(1 + √(2ρ)).
//
// The cut is 2e-19 a touched cell at ρ 0.0005 and 3e-15 at ρ 0.5 (L0 1); the
// rounding, which is the larger below ρ 0.3, 4e-16 and 6e-16.

// floatError is η.
const floatError = 1e-13

// libraryCost returns what one draw costs. Both parts are rounded up, and δ is never 0.
func libraryCost(l0, lInf int64, sigma float64) budget.Cost {
	return budget.Cost{Rho: rho(l0, lInf, sigma), Delta: samplerDelta(l0, lInf, sigma)}
}

// rho returns L0·LInf²/(2σ²) and what floating point adds, rounded up. It
// saturates.
func rho(l0, lInf int64, sigma float64) budget.Rho {
	exact := gaussianRho(l0, lInf, sigma)
	about, _ := exact.Float64()
	more := 2 * floatError * float64(l0) * (1 + math.Sqrt(2*about))
	exact.Add(exact, new(big.Rat).SetFloat64(more))
	return budget.Rho(up(exact, 1e12))
}

// samplerDelta returns the δ of one draw, rounded up.
func samplerDelta(l0, lInf int64, sigma float64) budget.Delta {
	t := float64(lInf) / sigma
	each := new(big.Rat).SetFloat64(1.001 * (strip(t) + uneven(t, sigma))) // 0.1 % for this arithmetic
	return budget.Delta(up(each.Mul(each, new(big.Rat).SetInt64(l0)), 1e18))
}

// strip is Φ(t−K) − Φ(−K) at the smallest K, √(2·ln 2^56).
func strip(t float64) float64 {
	k := math.Sqrt(2 * 56 * math.Ln2)
	return (math.Erfc((k-t)/math.Sqrt2) - math.Erfc(k/math.Sqrt2)) / 2
}

// uneven is the probability of the rounding's uneven cells, twice: those of one
// neighbour are at most t·σ nearer to the other, and a cell begins at most 1
// before the place where j changes.
func uneven(t, sigma float64) float64 {
	sum := 1.0 // the cell around 0
	for j := 1; j <= 7; j++ {
		step := math.Exp2(float64(j - 2))
		if j == 1 {
			step = 1 // from no shift at all to g
		}
		near := max(0, math.Exp2(float64(j-4))-t-1/sigma)
		sum += 2 * step * math.Exp(-near*near/2)
	}
	return 2 * sum * 0x1p-55 / math.Sqrt(2*math.Pi)
}

// up returns x in units of 1/scale, rounded up to at least 1, at most 2^63.
func up(x *big.Rat, scale int64) uint64 {
	x = new(big.Rat).Mul(x, new(big.Rat).SetInt64(scale))
	n, rest := new(big.Int).QuoRem(x.Num(), x.Denom(), new(big.Int))
	if rest.Sign() > 0 || n.Sign() == 0 {
		n.Add(n, big.NewInt(1))
	}
	if n.BitLen() > 63 {
		return 1 << 63
	}
	return n.Uint64()
}
