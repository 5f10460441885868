package dp

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

// The empirical ε. Neighbouring vectors differ by LInf in L0 cells; a trial is one group
// of L0 cells; the event is the best there is against the mechanism: where the likelihood
// ratio of the two is at least e^ε. The claim is a point (ε, δ) of the privacy profile at
// the draw's own σ or b:
//
//	P(event) − e^ε·Q(event) <= δ
//
// With Clopper-Pearson bounds, each wrong with probability alpha/2, a right mechanism
// exceeds it with probability at most alpha, and the largest ε' that they prove at this
// δ, log((P−δ)/Q), is at most ε. A right mechanism has to come near as well, or the test
// is dead. Planted fault: neighbours twice as far apart, which is half the noise, have to
// exceed the claim in an event that tells them apart.
type claim struct {
	epsilon, delta float64
	event          func(group []int64) bool // in which the neighbour with more is likelier
	mirrored       func(group []int64) bool // in which the one with less is
	fault          func(group []int64) bool // in which the one with twice as much more is
}

// trial is one line of the test's table.
type trial struct {
	mechanism   string
	l0, lInf    int64
	want        budget.Rho
	epsilon     float64 // of a Gaussian; a Laplace's follows from its cost
	quick, long int
	near        float64 // least ε'/ε with -long
}

func trials() []trial {
	table := []trial{
		{Gaussian, 1, 1, 5e11, 1, 20_000, 500_000, 0.85},
		{Gaussian, 1, 1, 2e10, 0.2, 20_000, 500_000, 0.5},
		{Gaussian, 4, 30, 125e9, 0.5, 4_000, 60_000, 0.5},
		{DiscreteGaussian, 1, 1, 2e12, 1.5, 50_000, 500_000, 0.85},
		{DiscreteGaussian, 1, 1, 5e11, 1, 50_000, 500_000, 0.85},
		{DiscreteGaussian, 1, 1, 2e10, 0.2, 50_000, 500_000, 0.7},
		{DiscreteGaussian, 1, 20_000, 5e11, 1.5, 50_000, 500_000, 0.85},
		{DiscreteGaussian, 4, 30, 125e9, 0.5, 20_000, 500_000, 0.85},
		{DiscreteLaplace, 1, 1, 8e12, 0, 50_000, 500_000, 0.85},
		{DiscreteLaplace, 1, 1, 5e11, 0, 50_000, 500_000, 0.85},
		{DiscreteLaplace, 1, 20_000, 5e11, 0, 50_000, 500_000, 0.85},
		{DiscreteLaplace, 4, 30, 2e12, 0, 20_000, 500_000, 0.85},
	}
	if !*long {
		return table
	}
	for _, mechanism := range []string{DiscreteGaussian, DiscreteLaplace} {
		for _, l0 := range []int64{1, 3} {
			for _, lInf := range []int64{1, 9, 50} {
				for _, want := range []budget.Rho{2e10, 5e11, 18e11} {
					epsilon := 0.9 * math.Sqrt(2*float64(want)/1e12)
					near := 0.85
					if want < 1e11 {
						near = 0.5
					}
					table = append(table, trial{mechanism, l0, lInf, want, epsilon, 0, 500_000, near})
				}
			}
		}
	}
	return table
}

func TestEmpiricalEpsilonIsUnderTheClaim(t *testing.T) {
	for _, test := range trials() {
		name := fmt.Sprintf("%s of l0 %d, lInf %d at ρ %v", test.mechanism, test.l0, test.lInf, test.want)
		t.Run(name, func(t *testing.T) {
			n, near := test.quick, 0.0
			if *long {
				n, near = test.long, test.near
			}
			d := calibratedAs(t, test.mechanism, "d", int64(n)*test.l0, test.l0, test.lInf, test.want)
			claimOf(d, test.epsilon).hold(t, d, n, near)
		})
	}
}

// hold draws n groups at each of three neighbours.
func (c claim) hold(t *testing.T, d ledger.Draw, n int, near float64) {
	counts := func(value int64, events ...func([]int64) bool) (k []int) {
		noisy := added(t, d, value)
		for _, event := range events {
			k = append(k, count(noisy, int(d.L0), event))
		}
		return k
	}
	here := counts(0, c.event, c.mirrored, c.fault)
	there := counts(d.LInf, c.event, c.mirrored)
	far := counts(2*d.LInf, c.fault)
	c.check(t, "added", there[0], here[0], n, near)
	c.check(t, "removed", here[1], there[1], n, near)
	if got := c.proven(far[0], here[2], n); got <= c.epsilon {
		t.Errorf("half the noise: ε is proven to %.4f alone, claimed %.4f", got, c.epsilon)
	}
}

// check holds p of n in the likelier neighbour against q of n in the other.
func (c claim) check(t *testing.T, direction string, p, q, n int, near float64) {
	got := c.proven(p, q, n)
	t.Logf("%s: claimed (%.4f, %.4g), ε is at least %.4f", direction, c.epsilon, c.delta, got)
	if got > c.epsilon {
		t.Errorf("%s: ε is at least %.4f at δ %.4g, claimed %.4f", direction, got, c.delta, c.epsilon)
	}
	if near > 0 && got < near*c.epsilon {
		t.Errorf("%s: ε is at least %.4f of %.4f claimed: the test is dead, or noise is wasted", direction, got, c.epsilon)
	}
	// The same without bounds, which has to be near the claim at any n: both frequencies
	// are within 4.9 standard errors of themselves.
	have := (float64(p) - math.Exp(c.epsilon)*float64(q)) / float64(n)
	room := 4.9 * (math.Sqrt(float64(p)) + math.Exp(c.epsilon)*math.Sqrt(float64(q))) / float64(n)
	if have < c.delta-room {
		t.Errorf("%s: δ(%g) looks like %.4f, claimed %.4f: the test is dead, or noise is wasted", direction, c.epsilon, have, c.delta)
	}
}

// proven is the ε that the counts prove.
func (c claim) proven(p, q, n int) float64 {
	if low := lower(p, n) - c.delta; low > 0 {
		return math.Log(low / upper(q, n))
	}
	return math.Inf(-1)
}

func claimOf(d ledger.Draw, epsilon float64) claim {
	if d.Mechanism == DiscreteLaplace {
		return laplaceClaim(d)
	}
	// log(P/Q) at a group's sum s is (s·LInf − L0·LInf²/2)/σ².
	lInf, l0 := float64(d.LInf), float64(d.L0)
	cut := epsilon*d.Sigma*d.Sigma/lInf + l0*lInf/2
	c := claim{
		epsilon:  epsilon,
		event:    func(group []int64) bool { return total(group) > cut },
		mirrored: func(group []int64) bool { return l0*lInf-total(group) > cut },
	}
	c.fault = c.event
	if d.Mechanism == Gaussian {
		c.delta = profile(math.Sqrt(2*float64(d.Cost.Rho)/1e12), epsilon)
	} else {
		c.delta = discreteProfile(d, cut, epsilon)
	}
	return c
}

// profile is the Gaussian's δ(ε) = Φ(t/2 − ε/t) − e^ε·Φ(−t/2 − ε/t), t = √(2ρ) (Balle
// and Wang 2018, Theorem 8).
func profile(shift, epsilon float64) float64 {
	phi := distuv.UnitNormal.CDF
	return phi(shift/2-epsilon/shift) - math.Exp(epsilon)*phi(-shift/2-epsilon/shift)
}

// discreteProfile is the discrete Gaussian's δ(ε), Σ max(0, P − e^ε·Q), by summation over
// the law of a group's sum.
func discreteProfile(d ledger.Draw, cut, epsilon float64) float64 {
	sum := convolved(gaussianMass(d.Sigma, 0), int(d.L0))
	reach := len(sum) / 2
	apart := int(d.L0 * d.LInf)
	delta := 0.0
	for k, q := range sum { // q = Q(s), s = k − reach; P(s) = Q(s − apart)
		if float64(k-reach) > cut {
			delta -= math.Exp(epsilon) * q
		}
		if float64(k-reach+apart) > cut {
			delta += q
		}
	}
	return delta
}

// convolved is the law of the sum of n.
func convolved(mass []float64, n int) []float64 {
	sum := mass
	for range n - 1 {
		next := make([]float64, len(sum)+len(mass)-1)
		for i, p := range sum {
			for j, q := range mass {
				next[i+j] += p * q
			}
		}
		sum = next
	}
	return sum
}

// laplaceClaim is pure: every cell at the higher value or beyond has the ratio e^ε.
func laplaceClaim(d ledger.Draw) claim {
	every := func(holds func(int64) bool) func([]int64) bool {
		return func(group []int64) bool {
			for _, y := range group {
				if !holds(y) {
					return false
				}
			}
			return true
		}
	}
	return claim{
		epsilon:  float64(d.Cost.Epsilon) / 1e9,
		event:    every(func(y int64) bool { return y >= d.LInf }),
		mirrored: every(func(y int64) bool { return y <= 0 }),
		fault:    every(func(y int64) bool { return y >= 2*d.LInf }),
	}
}

func total(group []int64) (sum float64) {
	for _, y := range group {
		sum += float64(y)
	}
	return sum
}

// count returns in how many groups of so many cells the event is.
func count(noisy []int64, group int, event func([]int64) bool) (k int) {
	for ; len(noisy) > 0; noisy = noisy[group:] {
		if event(noisy[:group]) {
			k++
		}
	}
	return k
}
