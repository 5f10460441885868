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

// Calibrate returns the draw for a vector of so many cells, of which one unit
// changes at most l0 by at most lInf each, with the least noise that the library
// offers at a cost of at most want in ρ. The library finds σ to 1/1000, so up to
// 0.2 % of want is left over.
//
// The cost has the σ that will be used, and the sampler's δ. The error says
// which limit does not hold; limits are 1 <= l0 <= cells <= 2^24, l0 <= 1e6,
// 1 <= lInf, l0·lInf <= 2^53, and a want whose σ is from 0.5 to 2^40.
func Calibrate(name string, cells, l0, lInf int64, want budget.Rho) (ledger.Draw, error) {
	fail := func(err error) (ledger.Draw, error) {
		return ledger.Draw{}, fmt.Errorf("calibrate draw %q: %w", name, err)
	}
	if err := guardShape(cells, l0, lInf); err != nil {
		return fail(err)
	}
	if libraryDelta/float64(l0) < minDelta {
		return fail(fmt.Errorf("l0 %d is above %g", l0, libraryDelta/minDelta))
	}
	if err := quiet(); err != nil {
		return fail(err)
	}
	epsilon, ok := epsilonFor(l0, lInf, want)
	if !ok {
		return fail(fmt.Errorf("ρ %v is too little for any noise", want))
	}
	sigma := sigmaFor(l0, lInf, epsilon, libraryDelta)
	d := ledger.Draw{
		Name:      name,
		Mechanism: Gaussian,
		Cells:     cells,
		L0:        l0,
		LInf:      lInf,
		Sigma:     sigma,
		Epsilon:   epsilon,
		Delta:     libraryDelta,
	}
	if sigma >= minSigma && sigma <= maxSigma {
		d.Cost = cost(l0, lInf, sigma)
	}
	if err := guard(d); err != nil {
		return fail(err)
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
