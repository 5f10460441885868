package release

import (
	"fmt"
	"math"

	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

// Rho, Delta and Epsilon are the amounts of privacy/budget as a manifest writes them: strings of exact decimals.
type (
	Rho     budget.Rho
	Delta   budget.Delta
	Epsilon budget.Epsilon
)

func (r Rho) String() string     { return budget.Rho(r).String() }
func (d Delta) String() string   { return budget.Delta(d).String() }
func (e Epsilon) String() string { return budget.Epsilon(e).String() }

// MarshalText returns String.
func (r Rho) MarshalText() ([]byte, error)     { return []byte(r.String()), nil }
func (d Delta) MarshalText() ([]byte, error)   { return []byte(d.String()), nil }
func (e Epsilon) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads an amount as privacy/budget does.
func (r *Rho) UnmarshalText(b []byte) error {
	v, err := budget.ParseRho(string(b), budget.Up)
	*r = Rho(v)
	return err
}

// UnmarshalText reads an amount as privacy/budget does.
func (d *Delta) UnmarshalText(b []byte) error {
	v, err := budget.ParseDelta(string(b), budget.Up)
	*d = Delta(v)
	return err
}

// UnmarshalText reads an amount as privacy/budget does.
func (e *Epsilon) UnmarshalText(b []byte) error {
	v, err := budget.ParseEpsilon(string(b), budget.Up)
	*e = Epsilon(v)
	return err
}

// A Loss is an amount of approximate zCDP, (Rho, Delta), and the (Epsilon, At)-differential privacy that follows.
type Loss struct {
	Rho     Rho     `json:"rho"`
	Delta   Delta   `json:"delta"`
	Epsilon Epsilon `json:"epsilon"`
	At      Delta   `json:"at_delta"` // not below Delta: what is above it was spent on the conversion
}

// LossOf converts a cost, spending conversion more of δ on it. A conversion of 0 for a ρ above 0, or a sum that is no
// probability, is an error.
func LossOf(c budget.Cost, conversion budget.Delta) (Loss, error) {
	sum, err := c.Add(budget.Cost{Delta: conversion})
	if err != nil {
		return Loss{}, fmt.Errorf("convert %v: %w", c, err)
	}
	eps := budget.EpsilonOf(c.Rho, conversion)
	if eps == math.MaxUint64 || sum.Delta >= 1e18 {
		return Loss{}, fmt.Errorf("convert %v with δ %v: no finite ε at a δ below 1", c, conversion)
	}
	return Loss{Rho(c.Rho), Delta(c.Delta), Epsilon(eps), Delta(sum.Delta)}, nil
}

// A Mechanism is one draw: the same noise in every one of its cells.
type Mechanism struct {
	Name      string  `json:"name"`      // the draw's name in the ledger
	Mechanism string  `json:"mechanism"` // "discrete-gaussian", or "gaussian" where the library drew
	Cells     int64   `json:"cells"`
	L0        int64   `json:"l0"`    // cells that one unit can be in
	LInf      int64   `json:"l_inf"` // what one unit can add to one cell
	Sigma     float64 `json:"sigma"` // the noise's scale σ, in the steps that the answers are counted in
	Rho       Rho     `json:"rho"`
	Delta     Delta   `json:"delta"`
	Event     Event   `json:"dp_event"`
}

// An Event is the draw in the words of Google's dp_accounting, so that its accountants can recompute the cost. It
// speaks of the ideal mechanism: what the implementation adds to δ stands in [Mechanism].Delta. The discrete Gaussian has
// the zCDP of the continuous one of the same σ (Canonne, Kamath and Steinke, NeurIPS 2020, Theorem 4; cells add up), and is
// told as that.
type Event struct {
	Gaussian GaussianEvent `json:"GaussianDpEvent"`
}

// GaussianEvent is a Gaussian whose σ is NoiseMultiplier times the L2 sensitivity L∞·√L0. It is 1/(2·NoiseMultiplier²)-zCDP.
type GaussianEvent struct {
	NoiseMultiplier float64 `json:"noise_multiplier"`
}

// MechanismOf describes a draw of the ledger. Draws of another mechanism than the two Gaussians, and those of no
// sensitivity, are errors.
func MechanismOf(d ledger.Draw) (Mechanism, error) {
	m := Mechanism{
		Name: d.Name, Mechanism: d.Mechanism, Cells: d.Cells, L0: d.L0, LInf: d.LInf, Sigma: d.Sigma,
		Rho: Rho(d.Cost.Rho), Delta: Delta(d.Cost.Delta),
	}
	m.Event.Gaussian.NoiseMultiplier = m.noiseMultiplier()
	if err := m.check(); err != nil {
		return Mechanism{}, fmt.Errorf("describe draw %q: %w", d.Name, err)
	}
	return m, nil
}

func (m *Mechanism) noiseMultiplier() float64 {
	return m.Sigma / (float64(m.LInf) * math.Sqrt(float64(m.L0)))
}

func (m *Mechanism) check() error {
	nm := m.Event.Gaussian.NoiseMultiplier
	switch {
	case m.Mechanism != "discrete-gaussian" && m.Mechanism != "gaussian":
		return fmt.Errorf("mechanism %q: want discrete-gaussian or gaussian", m.Mechanism)
	case m.Cells < 1 || m.L0 < 1 || m.LInf < 1:
		return fmt.Errorf("cells %d, l0 %d, l_inf %d: want at least 1 of each", m.Cells, m.L0, m.LInf)
	case !(m.Sigma > 0) || math.IsInf(m.Sigma, 0) || !(nm > 0) || math.IsInf(nm, 0):
		return fmt.Errorf("sigma %v, noise multiplier %v: want finite numbers above 0", m.Sigma, nm)
	case nm != m.noiseMultiplier():
		return fmt.Errorf("noise multiplier %v: want σ/(L∞·√L0) = %v", nm, m.noiseMultiplier())
	case 1/(2*nm*nm) > float64(m.Rho)/1e12*(1+1e-9): // room for the rounding of this line alone
		return fmt.Errorf("ρ %v: below the 1/(2·%v²) of its noise", m.Rho, nm)
	}
	return nil
}
