package plan

import (
	"math"
	"time"

	"lethe/privacy/budget"
)

// longest is the furthest that a budget is foretold.
const longest = 100 * 366

// Lasts says for how many days an amount lasts while every dataset runs
// whenever it may. ok is false where it lasts for a century or is never used.
func (s *Schedule) Lasts(left budget.Cost) (whole int, ok bool) {
	n := min(days(left.Rho, s.Year.Rho), days(left.Delta, s.Year.Delta))
	return n, n < longest
}

// RunsOut is the day on which an amount that is left on a day is used up; ok
// as for Lasts.
func (s *Schedule) RunsOut(left budget.Cost, from time.Time) (day time.Time, ok bool) {
	n, ok := s.Lasts(left)
	if !ok {
		return time.Time{}, false
	}
	return from.AddDate(0, 0, n), true
}

// Share is the part of a limit that an amount is, in ρ or in δ, whichever is more.
func Share(c, limit budget.Cost) float64 {
	share := 0.0
	if c.Rho > 0 {
		share = float64(c.Rho) / float64(limit.Rho)
	}
	if c.Delta > 0 {
		share = math.Max(share, float64(c.Delta)/float64(limit.Delta))
	}
	return share
}
