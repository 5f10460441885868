package dp

import (
	"errors"
	"fmt"
	"math"

	"lethe/privacy/ledger"
)

// The limits of a draw. An exact sampler's work does not depend on σ or b; their
// range keeps its integers within words (discrete.go) and the noise far inside ±2^53.
const (
	maxExact   = 1 << 53  // largest |value| and largest l0·lInf: integers that a float64 holds exactly
	maxCells   = 1 << 24  // some three minutes of drawing from the library
	minSigma   = 0.5      // of a Gaussian: below it nearly all noise is 0
	minScale   = 1.0 / 16 // of a Laplace: ε is at most maxEpsilon, also for a count
	maxSigma   = 1 << 40  // the library's grid stays finer than 2^-14
	maxEpsilon = 16.0     // e^16 is far beyond any use and far below trouble
	minEpsilon = 0x1p-50  // the library's own limit
	minDelta   = 1e-12    // least δ/l0: below some 1e-13 the library loses precision
	unpayable  = 1 << 63  // a cost that was too large to be counted
)

// guard refuses a draw that would be drawn wrongly, or for which less was charged
// than it costs. It makes no call of the library.
func guard(d ledger.Draw) error {
	m, err := mechanismOf(d.Mechanism)
	if err := errors.Join(err, guardShape(d.Cells, d.L0, d.LInf)); err != nil {
		return err
	}
	if err := m.arguments(d); err != nil {
		return err
	}
	c := m.cost(d.L0, d.LInf, d.Sigma)
	switch {
	case c.Rho >= unpayable || c.Epsilon > maxEpsilon*1e9:
		return fmt.Errorf("costs %v, which is no promise", c)
	case !c.Within(d.Cost):
		return fmt.Errorf("charged %v for a draw that costs %v", d.Cost, c)
	}
	return nil
}

// libraryArguments checks what is handed to the library. Each comparison is written
// so that NaN fails it.
func libraryArguments(d ledger.Draw) error {
	var errs []error
	if !(d.Epsilon >= minEpsilon && d.Epsilon <= maxEpsilon) {
		errs = append(errs, fmt.Errorf("ε %g is not from 2^-50 to %g", d.Epsilon, maxEpsilon))
	}
	if !(d.Delta < 1 && d.Delta/float64(d.L0) >= minDelta) {
		errs = append(errs, fmt.Errorf("δ %g is not from %g for each of %d cells to below 1", d.Delta, minDelta, d.L0))
	}
	if !(d.Sigma >= minSigma && d.Sigma <= maxSigma) {
		errs = append(errs, fmt.Errorf("σ %g is not from %g to %g", d.Sigma, minSigma, float64(maxSigma)))
	}
	return errors.Join(errs...)
}

// guardShape checks the vector that a draw is for.
func guardShape(cells, l0, lInf int64) error {
	switch {
	case cells < 1 || cells > maxCells:
		return fmt.Errorf("%d cells are not from 1 to %d", cells, maxCells)
	case l0 < 1:
		return fmt.Errorf("l0 %d is under 1", l0)
	case l0 > cells:
		// A unit in more cells than there are has its contributions added up,
		// and then lInf is wrong.
		return fmt.Errorf("l0 %d is above the number of cells, %d: a unit cannot be in more cells than there are", l0, cells)
	case lInf < 1:
		return fmt.Errorf("lInf %d is under 1", lInf)
	case lInf > maxExact/l0:
		return fmt.Errorf("l0 %d times lInf %d is above 2^53", l0, lInf)
	}
	return nil
}

// guardExact checks the exact answer, without saying what is in it.
func guardExact(exact []int64) error {
	for _, x := range exact {
		if x > maxExact || x < -maxExact {
			return errors.New("an exact value is beyond 2^53: the plan's bounds are too wide")
		}
	}
	return nil
}

// same says whether a σ found again is the σ that was charged, to the last bit.
func same(found, charged float64) bool {
	return math.Float64bits(found) == math.Float64bits(charged)
}
