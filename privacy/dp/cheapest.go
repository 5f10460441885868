package dp

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

// Cheapest returns the draw with the least error for a shape as in [Calibrate] and a
// spend of at most want in ρ: of all mechanisms that can be calibrated so, the one with
// the least 95 % half-width, in whole steps, since all noise is integers; among those of
// one width the one that costs the least δ, then ρ. The error is all of theirs, where
// none can.
//
// Its words are about zCDP alone. At the same ρ a Laplace has b = √L0·σ and is within
// 3.0·b where a Gaussian is within 1.96·σ, so it is 1.5·√L0 times as wide and never
// chosen but where a σ of some 1 and less leaves both a step or two. Its pure ε is worth
// something only to a population whose caps count that: there it is the only mechanism,
// and [CalibratePure] makes it.
func Cheapest(name string, cells, l0, lInf int64, want budget.Rho) (ledger.Draw, error) {
	var able []ledger.Draw
	var errs []error
	for _, mechanism := range []string{DiscreteGaussian, Gaussian, DiscreteLaplace} {
		d, err := CalibrateAs(mechanism, name, cells, l0, lInf, want)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		able = append(able, d)
	}
	if len(able) == 0 {
		return ledger.Draw{}, fmt.Errorf("choose mechanism: %w", errors.Join(errs...))
	}
	return slices.MinFunc(able, func(a, b ledger.Draw) int {
		return cmp.Or(
			cmp.Compare(math.Floor(HalfWidthOf(a)), math.Floor(HalfWidthOf(b))),
			cmp.Compare(a.Cost.Delta, b.Cost.Delta),
			cmp.Compare(a.Cost.Rho, b.Cost.Rho))
	}), nil
}
