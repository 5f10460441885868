package budget

import (
	"errors"
	"fmt"
	"math"
)

// PLDInterval is an interval for a PLD's grid that suits noise multipliers from 0.5 to 1000.
const PLDInterval = 1e-4

// A PLD is the privacy loss distribution of mechanisms that were fixed beforehand, for reports.
//
// # What it is
//
// Where P and Q are a mechanism's outputs on two data sets that differ in one unit (added or removed), the privacy loss
// is L = log P(o)/Q(o) with o drawn from P. What a mechanism promises is the curve
//
//	δ(ε) = E[(1 − e^(ε−L))⁺],  L = ∞ counting as 1,
//
// and the losses of mechanisms that run beside each other add up, so that their distributions are convolved (Meiser and
// Mohammadi, "Tight on Budget?", CCS 2018; Koskela, Jälkö and Honkela, "Computing Tight Differential Privacy Guarantees
// Using FFT", AISTATS 2020). A pair P, Q whose curve is nowhere below that of any two neighbours dominates the mechanism,
// and pairs that dominate each part dominate the composition together (Zhu, Dong and Wang, "Optimal Accounting of
// Differential Privacy via Characteristic Function", AISTATS 2022, Theorem 10). Each constructor says which pair it
// takes. All of them are symmetric, P against Q has the curve of Q against P, so that one distribution covers adding and
// removing.
//
// # The grid
//
// Losses lie at the multiples of an interval h. A mass between two of them goes to both, in the shares that keep its P
// and its Q ("Connect the Dots", Doroshenko et al., PoPETs 2022): the curve then connects points of the true one by
// chords in e^ε, and as it is convex in e^ε it is nowhere below. Mass below the grid goes to its lowest point, mass
// above it to infinity. A part's mean loss grows by at most h²/8 and its variance by h²/4, so that the ε of n parts, of a
// standard deviation s together, is too high by about
//
//	n·h²/8·(1 + λ),  λ = −d log δ/dε, about √(2·log 1/δ)/s,
//
// and where the possible sums of losses are few and far between, and ε is one of them, by about h·√n/5 more; never by more
// than n·h, which rounding each loss up would cost. It is small while h is small against a part's own loss: 1 over its
// noise multiplier, or its ε.
//
// # Use
//
// A PLD is immutable and may be used by many goroutines. [Compose] only notes what is composed. [PLD.EpsilonAt] and
// [PLD.DeltaAt] do the work, by FFT, and their answers are upper bounds: rounding, truncation and the error of the FFT
// are bounded and added. Answers for the same parts in another order differ by rounding at most. Time grows with the
// number of different mechanisms and with the spread of their losses in intervals, and hardly with how often they run.
//
// # What it is not
//
// It is no privacy filter and must not decide whether a charge is let through. It speaks of a list of mechanisms whose
// parameters were fixed before the first answer was seen; then later ones may look at earlier answers. Where the
// parameters, or the moment to stop, depend on earlier answers, as they do in a ledger, no theorem makes its ε a bound,
// whereas the sums of ρ and δ remain one (see the package). So the ledger counts ρ and δ, and a PLD says afterwards how far
// below that sum a fixed plan stays: for Gaussian parts, and an interval that is small against each part's loss,
// EpsilonAt(δ) is at most [EpsilonOf] of the sum of their ρ. It has no subsampling, and it does not know whether a
// sensitivity was true.
type PLD struct {
	interval float64
	parts    []composed
}

// Part is a PLD that is composed Times times.
type Part struct {
	PLD   *PLD // Required.
	Times int  // Required, 1 to 1e9.
}

// composed is one discretised mechanism and how often it runs.
type composed struct {
	*losses
	times int
}

// maxTimes bounds the runs in a PLD, so that a position on the grid is exact in a float64.
const maxTimes = 1e9

// Compose returns the PLD of all parts run on the same people. There must be one at least, all on the same interval.
func Compose(parts ...Part) (*PLD, error) {
	if len(parts) == 0 {
		return nil, errors.New("compose PLDs: there are none")
	}
	out := &PLD{}
	runs := 0
	for i, p := range parts {
		switch {
		case p.PLD == nil || len(p.PLD.parts) == 0:
			return nil, fmt.Errorf("compose PLDs: part %d is missing", i+1)
		case i > 0 && p.PLD.interval != out.interval:
			return nil, fmt.Errorf("compose PLDs: intervals %g and %g differ", out.interval, p.PLD.interval)
		}
		out.interval = p.PLD.interval
		for _, c := range p.PLD.parts {
			if p.Times < 1 || p.Times > (maxTimes-runs)/c.times {
				return nil, fmt.Errorf("compose PLDs: part %d, %d times: all runs together are 1 to %g", i+1, p.Times, float64(maxTimes))
			}
			runs += p.Times * c.times
			out.add(c.losses, p.Times*c.times)
		}
	}
	return out, nil
}

// Compose returns the PLD of times runs, 1 to 1e9.
func (p *PLD) Compose(times int) (*PLD, error) { return Compose(Part{p, times}) }

// add notes times runs of l, with those of l that are there.
func (p *PLD) add(l *losses, times int) {
	for i := range p.parts {
		if p.parts[i].same(l) {
			p.parts[i].times += times
			return
		}
	}
	p.parts = append(p.parts, composed{l, times})
}

// EpsilonAt returns an ε, rounded up, at which the composition is (ε, delta)-differentially private. It is the largest
// Epsilon where no finite one is known, as at a delta below the mass at infinity. The error says that the interval is too
// fine for the range of the losses.
func (p *PLD) EpsilonAt(delta Delta) (Epsilon, error) {
	most, infinite := p.most(), p.infinite()
	limit := float64(delta) / 1e18 * (1 - 1e-15) // so that its own rounding cannot raise it
	top := math.Ceil(most * 1e9 * (1 + 1e-15))
	switch {
	case delta >= 1e18:
		return 0, nil
	case infinite > limit || top >= 1<<63:
		return math.MaxUint64, nil
	case delta == 0:
		return Epsilon(top), nil
	}
	c, err := newCurve(p, p.tiltForDelta(limit))
	if err != nil {
		return 0, fmt.Errorf("find ε at δ %v: %w", delta, err)
	}
	// Bisection keeps δ(high) ≤ limit, so that the answer does not depend on the curve being monotone to the last bit.
	if c.delta(0) <= limit {
		return 0, nil
	}
	low, high := uint64(0), uint64(top)
	for high-low > 1 {
		mid := low + (high-low)/2
		if c.delta(float64(mid)/1e9*(1-1e-15)) <= limit {
			high = mid
		} else {
			low = mid
		}
	}
	return Epsilon(high), nil
}

// DeltaAt returns a δ, rounded up and at most 1, at which the composition is (eps, δ)-differentially private. The error
// is that of [PLD.EpsilonAt]. Where δ is near 1 the answer may be 1.
func (p *PLD) DeltaAt(eps Epsilon) (Delta, error) {
	c, err := newCurve(p, p.tiltForEpsilon(float64(eps)/1e9))
	if err != nil {
		return 0, fmt.Errorf("find δ at ε %v: %w", eps, err)
	}
	atto := math.Ceil(c.delta(float64(eps)/1e9*(1-1e-15)) * 1e18 * (1 + 1e-15))
	return Delta(min(atto, 1e18)), nil
}

// most returns the largest finite loss, rounded up.
func (p *PLD) most() float64 {
	sum := 0.0
	for _, c := range p.parts {
		sum += float64(c.times) * c.most
	}
	return sum * (1 + float64(len(p.parts)+2)*0x1p-52)
}

// infinite returns the mass at infinity, 1 − Π(1−mass)^times, rounded up.
func (p *PLD) infinite() float64 {
	sum := 0.0
	for _, c := range p.parts {
		sum += float64(c.times) * math.Log1p(-c.infinite)
	}
	return -math.Expm1(sum) * (1 + float64(len(p.parts)+8)*0x1p-50)
}
