package dp

import (
	"errors"
	"fmt"
	"math"
	"math/big"

	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

// What a draw of an exact mechanism costs. Neighbouring vectors differ in at most L0
// cells by integers of at most LInf each, and each cell has noise of its own.
//
// Discrete Gaussian. A cell that differs by d is d²/(2σ²)-zCDP (Canonne, Kamath and
// Steinke, Theorem 4), and the cells add up (Bun and Steinke 2016, Lemma 2.3): ρ =
// L0·LInf²/(2σ²).
//
// Discrete Laplace. P(y)/P(y+d) <= exp(|d|/b), so that the vector is purely private
// with ε = L0·LInf/b (Ghosh, Roughgarden and Sundararajan, "Universally
// Utility-Maximizing Privacy Mechanisms", STOC 2009), and with that (ε²/2)-zCDP.
//
// Both are computed as rational numbers and rounded up, and δ is 0.

func gaussianCost(l0, lInf int64, sigma float64) budget.Cost {
	return budget.Cost{Rho: budget.Rho(up(gaussianRho(l0, lInf, sigma), 1e12))}
}

// gaussianRho returns L0·LInf²/(2σ²).
func gaussianRho(l0, lInf int64, sigma float64) *big.Rat {
	squares := new(big.Rat).SetInt64(lInf)
	squares.Mul(squares, squares)
	squares.Mul(squares, new(big.Rat).SetInt64(l0))
	s := new(big.Rat).SetFloat64(sigma)
	s.Mul(s, s)
	return squares.Quo(squares, s.Add(s, s))
}

func laplaceCost(l0, lInf int64, scale float64) budget.Cost {
	epsilon := new(big.Rat).SetInt64(lInf)
	epsilon.Mul(epsilon, new(big.Rat).SetInt64(l0))
	epsilon.Quo(epsilon, new(big.Rat).SetFloat64(scale))
	c := budget.Cost{Epsilon: budget.Epsilon(up(epsilon, 1e9))}
	rho, err := budget.PureRho(c.Epsilon)
	if err != nil {
		rho = unpayable
	}
	c.Rho = rho
	return c
}

// exactArguments checks what only the exact mechanisms have: a parameter on the
// grid, no less than least, and nothing that is the library's.
func exactArguments(least float64) func(ledger.Draw) error {
	return func(d ledger.Draw) error {
		var errs []error
		if d.Epsilon != 0 || d.Delta != 0 {
			errs = append(errs, fmt.Errorf("ε %g and δ %g are not 0: they are for the library", d.Epsilon, d.Delta))
		}
		if !(d.Sigma >= least && d.Sigma <= maxSigma) {
			return errors.Join(append(errs, fmt.Errorf("σ or b %g is not from %g to %g", d.Sigma, least, float64(maxSigma)))...)
		}
		if !onGrid(d.Sigma) {
			errs = append(errs, fmt.Errorf("σ or b %v has more than 26 significant bits: was the draw calibrated elsewhere?", d.Sigma))
		}
		return errors.Join(errs...)
	}
}

func calibrateGaussian(d ledger.Draw, want budget.Rho) (ledger.Draw, error) {
	about := float64(d.LInf) * math.Sqrt(float64(d.L0)/(2*float64(want)*1e-12))
	return leastNoise(d, about, gaussianCost, budget.Cost{Rho: want})
}

// calibrateLaplace spends the largest ε with ε²/2 <= want: in the ledger's units,
// ε² <= 2e6·want.
func calibrateLaplace(d ledger.Draw, want budget.Rho) (ledger.Draw, error) {
	square := new(big.Int).SetUint64(uint64(want))
	square.Mul(square, big.NewInt(2e6))
	return calibratePure(d, budget.Cost{Rho: want, Epsilon: budget.Epsilon(square.Sqrt(square).Uint64())})
}

func calibratePure(d ledger.Draw, want budget.Cost) (ledger.Draw, error) {
	about := float64(d.L0) * float64(d.LInf) / (float64(want.Epsilon) * 1e-9)
	return leastNoise(d, about, laplaceCost, want)
}

// leastNoise sets the smallest Sigma of the grid that costs at most want. About is
// the solution in floating point, off by a few units of 2^-53: the grid's next number
// above it or a neighbour of that is it. What is returned rests on the cost alone.
func leastNoise(d ledger.Draw, about float64, cost func(l0, lInf int64, sigma float64) budget.Cost, want budget.Cost) (ledger.Draw, error) {
	if !(about <= maxSigma) {
		return ledger.Draw{}, fmt.Errorf("%v is too little: σ or b would be above %g", want, float64(maxSigma))
	}
	if about < minScale/2 {
		return ledger.Draw{}, fmt.Errorf("%v is too much: σ or b would be below every limit", want)
	}
	for steps := int64(-1); steps <= 2; steps++ {
		d.Sigma = gridStep(about, steps)
		if d.Cost = cost(d.L0, d.LInf, d.Sigma); d.Cost.Within(want) {
			return d, nil
		}
	}
	return ledger.Draw{}, fmt.Errorf("no σ or b near %g costs at most %v", about, want)
}
