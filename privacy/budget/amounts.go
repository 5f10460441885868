// Package budget counts privacy loss in integers.
//
// # Amounts
//
// An amount is a count of a fixed unit: ρ in 1e-12 ([Rho]), δ in 1e-18 ([Delta]), ε in 1e-9 ([Epsilon]). Sums are
// exact and checked for overflow, so that no spend is lost to rounding, however small it is or however many there are.
// Where an amount is made from text or from a fraction, the caller says which way to round: charges go [Up], caps go
// [Down].
//
// # Composition
//
// Spending is counted in zero-concentrated differential privacy (zCDP; Bun and Steinke, "Concentrated Differential
// Privacy: Simplifications, Extensions, and Lower Bounds", TCC 2016). Mechanisms that are ρ1-zCDP and ρ2-zCDP are
// together (ρ1+ρ2)-zCDP (Lemma 2.3), and approximate zCDP with (δ1, ρ1) and (δ2, ρ2) is together
// (δ1+δ2, ρ1+ρ2) (Lemma 8.2). A [Cost] is such a pair and [Cost.Add] is that sum. Refusing the first charge with which
// a sum would pass its cap is a valid privacy filter, also when later requests depend on earlier answers (Feldman and
// Zrnic, "Individual Privacy Accounting via a Rényi Filter", NeurIPS 2021; Whitehouse et al., "Fully Adaptive
// Composition in Differential Privacy", ICML 2023): the guarantee at the end is the cap.
//
// An ε-differentially private mechanism is (ε²/2)-zCDP (Bun and Steinke, Proposition 1.4).
//
// # From ρ to ε
//
// People read ε at a δ, so [EpsilonOf] and [RhoFor] convert. The result says something about the δ that was handed in
// alone: a Cost with Delta d and [EpsilonOf](Rho, e) is (ε, d+e)-differentially private.
//
// The package does not know which mechanism costs what, and cannot see whether a sensitivity was true.
package budget

import (
	"fmt"
	"math/bits"
)

// Rho is a zCDP loss ρ in units of 1e-12.
type Rho uint64

// Delta is a probability δ in units of 1e-18. A sum of δs may pass 1, and then promises nothing.
type Delta uint64

// Epsilon is an ε in units of 1e-9, used for caps and reports only.
type Epsilon uint64

// Cost is what one charge takes from a scope.
type Cost struct {
	Rho   Rho
	Delta Delta
}

// Caps are the limits of one population. Lifetime is the guarantee, Year, a calendar year in UTC, is a rate limit.
type Caps struct {
	Lifetime Cost
	Year     Cost
}

// Add returns c + d, or an error where a sum does not fit.
func (c Cost) Add(d Cost) (Cost, error) {
	rho, r := bits.Add64(uint64(c.Rho), uint64(d.Rho), 0)
	delta, e := bits.Add64(uint64(c.Delta), uint64(d.Delta), 0)
	if r != 0 || e != 0 {
		return Cost{}, fmt.Errorf("add cost %v to %v: the sum does not fit", d, c)
	}
	return Cost{Rho(rho), Delta(delta)}, nil
}

// Fits says whether spent + c is within limit, in ρ and in δ.
func (c Cost) Fits(spent, limit Cost) bool {
	sum, err := spent.Add(c)
	return err == nil && sum.Within(limit)
}

// Within says whether neither ρ nor δ of c is above that of limit.
func (c Cost) Within(limit Cost) bool {
	return c.Rho <= limit.Rho && c.Delta <= limit.Delta
}

// Left returns what a limit of c leaves once spent is gone; nothing where spent is above it.
func (c Cost) Left(spent Cost) Cost {
	return Cost{
		Rho:   c.Rho - min(c.Rho, spent.Rho),
		Delta: c.Delta - min(c.Delta, spent.Delta),
	}
}

// String returns for example "ρ 0.0005, δ 1e-9".
func (c Cost) String() string {
	return fmt.Sprintf("ρ %v, δ %v", c.Rho, c.Delta)
}
