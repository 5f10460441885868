package dp

import (
	"fmt"
	"math"

	"github.com/google/differential-privacy/go/v3/noise"

	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

// libraryDelta is the δ that is handed to the library with the ε. It is a way to
// say σ and costs nothing: what is charged follows from σ.
const libraryDelta = 1e-6

// Calibrate returns the draw of the [Default] mechanism for a vector of so many cells,
// of which one unit changes at most l0 by at most lInf each, with the least noise that
// costs at most want in ρ. Its cost is that of the Sigma that will be used.
//
// The error says which limit does not hold. The limits are 1 <= l0 <= cells <= 2^24,
// 1 <= lInf, l0·lInf <= 2^53, a σ from 0.5 to 2^40 or a b from 1/16 to 2^40, and for the
// library's Gaussian l0 <= 1e6. Of want, up to 0.2 % is left over by the library, which
// finds σ to 1/1000, and up to 1e-7 of it by the others.
func Calibrate(name string, cells, l0, lInf int64, want budget.Rho) (ledger.Draw, error) {
	return CalibrateAs(Default, name, cells, l0, lInf, want)
}

// CalibrateAs is [Calibrate] for a mechanism by its name. A [DiscreteLaplace] at ρ has
// ε = √(2ρ), and its cost has both.
func CalibrateAs(mechanism, name string, cells, l0, lInf int64, want budget.Rho) (ledger.Draw, error) {
	m, err := mechanismOf(mechanism)
	if err != nil {
		return ledger.Draw{}, fmt.Errorf("calibrate draw %q: %w", name, err)
	}
	shape := ledger.Draw{Name: name, Mechanism: mechanism, Cells: cells, L0: l0, LInf: lInf}
	return checked(shape, func() (ledger.Draw, error) { return m.calibrate(shape, want) })
}

// CalibratePure is [Calibrate] for a [DiscreteLaplace] that costs at most want in ε, and
// ε²/2 in ρ.
func CalibratePure(name string, cells, l0, lInf int64, want budget.Epsilon) (ledger.Draw, error) {
	shape := ledger.Draw{Name: name, Mechanism: DiscreteLaplace, Cells: cells, L0: l0, LInf: lInf}
	return checked(shape, func() (ledger.Draw, error) {
		return calibratePure(shape, budget.Cost{Rho: unpayable, Epsilon: want})
	})
}

// checked returns what find found where the draw passes the guard.
func checked(shape ledger.Draw, find func() (ledger.Draw, error)) (ledger.Draw, error) {
	d, err := ledger.Draw{}, guardShape(shape.Cells, shape.L0, shape.LInf)
	if err == nil {
		d, err = find()
	}
	if err == nil {
		err = guard(d)
	}
	if err != nil {
		return ledger.Draw{}, fmt.Errorf("calibrate draw %q: %w", shape.Name, err)
	}
	return d, nil
}

// calibrateLibrary asks the library for σ. The cost has the sampler's δ.
func calibrateLibrary(d ledger.Draw, want budget.Rho) (ledger.Draw, error) {
	if libraryDelta/float64(d.L0) < minDelta {
		return ledger.Draw{}, fmt.Errorf("l0 %d is above %g", d.L0, libraryDelta/minDelta)
	}
	if err := quiet(); err != nil {
		return ledger.Draw{}, err
	}
	epsilon, ok := epsilonFor(d.L0, d.LInf, want)
	if !ok {
		return ledger.Draw{}, fmt.Errorf("ρ %v is too little for any noise", want)
	}
	d.Sigma, d.Epsilon, d.Delta = sigmaFor(d.L0, d.LInf, epsilon, libraryDelta), epsilon, libraryDelta
	if d.Sigma >= minSigma && d.Sigma <= maxSigma {
		d.Cost = libraryCost(d.L0, d.LInf, d.Sigma)
	}
	return d, nil
}

// epsilonFor is the largest ε whose σ costs at most want, !ok if there is none.
func epsilonFor(l0, lInf int64, want budget.Rho) (epsilon float64, ok bool) {
	affords := func(epsilon float64) bool {
		return rho(l0, lInf, sigmaFor(l0, lInf, epsilon, libraryDelta)) <= want
	}
	if affords(maxEpsilon) {
		return maxEpsilon, true
	}
	// σ falls as ε grows. low is affordable throughout, so the result does not
	// rest on that being so to the last bit.
	low, high := minEpsilon, maxEpsilon
	if !affords(low) {
		return 0, false
	}
	for range 100 {
		if mid := math.Sqrt(low * high); affords(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	return low, true
}

// sigmaFor is the σ that the library will use for these arguments.
func sigmaFor(l0, lInf int64, epsilon, delta float64) float64 {
	return noise.SigmaForGaussian(l0, float64(lInf), epsilon, delta)
}
