package budget

import "math"

// EpsilonOf returns an ε, rounded up, at which everything that is rho-zCDP is (ε, delta)-differentially private.
//
// It is the smallest over α > 1 of
//
//	ε = ρα + [log(1/δ) + (α−1)·log(1−1/α) − log α] / (α−1)
//
// (Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy", NeurIPS 2020, Proposition 12 with the
// Rényi divergence ρα of zCDP, Corollary 13), which is never above the better known ρ + 2√(ρ·log 1/δ). Delta 0 gives no
// finite ε, and the largest Epsilon is returned, as it is where ε does not fit.
func EpsilonOf(rho Rho, delta Delta) Epsilon {
	switch {
	case rho == 0 || delta >= 1e18: // δ ≥ 1 is no promise, and every mechanism keeps it
		return 0
	case delta == 0:
		return math.MaxUint64
	}
	r, l := float64(rho)/1e12, -math.Log(float64(delta)/1e18)
	if delta > 5e17 { // near 1 only the difference to 1 is exact
		l = -math.Log1p(-float64(1e18-delta) / 1e18)
	}
	// With x = α−1 the formula is ρ + ρx + (log(1/δ) − log(1+x))/x + log x − log(1+x): nothing cancels in α−1.
	x := bestOrder(r, l)
	log1p := math.Log1p(x)
	terms := []float64{r, r * x, l / x, -log1p / x, math.Log(x), -log1p}
	// Every α gives a valid ε, so only the arithmetic needs room: each term is a few operations of relative error
	// 2^-52, 45 of which are 1e-14.
	sum, size := 0.0, 0.0
	for _, t := range terms {
		sum += t
		size += math.Abs(t)
	}
	nano := math.Ceil((sum + size*1e-14) * 1e9)
	switch {
	case nano <= 0: // the bound at this ε < 0 holds at 0 as well
		return 0
	case nano >= 1<<63:
		return math.MaxUint64
	}
	return Epsilon(nano)
}

// RhoFor returns a ρ, rounded down, with EpsilonOf(ρ, delta) ≤ eps: the cap in ρ for a cap in (ε, δ).
func RhoFor(eps Epsilon, delta Delta) Rho {
	if delta >= 1e18 {
		return math.MaxUint64
	}
	// Bisection keeps EpsilonOf(low) ≤ eps, so that the promise does not depend on EpsilonOf being monotone to the last
	// bit.
	low, high := uint64(0), uint64(math.MaxUint64)
	for high-low > 1 {
		mid := low + (high-low)/2
		if EpsilonOf(Rho(mid), delta) <= eps {
			low = mid
		} else {
			high = mid
		}
	}
	return Rho(low)
}

// bestOrder returns the x = α−1 that makes ε smallest. The derivative in x is ρ − (l − log(1+x))/x², so the
// minimum is where ρx² + log(1+x) = l = log(1/δ), and the left side grows with x.
func bestOrder(rho, l float64) float64 {
	low := 2 * l / (1 + math.Sqrt(1+4*rho*l))         // log(1+x) ≤ x
	high := math.Min(math.Sqrt(l/rho), math.Expm1(l)) // either term alone
	for range 64 {
		mid := low + (high-low)/2
		if rho*mid*mid+math.Log1p(mid) < l {
			low = mid
		} else {
			high = mid
		}
	}
	return low + (high-low)/2
}
