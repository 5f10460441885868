// Package budget counts privacy loss in integers.
package budget

// Rho is a zCDP loss ρ in units of 1e-12.
type Rho uint64

// Delta is a probability δ in units of 1e-18.
type Delta uint64

// Epsilon is an ε in units of 1e-9, used for caps and reports only.
type Epsilon uint64

// Cost is what one charge takes from a scope.
type Cost struct {
	Rho   Rho
	Delta Delta
}
