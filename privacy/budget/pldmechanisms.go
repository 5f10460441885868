package budget

import (
	"errors"
	"fmt"
	"math"
)

// GaussianPLD returns the PLD of Gaussian noise whose standard deviation is multiplier times the L2 sensitivity, on the
// grid of interval.
//
// P = N(0, σ²) and Q = N(1, σ²): their loss is N(μ, 2μ), μ = 1/(2σ²), and they dominate every vector of that L2
// sensitivity (Dong, Roth and Su, "Gaussian Differential Privacy", 2022, Theorem 2.7).
func GaussianPLD(interval, multiplier float64) (*PLD, error) {
	sd := 1 / multiplier
	if !(multiplier > 0) || !(sd > 0) {
		return nil, fmt.Errorf("make Gaussian PLD: noise multiplier %g is not positive and finite", multiplier)
	}
	mean := sd * sd / 2
	g, err := newGrid(interval, mean-reach*sd, mean+reach*sd)
	if err != nil {
		return nil, fmt.Errorf("make Gaussian PLD: %w", err)
	}
	return g.gaussian(mean, sd), nil
}

// DiscreteGaussianPLD returns the PLD of one cell, a count that a unit changes by at most sensitivity, with noise
// P(y) ∝ exp(−y²/(2σ²)) on the integers.
//
// P is that noise and Q is P moved by d = sensitivity: the loss at y is (d²−2dy)/(2σ²). A smaller move is dominated, as
// δ(ε) = max over t of P(y ≤ t) − e^ε·P(y ≤ t−d) (the loss falls with y), which grows with d. So a vector with L0 such
// cells and a noise of its own in each is this PLD composed L0 times. A sigma above 4e5 is an error: the continuous
// Gaussian is close then, but no bound.
func DiscreteGaussianPLD(interval, sigma float64, sensitivity int) (*PLD, error) {
	if !(sigma >= 0.1 && sigma <= 4e5) || sensitivity < 1 || sensitivity > 1<<30 {
		return nil, fmt.Errorf("make discrete Gaussian PLD: σ %g or sensitivity %d is not 0.1 to 4e5, or 1 to 2^30", sigma, sensitivity)
	}
	d, twice := float64(sensitivity), 2*sigma*sigma
	last := math.Ceil(reach*sigma) + 1
	g, err := newGrid(interval, d*(d-2*last)/twice, d*(d+2*last)/twice)
	if err != nil {
		return nil, fmt.Errorf("make discrete Gaussian PLD: %w", err)
	}
	whole := gaussianSum(sigma)
	for y := -last; y <= last; y++ {
		g.put(d*(d-2*y)/twice, math.Exp(-y*y/twice)/whole)
	}
	// Beyond last each mass is below exp(−last/σ²) times the one before it.
	ratio := math.Exp(-last / (sigma * sigma))
	g.infinite = math.Exp(-last*last/twice) / whole * ratio / (1 - ratio) * (1 + 0x1p-40)
	g.put(d*(d-2*last)/twice, g.infinite) // the other end, whose losses are lower still
	return g.pld(), nil
}

// DiscreteLaplacePLD returns the PLD of a vector of integers, that a unit changes by at most sensitivity in L1, with
// noise P(y) ∝ exp(−|y|/scale) on the integers in each cell.
//
// P is that noise and Q is P moved by sensitivity, Δ. With b the scale, the losses are e_k = (Δ−2k)/b, k = 0 to Δ, and
//
//	1 − δ(e_k) = Σ min(P, e^(e_k)·Q) = e^(−k/b).
//
// Between them the curve is linear in e^ε. The pair dominates: in a vector of cells that move by Δ_j, Σ Δ_j = Δ,
// Σ min(ΠP_j, Πe^(ε_j)·Q_j) ≥ Π Σ min(P_j, e^(ε_j)·Q_j), so with k = Σ k_j the vector's δ is at most 1 − e^(−k/b) at e_k,
// which are all its losses, too. And with Δ−1 the points lie halfway between those for Δ, none above the chord.
func DiscreteLaplacePLD(interval, scale float64, sensitivity int) (*PLD, error) {
	if !(scale > 0) || math.IsInf(scale, 0) || sensitivity < 1 || sensitivity > maxPoints {
		return nil, fmt.Errorf("make discrete Laplace PLD: scale %g or sensitivity %d is not positive, or 1 to %d", scale, sensitivity, maxPoints)
	}
	p, err := laplace(interval, float64(sensitivity)/scale, sensitivity)
	if err != nil {
		return nil, fmt.Errorf("make discrete Laplace PLD: %w", err)
	}
	return p, nil
}

// LaplacePLD returns the PLD of Laplace noise whose scale is multiplier times the L1 sensitivity.
//
// With ε0 = 1/multiplier, 1 − δ(ε) = e^((ε−ε0)/2) for |ε| ≤ ε0. The discrete Laplace mechanism of the same ε0 has points
// of that curve and connects them, so that it dominates, with more points the more closely: those taken here are no
// further apart than the grid's. Vectors are dominated as they are in [DiscreteLaplacePLD], for the same reason.
func LaplacePLD(interval, multiplier float64) (*PLD, error) {
	eps := 1 / multiplier
	steps := math.Ceil(2 * eps / interval)
	if !(multiplier > 0) || !(eps > 0) || !(steps >= 1 && steps <= maxPoints) {
		return nil, fmt.Errorf("make Laplace PLD: multiplier %g on interval %g is not positive, finite and at most %d points", multiplier, interval, maxPoints)
	}
	p, err := laplace(interval, eps, int(steps))
	if err != nil {
		return nil, fmt.Errorf("make Laplace PLD: %w", err)
	}
	return p, nil
}

// laplace puts the losses eps·(1 − 2k/steps). Q falls by e^(−1/b), 1/b = eps/steps, from each output to the next, so the
// sums of P over the outputs are P(L = e_0) = 1/(1+a), a = e^(−1/b), then a^k·(1−a)/(1+a), and a^steps/(1+a) at the end.
func laplace(interval, eps float64, steps int) (*PLD, error) {
	g, err := newGrid(interval, -eps, eps)
	if err != nil {
		return nil, err
	}
	step := eps / float64(steps)
	a := math.Exp(-step)
	for k := range steps + 1 {
		mass := math.Exp(-float64(k)*step) / (1 + a)
		if k > 0 && k < steps {
			mass *= -math.Expm1(-step)
		}
		g.put(eps*(1-2*float64(k)/float64(steps)), mass)
	}
	g.most = eps * (1 + 0x1p-50)
	return g.pld(), nil
}

// SelectionPLD returns the PLD of anything that is known to be (eps, delta)-differentially private and nothing more, as
// a choice of partitions is.
//
// It is dominated by the pair that reveals all with probability δ and answers by randomised response otherwise: mass δ
// at infinity, (1−δ)·e^ε/(1+e^ε) at ε and (1−δ)/(1+e^ε) at −ε (Kairouz, Oh and Viswanath, "The Composition Theorem for
// Differential Privacy", ICML 2015). Delta must be below 1.
func SelectionPLD(interval float64, eps Epsilon, delta Delta) (*PLD, error) {
	if delta >= 1e18 {
		return nil, errors.New("make selection PLD: a δ of 1 or more promises nothing")
	}
	e := float64(eps) / 1e9
	g, err := newGrid(interval, -e, e)
	if err != nil {
		return nil, fmt.Errorf("make selection PLD: %w", err)
	}
	rest := float64(1e18-delta) / 1e18
	g.put(e, rest/(1+math.Exp(-e)))
	g.put(-e, rest/(1+math.Exp(e)))
	g.infinite = float64(delta) / 1e18 * (1 + 0x1p-50)
	g.most = e * (1 + 0x1p-50)
	return g.pld(), nil
}

// gaussianSum returns Σ exp(−y²/(2σ²)) over the integers. From σ = 1 on it is σ√(2π)·Σ exp(−2π²σ²k²) (Poisson), where
// the terms beyond |k| = 1 are below 2^-100.
func gaussianSum(sigma float64) float64 {
	if sigma >= 1 {
		return sigma * math.Sqrt(2*math.Pi) * (1 + 2*math.Exp(-2*math.Pi*math.Pi*sigma*sigma))
	}
	sum := 0.0
	for y := math.Ceil(reach * 4); y >= 1; y-- {
		sum += 2 * math.Exp(-y*y/(2*sigma*sigma))
	}
	return 1 + sum
}
