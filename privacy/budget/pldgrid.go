package budget

import (
	"fmt"
	"math"
	"slices"
)

const (
	// reach is how many standard deviations of a Gaussian loss the grid covers on either side: 1−Φ(10.5) < 2^-83, so
	// that 1e4 parts send less than one unit of δ to infinity.
	reach = 10.5
	// maxPoints bounds a grid, 32 MiB, and how far it is from 0.
	maxPoints = 1 << 22
)

// losses is a discretised privacy loss distribution: masses[i] at interval·(lowest+i).
//
// Each sum of masses from some point on is, however it was rounded, at least that of a pair that dominates the mechanism:
// slack takes care of the last bits. As the weight of a mass in δ(ε) grows with its loss, also beside other parts, that
// suffices.
type losses struct {
	interval float64
	lowest   int
	masses   []float64
	infinite float64
	most     float64 // the largest finite loss, or above
}

// slack is more than the relative error of a mass or of a tail: the largest is that of exp(−x) or erfc at 2^-83, some 60
// (the exponent) or 110 (z²) times a few 2^-53.
const slack = 0x1p-43

// newGrid returns an empty grid from at or below low to above high.
func newGrid(interval, low, high float64) (*losses, error) {
	if !(interval >= 1e-9 && interval <= 1) {
		return nil, fmt.Errorf("interval %g is not from 1e-9 to 1", interval)
	}
	first, last := math.Floor(low/interval)-1, math.Ceil(high/interval)+1
	if !(max(last, -first, last-first) < maxPoints) {
		return nil, fmt.Errorf("losses from %g to %g on interval %g are more than %d points", low, high, interval, maxPoints)
	}
	return &losses{
		interval: interval,
		lowest:   int(first),
		masses:   make([]float64, int(last-first)+1),
		most:     last * interval * (1 + 0x1p-50),
	}, nil
}

// put adds mass at loss to the two points around it. With a share θ at the upper one, f·h above the lower, Q is kept
// where θ·e^(−h) + (1−θ) = e^(−fh).
func (g *losses) put(loss, mass float64) {
	at := loss / g.interval
	at += (1 + math.Abs(at)) * 0x1p-49 // so that its own rounding cannot lower it
	low := math.Floor(at)
	share := math.Expm1(-(at-low)*g.interval) / math.Expm1(-g.interval)
	i := int(low) - g.lowest
	g.masses[i] += mass * (1 - share)
	g.masses[i+1] += mass * share
}

// gaussian fills the grid with a loss of N(mean, sd²), mean = sd²/2. Q's loss is N(−mean, sd²).
func (g *losses) gaussian(mean, sd float64) *PLD {
	h := g.interval
	x := float64(g.lowest) * h
	g.masses[0] = phi((x - mean) / sd)
	for i := range len(g.masses) - 1 {
		next := float64(g.lowest+i+1) * h
		p, scale := between((x-mean)/sd, (next-mean)/sd)
		q, scaleQ := between((x+mean)/sd, (next+mean)/sd)
		// θ·e^(−h) + (1−θ) = e^x·q/p. A difference is off by a part of its larger term, so that much is added.
		ratio := math.Exp(x) / p
		share := (1 - ratio*q + 0x1p-43*(scale/p+ratio*scaleQ)) / -math.Expm1(-h)
		if !(share <= 1) { // p may be 0
			share = 1
		}
		share = max(share, 0)
		g.masses[i] += p * (1 - share)
		g.masses[i+1] += p * share
		x = next
	}
	g.infinite = phi((mean - x) / sd)
	return g.pld()
}

// between returns Φ(b) − Φ(a) and the larger of the two tails that it is the difference of.
func between(a, b float64) (mass, scale float64) {
	if a > 0 {
		a, b = -b, -a
	}
	return phi(b) - phi(a), phi(b)
}

// phi is Φ, the distribution function of the standard normal.
func phi(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

// pld closes the grid.
func (g *losses) pld() *PLD {
	for g.masses[0] == 0 {
		g.masses = g.masses[1:]
		g.lowest++
	}
	for g.masses[len(g.masses)-1] == 0 {
		g.masses = g.masses[:len(g.masses)-1]
	}
	for i := range g.masses {
		g.masses[i] *= 1 + slack
	}
	g.infinite = min(1, g.infinite*(1+slack))
	return &PLD{interval: g.interval, parts: []composed{{g, 1}}}
}

// same says whether g and l have the same losses.
func (g *losses) same(l *losses) bool {
	return g == l || g.lowest == l.lowest && g.infinite == l.infinite && g.most == l.most && slices.Equal(g.masses, l.masses)
}

// moments returns log E[e^(tilt·L)] over the finite masses, and the mean and the variance of the losses once the masses
// are tilted to e^(tilt·L), in units of the loss.
func (g *losses) moments(tilt float64) (log, mean, variance float64) {
	// The weights are relative to the end where they are largest; there they are exact again every 256 points.
	end, step := len(g.masses)-1, -1
	if tilt < 0 {
		end, step = 0, 1
	}
	factor := math.Exp(-math.Abs(tilt) * g.interval)
	weight, sum, first, second := 0.0, 0.0, 0.0, 0.0
	for i := range g.masses {
		if i%256 == 0 {
			weight = math.Exp(-math.Abs(tilt) * g.interval * float64(i))
			if weight == 0 {
				break
			}
		}
		m := weight * g.masses[end+i*step]
		sum += m
		first += m * float64(i)
		second += m * float64(i) * float64(i)
		weight *= factor
	}
	first /= sum
	at := g.interval * float64(g.lowest+end)
	h := g.interval * float64(step)
	return tilt*at + math.Log(sum), at + h*first, max(0, h*h*(second/sum-first*first))
}
