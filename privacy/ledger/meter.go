package ledger

import (
	"errors"
	"fmt"
	"sync"

	"lethe/privacy/budget"
)

// Draw is one metered draw: what may be drawn, and what it costs. The record's shape is in the package doc.
type Draw struct {
	Name           string      // Required. Unique in the charge: "mean steps/sum".
	Mechanism      string      // Required. "discrete-gaussian".
	Cells          int64       // Required, at least 1. Noisy values that this draw makes.
	L0             int64       // Required, at least 1. Cells that one unit can be in.
	LInf           int64       // At least 0. What one unit can add to one cell.
	Sigma          float64     // Finite and at least 0. The noise's standard deviation or scale.
	Epsilon, Delta float64     // Finite and at least 0. What a noise library is handed so that Sigma results; informative.
	Cost           budget.Cost // Required, above zero. What it takes from the population.
}

// Meter hands out each draw of one charge once. It is had only from [Token.Draw], so that whoever holds one has a
// durable CHARGE and a durable DRAW behind it. It is the only way to noise. The zero Meter lists nothing. Safe for
// concurrent use.
type Meter struct {
	s *meter
}

type meter struct {
	mu    sync.Mutex
	draws map[string]Draw
	left  map[string]bool
}

func newMeter(draws []Draw) *Meter {
	s := &meter{draws: map[string]Draw{}, left: map[string]bool{}}
	for _, d := range draws {
		s.draws[d.Name] = d
		s.left[d.Name] = true
	}
	return &Meter{s}
}

// Take returns the listed draw of that name, the first time it is asked for; after that it is [ErrTaken], and
// [ErrNotListed] where the charge has no such draw.
func (m *Meter) Take(name string) (Draw, error) {
	if m == nil || m.s == nil {
		return Draw{}, fmt.Errorf("take draw %q: %w", name, errors.Join(ErrNotListed, ErrClosed))
	}
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	d, listed := m.s.draws[name]
	if !listed {
		return Draw{}, fmt.Errorf("take draw %q: %w", name, ErrNotListed)
	}
	if !m.s.left[name] {
		return Draw{}, fmt.Errorf("take draw %q: %w", name, ErrTaken)
	}
	delete(m.s.left, name)
	return d, nil
}

// untaken returns how many listed draws nobody took yet.
func (m *Meter) untaken() int {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	return len(m.s.left)
}
