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
// An ε-differentially private mechanism is (ε²/2)-zCDP (Bun and Steinke, Proposition 1.4), so its loss is in ρ like any
// other. That sum alone would no longer say that a population which only saw pure mechanisms is purely private, so their
// ε are added up beside it.
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

// Epsilon is an ε in units of 1e-9.
type Epsilon uint64

// Cost is what one charge takes from a scope. Rho and Delta count all of the loss. Epsilon counts the part that is pure
// differential privacy once more, by basic composition, so that it can be capped and reported as such: where one
// mechanism costs both, Rho is at least [PureRho] of Epsilon.
type Cost struct {
	Rho     Rho
	Delta   Delta
	Epsilon Epsilon
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
	epsilon, f := bits.Add64(uint64(c.Epsilon), uint64(d.Epsilon), 0)
	if r != 0 || e != 0 || f != 0 {
		return Cost{}, fmt.Errorf("add cost %v to %v: the sum does not fit", d, c)
	}
	return Cost{Rho(rho), Delta(delta), Epsilon(epsilon)}, nil
}

// Fits says whether spent + c is within limit, in every amount.
func (c Cost) Fits(spent, limit Cost) bool {
	sum, err := spent.Add(c)
	return err == nil && sum.Within(limit)
}

// Within says whether no amount of c is above that of limit.
func (c Cost) Within(limit Cost) bool {
	return c.Rho <= limit.Rho && c.Delta <= limit.Delta && c.Epsilon <= limit.Epsilon
}

// Left returns what a limit of c leaves once spent is gone; nothing where spent is above it.
func (c Cost) Left(spent Cost) Cost {
	return Cost{
		Rho:     c.Rho - min(c.Rho, spent.Rho),
		Delta:   c.Delta - min(c.Delta, spent.Delta),
		Epsilon: c.Epsilon - min(c.Epsilon, spent.Epsilon),
	}
}

// Lower returns the lower of c and d in each amount.
func (c Cost) Lower(d Cost) Cost {
	return Cost{min(c.Rho, d.Rho), min(c.Delta, d.Delta), min(c.Epsilon, d.Epsilon)}
}

// Lower returns the lower of c and d in each amount.
func (c Caps) Lower(d Caps) Caps {
	return Caps{c.Lifetime.Lower(d.Lifetime), c.Year.Lower(d.Year)}
}

// PureRho returns, rounded up, the ρ of everything that is eps-differentially private: ε²/2 (Bun and Steinke,
// Proposition 1.4). What does not fit is an error.
func PureRho(eps Epsilon) (Rho, error) {
	// ε² is in units of 1e-18, and half of it in units of 1e-12 is ε²/2e6.
	high, low := bits.Mul64(uint64(eps), uint64(eps))
	if high >= 2e6 {
		return 0, fmt.Errorf("convert ε %v: its ρ does not fit", eps)
	}
	rho, rest := bits.Div64(high, low, 2e6)
	if rest > 0 {
		if rho++; rho == 0 {
			return 0, fmt.Errorf("convert ε %v: its ρ does not fit", eps)
		}
	}
	return Rho(rho), nil
}

// String returns for example "ρ 0.0005, δ 1e-9", and ", pure ε 0.01" where some of it is.
func (c Cost) String() string {
	s := fmt.Sprintf("ρ %v, δ %v", c.Rho, c.Delta)
	if c.Epsilon > 0 {
		s += fmt.Sprintf(", pure ε %v", c.Epsilon)
	}
	return s
}
